/**
 * Receivers of webhooks under attack: somebody between the service and a real receiver who reads, holds back, changes, repeats and
 * makes up what goes over the wire; and receivers that don't check. Nothing of it may say "ended".
 */
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../../electron/service/http/certificate';
import { pinOf } from '../../../electron/service/http/pin';
import { createWebhookProvisioner } from '../../../electron/service/provisioners/webhook';
import { signAnswer, signCall } from '../../../electron/service/provisioners/webhook/signing';
import { ResourceSettings } from '../../../shared/contract/resources';
import { answering, bodyOf } from '../../bed/answering';
import { chance26, newPrincipal, systemRandom } from '../../bed/postgres-target';
import { startWebhookReceiver, type WebhookReceiver } from '../../bed/targets/webhook';

/** For those who wait for an answer that never comes. */
const SHORT_LIMIT_MS = 400;
const LEVEL = { name: 'read-only', description: '', targetRole: 'read-only', createsAccess: false };
interface Message {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
interface Call {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let receiver: WebhookReceiver;
beforeAll(async () => {
  receiver = await startWebhookReceiver();
});
afterAll(() => receiver?.stop());

let clock = { offsetMs: 0 };
const deps = { random: systemRandom, now: () => Date.now() + clock.offsetMs };
const provisioner = createWebhookProvisioner(deps);
const impatient = createWebhookProvisioner({ ...deps, limitMs: SHORT_LIMIT_MS });
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  clock = { offsetMs: 0 };
  for (const close of closers.splice(0)) await close();
});

const targetAt = (url: string, over: object = {}) => ({
  resourceId: `res_${chance26()}`,
  resourceName: 'notes',
  settings: { kind: 'webhook' as const, url, ...over },
  secret: receiver.key,
});
async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}
/** Sends a call to the real receiver, as it was caught. */
const deliver = ({ path, headers, body }: Call): Promise<Message> =>
  new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port: receiver.port, path, method: 'POST', headers });
    call.once('error', reject);
    call.once('response', async (answer) => {
      let text = '';
      for await (const chunk of answer) text += chunk;
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text });
    });
    call.end(body);
  });
/** Stands between: `meddle` gets each call and the way to the receiver, and says what the service is told. */
async function between(meddle: (call: Call, pass: () => Promise<Message>) => Promise<Message>) {
  const caught: Call[] = [];
  const server = createServer(
    answering(async (incoming, outgoing) => {
      const body = await bodyOf(incoming);
      const call = { path: incoming.url ?? '', headers: incoming.headers, body };
      caught.push(call);
      const told = await meddle(call, () => deliver(call));
      outgoing.writeHead(told.status, told.headers as Record<string, string>);
      outgoing.end(told.body);
    }),
  );
  const port = await listen(server);
  return { target: targetAt(`http://127.0.0.1:${port}/hallpass`), caught };
}
const make = (target: ReturnType<typeof targetAt>, principal: string) =>
  provisioner.create(target, { principal, level: LEVEL, validForMs: 60_000 });
const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => ({ kind: 'believed', message: '' }),
    (error) => ({ kind: error.kind ?? error.name, message: String(error.message) }),
  );

describe('somebody between who has not the key', () => {
  test('can’t turn “still works” into “ended”, whatever part of the answer is changed', async () => {
    const changes: ((honest: Message) => Message)[] = [
      (honest) => ({ ...honest, body: honest.body.replace('"canLogIn":true', '"canLogIn":false') }),
      (honest) => ({ ...honest, body: `${honest.body} ` }),
      (honest) => ({ ...honest, status: 201 }),
      ({ headers: { 'hallpass-signature': _, ...headers }, ...honest }) => ({ ...honest, headers }),
      (honest) => ({ ...honest, headers: { ...honest.headers, 'hallpass-signature': `v1=${'0'.repeat(64)}` } }),
    ];
    for (const change of changes) {
      const { target } = await between(async (call, pass) =>
        call.path.endsWith('/read-back') ? change(await pass()) : pass(),
      );
      const principal = newPrincipal();
      await make(target, principal);
      expect(await reasonOf(provisioner.readBack(target, principal))).toMatchObject({ kind: 'unreachable' });
    }
  });

  test('can’t say “ended” with the honest answer to another call, nor with one of another grant', async () => {
    let kept: Message | undefined;
    let isPlaying = false;
    const { target } = await between(async (call, pass) => {
      if (!call.path.endsWith('/end')) return pass();
      if (isPlaying && kept) return kept;
      kept = await pass();
      return kept;
    });
    const [ended, living] = [newPrincipal(), newPrincipal()];
    await make(target, ended);
    await make(target, living);
    expect((await provisioner.end(target, ended)).readBack.canLogIn).toBe(false);
    isPlaying = true;
    expect(await reasonOf(provisioner.end(target, living))).toMatchObject({ kind: 'unreachable' });
    expect(await reasonOf(provisioner.end(target, ended))).toMatchObject({ kind: 'unreachable' });
    isPlaying = false;
    expect((await provisioner.readBack(target, living)).canLogIn).toBe(true);
  });

  test('can’t hand the service its own signature back', async () => {
    const body = JSON.stringify({ readBack: { exists: false, canLogIn: false, sessionCount: 0 }, sessionsCut: 0 });
    const { target } = await between(async ({ headers }) => ({
      status: 200,
      headers: { 'hallpass-signature': String(headers['hallpass-signature']) },
      body,
    }));
    expect(await reasonOf(provisioner.end(target, newPrincipal()))).toMatchObject({ kind: 'unreachable' });
  });

  test('can’t use a caught call again, later, at another address, or with another body; nor one without a signature', async () => {
    const { target, caught } = await between((_call, pass) => pass());
    const principal = newPrincipal();
    await make(target, principal);
    const create = caught.at(-1);
    if (!create) throw new Error('nothing was caught');
    expect((await deliver(create)).status).toBe(401); // played again
    const nonce = { ...create.headers, 'hallpass-nonce': 'AAAAAAAAAAAAAAAAAAAAAA' };
    expect((await deliver({ ...create, headers: nonce })).status).toBe(401);
    expect((await deliver({ ...create, path: '/hallpass/end' })).status).toBe(401);
    expect((await deliver({ ...create, body: create.body.replace('60000', '99000') })).status).toBe(401);
    const { 'hallpass-signature': _, ...bare } = create.headers;
    expect((await deliver({ ...create, headers: bare })).status).toBe(401);
    // as long in characters, longer in bytes
    const odd = `v1=${'é'.repeat(64)}`;
    expect((await deliver({ ...create, headers: { ...bare, 'hallpass-signature': odd } })).status).toBe(401);
    // one that was never used: right signature, too late and too early
    for (const awayMs of [-6 * 60_000, 6 * 60_000]) {
      const timestamp = String(Date.now() + awayMs);
      const fresh = { method: 'POST', path: create.path, timestamp, nonce: chance26(), body: create.body };
      const headers = {
        'hallpass-timestamp': timestamp,
        'hallpass-nonce': fresh.nonce,
        'hallpass-signature': signCall(receiver.key, fresh),
      };
      expect((await deliver({ ...create, headers })).status).toBe(401);
    }
    expect((await provisioner.readBack(target, principal)).canLogIn).toBe(true);
  });

  test('who holds a creation back until the grant is over gives nobody access', async () => {
    let held: (() => Promise<Message>) | undefined;
    const { target } = await between(async (call, pass) => {
      if (!call.path.endsWith('/create') || held) return pass();
      held = pass;
      return new Promise(() => undefined);
    });
    const principal = newPrincipal();
    const order = { principal, level: LEVEL, validForMs: 60_000 };
    expect(await reasonOf(impatient.create(target, order))).toMatchObject({ kind: 'unreachable' });
    await make(target, principal); // the engine’s next try
    expect((await provisioner.end(target, principal)).readBack.canLogIn).toBe(false);
    expect((await held?.())?.status).toBe(409); // an ended one is not made again
    expect((await provisioner.readBack(target, principal)).canLogIn).toBe(false);
  });
});

describe('answers that are none', () => {
  test('silence, a slow drip and half an answer end within the limit, as unknown', async () => {
    const behaviours: ((socket: Socket) => void)[] = [
      () => undefined,
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const drip = setInterval(() => socket.write('x-drip: 1\r\n'), 20);
        socket.once('close', () => clearInterval(drip));
      },
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
        const drip = setInterval(() => socket.write(' '), 20);
        socket.once('close', () => clearInterval(drip));
      },
      (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{'),
      (socket) => void socket.destroy(),
      (socket) => void socket.end('this is not HTTP\r\n\r\n'),
    ];
    for (const behave of behaviours) {
      const server = createServer();
      server.removeAllListeners('connection');
      server.on('connection', (socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => behave(socket));
      });
      const port = await listen(server);
      const target = targetAt(`http://127.0.0.1:${port}/hallpass`);
      const { kind, message } = await reasonOf(impatient.end(target, newPrincipal()));
      expect({ kind, message }).toMatchObject({ kind: 'unreachable' });
      expect(message).not.toContain(receiver.key);
    }
  });

  test('one that never stops is cut off', async () => {
    let sentBytes = 0;
    const server = createServer((_incoming, outgoing) => {
      const chunk = 'x'.repeat(64 * 1024);
      const more = () => {
        while (!outgoing.destroyed && outgoing.write(chunk)) sentBytes += chunk.length;
        sentBytes += chunk.length;
        outgoing.once('drain', more);
      };
      more();
    });
    const target = targetAt(`http://127.0.0.1:${await listen(server)}/hallpass`);
    expect(await reasonOf(provisioner.list(target))).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('larger than'),
    });
    expect(sentBytes).toBeLessThan(64 * 1024 * 1024);
  });

  test('a redirect is not followed, signed or not', async () => {
    let visits = 0;
    const elsewhere = createServer((_incoming, outgoing) => {
      visits++;
      outgoing.end();
    });
    const port = await listen(elsewhere);
    for (const status of [301, 302, 303, 307, 308]) {
      const { target } = await between(async ({ headers }) => ({
        status,
        headers: {
          location: `http://127.0.0.1:${port}/`,
          'hallpass-signature': signAnswer(receiver.key, {
            status,
            nonce: String(headers['hallpass-nonce']),
            body: '',
          }),
        },
        body: '',
      }));
      expect(await reasonOf(provisioner.end(target, newPrincipal()))).toMatchObject({ kind: 'refused' });
    }
    expect(visits).toBe(0);
  });

  test('an honest receiver that says nonsense is refused, and its words carry no key', async () => {
    const say = async (status: number, text: string) => {
      const { target } = await between(async ({ headers }) => {
        const nonce = String(headers['hallpass-nonce']);
        return {
          status,
          headers: { 'hallpass-signature': signAnswer(receiver.key, { status, nonce, body: text }) },
          body: text,
        };
      });
      return {
        created: await reasonOf(make(target, newPrincipal())),
        ended: await reasonOf(provisioner.end(target, newPrincipal())),
      };
    };
    const good = { exists: true, canLogIn: true, sessionCount: 0 };
    for (const values of [
      {},
      { LD_PRELOAD: '/tmp/x.so' },
      { PATH: '/tmp' },
      { node_options: '--require x' },
      { 'A B': 'x' },
      { A: 'two\nlines' },
      { A: 'NUL\0' },
      { A: '' },
      { A: 'x'.repeat(5_000) },
      Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`A${i}`, 'x'])),
    ])
      expect(
        (await say(200, JSON.stringify({ values, readBack: good }))).created,
        JSON.stringify(values),
      ).toMatchObject({
        kind: 'refused',
      });
    for (const text of [
      '',
      'null',
      '[]',
      '{"readBack":{}}',
      '{"readBack":{"exists":false,"canLogIn":"no","sessionCount":0}}',
    ])
      expect((await say(200, text)).ended, text).toMatchObject({ kind: 'refused' });
    expect((await say(409, '{"error":"taken"}')).created).toMatchObject({
      kind: 'conflict',
      message: expect.stringContaining('taken'),
    });
    expect((await say(503, '{"error":"later"}')).ended).toMatchObject({ kind: 'unreachable' });
    const told = await say(403, JSON.stringify({ error: `no \u202e${receiver.key}\nfor you` }));
    expect(told.created.message).not.toContain(receiver.key);
    expect(told.created.message).not.toMatch(/[\n\u202e]/);
  });
});

describe('where it is', () => {
  test('only https, or this very machine; nothing secret or ambiguous in the address', () => {
    const isFine = (url: string) => ResourceSettings.safeParse({ kind: 'webhook', url }).success;
    for (const url of [
      'https://desk.example/hallpass',
      'http://127.0.0.1:8787/x',
      'http://[::1]:1/',
      'http://localhost:9',
    ])
      expect(isFine(url), url).toBe(true);
    for (const url of [
      'http://desk.example/',
      'http://127.0.0.1.example/',
      'http://localhost.example/',
      'https://user:secret@desk.example/',
      'https://desk.example/?key=1',
      'https://desk.example/#x',
      'ftp://desk.example/',
      'file:///etc/passwd',
      '//desk.example/',
      'desk',
      '',
    ])
      expect(isFine(url), url).toBe(false);
  });

  test('a certificate nobody vouches for is refused before a byte of the call is sent; its authority or its pin opens', async () => {
    const certificate = await makeCertificate(systemRandom, new Date());
    const other = await makeCertificate(systemRandom, new Date());
    let calls = 0;
    const server = createTlsServer(
      { cert: certificate.certificatePem, key: certificate.keyPem },
      answering(async (incoming, outgoing) => {
        calls++;
        const body = await bodyOf(incoming);
        const told = await deliver({ path: incoming.url ?? '', headers: incoming.headers, body });
        outgoing.writeHead(told.status, told.headers as Record<string, string>).end(told.body);
      }),
    );
    const url = `https://127.0.0.1:${await listen(server)}/hallpass`;
    for (const over of [{}, { caCertificate: other.certificatePem }, { certificatePin: pinOf(other.certificatePem) }])
      expect(await reasonOf(provisioner.list(targetAt(url, over)))).toMatchObject({ kind: 'refused' });
    expect(calls).toBe(0);
    expect(await provisioner.list(targetAt(url, { caCertificate: certificate.certificatePem }))).toEqual([]);
    expect(await provisioner.list(targetAt(url, { certificatePin: pinOf(certificate.certificatePem) }))).toEqual([]);
  });

  test('the stored key goes to no other place than it was given for', () => {
    const at = targetAt('https://desk.example/hallpass').settings;
    expect(provisioner.secretBarredBy(at, { ...at, url: 'https://desk.example/hallpass/' })).toBeNull();
    for (const next of [
      { ...at, url: 'https://evil.example/hallpass' },
      { ...at, url: 'https://desk.example/other' },
      { ...at, caCertificate: 'x' },
      { ...at, certificatePin: 'a'.repeat(64) },
    ])
      expect(provisioner.secretBarredBy(at, next)).not.toBeNull();
    expect(provisioner.serverOf(at)).not.toBe(provisioner.serverOf({ ...at, url: 'https://desk.example/other' }));
  });
});

describe('the connection test', () => {
  test('attacks the receiver, and passes one that holds', async () => {
    const report = await provisioner.test(targetAt(receiver.url));
    expect(report).toMatchObject({ ok: true, targetLabel: 'Notes' });
    expect(report.checks.map(({ name }) => name)).toEqual([
      'Connection',
      'Clock',
      'List',
      'A call without a signature',
      'A changed body',
      'A late call',
      'A call played again',
    ]);
  });

  test('tells of one that checks nothing, and of one that remembers nothing', async () => {
    const sloppy = await between(async ({ path, headers }) => {
      const about = { protocol: 1, name: 'Sloppy', now: Date.now(), levels: [{ name: 'all', createsAccess: true }] };
      const text = JSON.stringify(path.endsWith('/list') ? { principals: [] } : about);
      const nonce = String(headers['hallpass-nonce']);
      return {
        status: 200,
        headers: { 'hallpass-signature': signAnswer(receiver.key, { status: 200, nonce, body: text }) },
        body: text,
      };
    });
    const report = await provisioner.test(sloppy.target);
    expect(report.ok).toBe(false);
    expect(report.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual([
      'A call without a signature',
      'A changed body',
      'A late call',
      'A call played again',
    ]);
    for (const check of report.checks.filter(({ ok }) => !ok)) expect(check.remedy).not.toBeNull();
    // what it says of itself is asked for, and told with what a level opens
    expect(provisioner.proposedLevels('x', sloppy.target.settings)).toEqual([
      { name: 'all', description: '', targetRole: 'all', createsAccess: true },
    ]);
  });

  test('a clock that is far off is said, and a call of ours from that far off is refused', async () => {
    clock.offsetMs = 2 * 60_000;
    expect((await provisioner.test(targetAt(receiver.url))).checks.find(({ name }) => name === 'Clock')).toMatchObject({
      ok: false,
    });
    clock.offsetMs = 10 * 60_000;
    expect(await reasonOf(provisioner.list(targetAt(receiver.url)))).toMatchObject({ kind: 'refused' });
  });

  test('a key that could be guessed is not used at all', async () => {
    expect(await reasonOf(provisioner.list({ ...targetAt(receiver.url), secret: 'short' }))).toMatchObject({
      kind: 'refused',
    });
  });
});

test('what the receiver can’t do is told for its level, with whose word an end is', async () => {
  const python = await startWebhookReceiver('python', receiver.key);
  closers.push(() => python.stop());
  const target = targetAt(python.url);
  const before = provisioner.limits(target.settings, LEVEL);
  expect(before[0]).toContain('has not been asked yet');
  await provisioner.list(target);
  expect(provisioner.limits(target.settings, LEVEL)).toEqual([
    'What was read stays read.',
    `That access has ended is the word of 127.0.0.1:${python.port}; Hallpass can not look behind it.`,
  ]);
  expect(provisioner.limits(target.settings, { ...LEVEL, name: 'admin', createsAccess: true })).toContain(
    'Elsewhere only.',
  );
});

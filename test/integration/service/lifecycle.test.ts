import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startService } from '../../../electron/service/service';
import { parseLink } from '../../../shared/domain/links';
import { joinWith, movableClock, newDevice, send, startTestService, tcpClient } from './harness';

const ENTRY = join(import.meta.dirname, '../../../electron/service/entry-standalone.ts');
const folders: string[] = [];
const children: ChildProcess[] = [];
function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'hp-life-'));
  folders.push(path);
  return path;
}
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true });
});

interface Alone {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exited: Promise<number | null>;
  ready(): Promise<{ url: string; invite: string | null; codeFile: string | null }>;
}
function alone(...args: string[]): Alone {
  const child = spawn(process.execPath, ['--import', 'tsx', ENTRY, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  return {
    child,
    stdout: () => out,
    stderr: () => err,
    exited,
    ready: () =>
      new Promise((resolve, reject) => {
        const look = () => out.includes('\n') && resolve(JSON.parse(out));
        child.stdout?.on('data', look);
        void exited.then((code) => reject(new Error(`exit ${code}: ${err}`)));
        look();
      }),
  };
}

describe('the standalone service', () => {
  test('says one JSON line, makes its first joiner the owner, survives kill -9, and stops on SIGTERM', async () => {
    const data = folder();
    const first = alone('--data', data, '--listen', '127.0.0.1:0', '--ready-json', '--name', 'Team');
    const ready = await first.ready();
    expect(first.stdout().trim().split('\n')).toHaveLength(1);
    expect((await send({ url: ready.url }, { method: 'GET', path: '/healthz' })).status).toBe(200);
    const link = parseLink(ready.invite ?? '');
    if (!link.ok || link.link.kind !== 'join') throw new Error('no invite');
    const code = readFileSync(ready.codeFile ?? '', 'utf8').trim();
    expect(statSync(ready.codeFile ?? '').mode & 0o777).toBe(0o600);
    for (const told of [first.stdout(), first.stderr()]) expect(told).not.toContain(code);
    const tcp = { url: `https://${link.link.address}`, pin: link.link.pin };
    const device = newDevice('First');
    const joined = await joinWith(tcp, device, link.link.inviteId, code);
    expect(joined.json.state).toBe('active');
    expect(readdirSync(data)).not.toContain('owner-invite-code.txt');
    const owner = tcpClient(tcp, device, joined.json.deviceId, movableClock());
    expect((await owner.signIn()).status).toBe(200);
    expect((await owner.call('GET', '/v1/me')).json).toMatchObject({
      person: { owner: true, roles: ['admin', 'member'] },
      service: { name: 'Team', secretStorage: 'key-file' },
    });
    expect((await owner.call('PUT', '/v1/groups/kept', { members: [] })).status).toBe(200);
    first.child.kill('SIGKILL');
    await first.exited;

    const second = alone('--data', data, '--listen', `127.0.0.1:${new URL(ready.url).port}`, '--ready-json');
    expect(await second.ready()).toMatchObject({ invite: null, codeFile: null });
    // The certificate is the one that was pinned, and what was acknowledged is there.
    await owner.signIn();
    expect((await owner.call('GET', '/v1/groups')).json.items).toEqual([{ name: 'kept', members: [] }]);
    second.child.kill('SIGTERM');
    expect(await second.exited).toBe(0);
    expect((await send(tcp, { method: 'GET', path: '/healthz' }).catch((error) => error.code)) as string).toBe(
      'ECONNREFUSED',
    );
  });
  test.each([
    [['--listen', '0.0.0.0:0'], /certificate/],
    [['--listen', '192.0.2.1:0'], /certificate/],
    [['--listen', 'nonsense'], /HOST:PORT/],
    [['--listen', '127.0.0.1:0', '--tls-cert', '/nowhere'], /go together/],
    [['--listen', '127.0.0.1:0', '--launch-token', 'x'], /launch-token/],
    [[], /--listen is missing/],
  ])('refuses %s and says why', async (args, why) => {
    const refused = alone('--data', folder(), ...args);
    expect(await refused.exited).toBe(2);
    expect(refused.stderr()).toMatch(why);
    expect(refused.stdout()).toBe('');
  });
  test('sweeps and exits', async () => {
    const swept = alone('--data', folder(), '--sweep');
    expect(await swept.exited).toBe(0);
    expect(JSON.parse(swept.stdout())).toEqual({ ended: 0, left: 0 });
  });
});

describe('starting', () => {
  const refusal = (work: Promise<unknown>) =>
    work.then(
      () => 'started',
      (error) => ({ code: error.code, what: error.message, next: error.next }),
    );

  test('two services on one data folder: the second is refused, and may start when the first has stopped', async () => {
    const first = await startTestService();
    const again = { ...first.config, local: null };
    expect(await refusal(startService(again))).toMatchObject({ code: 'already-running' });
    expect((await first.owner.call('GET', '/v1/me')).status).toBe(200);
    await first.service.stop();
    const second = await startService(again);
    await second.stop();
    await first.close();
  });
  test('a taken port is named, and nothing is left running', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const data = folder();
    const tcp = { host: '127.0.0.1', port, publicAddress: null, certificate: null, plain: 'refused' } as const;
    const config = { dataDir: data, dataKey: null, serviceName: 'x', storeUrl: null, local: null, tcp };
    expect(await refusal(startService(config))).toMatchObject({
      code: 'port-taken',
      what: expect.stringContaining(String(port)),
    });
    taken.close();
    const service = await startService(config);
    await service.stop();
  });
  test('a socket that another service listens on is refused; one left by a dead service is taken over', async () => {
    const first = await startTestService();
    const other = folder();
    const config = { ...first.config, dataDir: other, tcp: null };
    expect(await refusal(startService(config))).toMatchObject({ code: 'socket-taken' });
    await first.service.stop();
    mkdirSync(join(first.dataDir, 's'), { recursive: true });
    const dead = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`,
      first.socketPath,
    ]);
    await new Promise((resolve) => dead.on('close', resolve));
    expect(statSync(first.socketPath).isSocket()).toBe(true);
    const service = await startService(config);
    expect(statSync(first.socketPath).mode & 0o777).toBe(0o600);
    expect(statSync(join(first.dataDir, 's')).mode & 0o777).toBe(0o700);
    await service.stop();
    await first.close();
  });
  test('a file that is no socket is left alone; a path too long for a socket is named', async () => {
    const data = folder();
    const base = await startTestService();
    const at = (socketPath: string) => ({
      ...base.config,
      dataDir: data,
      tcp: null,
      local: base.config.local && { ...base.config.local, socketPath },
    });
    const file = join(data, 'notes.txt');
    writeFileSync(file, 'mine');
    expect(await refusal(startService(at(file)))).toMatchObject({ code: 'socket-path' });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    const long = join(data, 'x'.repeat(100), 's.sock');
    expect(await refusal(startService(at(long)))).toMatchObject({
      code: 'socket-path',
      what: expect.stringContaining('107'),
    });
    await base.close();
  });
  test('the data folder is closed to others, and its key is 0600', async () => {
    const data = folder();
    chmodSync(data, 0o755);
    const service = await startService({
      dataDir: data,
      dataKey: null,
      serviceName: 'x',
      storeUrl: null,
      local: null,
      tcp: null,
    });
    await service.stop();
    expect(statSync(data).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(data)) expect([name, statSync(join(data, name)).mode & 0o077]).toEqual([name, 0]);
  });
  test('a damaged data key is not replaced', async () => {
    const data = folder();
    writeFileSync(join(data, 'data.key'), 'short');
    const config = { dataDir: data, dataKey: null, serviceName: 'x', storeUrl: null, local: null, tcp: null };
    expect(await refusal(startService(config))).toMatchObject({ code: 'data-key' });
    expect(readFileSync(join(data, 'data.key'), 'utf8')).toBe('short');
  });
  test('the owner is the same after a restart; other keys become a device of the same person', async () => {
    const first = await startTestService();
    const me = (await first.owner.call('GET', '/v1/me')).json;
    await first.service.stop();
    const again = await startTestService({ dataDir: first.dataDir, dataKey: first.config.dataKey });
    const now = (await again.owner.call('GET', '/v1/me')).json;
    expect(now.person.id).toBe(me.person.id);
    expect(now.device.id).not.toBe(me.device.id);
    await again.close();
  });
});

test('no planted secret is in the log, the events, the audit entries or the database in the clear', async () => {
  const it = await startTestService();
  const planted = 'PLANTED-manager-password-7f3a';
  const stream = await it.owner.events({ after: 0 });
  const target = {
    settings: { kind: 'postgres', host: '127.0.0.1', port: 1, database: 'd', managerUser: 'm' },
    secret: planted,
  };
  const NEW = { name: 'orders', environment: 'staging', risk: 'low', levels: undefined, ...target };
  const replies = [
    await it.owner.call('POST', '/v1/targets/test', target),
    await it.owner.call(
      'POST',
      '/v1/resources',
      { ...NEW, levels: [{ name: 'read-only', description: '', targetRole: 'r', createsAccess: false }] },
      { 'idempotency-key': 'resource-key-1' },
    ),
    await it.owner.call('POST', '/v1/resources', { ...NEW, wrong: planted }),
  ];
  const bob = await it.join('Bob');
  const issued = (
    await it.owner.call(
      'POST',
      '/v1/invites',
      { displayName: 'C', roles: ['member'], groups: [] },
      { 'idempotency-key': 'invite-key-1' },
    )
  ).json;
  await stream.until((message) => message.data?.subject === issued.invite.id);
  const audit = (await it.owner.call('GET', '/v1/audit/export')).text;
  const secrets = [
    planted,
    issued.code,
    issued.code.replaceAll('-', ''),
    bob.token(),
    String(it.config.local?.launchToken),
    bob.device.signing.secretKey,
  ];
  const places: Record<string, string> = {
    log: it.log(),
    events: JSON.stringify(stream.messages),
    audit,
    replies: replies.map((reply) => reply.text).join('\n'),
  };
  stream.close();
  await it.service.stop();
  for (const name of readdirSync(it.dataDir, { recursive: true, withFileTypes: true }))
    if (name.isFile()) places[name.name] = readFileSync(join(name.parentPath, name.name), 'latin1');
  for (const [place, text] of Object.entries(places))
    for (const secret of secrets) expect([place, text.includes(secret)]).toEqual([place, false]);
  await it.close();
});

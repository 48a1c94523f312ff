/**
 * Stored secrets that are checked out: against a real service with API keys and the documented rotator as a real program. A crash
 * at every step of a change leaves a stored secret that works, and the next try ends with the old one refused.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StoredSecret } from '../../../electron/service/provisioners/provisioner';
import { createSecretProvisioner } from '../../../electron/service/provisioners/secret';
import { signAnswer, signCall } from '../../../electron/service/provisioners/webhook/signing';
import type { Rotation, SecretSettings } from '../../../shared/contract/secret';
import { answering, bodyOf } from '../../bed/answering';
import { chance26, newPrincipal, systemRandom } from '../../bed/postgres-target';
import { type KeyedService, ROTATOR, startKeyedService } from '../../bed/targets/secret';
import { until } from '../../bed/until';

const MINUTE = 60_000;
const LEVEL = { name: 'use', description: '', targetRole: 'holder', createsAccess: false };
const MAY_KNOW = { exists: true, canLogIn: false, sessionCount: 0, proof: 'holder_may_know' };
const REFUSED = { exists: true, canLogIn: false, sessionCount: 0 };
const GONE = { exists: false, canLogIn: false, sessionCount: 0 };

const folder = mkdtempSync(join(tmpdir(), 'hallpass-secret-'));
let service: KeyedService;
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  service = await startKeyedService();
  rmSync(join(folder, 'rotators'), { recursive: true, force: true });
  await service.installRotator(join(folder, 'rotators'));
});
afterEach(() => service.stop());

const isGone = (pid: number): true | undefined => {
  try {
    process.kill(pid, 0);
    return undefined;
  } catch {
    return true;
  }
};
class Crash extends Error {}
/** What is stored, as the service's store keeps it; `crashAt` makes the process die at that call, before or after it took effect. */
function store(text: string) {
  const state = {
    text,
    calls: 0,
    rotated: [] as string[],
    crashAt: null as { call: number; when: 'before' | 'after' } | null,
  };
  const step = async <T>(work: () => T): Promise<T> => {
    const at = state.calls++;
    if (state.crashAt?.call === at && state.crashAt.when === 'before') throw new Crash();
    const value = work();
    if (state.crashAt?.call === at) throw new Crash();
    return value;
  };
  const port: StoredSecret = {
    read: () => step(() => state.text),
    replace: (change) =>
      step(() => {
        if (state.text !== change.was) return 'overtaken' as const;
        state.text = change.now;
        if (change.rotated) state.rotated.push(change.rotated.principal);
        return 'kept' as const;
      }),
  };
  return { state, port };
}
const newProvisioner = (over: { commandLimitMs?: number } = {}) =>
  createSecretProvisioner({
    random: systemRandom,
    now: () => Date.now(),
    rotatorsDir: join(folder, 'rotators'),
    ...over,
  });
const provisioner = newProvisioner();
const COMMAND: Rotation = { by: 'command', file: ROTATOR };

function world(settings: Partial<SecretSettings> = {}, text = service.secret) {
  const { state, port } = store(provisioner.adoptSecret?.(text, null) ?? text);
  const full: SecretSettings = { kind: 'secret', opens: 'Build service', holders: 1, rotation: COMMAND, ...settings };
  const target = { resourceId: `res_${chance26()}`, resourceName: 'build', settings: full, secret: text, stored: port };
  const take = async (principal: string, by = provisioner) =>
    (await by.create(target, { principal, level: LEVEL, validForMs: 15 * MINUTE })).values.API_KEY;
  return { state, target, take };
}
const failure = (work: Promise<unknown>) =>
  work.then(
    () => ({ kind: 'none', message: '' }),
    (error) => ({ kind: String(error.kind ?? error.name), message: String(error.message) }),
  );

describe('with a rotator', () => {
  test('it is handed out, works, is changed at the end, and the old one is read back as refused', async () => {
    const { state, target, take } = world();
    const principal = newPrincipal();
    const key = await take(principal);
    expect(await service.lets(key)).toBe(true);
    expect(await provisioner.readBack(target, principal)).toEqual({ exists: true, canLogIn: true, sessionCount: 0 });
    expect(await provisioner.end(target, principal)).toEqual({ readBack: REFUSED, sessionsCut: 0 });
    expect(await service.lets(key)).toBe(false);
    expect(state.rotated).toEqual([principal]);
    expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
    expect(await provisioner.readBack(target, principal)).toEqual(GONE);
    const next = await take(newPrincipal());
    expect(next).not.toBe(key);
    expect(await service.lets(next)).toBe(true);
    expect(state.text).not.toContain(key);
  });

  test('one at a time: who comes second is refused, who comes after the end gets the new one', async () => {
    const { target, take } = world();
    const [first, second] = [newPrincipal(), newPrincipal()];
    await take(first);
    expect(await failure(take(second))).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('one at a time'),
    });
    await provisioner.end(target, first);
    expect(await service.lets(await take(second))).toBe(true);
    expect([...(await provisioner.list(target))].sort()).toEqual([first, second].sort());
  });

  test('twenty at once for one place: one of them holds it', async () => {
    const { target, take } = world();
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => take(newPrincipal())));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await provisioner.list(target)).toHaveLength(1);
  });

  test('two services at once never lose a holder', async () => {
    const { target, take } = world({ holders: 50 });
    const others = [newProvisioner(), newProvisioner()];
    const principals = Array.from({ length: 16 }, newPrincipal);
    await Promise.all(principals.map((principal, i) => take(principal, others[i % 2])));
    expect([...(await provisioner.list(target))].sort()).toEqual([...principals].sort());
    await Promise.all(principals.map((principal, i) => others[i % 2]?.end(target, principal)));
    for (const principal of principals)
      expect(await provisioner.readBack(target, principal)).toMatchObject({ canLogIn: false });
    expect(await service.keys()).toHaveLength(1);
    expect(await service.lets(service.firstKey)).toBe(false);
  });

  test('with several holders an end leaves the others working, says what it could not do, and the last one’s changes it', async () => {
    const { target, take } = world({ holders: 2 });
    const [early, late] = [newPrincipal(), newPrincipal()];
    const key = await take(early);
    expect(await take(late)).toBe(key);
    expect((await provisioner.end(target, early)).readBack).toEqual(MAY_KNOW);
    expect(await service.lets(key)).toBe(true); // late still works with it
    expect((await provisioner.end(target, late)).readBack).toEqual(REFUSED);
    expect(await service.lets(key)).toBe(false);
    expect((await provisioner.end(target, early)).readBack).toEqual(MAY_KNOW); // what was said stays said
  });

  test('ending again, what never was, and what was cleaned up, is fine; nobody is cleaned up who holds it', async () => {
    const { target, take } = world();
    const principal = newPrincipal();
    expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
    await take(principal);
    expect(await failure(provisioner.cleanUp(target, principal))).toMatchObject({ kind: 'conflict' });
    await provisioner.setDeadline(target, principal, MINUTE);
    for (let again = 0; again < 3; again++)
      expect((await provisioner.end(target, principal)).readBack).toEqual(REFUSED);
    expect(await failure(provisioner.setDeadline(target, principal, MINUTE))).toMatchObject({ kind: 'conflict' });
    expect(await failure(take(principal))).toMatchObject({ kind: 'conflict' }); // an ended grant gets it no more
    expect(await service.keys()).toHaveLength(1); // changed once
    await provisioner.cleanUp(target, principal);
    expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
  });

  test('a service that dies at any step of a change loses nothing: the stored one works, and the next try ends it', async () => {
    let steps = 0;
    for (let call = 0; ; call++) {
      for (const when of ['before', 'after'] as const) {
        const fresh = await startKeyedService();
        await fresh.installRotator(join(folder, 'rotators'));
        const { state, target, take } = world({}, fresh.secret);
        const principal = newPrincipal();
        const key = await take(principal);
        steps = state.calls;
        state.crashAt = { call: steps + call, when };
        const died = await failure(provisioner.end(target, principal));
        state.crashAt = null;
        // whatever happened: one of the secrets that are stored works, so nobody is locked out
        const works = await Promise.all((await fresh.keys()).map(async (one) => state.text.includes(one)));
        expect(works, `call ${call} ${when}`).toContain(true);
        expect((await newProvisioner().end(target, principal)).readBack, `call ${call} ${when}`).toEqual(REFUSED);
        expect(await fresh.lets(key)).toBe(false);
        const [left, ...more] = await fresh.keys();
        expect(more).toEqual([]);
        expect(await take(newPrincipal())).toBe(left);
        await fresh.stop();
        if (died.kind === 'none') return expect(call).toBeGreaterThan(3);
      }
    }
  });

  test('a rotator that fails, or that did it and says it failed, keeps the grant from being ended until it is done', async () => {
    const faults = ['propose before', 'propose after', 'commit before', 'commit after', 'check before', 'check after'];
    for (const fault of faults) {
      const fresh = await startKeyedService();
      await fresh.installRotator(join(folder, 'rotators'));
      const [operation, when] = fault.split(' ');
      const wrapper = `#!/bin/sh
if [ "$1" = ${operation} ] && [ ! -e "$PWD/done" ]; then
  touch "$PWD/done"
  ${when === 'after' ? `"$PWD/${ROTATOR}" "$1" > /dev/null` : ''}
  exit 75
fi
exec "$PWD/${ROTATOR}" "$1"
`;
      writeFileSync(join(folder, 'rotators', 'faulty'), wrapper, { mode: 0o700 });
      rmSync(join(folder, 'rotators', 'done'), { force: true });
      const { target, take, state } = world({ rotation: { by: 'command', file: 'faulty' } }, fresh.secret);
      const principal = newPrincipal();
      const key = await take(principal);
      expect(await failure(provisioner.end(target, principal)), fault).toMatchObject({ kind: 'unreachable' });
      expect((await provisioner.readBack(target, principal)).canLogIn).toBe(true);
      const kind = operation === 'propose' ? 'refused' : 'unreachable'; // still out, or being changed
      expect(await failure(take(newPrincipal())), fault).toMatchObject({ kind });
      expect((await provisioner.end(target, principal)).readBack, fault).toEqual(REFUSED);
      expect(await fresh.lets(key)).toBe(false);
      expect(await fresh.keys()).toHaveLength(1);
      expect(state.rotated).toEqual([principal]);
      await fresh.stop();
    }
  });

  test('“done” is not believed while the old one still works, or the new one does not', async () => {
    const lie = (check: string) => `#!/bin/sh
case $1 in
  propose) echo '{"next":{"API_KEY":"another-one"}}';;
  commit) echo '{"ok":true}';;
  check) read -r task; case $task in *another-one*) echo '{"state":"${check === 'new' ? 'refused' : 'works'}"}';; *) echo '{"state":"works"}';; esac;;
esac
`;
    for (const which of ['old', 'new']) {
      writeFileSync(join(folder, 'rotators', `liar-${which}`), lie(which), { mode: 0o700 });
      const { target, take } = world({ rotation: { by: 'command', file: `liar-${which}` } });
      const principal = newPrincipal();
      await take(principal);
      expect(await failure(provisioner.end(target, principal))).toMatchObject({ kind: 'refused' });
      expect((await provisioner.readBack(target, principal)).canLogIn).toBe(true);
    }
  });

  test('an administrator who puts another in its place while it is held loses no book-keeping, and the end is read back', async () => {
    const { state, target, take } = world();
    const principal = newPrincipal();
    const key = await take(principal);
    await service.addKey('by-hand', 'a-key-made-by-hand');
    state.text = provisioner.adoptSecret?.('API_KEY=a-key-made-by-hand', state.text) ?? '';
    expect(await provisioner.list(target)).toEqual([principal]);
    expect((await provisioner.end(target, principal)).readBack).toEqual(REFUSED);
    expect(await service.lets(key)).toBe(false); // the one that was handed out
    expect(await service.lets('a-key-made-by-hand')).toBe(true); // stays: nobody was given it
    expect(state.text).not.toContain(key);
  });

  test('while a change is under way the secret can’t be replaced by hand: the one that works would be lost', async () => {
    const { state, target, take } = world();
    const principal = newPrincipal();
    await take(principal);
    state.crashAt = { call: state.calls + 3, when: 'before' };
    await failure(provisioner.end(target, principal));
    state.crashAt = null;
    expect(JSON.parse(state.text).next).not.toBeNull();
    expect(() => provisioner.adoptSecret?.('API_KEY=other', state.text)).toThrow(/being changed/);
    expect(await failure(take(newPrincipal()))).toMatchObject({ kind: 'unreachable' });
  });
});

describe('without a rotator', () => {
  test('its end takes it off the books and says that the holder may still know it', async () => {
    const { target, take } = world({ rotation: { by: 'nobody' } });
    const principal = newPrincipal();
    const key = await take(principal);
    expect((await provisioner.end(target, principal)).readBack).toEqual(MAY_KNOW);
    expect((await provisioner.end(target, principal)).readBack).toEqual(MAY_KNOW);
    expect(await service.lets(key)).toBe(true); // and so it is
    expect(await take(newPrincipal())).toBe(key);
  });

  test('who asks and who approves is told so before', () => {
    const of = (settings: Partial<SecretSettings>) =>
      provisioner.limits({ kind: 'secret', opens: 'x', holders: 1, rotation: COMMAND, ...settings }, LEVEL).join(' ');
    expect(of({ rotation: { by: 'nobody' } })).toContain('may still know it');
    expect(of({})).not.toContain('may still know it');
    expect(of({})).toContain(`changed at the end by ${ROTATOR}`);
    expect(of({ holders: 3 })).toContain('Up to 3');
  });
});

describe('rotators', () => {
  const ends = async (file: string, over: { commandLimitMs?: number } = {}) => {
    const { target, take } = world({ rotation: { by: 'command', file } });
    const principal = newPrincipal();
    await take(principal);
    return failure(newProvisioner(over).end(target, principal));
  };
  const put = (name: string, text: string, mode = 0o700) => {
    writeFileSync(join(folder, 'rotators', name), text, { mode });
    chmodSync(join(folder, 'rotators', name), mode);
  };

  test('only a plain file of the folder that nobody else can write is run', async () => {
    put('writable', '#!/bin/sh\n', 0o722);
    put('not-runnable', '#!/bin/sh\n', 0o600);
    symlinkSync('/bin/sh', join(folder, 'rotators', 'link'));
    mkdirSync(join(folder, 'rotators', 'folder'));
    for (const file of ['writable', 'not-runnable', 'link', 'folder', 'missing'])
      expect(await ends(file), file).toMatchObject({ kind: 'refused' });
    chmodSync(join(folder, 'rotators'), 0o777);
    expect(await ends(ROTATOR)).toMatchObject({ kind: 'refused', message: expect.stringContaining('chmod go-w') });
    for (const file of ['../rotator', '/bin/sh', 'a b', '.hidden', '', 'x/y', '-rf'])
      await expect(ends(file), file).resolves.toMatchObject({ kind: 'ZodError' });
  });

  test('no secret is in its arguments or its environment, and it gets nothing of ours', async () => {
    put(
      'spy',
      `#!/bin/sh
tr '\\0' '\\n' < /proc/$$/cmdline > "$PWD/spied"
tr '\\0' '\\n' < /proc/$$/environ >> "$PWD/spied"
ls -l /proc/$$/fd >> "$PWD/spied"
exit 1
`,
    );
    process.env.HALLPASS_TEST_MARK = 'must-not-travel';
    await ends('spy');
    delete process.env.HALLPASS_TEST_MARK;
    const spied = readFileSync(join(folder, 'rotators', 'spied'), 'utf8');
    expect(spied).toContain('propose');
    expect(spied).not.toContain(service.firstKey);
    expect(spied).not.toContain('must-not-travel');
    expect(spied.match(/ -> /g)?.length).toBeLessThanOrEqual(6); // its own standard ones, the script, and ls
  });

  test('one that hangs, floods, dies or talks nonsense is told without the secret, and nothing of it stays', async () => {
    put('hangs', `#!/bin/sh\necho $$ > "$PWD/pid"\nsleep 600 & wait\n`);
    put('floods', '#!/bin/sh\nyes\n');
    put('dies', '#!/bin/sh\nkill -9 $$\n');
    put('nonsense', '#!/bin/sh\necho hello\n');
    put('other-names', `#!/bin/sh\necho '{"next":{"OTHER":"x"}}'\n`);
    put('bad-name', `#!/bin/sh\necho '{"next":{"LD_PRELOAD":"/tmp/x.so"}}'\n`);
    put('same', `#!/bin/sh\necho '{"next":{"API_KEY":"${service.firstKey}"}}'\n`);
    put(
      'tells',
      `#!/bin/sh\nread -r task\nkey=\${task#*API_KEY\\":\\"}\nprintf '{"error":"no luck with %s"}' "\${key%%\\"*}"\nexit 3\n`,
    );
    expect(await ends('hangs', { commandLimitMs: 2_000 })).toMatchObject({ kind: 'unreachable' });
    const pid = Number(readFileSync(join(folder, 'rotators', 'pid'), 'utf8'));
    await until('it and what it started to be gone', () => isGone(-pid));
    expect(await ends('floods')).toMatchObject({ kind: 'refused' });
    expect(await ends('dies')).toMatchObject({ kind: 'unreachable' });
    for (const file of ['nonsense', 'other-names', 'bad-name', 'same']) {
      const { kind, message } = await ends(file);
      expect(kind, file).toBe('refused');
      expect(message).not.toContain(service.firstKey);
    }
    const told = await ends('tells');
    expect(told).toMatchObject({ kind: 'refused', message: expect.stringContaining('no luck with') });
    expect(told.message).not.toContain(service.firstKey);
  });

  test('a service without a folder of rotators has none', async () => {
    const bare = createSecretProvisioner({ random: systemRandom, now: () => Date.now(), rotatorsDir: null });
    const { target, take } = world();
    const principal = newPrincipal();
    await take(principal);
    expect(await failure(bare.end(target, principal))).toMatchObject({ kind: 'refused' });
  });
});

describe('a rotation by webhook', () => {
  const KEY = 'a key between service and rotator, long enough';
  /** A receiver that changes the keys of the service; `meddle` stands between and changes what is said. */
  async function startRotator(meddle: (operation: string, said: object) => object | null = () => null) {
    const server = createServer(
      answering(async (request, response) => {
        const body = await bodyOf(request);
        const nonce = String(request.headers['hallpass-nonce']);
        const timestamp = String(request.headers['hallpass-timestamp']);
        const path = request.url ?? '';
        const wanted = signCall(KEY, { method: 'POST', path, timestamp, nonce, body });
        if (request.headers['hallpass-signature'] !== wanted) return void response.writeHead(401).end('{}');
        const task = JSON.parse(body);
        const operation = path.replace('/rotate-', '');
        let said: object = { next: { API_KEY: `key-for-${task.rotation}` } };
        if (operation === 'check') said = { state: (await service.lets(task.values.API_KEY)) ? 'works' : 'refused' };
        if (operation === 'commit') {
          await service.addKey(task.rotation, task.next.API_KEY);
          await service.deleteKey('first');
          said = { ok: true };
        }
        const text = JSON.stringify(said);
        const signature = signAnswer(KEY, { status: 200, nonce, body: text });
        const lie = meddle(operation, said);
        response.writeHead(200, { 'hallpass-signature': signature }).end(lie === null ? text : JSON.stringify(lie));
      }),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const rotation: Rotation = { by: 'webhook', url: `http://127.0.0.1:${port}` };
    return { rotation, close: () => new Promise((resolve) => server.close(resolve)) };
  }
  const typed = () => `API_KEY=${service.firstKey}\nHALLPASS_ROTATION_KEY=${KEY}\n`;

  test('changes it with signed calls; the key of the calls is handed to nobody', async () => {
    const { rotation, close } = await startRotator();
    const { target, take, state } = world({ rotation }, typed());
    const principal = newPrincipal();
    const credential = await provisioner.create(target, { principal, level: LEVEL, validForMs: MINUTE });
    expect(credential).toEqual({ kind: 'secret', values: { API_KEY: service.firstKey } });
    expect((await provisioner.end(target, principal)).readBack).toEqual(REFUSED);
    expect(await service.keys()).toEqual([`key-for-${principal}`]);
    expect(await take(newPrincipal())).toBe(`key-for-${principal}`);
    expect(state.text).toContain(KEY); // kept for the next time
    await close();
  });

  test('who stands between can’t make a change look done, nor put a secret of theirs in', async () => {
    const lies: [string, object][] = [
      ['propose', { next: { API_KEY: 'one that they know' } }],
      ['commit', { ok: true, more: 1 }],
      ['check', { state: 'refused' }],
    ];
    for (const [operation, lie] of lies) {
      const fresh = await startRotator((asked) => (asked === operation ? lie : null));
      const { target, take, state } = world({ rotation: fresh.rotation }, typed());
      const principal = newPrincipal();
      await take(principal);
      expect(await failure(provisioner.end(target, principal)), operation).toMatchObject({ kind: 'unreachable' });
      expect((await provisioner.readBack(target, principal)).canLogIn).toBe(true);
      expect(state.text).not.toContain('one that they know');
      await fresh.close();
    }
  });

  test('without its key it says what is missing', async () => {
    const { rotation, close } = await startRotator();
    const { target, take, state } = world({ rotation });
    const principal = newPrincipal();
    await take(principal);
    expect(await failure(provisioner.end(target, principal))).toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('HALLPASS_ROTATION_KEY'),
    });
    // typed once more, with the key: the same secret is not taken for another one
    state.text = provisioner.adoptSecret?.(typed(), state.text) ?? '';
    expect((await provisioner.end(target, principal)).readBack).toEqual(REFUSED);
    await close();
  });
});

describe('what an administrator types', () => {
  test('names and values on lines; anything else is refused without repeating a value', () => {
    const adopted = (text: string) => JSON.parse(provisioner.adoptSecret?.(text, null) ?? '');
    expect(
      adopted('A=1\r\n# note\n\n B = two = three \nHALLPASS_ROTATION_KEY=0123456789012345678901234567890123').values,
    ).toEqual({
      A: '1',
      B: 'two = three',
    });
    for (const text of [
      '',
      'just-a-password',
      'A=',
      'PATH=/tmp',
      'A=1\nA=2',
      '=x',
      'HALLPASS_ROTATION_KEY=short',
      'LD_PRELOAD=s3cret',
      '{"v":2}',
    ]) {
      let message = '';
      try {
        adopted(text);
      } catch (error) {
        message = String((error as Error).message);
      }
      expect(message, text).not.toBe('');
      expect(message).not.toMatch(/s3cret|just-a-password/);
    }
  });

  test('the test asks the rotator whether the secret works, and repeats no secret', async () => {
    const good = await provisioner.test({ ...world().target, secret: service.secret });
    expect(good).toMatchObject({ ok: true, targetLabel: 'Secret' });
    const bad = await provisioner.test({ ...world().target, secret: 'API_KEY=not-theirs' });
    expect(bad.checks.filter(({ ok }) => !ok)).toHaveLength(1);
    expect(JSON.stringify([good, bad])).not.toMatch(new RegExp(`${service.firstKey}|not-theirs`));
    expect((await provisioner.test({ ...world().target, secret: 'nonsense' })).ok).toBe(false);
    const plan = await provisioner.plan(world().target);
    expect(plan.steps).toEqual([]);
    expect(await provisioner.apply(world().target, plan.digest)).toMatchObject({ ok: true, ran: 0 });
  });
});

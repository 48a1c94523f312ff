import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from '../../../electron/main/lifecycle/json-file';
import { createLog, MAX_LOG_BYTES, redact } from '../../../electron/main/lifecycle/log';
import { socketCandidates } from '../../../electron/main/lifecycle/paths';
import { onQuit, onWindowClose } from '../../../electron/main/lifecycle/quit';
import { systemRandom } from '../../../electron/main/lifecycle/system';
import { createDeviceKeyStore, loadDataKey } from '../../../electron/main/session/device-keys';
import { openWithPassphrase, sealWithPassphrase } from '../../../electron/main/session/passphrase';
import type { SystemKeyStore } from '../../../electron/main/session/safe-storage';
import { createSupervisor, restartPauseMs, type ServiceChild } from '../../../electron/main/session/supervisor';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hallpass-session-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const COST = { memoryKiB: 19_456, passes: 2, lanes: 1 };
const store = (kind: 'system' | 'none'): SystemKeyStore => ({
  kind: async () => kind,
  wrap: async (plain) => Buffer.from(plain).reverse().toString('base64'),
  unwrap: async (wrapped) => Buffer.from(wrapped, 'base64').reverse().toString(),
});
const deps = (kind: 'system' | 'none' = 'system') => ({
  file: join(folder, 'keys.json'),
  system: store(kind),
  random: systemRandom,
  nowMs: () => 5,
});

describe('secrets at rest', () => {
  test('a passphrase opens its box, and nothing else does', async () => {
    const box = await sealWithPassphrase('s3cret', 'correct horse', 'keys', { random: systemRandom, cost: COST });
    expect(JSON.stringify(box)).not.toContain('s3cret');
    expect(await openWithPassphrase(box, 'correct horse', 'keys')).toBe('s3cret');
    await expect(openWithPassphrase(box, 'correct hors', 'keys')).rejects.toThrow('wrong passphrase');
    await expect(openWithPassphrase(box, 'correct horse', 'other')).rejects.toThrow('wrong passphrase');
  });
  test('device keys come back, the file is 0600 and holds no secret in the clear', async () => {
    const made = await createDeviceKeyStore(deps()).create(null);
    expect(statSync(deps().file).mode & 0o777).toBe(0o600);
    expect(readFileSync(deps().file, 'utf8')).not.toContain(made.signingSecretKey);
    const again = createDeviceKeyStore(deps());
    expect(again.stored()).toMatchObject({ storage: 'system', keys: { fingerprint: made.fingerprint } });
    expect(await again.unlock(null)).toEqual(made);
  });
  test('a damaged key file is kept aside and said so', () => {
    writeFileSync(deps().file, '{"v":1');
    const keys = createDeviceKeyStore(deps());
    expect(keys.stored()).toBeNull();
    expect(keys.notices).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(['keys.json.corrupt-5']);
  });
  test('the data key is decided once, also when the key store appears later', async () => {
    expect(await loadDataKey(deps('none'))).toBeNull();
    expect(await loadDataKey(deps('system'))).toBeNull();
    rmSync(deps().file);
    const key = await loadDataKey(deps('system'));
    expect(Buffer.from(key ?? '', 'base64url')).toHaveLength(32);
    expect(await loadDataKey(deps('system'))).toBe(key);
  });
  test('state files are replaced whole', () => {
    const file = join(folder, 'a', 'x.json');
    writeJsonFile(file, { n: 1 });
    writeJsonFile(file, { n: 2 });
    expect(readJsonFile(file, z.object({ n: z.number() }), 1)).toEqual({ kind: 'read', value: { n: 2 } });
    expect(readdirSync(join(folder, 'a'))).toEqual(['x.json']);
  });
});

describe('the log', () => {
  test('planted secrets do not reach it', () => {
    const file = join(folder, 'log', 'x.log');
    const log = createLog(file, () => 0);
    log('error', 'call with Bearer abc.def-ghi failed', {
      password: 'planted1',
      nested: [{ launchToken: 'planted2', cause: new Error('postgres://me:planted3@h/db') }],
      text: 'password=planted4 DPoP eyJplanted5.aaa.bbb',
    });
    expect(readFileSync(file, 'utf8')).not.toMatch(/planted\d|abc\.def/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
  test('it never grows beyond two files of its limit', () => {
    const file = join(folder, 'x.log');
    const log = createLog(file, () => 0);
    for (let i = 0; i < 1_500; i++) log('info', 'x'.repeat(1_900));
    expect(readdirSync(folder).sort()).toEqual(['x.log', 'x.log.1']);
    for (const name of readdirSync(folder))
      expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(MAX_LOG_BYTES);
  });
  test('deep and circular-like values end', () =>
    expect(JSON.stringify(redact({ a: { b: { c: { d: { e: { f: 1 } } } } } }))).toContain('[deep]'));
});

describe('places and answers', () => {
  test('a socket path is never longer than the system keeps', () => {
    for (const path of socketCandidates({
      platform: 'linux',
      runtimeDir: '/run/user/1000',
      userData: `/home/${'x'.repeat(120)}`,
      uid: 1000,
    }))
      expect(Buffer.byteLength(path)).toBeLessThanOrEqual(107);
  });
  test('without a tray a window is never hidden', () => {
    for (const setting of ['ask', 'tray', 'quit'] as const) expect(onWindowClose(setting, 'absent')).not.toBe('hide');
    expect(onWindowClose('tray', 'present')).toBe('hide');
  });
  test('quitting asks only where this desktop must end live grants', () => {
    expect(onQuit({ setting: 'ask', mode: 'host', liveGrants: 1 })).toBe('ask');
    expect(onQuit({ setting: 'ask', mode: 'join', liveGrants: 1 })).toBe('quit');
    expect(onQuit({ setting: 'ask', mode: 'alone', liveGrants: 0 })).toBe('quit');
    expect(onQuit({ setting: 'end', mode: 'alone', liveGrants: 2 })).toBe('end-then-quit');
  });
});

describe('the supervisor', () => {
  function bench() {
    const children: {
      child: ServiceChild;
      say: (message: unknown) => void;
      die: (code: number) => void;
      posted: unknown[];
      killed: boolean;
    }[] = [];
    let due: { lengthMs: number; callback: () => void }[] = [];
    const supervisor = createSupervisor({
      fork() {
        const made = {
          posted: [] as unknown[],
          killed: false,
          say: (_m: unknown) => {},
          die: (_c: number) => {},
        } as (typeof children)[number];
        made.child = {
          post: (message) => void made.posted.push(message),
          onMessage: (listener) => {
            made.say = listener;
          },
          onExit: (listener) => {
            made.die = listener;
          },
          onOutput: (listener) => listener('last line\n'),
          kill: () => {
            made.killed = true;
          },
        };
        children.push(made);
        return made.child;
      },
      lastWords: () => null,
      now: () => 0,
      log: () => {},
      after(lengthMs, callback) {
        const entry = { lengthMs, callback };
        due.push(entry);
        return () => {
          due = due.filter((each) => each !== entry);
        };
      },
    });
    return {
      supervisor,
      children,
      fire: (lengthMs: number) =>
        due
          .filter((each) => each.lengthMs === lengthMs)
          .forEach((each) => {
            due = due.filter((other) => other !== each);
            each.callback();
          }),
      due: () => due.map((each) => each.lengthMs),
    };
  }
  const READY = {
    kind: 'ready',
    serviceId: 's',
    personId: 'p',
    deviceId: 'd',
    tcpUrl: null,
    certPin: null,
    mode: 'normal',
    modeReason: null,
  };

  test('restarts at once, then with growing pauses, and tells the last lines', () => {
    const { supervisor, children, fire, due } = bench();
    supervisor.warmUp();
    supervisor.start({} as never);
    expect(children).toHaveLength(1);
    children[0]?.say(READY);
    expect(supervisor.state()).toMatchObject({ kind: 'ready' });
    children[0]?.die(9);
    expect(supervisor.state()).toMatchObject({ kind: 'down', error: { code: 'service-down', detail: 'last line' } });
    expect(due()).toEqual([0]);
    fire(0);
    children[1]?.die(1);
    expect(due()).toEqual([250]);
    expect([0, 1, 2, 3, 20].map(restartPauseMs)).toEqual([0, 250, 500, 1_000, 30_000]);
  });
  test('a service that never answers is ended and started again', () => {
    const { supervisor, children, fire } = bench();
    supervisor.start({} as never);
    fire(20_000);
    expect(children[0]?.killed).toBe(true);
    expect(supervisor.state()).toMatchObject({ kind: 'down', error: { code: 'service-timeout' } });
    fire(0);
    expect(children).toHaveLength(2);
    children[0]?.say(READY); // the late answer of the one that was given up
    expect(supervisor.state()).not.toMatchObject({ kind: 'ready' });
  });
});

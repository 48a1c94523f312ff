/** The real keeper, with a real SIGKILL of the process that started it. Linux and macOS; waits on events, in real time. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { profileOf } from '../../../electron/main/injection/lease-folders';
import { startApp, whenFolder } from './app-process';
import { keepersUnder } from './keepers';

const GRANT = 'grt_01jd0000000000000000000aaa';
const PASSWORD = 'planted-secret-4711';
const ORIGINAL = '[mine]\r\nhost=x';
let root: string;
let home: string;
let userDataDir: string;
let apps: ReturnType<typeof startApp>[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hallpass-keeper-'));
  home = join(root, 'a home with spaces');
  userDataDir = join(home, "data'quoted");
  mkdirSync(userDataDir, { recursive: true });
  writeFileSync(join(home, '.pg_service.conf'), ORIGINAL);
  apps = [];
});
afterEach(async () => {
  for (const app of apps) await app.kill();
  rmSync(root, { recursive: true, force: true }); // keepers that still run end when their folder is gone
});

/** Ready to be asked: what it takes to start must not eat into a deadline of seconds. */
const start = async (over: Partial<Parameters<typeof startApp>[0]> = {}) => {
  const app = startApp({ userDataDir, home, ...over });
  apps.push(app);
  await app.call('ready');
  return app;
};
const request = (lengthMs: number) => ({
  grantId: GRANT,
  resource: 'orders-db',
  level: 'read-only',
  credential: {
    kind: 'postgres',
    host: 'db',
    port: 5432,
    database: 'orders',
    user: 'hp_x',
    password: PASSWORD,
    tls: 'prefer',
  },
  expiresAt: Date.now() + lengthMs,
});
const leases = () => join(userDataDir, 'credentials');
const passfile = () => join(leases(), GRANT, 'passfile');
const serviceFile = () => readFileSync(join(home, '.pg_service.conf'), 'latin1');
/** Keepers of this test: found by the folder in their arguments. */
const keepers = () => keepersUnder(root);

describe.runIf(process.platform === 'linux')('after the app was killed', () => {
  test('the credential is gone within 5 s of its deadline, not before it, and the next start cleans the rest', {
    timeout: 30_000,
  }, async () => {
    const app = await start();
    const wanted = request(3_000);
    expect(await app.call('inject', wanted)).toMatchObject({ state: 'injected', command: 'psql service=orders-db' });
    expect(readFileSync(passfile(), 'utf8')).toContain(PASSWORD);
    await app.kill();
    const [keeper, ...others] = keepers();
    expect(others).toEqual([]);
    expect(keeper?.args.join(' ')).not.toContain(PASSWORD);
    const descriptors = readdirSync(`/proc/${keeper?.pid}/fd`).map((fd) =>
      readlinkSync(`/proc/${keeper?.pid}/fd/${fd}`),
    );
    expect(new Set(descriptors)).toEqual(new Set(['/dev/null'])); // nothing of the app stays open in it

    await whenFolder(leases(), () => !existsSync(dirname(passfile())));
    const lateMs = Date.now() - wanted.expiresAt;
    expect(lateMs).toBeGreaterThan(0);
    expect(lateMs).toBeLessThan(5_000);

    expect(serviceFile()).toContain('[orders-db]'); // it points to nothing now
    const report = await (await start()).call('sweep');
    expect(report).toMatchObject({ removed: [{ grantId: GRANT, why: 'expired' }], failed: [] });
    expect(serviceFile()).toBe(ORIGINAL);
  });

  test('an extension is honoured, by the keeper that has it in its lease file', { timeout: 30_000 }, async () => {
    const app = await start();
    const wanted = request(3_000);
    await app.call('inject', wanted);
    const later = wanted.expiresAt + 3_000;
    await app.call('extend', GRANT, later);
    await app.kill();
    await whenFolder(leases(), () => !existsSync(dirname(passfile())));
    expect(Date.now()).toBeGreaterThan(later);
    expect(Date.now()).toBeLessThan(later + 5_000);
  });

  test('a restart takes the lease up with one keeper, and the old one ends', { timeout: 30_000 }, async () => {
    const first = await start();
    await first.call('inject', request(60_000));
    const before = keepers();
    await first.kill();
    const second = await start();
    expect(await second.call('sweep')).toMatchObject({ resumed: [{ grantId: GRANT, state: 'injected' }], removed: [] });
    await expect
      .poll(
        () =>
          keepers()
            .map(({ pid }) => pid)
            .includes(before[0]?.pid ?? ''),
        { timeout: 10_000 },
      )
      .toBe(false);
    expect(keepers().length).toBe(1);
    expect(existsSync(passfile())).toBe(true);
  });

  test('it starts the sweep it was given, once it had to act', { timeout: 30_000 }, async () => {
    const mark = join(root, 'swept');
    const sweepCommand = {
      file: '/bin/sh',
      args: ['-c', 'printf %s "$WHY" > "$1"', 'sweep', mark],
      env: { WHY: 'told' },
    };
    const app = await start({ sweepCommand });
    await app.call('inject', request(2_500));
    await app.kill();
    await whenFolder(root, () => existsSync(mark) && readFileSync(mark, 'utf8') === 'told');
    expect(existsSync(passfile())).toBe(false);
  });

  test('it ends by itself when the files are gone', { timeout: 30_000 }, async () => {
    const app = await start();
    await app.call('inject', request(60_000));
    expect(keepers().length).toBe(1);
    rmSync(dirname(passfile()), { recursive: true });
    await expect.poll(() => keepers().length, { timeout: 10_000 }).toBe(0);
  });

  test('a private tmpfs is used where there is one', { timeout: 30_000 }, async () => {
    const runtimeDir = mkdtempSync('/dev/shm/hallpass-runtime-');
    try {
      const app = await start({ runtimeDir });
      const expected = join(runtimeDir, 'hallpass', profileOf(userDataDir), GRANT, 'passfile');
      expect((await app.call('inject', request(60_000))).files).toContain(expected);
      expect(existsSync(expected)).toBe(true);
    } finally {
      rmSync(runtimeDir, { recursive: true, force: true });
    }
  });
});

/**
 * Keepers and the app that started them are killed in every order; after each kill the files are read. A keeper that is
 * killed leaves its credential to the app, an app to the keeper; with both killed it is the next start. `HALLPASS_KILLS`
 * sets how often.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SeededRandom } from '../../model/world';
import { startApp } from '../injection/app-process';
import { keepersUnder } from '../injection/keepers';

const KILLS = Number(process.env.HALLPASS_KILLS ?? 40);
const SEED = Number(process.env.HALLPASS_SEED ?? 1);
const ORIGINAL = '# mine\r\n[mine]\r\nhost=x';
const PASSWORD = 'planted-secret-1108';
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
let root: string;
let home: string;
let userDataDir: string;
const chance = new SeededRandom(SEED);
const grantId = () => `grt_01jd${Array.from({ length: 22 }, () => chance.pick([...ALPHABET])).join('')}`;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'hallpass-kill-keeper-'));
  home = join(root, 'home');
  userDataDir = join(home, 'data');
  mkdirSync(userDataDir, { recursive: true });
  writeFileSync(join(home, '.pg_service.conf'), ORIGINAL);
});
afterAll(() => rmSync(root, { recursive: true, force: true })); // keepers end when their folder is gone

const request = (id: string, lengthMs: number) => ({
  grantId: id,
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
const keepers = (): number[] => keepersUnder(root).map(({ pid }) => Number(pid));
const kill = (pid: number) => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself
  }
};
const leases = () => join(userDataDir, 'credentials');
const secrets = (): string[] =>
  existsSync(leases()) ? readdirSync(leases()).filter((id) => existsSync(join(leases(), id, 'passfile'))) : [];
const serviceFile = () => readFileSync(join(home, '.pg_service.conf'), 'latin1');
/** The user's own lines, at every moment. */
const expectOwnLines = () => expect(serviceFile().startsWith(ORIGINAL)).toBe(true);

describe.runIf(process.platform === 'linux')('killed', () => {
  test(`${KILLS} times (seed ${SEED}): no secret outlives a keeper, an app or a next start, and no line of the user's changes`, {
    timeout: 120_000 + KILLS * 8_000,
  }, async () => {
    let app = startApp({ userDataDir, home });
    await app.call('ready');
    try {
      for (let killed = 0; killed < KILLS; ) {
        const id = grantId();
        await app.call('inject', request(id, 3_600_000));
        expect(secrets()).toContain(id);
        for (const pid of keepers()) {
          kill(pid);
          killed++;
          expectOwnLines();
          expect(secrets()).toContain(id); // a dead keeper takes nothing with it
        }
        if (chance.next() < 0.7) continue; // overlapping ones pile up
        await app.kill();
        // App and keepers are dead: the secrets lie there until the next start, which takes all of them up with new keepers.
        const before = secrets();
        app = startApp({ userDataDir, home });
        const report = await app.call('sweep');
        expect((report.resumed as { grantId: string }[]).map((one) => one.grantId).sort()).toEqual(before.sort());
        expect(keepers().length).toBe(before.length);
        expectOwnLines();
      }
      // Each with a keeper that lives, the app dead: gone on time, by the keepers alone.
      for (const pid of keepers()) kill(pid);
      await app.kill();
      app = startApp({ userDataDir, home });
      const last = ((await app.call('sweep')).resumed as { grantId: string }[]).map((one) => one.grantId);
      for (const one of last) await app.call('extend', one, Date.now() + 2_000);
      await app.kill();
      await expect.poll(secrets, { timeout: 15_000, interval: 100 }).toEqual([]);
      app = startApp({ userDataDir, home });
      expect(await app.call('sweep')).toMatchObject({ failed: [], resumed: [] });
      expect(serviceFile()).toBe(ORIGINAL);
      await expect.poll(() => keepers().length, { timeout: 15_000 }).toBe(0);
    } finally {
      await app.kill();
    }
  });
});

/** What a start leaves that is killed while it takes a lease up again: a keeper that nobody named, half a lease file. Real processes. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LEASE_FILE, leaseText, systemKeeper } from '../../../electron/main/injection/keeper';
import { until } from '../../bed/until';
import { startApp } from './app-process';
import { keepersUnder } from './keepers';

const GRANT = 'grt_01jd0000000000000000000aaa';
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hallpass-keeper-start-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true })); // keepers end when their folder is gone

/** In one step, as the app does. */
const put = (file: string, text: string) => {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
};

describe.runIf(process.platform === 'linux')('a start that is killed', () => {
  test('between a new keeper and its name: that keeper follows what is prolonged, and takes it at the new deadline', {
    timeout: 60_000,
  }, async () => {
    const folder = join(root, GRANT);
    mkdirSync(folder);
    const [secret, lease] = [join(folder, 'passfile'), join(folder, LEASE_FILE)];
    const upMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1_000;
    const deadline = (lengthMs: number) => ({ bootMs: upMs + lengthMs, wallMs: Date.now() + lengthMs });
    const named = deadline(2_000);
    put(lease, leaseText(named, 'another'));
    writeFileSync(secret, 'secret');
    const prolonged = deadline(8_000);
    await systemKeeper(null).start({ folder, name: 'nobody', deadline: named });
    put(lease, leaseText(prolonged, 'another'));
    await until('gone', () => !existsSync(folder), 30_000);
    expect(Date.now()).toBeGreaterThanOrEqual(prolonged.wallMs);
  });

  test('over a lease file: the next one leaves no half of it, one keeper, and the secret', {
    timeout: 60_000,
  }, async () => {
    const home = join(root, 'home');
    const userDataDir = join(home, 'data');
    mkdirSync(userDataDir, { recursive: true });
    const credential = { kind: 'postgres', host: 'db', port: 5432, database: 'orders', user: 'hp_x' };
    const first = startApp({ userDataDir, home });
    await first.call('inject', {
      ...{ grantId: GRANT, resource: 'orders-db', level: 'read-only', expiresAt: Date.now() + 3_600_000 },
      credential: { ...credential, password: 'planted-secret-1502', tls: 'prefer' },
    });
    await first.kill();
    const folder = join(userDataDir, 'credentials', GRANT);
    writeFileSync(join(folder, 'lease.new-0123456789abcdef'), '12', { mode: 0o600 });
    const second = startApp({ userDataDir, home });
    expect(await second.call('sweep')).toMatchObject({ resumed: [{ grantId: GRANT }], failed: [], notices: [] });
    expect(readdirSync(folder).sort()).toEqual(['lease', 'passfile']);
    await until('one keeper', () => keepersUnder(root).length === 1, 30_000);
    await second.kill();
  });
});

/** What a killed process, a damaged file and a lost database leave, on real files and real servers. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createSecretBox } from '../../../electron/service/store/secret-box';
import { draft, type Home, happen, newHome, postgres, random, seedGrant, stopPostgres } from './helpers';

const homes: Home[] = [];
async function home(dialect: 'sqlite' | 'postgres'): Promise<Home> {
  const made = await newHome(dialect);
  homes.push(made);
  return made;
}
afterEach(async () => {
  for (const made of homes.splice(0)) await made.remove();
});
afterAll(stopPostgres);
const ENOUGH_WRITES = 25;

/** Starts a process that writes, kills it with SIGKILL in the middle; the highest number it saw acknowledged. */
async function killWhileWriting(kind: string, location: string, vaultFile: string): Promise<number> {
  const tsx = join(import.meta.dirname, '../../../node_modules/tsx/dist/cli.mjs');
  const child = spawn(
    process.execPath,
    [
      '--import',
      `file://${dirname(tsx)}/loader.mjs`,
      join(import.meta.dirname, 'writing-child.ts'),
      kind,
      location,
      vaultFile,
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
    if (said.split('\n').length > ENOUGH_WRITES) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  return Math.max(...said.split('\n').slice(0, -1).map(Number));
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (dialect) => {
  test('a process killed while it writes loses nothing acknowledged and leaves a sound log', async () => {
    const at = await home(dialect);
    const first = await at.open();
    await first.close();
    const location = dialect === 'sqlite' ? at.file : (await postgres()).url((await databaseNames()).at(-1) as string);
    const acknowledged = await killWhileWriting(dialect, location, at.vaultFile);
    expect(acknowledged).toBeGreaterThanOrEqual(ENOUGH_WRITES);
    const store = await at.open();
    expect(store.mode()).toEqual({ mode: 'normal', reason: null });
    const head = await store.db.selectFrom('log_head').selectAll().executeTakeFirstOrThrow();
    expect(head.leaf_count).toBeGreaterThanOrEqual(acknowledged);
    expect(head.next_seq - 1).toBe(head.leaf_count);
    expect(await store.checkWholeLog()).toBeNull();
    await happen(store, 1);
    expect(await store.checkWholeLog()).toBeNull();
  });
});

async function databaseNames(): Promise<string[]> {
  const rows = await (await postgres()).query<{ datname: string }>(
    'postgres',
    "select datname from pg_database where datname like 'store_%' order by oid",
  );
  return rows.map((row) => row.datname);
}

describe('a damaged SQLite file', () => {
  test('that is no database any more is kept aside, and live access is known from the vault', async () => {
    const at = await home('sqlite');
    const first = await at.open();
    const live = await seedGrant(first, at.clock.now());
    const ended = await seedGrant(first, at.clock.now(), 'ended');
    const key = first.logKey;
    await first.close();
    writeFileSync(at.file, 'not a database at all, '.repeat(1_000));
    const store = await at.open();
    expect(store.mode().mode).toBe('revoke_only');
    expect(store.mode().reason).toMatch(/kept as .*broken-.*1 live grants/);
    expect(store.logKey).toBe(key);
    const kept = readdirSync(dirname(at.file)).filter((name) => /\.broken-[^.]*Z$/.test(name));
    expect(kept).toHaveLength(1);
    expect(readFileSync(join(dirname(at.file), kept[0] as string), 'utf8')).toContain('not a database');
    const grants = await store.db.selectFrom('grants').selectAll().execute();
    expect(grants.map((grant) => [grant.id, grant.state, grant.principal_recorded])).toEqual([
      [live.grantId, 'active', 1],
    ]);
    expect(grants.some((grant) => grant.id === ended.grantId)).toBe(false);
    const resource = await store.db.selectFrom('resources').select('secret_enc').executeTakeFirstOrThrow();
    expect(resource.secret_enc).toMatch(/^v1\./);
    await store.write(
      async (tx) => {
        await tx.db.updateTable('grants').set({ state: 'ended' }).where('id', '=', live.grantId).execute();
        tx.audit(draft(1, { grantId: live.grantId }));
      },
      { purpose: 'removal' },
    );
    await expect(happen(store, 1)).rejects.toMatchObject({ code: 'revoke-only' });
    await store.close();
    // The next start does not take the new, nearly empty database for the real one.
    const again = await at.open();
    expect(again.mode().mode).toBe('revoke_only');
    expect(await again.db.selectFrom('grants').select('state').execute()).toEqual([{ state: 'ended' }]);
  });

  test('with broken pages serves removal or is kept aside, but the service starts', async () => {
    const at = await home('sqlite');
    const first = await at.open();
    const { grantId } = await seedGrant(first, at.clock.now());
    for (let n = 0; n < 50; n++) await happen(first, n);
    await first.close();
    const bytes = readFileSync(at.file);
    // Everything after the schema page: what is left of the tables is noise.
    bytes.fill(0x5a, 4_096 * 3);
    writeFileSync(at.file, bytes);
    const store = await at.open();
    expect(store.mode().mode).toBe('revoke_only');
    expect(await store.db.selectFrom('grants').select('id').execute()).toEqual([{ id: grantId }]);
  });

  test('without a vault says that nothing is known', async () => {
    const at = await home('sqlite');
    const first = await at.open({ vaultFile: null });
    await first.close();
    writeFileSync(at.file, 'x'.repeat(5_000));
    const store = await at.open({ vaultFile: null });
    expect(store.mode().reason).toMatch(/No list of live access/);
  });

  test('a locked database is not taken for a broken one', { timeout: 20_000 }, async () => {
    const at = await home('sqlite');
    const first = await at.open();
    await happen(first, 1);
    await first.close();
    const { openRaw } = await import('../../../electron/service/store/sqlite-binding');
    const other = openRaw(at.file, 0);
    other.exec('begin exclusive');
    await expect(at.open()).rejects.toThrow(/locked/);
    expect(readdirSync(dirname(at.file)).filter((name) => name.includes('broken'))).toEqual([]);
    other.exec('rollback');
    other.close();
    expect((await at.open()).mode().mode).toBe('normal');
  });
});

describe('beside the database', () => {
  test('folder and files are closed to others', async () => {
    const at = await home('sqlite');
    const store = await at.open();
    await seedGrant(store, at.clock.now());
    expect(statSync(dirname(at.file)).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(dirname(at.file)))
      expect([name, statSync(join(dirname(at.file), name)).mode & 0o777]).toEqual([name, 0o600]);
    expect(readdirSync(dirname(at.file)).some((name) => name.endsWith('.tmp'))).toBe(false);
  });

  test('the vault follows live grants, is sealed, and is not rewritten for nothing', async () => {
    const at = await home('sqlite');
    const store = await at.open();
    const { grantId, resourceId } = await seedGrant(store, at.clock.now());
    const sealed = readFileSync(at.vaultFile, 'utf8');
    expect(sealed).toMatch(/^hallpass-vault 2 [0-9a-f]{32}\nv1\./);
    expect(sealed).not.toContain(resourceId);
    const claim = { claimed_by: 'worker', epoch: 5, attempts: 3 };
    await store.write(
      async (tx) => void (await tx.db.updateTable('grants').set(claim).where('id', '=', grantId).execute()),
    );
    expect(readFileSync(at.vaultFile, 'utf8')).toBe(sealed);
    await store.write(
      async (tx) => void (await tx.db.updateTable('grants').set({ expires_at: 1 }).where('id', '=', grantId).execute()),
    );
    expect(readFileSync(at.vaultFile, 'utf8')).not.toBe(sealed);
  });

  test('a vault’s draft that a killed service left goes at the next start; files of others stay', async () => {
    const at = await home('sqlite');
    const first = await at.open();
    await first.close();
    const [draft, other] = [`${at.vaultFile}.0123456789ab.tmp`, `${at.vaultFile}.mine.tmp`];
    for (const file of [draft, other]) writeFileSync(file, 'half');
    const store = await at.open();
    expect([existsSync(draft), existsSync(other)]).toEqual([false, true]);
    await store.close();
  });

  test('a vault that was cut, or whose lines changed places, is not believed; one line too many neither', async () => {
    const at = await home('sqlite');
    const first = await at.open();
    await seedGrant(first, at.clock.now());
    await first.close();
    const whole = readFileSync(at.vaultFile, 'utf8');
    const [head, one, two, ...rest] = whole.trimEnd().split('\n');
    const spoiled = {
      cut: [head, one, two].join('\n'),
      swapped: [head, two, one, ...rest].join('\n'),
      twice: [head, one, one, two, ...rest].join('\n'),
    };
    for (const [how, text] of Object.entries(spoiled)) {
      writeFileSync(at.vaultFile, text);
      writeFileSync(at.file, 'x'.repeat(5_000));
      const store = await at.open();
      expect([how, store.mode().reason]).toEqual([how, expect.stringMatching(/could not be read/)]);
      expect(await store.db.selectFrom('grants').selectAll().execute()).toEqual([]);
      await store.close();
    }
    writeFileSync(at.vaultFile, whole);
    writeFileSync(at.file, 'x'.repeat(5_000));
    const store = await at.open();
    expect(store.mode().reason).toMatch(/1 live grants were taken/);
  });

  test('with another data key the log can’t go on; removal can', async () => {
    const at = await home('sqlite');
    const first = await at.open();
    await happen(first, 1);
    await first.close();
    const store = await at.open({ secretBox: createSecretBox(new Uint8Array(32).fill(9), random) });
    expect(store.mode()).toMatchObject({ mode: 'revoke_only', reason: expect.stringContaining('another data key') });
  });

  test('tables of a newer version are left alone', async () => {
    const at = await home('sqlite');
    const first = await at.open();
    await first.close();
    await at.tamper("insert into schema_migrations (name, at) values ('999-future', 1)");
    const store = await at.open();
    expect(store.mode()).toMatchObject({ mode: 'revoke_only', reason: expect.stringContaining('newer version') });
  });
});

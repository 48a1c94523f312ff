/** `psql service=<resource>` with the real psql and a real server: the only thing that counts. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createInjector, desktopInjectorDeps, type Injector } from '../../../electron/main/injection';
import type { PostgresCredential } from '../../../shared/contract/credential';
import { type PostgresServer, startPostgres } from '../../bed/postgres';
import { chance26, quote } from '../../bed/postgres-target';

const run = promisify(execFile);
const PSQL = '/usr/bin/psql';
let server: PostgresServer;
let home: string;
let injector: Injector;

beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => server?.stop());
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hallpass-psql-'));
  mkdirSync(join(home, 'data'));
});
afterEach(async () => {
  for (const { grantId } of injector.list()) await injector.remove(grantId, 'returned'); // their keepers end with them
  await injector.stop();
  rmSync(home, { recursive: true, force: true });
});

function start(env: Record<string, string> = {}, profile = ''): Injector {
  writeFileSync(join(home, '.bash_profile'), profile);
  const shellEnv = { PATH: process.env.PATH ?? '', HOME: home, SHELL: '/bin/bash', ...env };
  const deps = desktopInjectorDeps({
    userDataDir: join(home, 'data'),
    clockOffsetMs: () => 0,
    pgServiceFile: () => null,
    log: () => undefined,
    sweepCommand: null,
    env: shellEnv,
    homeDir: home,
  });
  injector = createInjector(deps);
  return injector;
}
async function newLogin(
  database: string,
  password = randomBytes(18).toString('base64url'),
): Promise<PostgresCredential> {
  const user = `hp_${chance26()}`;
  await server.query('postgres', `CREATE ROLE ${quote(user)} LOGIN PASSWORD '${password.replaceAll("'", "''")}'`);
  const known = await server.query('postgres', 'SELECT 1 FROM pg_database WHERE datname = $1', [database]);
  if (known.length === 0) await server.query('postgres', `CREATE DATABASE ${quote(database)}`);
  return { kind: 'postgres', host: server.host, port: server.port, database, user, password, tls: 'prefer' };
}
const inject = (credential: PostgresCredential, over: { resource?: string; level?: string } = {}) =>
  injector.inject({
    grantId: `grt_${chance26()}`,
    resource: over.resource ?? 'orders-db',
    level: over.level ?? 'read-only',
    credential,
    expiresAt: Date.now() + 600_000,
  });
/** Runs what the app tells the person to type, in a shell of theirs. */
const type = async (command: string | null, env: Record<string, string> = {}): Promise<string> => {
  const query = `${command} -XAtwc "select current_user || '@' || current_database()"`;
  const { stdout } = await run('/bin/sh', ['-c', query.replace('psql', PSQL)], {
    env: { PATH: '/usr/bin:/bin', HOME: home, ...env },
  });
  return stdout.trim();
};

describe.runIf(existsSync(PSQL))('psql', () => {
  test('logs in by the name of the resource, and of its level, and no more after the removal', async () => {
    start();
    const credential = await newLogin('orders');
    const local = await inject(credential);
    expect(local.command).toBe('psql service=orders-db');
    expect(await type(local.command)).toBe(`${credential.user}@orders`);
    expect(await type('psql service=orders-db.read-only')).toBe(`${credential.user}@orders`);
    expect(readFileSync(join(home, '.pg_service.conf'), 'utf8')).not.toContain(credential.password);

    expect(await injector.remove(local.grantId, 'returned')).toMatchObject({ state: 'removed' });
    await expect(type('psql service=orders-db')).rejects.toThrow(/definition of service/);
    expect(existsSync(join(home, '.pg_service.conf'))).toBe(false); // we had made it
  });

  for (const database of [
    "it's",
    'a"b',
    'a:b\\c',
    ' leading',
    'trailing ',
    '#hash',
    'a=b',
    'ünï',
    'two words',
    'line\nbreak',
    '[x]',
  ])
    test(`a database called ${JSON.stringify(database)} is reached`, async () => {
      start();
      const credential = await newLogin(database);
      expect(await type((await inject(credential)).command)).toBe(`${credential.user}@${database}`.trim());
    });
  for (const password of [':colon:', 'back\\slash\\', '#hash', ' spaces ', "quote'", '*', 'pässwörd'])
    test(`a password like ${JSON.stringify(password)} arrives whole`, async () => {
      start();
      const credential = await newLogin('orders', password);
      expect(await type((await inject(credential)).command)).toBe(`${credential.user}@orders`);
      expect(await injector.secretOf(injector.list()[0]?.grantId ?? '')).toEqual({ ...credential });
    });

  test('two grants of one level both work, and ending one leaves the other', async () => {
    start();
    const [first, second] = [await newLogin('orders'), await newLogin('orders')];
    const one = await inject(first);
    const two = await inject(second);
    const commandOf = (grantId: string) => injector.list().find((local) => local.grantId === grantId)?.command ?? null;
    expect(await type('psql service=orders-db')).toBe(`${second.user}@orders`);
    expect(await type(commandOf(one.grantId))).toBe(`${first.user}@orders`);
    await injector.remove(two.grantId, 'returned');
    expect(await type('psql service=orders-db')).toBe(`${first.user}@orders`);
    expect(await type('psql service=orders-db.read-only')).toBe(`${first.user}@orders`);
    expect(commandOf(one.grantId)).toBe('psql service=orders-db');
  });
  test('read-only and read-write side by side: the plain name is the newest’s', async () => {
    start();
    const [reader, writer] = [await newLogin('orders'), await newLogin('orders')];
    await inject(reader, { level: 'read-only' });
    await inject(writer, { level: 'read-write' });
    expect(await type('psql service=orders-db.read-only')).toBe(`${reader.user}@orders`);
    expect(await type('psql service=orders-db.read-write')).toBe(`${writer.user}@orders`);
    expect(await type('psql service=orders-db')).toBe(`${writer.user}@orders`);
  });

  test('a section of the user’s own keeps its name, and the command shows ours', async () => {
    const mine = '[orders-db]\nhost=/nowhere\n';
    writeFileSync(join(home, '.pg_service.conf'), mine);
    start();
    const credential = await newLogin('orders');
    const local = await inject(credential);
    expect(local.command).toBe('psql service=orders-db.read-only');
    expect(local.warnings.join()).toContain('[orders-db] of yours');
    expect(await type(local.command)).toBe(`${credential.user}@orders`);
    await injector.remove(local.grantId, 'returned');
    expect(readFileSync(join(home, '.pg_service.conf'), 'utf8')).toBe(mine);
  });
  for (const [name, text] of Object.entries({
    'starts with a BOM': '\ufeff[mine]\nhost=x\n',
    'is only a BOM': '\ufeff',
    'has CRLF and no final line end': '[mine]\r\nhost=x',
    'has a line just short enough': `[mine]\n# ${'x'.repeat(1_019)}\n`,
  }))
    test(`a service file that ${name} works and comes back as it was`, async () => {
      const file = join(home, '.pg_service.conf');
      writeFileSync(file, text);
      start();
      const credential = await newLogin('orders');
      const local = await inject(credential);
      expect(await type(local.command)).toBe(`${credential.user}@orders`);
      await injector.remove(local.grantId, 'returned');
      expect(readFileSync(file, 'utf8')).toBe(text);
    });
  test('a line that is too long for libpq is told, and nothing is written', async () => {
    const file = join(home, '.pg_service.conf');
    const text = `[mine]\n# ${'x'.repeat(1_020)}\n`;
    writeFileSync(file, `${text}[other]\nhost=${server.host}\n`);
    await expect(type('psql service=other')).rejects.toThrow(/line 2 too long/); // what libpq makes of it
    start();
    const credential = await newLogin('orders');
    await expect(inject(credential)).rejects.toMatchObject({
      userError: { code: 'service-file-unusable', next: expect.stringContaining('line 2') },
    });
    expect(injector.list()).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe(`${text}[other]\nhost=${server.host}\n`);
  });

  test('the file that the login shell names is the one that is used', async () => {
    const file = join(home, 'my services.conf');
    start({}, `export PGSERVICEFILE="${file}"`);
    const credential = await newLogin('orders');
    const local = await inject(credential);
    expect(local.files).toContain(file);
    expect(local.command).toBe('psql service=orders-db');
    expect(await type(local.command, { PGSERVICEFILE: file })).toBe(`${credential.user}@orders`);
  });
  test('PGPASSWORD in the shell is warned about, and really beats the passfile', async () => {
    start({}, 'export PGPASSWORD=wrong');
    const local = await inject(await newLogin('orders'));
    expect(local.warnings.join()).toContain('PGPASSWORD');
    await expect(type(local.command, { PGPASSWORD: 'wrong' })).rejects.toThrow(/password authentication failed/);
  });
});

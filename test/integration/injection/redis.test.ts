/** The command that a person is shown, typed into real shells, with the real redis-cli and real servers. */
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createInjector, desktopInjectorDeps, type Injector } from '../../../electron/main/injection';
import { makeCertificate } from '../../../electron/service/http/certificate';
import type { LocalInjection } from '../../../shared/contract/ipc';
import type { RedisCredential } from '../../../shared/contract/redis';
import { chance26, systemRandom } from '../../bed/postgres-target';
import { type RedisNode, redisMissing, startRedisNodes } from '../../bed/targets/redis';
import { until } from '../../bed/until';

const run = promisify(execFile);
let plain: RedisNode;
let encrypted: RedisNode;
let certificate: string;
let stop: () => Promise<void>;
let root: string;
let injector: Injector;

const missing = redisMissing();
beforeAll(async () => {
  if (missing !== null) return;
  const { certificatePem, keyPem } = await makeCertificate(systemRandom, new Date());
  certificate = certificatePem;
  const redis = await startRedisNodes([
    { acl: 'none' },
    { acl: 'none', tls: { certificatePem, keyPem }, settings: { bind: '127.0.0.1 127.0.0.2' } },
  ]);
  [plain, encrypted] = redis.nodes as [RedisNode, RedisNode];
  stop = redis.stop;
});
afterAll(() => stop?.());
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hallpass-redis-cli-'));
});
afterEach(async () => {
  for (const { grantId } of injector.list()) await injector.remove(grantId, 'returned'); // their keepers end with them
  await injector.stop();
  rmSync(root, { recursive: true, force: true });
});

/** A profile of the app in a folder of that name. */
function start(folder = 'data'): Injector {
  mkdirSync(join(root, folder));
  injector = createInjector(
    desktopInjectorDeps({
      userDataDir: join(root, folder),
      clockOffsetMs: () => 0,
      pgServiceFile: () => null,
      log: () => undefined,
      sweepCommand: null,
      env: { PATH: process.env.PATH ?? '', HOME: root, SHELL: '/bin/sh' },
      homeDir: root,
    }),
  );
  return injector;
}
async function newLogin(node: RedisNode, over: Partial<RedisCredential> = {}): Promise<RedisCredential> {
  const user = `hp_${chance26()}`;
  const password = over.password ?? randomBytes(18).toString('base64url');
  const digest = createHash('sha256').update(password).digest('hex');
  await node.command('ACL', 'SETUSER', user, 'on', `#${digest}`, '~*', '+@all', '-@admin', '+acl|whoami');
  const tls = node === encrypted ? 'verify-full' : 'disable';
  const ca = node === encrypted ? { caCertificate: certificate } : {};
  return {
    kind: 'redis',
    nodes: [node.name],
    topology: 'standalone',
    database: 0,
    user,
    password,
    tls,
    ...ca,
    ...over,
  };
}
const inject = (credential: RedisCredential): Promise<LocalInjection> =>
  injector.inject({
    grantId: `grt_${chance26()}`,
    resource: 'orders-cache',
    level: 'read-only',
    credential,
    expiresAt: Date.now() + 600_000,
  });
/** Types a command, with more words behind it, as the person would. */
async function type(command: string | null, words: string, shell = '/bin/sh'): Promise<string> {
  const { stdout, stderr } = await run(shell, ['-c', `${command} ${words}`], {
    env: { PATH: '/usr/bin:/bin', HOME: root },
  });
  return (stdout + stderr).trim();
}
const whoAmI = (local: LocalInjection, shell?: string) => type(local.command, 'ACL WHOAMI', shell);

describe.skipIf(missing !== null)(missing ?? 'redis-cli', () => {
  test('signs in with the command that is shown, and no more after the removal', async () => {
    start();
    const credential = await newLogin(plain);
    const local = await inject(credential);
    expect(local.command).toContain('redis-cli');
    expect(local.command).not.toContain(credential.password);
    expect(await whoAmI(local)).toBe(credential.user);
    expect(await whoAmI(local, '/bin/bash')).toBe(credential.user);
    const [file = ''] = local.files;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
    expect(await injector.secretOf(local.grantId)).toEqual(credential);

    expect(await injector.remove(local.grantId, 'returned')).toMatchObject({ state: 'removed' });
    expect(existsSync(dirname(file))).toBe(false);
    await expect(whoAmI(local)).rejects.toThrow(/redis\.env/);
  });

  test('commands on standard input are answered too', async () => {
    start();
    const { command } = await inject(await newLogin(plain));
    expect(await type(`printf 'SET orders:1 chair\\nGET orders:1\\n' | ${command}`, '')).toBe('OK\nchair');
  });

  test('the password stands in no argument while it runs', async () => {
    start();
    const credential = await newLogin(plain);
    const { command } = await inject(credential);
    const child = spawn('/bin/sh', ['-c', `${command} BLPOP nothing 0`], { stdio: 'ignore' });
    try {
      const isWaiting = async () => String(await plain.command('CLIENT', 'LIST')).includes('cmd=blpop');
      await until('redis-cli waiting', isWaiting);
      const found: string[] = [];
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
        try {
          found.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
        } catch {
          // it ended
        }
      expect(found.filter((line) => line.includes(credential.user)).length).toBeGreaterThan(0);
      expect(found.filter((line) => line.includes(credential.password))).toEqual([]);
    } finally {
      await plain.command('CLIENT', 'KILL', 'USER', credential.user);
      child.kill();
    }
  });

  for (const password of [
    "quote'",
    '"double"',
    '$HOME',
    '`id`',
    'back\\slash\\',
    ' spaces ',
    '#hash',
    'a=b&c?d/e@f:g',
    '100%',
    'pässwörd',
    "''",
  ])
    test(`a password like ${JSON.stringify(password)} arrives whole, by variable and by URL`, async () => {
      start();
      const credential = await newLogin(plain, { password });
      const local = await inject(credential);
      expect(await whoAmI(local)).toBe(credential.user);
      const [file = ''] = local.files;
      const byUrl = `set -a; . "${file}"; unset REDISCLI_AUTH; redis-cli --no-auth-warning -u "$REDIS_URL" ACL WHOAMI`;
      expect(await type(byUrl, '')).toBe(credential.user);
      expect(await injector.secretOf(local.grantId)).toEqual(credential);
    });
  test('a password with a line end is refused, and nothing is left', async () => {
    start();
    const refused = inject(await newLogin(plain, { password: 'two\nlines' }));
    await expect(refused).rejects.toMatchObject({ userError: { code: 'credential-unusable' } });
    expect(injector.list()).toEqual([]);
  });

  for (const folder of ["it's here", 'two  words', '$HOME', 'a;b', '-n'])
    test(`a folder called ${JSON.stringify(folder)} is no trap for the shell`, async () => {
      start(folder);
      const credential = await newLogin(plain);
      expect(await whoAmI(await inject(credential))).toBe(credential.user);
    });

  test('Node reads the file as an environment file', async () => {
    start();
    const credential = await newLogin(plain);
    const [file = ''] = (await inject(credential)).files;
    const print =
      'console.log(JSON.stringify([process.env.REDISCLI_AUTH, process.env.REDIS_HOST, process.env.REDIS_PORT]))';
    const { stdout } = await run(process.execPath, [`--env-file=${file}`, '-e', print]);
    expect(JSON.parse(stdout)).toEqual([credential.password, plain.host, String(plain.port)]);
  });

  test('a session starts in the database of the resource', async () => {
    start();
    const local = await inject(await newLogin(plain, { database: 3 }));
    expect(await type(local.command, 'CLIENT INFO')).toMatch(/ db=3 /);
  });

  test('of two grants each has a command of its own, and ending one leaves the other', async () => {
    start();
    const [first, second] = [await newLogin(plain), await newLogin(plain)];
    const [one, two] = [await inject(first), await inject(second)];
    await injector.remove(two.grantId, 'returned');
    expect(await whoAmI(one)).toBe(first.user);
    await expect(whoAmI(two)).rejects.toThrow();
  });

  test('the node’s certificate is checked against the authority of the resource', async () => {
    start();
    const credential = await newLogin(encrypted);
    expect(await whoAmI(await inject(credential))).toBe(credential.user);
    const foreign = (await makeCertificate(systemRandom, new Date())).certificatePem;
    const wrong = await inject({ ...credential, caCertificate: foreign });
    expect(wrong.files.some((file) => file.endsWith('ca.pem'))).toBe(true);
    await expect(whoAmI(wrong)).rejects.toThrow(/certificate/i);
    const { caCertificate: _, ...unknown } = credential;
    await expect(inject(unknown).then((local) => whoAmI(local))).rejects.toThrow(/certificate/i);
    const unproven = await inject({ ...unknown, tls: 'require' });
    expect(await whoAmI(unproven)).toBe(credential.user);
    // The certificate is for 127.0.0.1; that redis-cli does not mind is what the warning says.
    const misnamed = await inject({ ...credential, nodes: [`127.0.0.2:${encrypted.port}`] });
    expect(misnamed.warnings.join()).toContain('not the name in it');
    expect(await whoAmI(misnamed)).toBe(credential.user);
  });

  test('in a cluster redis-cli follows a key to the node that has it', async () => {
    const redis = await startRedisNodes(
      [1, 2].map(() => ({ acl: 'none', settings: { 'cluster-enabled': 'yes' } }) as const),
    );
    try {
      const [one, two] = redis.nodes as [RedisNode, RedisNode];
      await one.command('CLUSTER', 'ADDSLOTSRANGE', '0', '8191');
      await two.command('CLUSTER', 'ADDSLOTSRANGE', '8192', '16383');
      await two.command('CONFIG', 'SET', 'cluster-announce-ip', '127.0.0.1');
      await one.command('CLUSTER', 'MEET', two.host, String(two.port));
      for (const node of redis.nodes)
        await until('the cluster', async () =>
          String(await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok'),
        );
      start();
      const credential = await newLogin(one, { topology: 'cluster' });
      const digest = createHash('sha256').update(credential.password).digest('hex');
      await two.command('ACL', 'SETUSER', credential.user, 'on', `#${digest}`, '~*', '+@all');
      const { command } = await inject(credential);
      expect(command).toContain(' -c');
      expect(await type(command, 'SET foo here')).toContain('OK'); // slot 12182: the other node's
      expect(await two.command('GET', 'foo')).toBe('here');
    } finally {
      await redis.stop();
    }
  });
});

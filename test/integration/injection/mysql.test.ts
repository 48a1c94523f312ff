/** `mysql --defaults-group-suffix=_<resource>` with the real client and a real server: the only thing that counts. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createInjector, desktopInjectorDeps, type Injector } from '../../../electron/main/injection';
import { makeCertificate } from '../../../electron/service/http/certificate';
import { createMysqlProvisioner, type MysqlProvisioner } from '../../../electron/service/provisioners/mysql';
import type { MysqlCredential } from '../../../shared/contract/mysql';
import type { Level } from '../../../shared/contract/resources';
import { chance26, levelNamed, newPrincipal, systemRandom } from '../../bed/postgres-target';
import {
  backticks,
  type MariaDbServer,
  type MysqlTestTarget,
  makeMysqlTarget,
  mariaDbMissing,
  startMariaDb,
  text,
} from '../../bed/targets/mysql';

const run = promisify(execFile);
let server: MariaDbServer;
let provisioner: MysqlProvisioner;
let target: MysqlTestTarget;
let readOnly: Level;
let home: string;
let injector: Injector;
const optionFile = () => join(home, '.my.cnf');

const missing = mariaDbMissing();
describe.skipIf(missing !== null)(missing ?? 'the option file of MySQL programs', () => {
  beforeAll(async () => {
    server = await startMariaDb();
    provisioner = createMysqlProvisioner({ random: systemRandom });
    target = await makeMysqlTarget(server);
    const plan = await provisioner.plan(target);
    await provisioner.apply(target, plan.digest);
    readOnly = levelNamed(plan.levels, 'read-only');
  }, 120_000);
  afterAll(async () => {
    await provisioner?.close();
    await server?.stop();
  });
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'hallpass-mysql-'));
    mkdirSync(join(home, 'data'));
  });
  afterEach(async () => {
    for (const { grantId } of injector?.list() ?? []) await injector.remove(grantId, 'returned'); // their keepers end with them
    await injector?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  function start(env: Record<string, string> = {}): Injector {
    const deps = desktopInjectorDeps({
      userDataDir: join(home, 'data'),
      clockOffsetMs: () => 0,
      pgServiceFile: () => null,
      log: () => undefined,
      sweepCommand: null,
      env: { PATH: '/usr/bin:/bin', HOME: home, SHELL: '/bin/sh', ...env },
      homeDir: home,
    });
    injector = createInjector(deps);
    return injector;
  }
  /** A user made by hand, for passwords and schemas that the provisioner would not choose. */
  async function newLogin(over: { password?: string; database?: string } = {}): Promise<MysqlCredential> {
    const { password = 'plain', database = 'orders' } = over;
    const user = newPrincipal();
    await server.query(
      `CREATE DATABASE IF NOT EXISTS ${backticks(database)}; CREATE USER ${user}@'%' IDENTIFIED BY ${text(password)};
       GRANT SELECT ON *.* TO ${user}@'%'`,
    );
    return { kind: 'mysql', host: server.host, port: server.port, database, user, password, tls: 'prefer' };
  }
  const inject = (credential: MysqlCredential, over: { resource?: string; level?: string } = {}) =>
    injector.inject({
      grantId: `grt_${chance26()}`,
      resource: over.resource ?? 'orders-db',
      level: over.level ?? 'read-only',
      credential,
      expiresAt: Date.now() + 600_000,
    });
  const personEnv = () => ({ PATH: '/usr/bin:/bin', HOME: home });
  /** Runs what the app tells the person to type, in a shell of theirs. */
  async function type(command: string | null, sql = "SELECT CONCAT(USER(), ' ', DATABASE())"): Promise<string> {
    const { stdout, stderr } = await run('/bin/sh', ['-c', `${command} -BNe "$SQL"`], {
      env: { ...personEnv(), SQL: sql },
    });
    expect(stderr).toBe(''); // no warning at every start
    return stdout.trim();
  }
  const asUser = async (command: string | null) => (await type(command)).replace(/@\S+/, '');
  const PLAIN = 'mysql --defaults-group-suffix=_orders-db';

  describe('mysql', () => {
    test('logs in by the name of the resource, of its level and of the grant, and no more after the removal', async () => {
      start();
      const credential = await newLogin();
      const local = await inject(credential);
      expect(local.command).toBe(PLAIN);
      expect(local.warnings).toEqual([]);
      for (const suffix of ['', '.read-only', `.read-only.${local.grantId.slice(-6)}`])
        expect(await asUser(`${PLAIN}${suffix}`)).toBe(`${credential.user} orders`);
      expect(readFileSync(optionFile(), 'utf8')).not.toContain(credential.password);
      expect(statSync(optionFile()).mode & 0o777).toBe(0o600);
      for (const file of local.files.filter((path) => path !== optionFile()))
        expect(statSync(file).mode & 0o777, file).toBe(0o600);

      expect(await injector.remove(local.grantId, 'returned')).toMatchObject({ state: 'removed' });
      await expect(type(PLAIN)).rejects.toThrow(/Can't connect|Access denied/);
      expect(existsSync(optionFile())).toBe(false); // we had made it
    });

    test('the provisioner’s own credential reads, may not write, and is cut in the middle of a statement at the end', async () => {
      start();
      const principal = newPrincipal();
      const local = await inject(await provisioner.create(target, { principal, level: readOnly, validForMs: 600_000 }));
      expect(await type(local.command, 'SELECT item FROM orders ORDER BY id')).toBe('chair\ntable');
      await expect(type(local.command, 'DELETE FROM orders')).rejects.toThrow(/DELETE command denied/);
      const session = spawn('mysql', ['--defaults-group-suffix=_orders-db', '-BN', '--unbuffered'], {
        env: personEnv(),
      });
      const said = { out: '', err: '' };
      session.stderr.on('data', (chunk) => (said.err += chunk));
      const open = new Promise<void>((resolve) => session.stdout.on('data', () => resolve()));
      session.stdin.on('error', () => undefined); // it is cut
      session.stdin.write("SELECT 'in';\nSELECT SLEEP(1000);\n");
      await open;
      const over = new Promise<number | null>((resolve) => session.once('close', resolve));
      expect(await provisioner.end(target, principal)).toMatchObject({
        sessionsCut: 1,
        readBack: { exists: false, canLogIn: false, sessionCount: 0 },
      });
      expect(await over).not.toBe(0);
      expect(said.err).toMatch(/Lost connection|Connection was killed|gone away/);
      await expect(type(local.command)).rejects.toThrow(/Access denied/);
    });

    for (const password of [
      '#hash',
      ' spaces ',
      `quote'`,
      `double"`,
      `"both'`,
      'back\\slash\\',
      'tab\there',
      'line\nend',
      'pässwörd',
      '\\n',
      '=',
      ';',
      '!include x',
      '%s',
    ])
      test(`a password like ${JSON.stringify(password)} arrives whole`, async () => {
        start();
        const credential = await newLogin({ password });
        expect(await asUser((await inject(credential)).command)).toBe(`${credential.user} orders`);
        expect(await injector.secretOf(injector.list()[0]?.grantId ?? '')).toEqual(credential);
      });
    for (const database of ["it's", 'a"b', 'a`b', '#hash', ' leading', 'a=b', 'ünï', '[x]', 'two words'])
      test(`a schema called ${JSON.stringify(database)} is the one it starts in`, async () => {
        start();
        const credential = await newLogin({ database });
        expect(await asUser((await inject(credential)).command)).toBe(`${credential.user} ${database}`);
      });

    test('two grants of one level both work, and ending one leaves the other with the names', async () => {
      start();
      const [first, second] = [await newLogin(), await newLogin()];
      const one = await inject(first);
      const two = await inject(second);
      const commandOf = (grantId: string) =>
        injector.list().find((local) => local.grantId === grantId)?.command ?? null;
      expect(await asUser(PLAIN)).toBe(`${second.user} orders`);
      expect(await asUser(commandOf(one.grantId))).toBe(`${first.user} orders`);
      await injector.remove(two.grantId, 'returned');
      expect(await asUser(PLAIN)).toBe(`${first.user} orders`);
      expect(await asUser(`${PLAIN}.read-only`)).toBe(`${first.user} orders`);
      expect(commandOf(one.grantId)).toBe(PLAIN);
    });

    test('a group of the user’s own keeps its name, and the command shows ours', async () => {
      const mine = '[mysql_orders-db]\nuser=mine\n';
      writeFileSync(optionFile(), mine);
      start();
      const credential = await newLogin();
      const local = await inject(credential);
      expect(local.command).toBe(`${PLAIN}.read-only`);
      expect(local.warnings.join()).toContain('“_orders-db” of yours');
      expect(await asUser(local.command)).toBe(`${credential.user} orders`);
      await injector.remove(local.grantId, 'returned');
      expect(readFileSync(optionFile(), 'utf8')).toBe(mine);
    });

    test('what the user wrote under [client] is beaten, and warned about when it comes to stand after ours', async () => {
      const mine =
        '[client]\nuser=root\npassword=x\nhost=nowhere.invalid\nport=1\nsocket=/nowhere\nssl-verify-server-cert\n';
      writeFileSync(optionFile(), mine);
      start();
      const credential = await newLogin();
      const local = await inject(credential);
      expect(await asUser(local.command)).toBe(`${credential.user} orders`);
      writeFileSync(optionFile(), `${readFileSync(optionFile(), 'utf8')}[mysql]\nuser=other\n`);
      const later = await inject(await newLogin(), { resource: 'second-db' });
      expect(later.warnings).toEqual([]);
      await injector.remove(later.grantId, 'returned');
      const now = await injector.extend(local.grantId, Date.now() + 700_000);
      expect(now.warnings.join()).toContain('user in [mysql]');
      await injector.remove(local.grantId, 'returned');
      expect(readFileSync(optionFile(), 'utf8')).toBe(`${mine}[mysql]\nuser=other\n`);
    });

    test('once the keeper has taken the secret, other log-ins of the user go on working', async () => {
      start();
      const mine = await newLogin();
      writeFileSync(
        optionFile(),
        `[client_mine]\nhost=127.0.0.1\nprotocol=tcp\nport=${server.port}\nuser=${mine.user}\npassword=plain\n`,
      );
      const local = await inject(await newLogin());
      for (const file of local.files.filter((path) => path !== optionFile())) rmSync(file);
      expect(await asUser('mysql --defaults-group-suffix=_mine -D orders')).toBe(`${mine.user} orders`);
      await expect(type(PLAIN)).rejects.toThrow();
    });

    test('a server on this machine is reached over its socket', async () => {
      start();
      const credential = { ...(await newLogin()), host: server.socket };
      const local = await inject(credential);
      expect(await type(local.command, 'SELECT USER()')).toBe(`${credential.user}@localhost`);
      expect(await injector.secretOf(local.grantId)).toEqual(credential);
    });

    test('mariadb and mysqldump take the same file', async () => {
      start();
      const credential = await newLogin();
      await inject(credential);
      const env = personEnv();
      const dump = await run(
        'mysqldump',
        ['--defaults-group-suffix=_orders-db', '--skip-lock-tables', 'orders', 'orders'],
        { env },
      );
      expect(dump.stdout).toContain("'chair'");
      expect(await asUser('mariadb --defaults-group-suffix=_orders-db')).toBe(`${credential.user} orders`);
      const suffix = `_orders-db.read-only.${injector.list()[0]?.grantId.slice(-6)}`;
      const byVariable = await run('mysql', ['-BNe', 'SELECT USER()'], { env: { ...env, MYSQL_GROUP_SUFFIX: suffix } });
      expect(byVariable.stdout).toContain(credential.user);
    });
  });

  describe('mysql over TLS', () => {
    let secure: MariaDbServer;
    let ca: string;
    let otherCa: string;
    beforeAll(async () => {
      const certificate = await makeCertificate(systemRandom, new Date());
      ca = certificate.certificatePem;
      otherCa = (await makeCertificate(systemRandom, new Date())).certificatePem;
      secure = await startMariaDb({
        settings: { 'ssl-cert': '{folder}/server.crt', 'ssl-key': '{folder}/server.key' },
        files: { 'server.crt': ca, 'server.key': certificate.keyPem },
      });
      await secure.query(
        "CREATE DATABASE orders; CREATE USER tls@'%' IDENTIFIED BY 'x'; GRANT SELECT ON orders.* TO tls@'%'",
      );
    }, 120_000);
    afterAll(() => secure?.stop());
    const cipherWith = async (over: Partial<MysqlCredential>): Promise<string> => {
      start();
      const place = { host: secure.host, port: secure.port, database: 'orders', user: 'tls', password: 'x' };
      const local = await inject({ kind: 'mysql', ...place, tls: 'prefer', ...over });
      return (await type(local.command, "SHOW STATUS LIKE 'Ssl_cipher'")).replace(/^Ssl_cipher\s*/, '');
    };

    test('disable does not encrypt; the others do, without a word on stderr', async () => {
      expect(await cipherWith({ tls: 'disable' })).toBe('');
      for (const tls of ['prefer', 'require'] as const) {
        await injector.remove(injector.list()[0]?.grantId ?? '', 'returned');
        expect(await cipherWith({ tls }), tls).not.toBe('');
      }
    });
    test('verify-full takes the authority of the resource and no other', async () => {
      expect(await cipherWith({ tls: 'verify-full', caCertificate: ca })).not.toBe('');
      await expect(cipherWith({ tls: 'verify-full', caCertificate: otherCa })).rejects.toThrow(/TLS\/SSL error|SSL/);
    });
    test('verify-full never goes on without TLS', async () => {
      const plain = { host: server.host, port: server.port };
      await expect(cipherWith({ tls: 'verify-full', caCertificate: ca, ...plain })).rejects.toThrow(/SSL is required/);
    });
    test('a client of MySQL’s own gets its words too: loose, so that none of MariaDB’s stops at them', async () => {
      start({ PATH: join(home, 'bin') });
      mkdirSync(join(home, 'bin'));
      writeFileSync(join(home, 'bin', 'mysql'), '#!/bin/sh\n', { mode: 0o755 });
      const local = await inject({ ...(await newLogin()), tls: 'verify-full' });
      const file = local.files.find((path) => path.endsWith('own.cnf')) ?? '';
      expect(readFileSync(file, 'utf8')).toContain('\nloose-ssl-mode=VERIFY_IDENTITY\n');
      expect(local.warnings.join()).toContain('named CA certificate');
      await injector.remove(local.grantId, 'returned');
    });
  });

  describe('option files of all kinds come back byte for byte', () => {
    const GOOD: Readonly<Record<string, string>> = {
      'is empty': '',
      'is one blank line': '\n',
      'has only comments': '# mine\n; mine too\n',
      'has CRLF': '[client]\r\nuser=me\r\n',
      'has CRLF and no final line end': '[client]\r\nuser=me',
      'has no final line end': '[client]\nuser=me',
      'ends in blanks': '[client]\nuser=me\n  \n\t',
      'has tabs and blanks around': '\t[client]  \n  user = me  # comment\n',
      'has duplicate groups': '[client]\nuser=a\n[client]\nuser=b\n[mysqld]\n[client]\n',
      'has includes': '!include /nowhere/x.cnf\n!includedir /etc/mysql/conf.d/\n[client]\nuser=me\n',
      'has an option without a value': '[mysql]\nno-auto-rehash\nskip-column-names\n',
      'has latin1 bytes': '[client]\n# gr\xfc\xdfe\nuser=m\xfcller\n',
      'has a line just short enough': `[client]\n# ${'x'.repeat(4_091)}\nuser=me\n`,
      'has a line that looks like ours': '# >>> hallpass 00000000 grt_00000000000000000000000000\n[client]\nuser=me\n',
      'has quotes and hashes': `[client]\npassword="a#b'c"\ninit-command='SET NAMES utf8mb4' # why\n`,
      'is large': `[client]\n${'# a comment of mine\n'.repeat(40_000)}user=me\n`,
    };
    for (const [name, content] of Object.entries(GOOD))
      test(`a file that ${name}`, async () => {
        const before = Buffer.from(content, 'latin1');
        writeFileSync(optionFile(), before, { mode: 0o640 });
        chmodSync(optionFile(), 0o640);
        start();
        const credential = await newLogin();
        const local = await inject(credential);
        expect(await asUser(local.command)).toBe(`${credential.user} orders`);
        await injector.remove(local.grantId, 'returned');
        expect(readFileSync(optionFile()).equals(before)).toBe(true);
        expect(statSync(optionFile()).mode & 0o777).toBe(0o640);
      });

    test('a symbolic link stays one, to the same file', async () => {
      const real = join(home, 'dotfiles.cnf');
      writeFileSync(real, '[client]\nuser=me\n');
      symlinkSync(real, optionFile());
      start();
      const credential = await newLogin();
      const local = await inject(credential);
      expect(await asUser(local.command)).toBe(`${credential.user} orders`);
      await injector.remove(local.grantId, 'returned');
      expect(readFileSync(real, 'utf8')).toBe('[client]\nuser=me\n');
      expect(readFileSync(optionFile(), 'utf8')).toBe('[client]\nuser=me\n');
    });

    test('what the user writes during the grant stays, wherever it is', async () => {
      writeFileSync(optionFile(), '[client]\nuser=me\n');
      start();
      const local = await inject(await newLogin());
      const during = readFileSync(optionFile(), 'utf8');
      const edited = `# top\n${during.replace('user=me', 'user=you')}[mysqldump]\nquick\n`;
      writeFileSync(optionFile(), edited);
      await injector.remove(local.grantId, 'returned');
      expect(readFileSync(optionFile(), 'utf8')).toBe('# top\n[client]\nuser=you\n[mysqldump]\nquick\n');
    });

    test('damaged markers: our lines go, the section of the user’s that came to hold one stays', async () => {
      writeFileSync(optionFile(), '[client]\nuser=me\n');
      start();
      const local = await inject(await newLogin());
      const bare = readFileSync(optionFile(), 'utf8')
        .split('\n')
        .filter((line) => !line.includes('hallpass 0') && !/^# (>>>|<<<)/.test(line));
      const moved = bare.filter((line) => line !== '[client_orders-db]'); // its include is now in [client]
      writeFileSync(optionFile(), moved.join('\n'));
      await injector.remove(local.grantId, 'returned');
      expect(readFileSync(optionFile(), 'utf8')).toBe('[client]\nuser=me\n');
    });

    const BAD: Readonly<Record<string, { readonly make: () => void; readonly says: RegExp }>> = {
      'starts with a BOM': {
        make: () => writeFileSync(optionFile(), '\ufeff[client]\nuser=me\n'),
        says: /byte order mark/,
      },
      'has an option before any group': {
        make: () => writeFileSync(optionFile(), 'user=me\n[client]\n'),
        says: /line 1/,
      },
      'has a group without its end': { make: () => writeFileSync(optionFile(), '[client]\n[mysql\n'), says: /line 2/ },
      'has a line that is read as two': {
        make: () => writeFileSync(optionFile(), `[client]\n# ${'x'.repeat(4_092)}\n`),
        says: /line 2/,
      },
      'holds NUL bytes': { make: () => writeFileSync(optionFile(), '[client]\n\0\n'), says: /NUL/ },
      'everybody may write': {
        make: () => {
          writeFileSync(optionFile(), '[client]\n');
          chmodSync(optionFile(), 0o666);
        },
        says: /written by everybody/,
      },
      'is read-only': {
        make: () => {
          writeFileSync(optionFile(), '[client]\n');
          chmodSync(optionFile(), 0o400);
        },
        says: /read-only/,
      },
      'has a second name': {
        make: () => {
          writeFileSync(optionFile(), '[client]\n');
          linkSync(optionFile(), join(home, 'other'));
        },
        says: /second name/,
      },
      'is larger than 1 MB': {
        make: () => writeFileSync(optionFile(), `[client]\n${`# ${'x'.repeat(1_000)}\n`.repeat(10_000)}`),
        says: /larger/,
      },
      'is a FIFO': { make: () => execFileSync('mkfifo', [optionFile()]), says: /not a regular file/ },
      'is a folder': { make: () => mkdirSync(optionFile()), says: /folder/ },
      'is a link to nothing': { make: () => symlinkSync('/nowhere/x', optionFile()), says: /does not exist/ },
    };
    for (const [name, { make, says }] of Object.entries(BAD))
      test(`a file that ${name} is refused in words, and not touched`, async () => {
        make();
        const before =
          statSync(home).isDirectory() && existsSync(optionFile()) && statSync(optionFile()).isFile()
            ? readFileSync(optionFile())
            : null;
        start();
        const error = await inject(await newLogin()).catch((thrown: unknown) => thrown);
        expect(JSON.stringify((error as { userError?: unknown }).userError)).toMatch(says);
        expect(injector.list().filter(({ state }) => state === 'injected' || state === 'removal_failed')).toEqual([]);
        if (before) expect(readFileSync(optionFile()).equals(before)).toBe(true);
      });

    test('the real client agrees that it can not use what we refuse', async () => {
      const long = `[client]\n# ${'x'.repeat(4_092)}y\n`;
      for (const content of ['\ufeff[client]\nuser=me\n', 'user=me\n[client]\n', '[client]\n[mysql\n']) {
        writeFileSync(optionFile(), content);
        await expect(run('mysql', ['--print-defaults'], { env: personEnv() })).rejects.toThrow(/error: (Found|Wrong)/);
      }
      writeFileSync(optionFile(), long);
      await expect(run('mysql', ['-e', 'DO 1'], { env: personEnv() })).rejects.toThrow(/unknown option '--[xy]/);
    });
  });
});

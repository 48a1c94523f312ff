/** The helper `hallpass` and the socket behind it, for real: processes, files, signals, another user of the machine. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SECOND_MS } from '../../../shared/domain/instant';
import { until } from '../../bed/until';
import { type Desk, openDesk, PASSWORD, postgresCredential } from './desk';

let desk: Desk;
beforeEach(async () => {
  desk = await openDesk();
});
afterEach(() => desk.close());

/** Sends bytes, resolves with all that comes back. */
const send = (path: string, bytes: string | Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = createConnection(path);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.end(bytes);
  });
const tokenOf = () => readFileSync(desk.place.tokenFile, 'utf8').trim();

describe('hallpass run', () => {
  const show = ['sh', '-c', 'printf "%s\\n" "$PGHOST" "$PGDATABASE" "$PGUSER" "$PGPASSFILE"; cat "$PGPASSFILE"'];

  test('the command finds the credential in its environment, and the password only in a private file', async () => {
    await desk.inject('orders-db', postgresCredential);
    const { code, out, err } = await desk.hallpass(['run', 'orders-db', '--', ...show]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [host, database, user, passfile = '', line] = out.split('\n');
    expect([host, database, user]).toEqual(['db.internal', "it's orders", 'hp_x']);
    expect(lstatSync(passfile).mode & 0o777).toBe(0o600);
    expect(line).toContain(PASSWORD);
    const environment = await desk.hallpass(['run', 'orders-db', '--', 'env']);
    expect(environment.out).not.toContain(PASSWORD);
    expect(environment.out).not.toContain(tokenOf());
    expect(desk.logged.join('\n')).not.toContain(PASSWORD);
    expect(desk.logged.join('\n')).not.toContain(tokenOf());
  });

  test('input, output, arguments, mask, exit code and death by a signal are the command’s own', async () => {
    await desk.inject('orders-db', postgresCredential);
    const odd = ['a b', '', "it's", '$HOME', '*', '“é”', '-n'];
    const copied = await desk.hallpass(
      ['run', 'orders-db', '--', 'sh', '-c', 'cat; printf "<%s>" "$@"', 'x', ...odd],
      {},
      'in\nput',
    );
    expect(copied.out).toBe(`in\nput${odd.map((each) => `<${each}>`).join('')}`);
    expect((await desk.hallpass(['run', 'orders-db', 'sh', '-c', 'echo no >&2; exit 7'])).code).toBe(7);
    expect((await desk.hallpass(['run', 'orders-db', '--', 'sh', '-c', 'kill -9 $$'])).signal).toBe('SIGKILL');
    expect((await desk.hallpass(['run', 'orders-db', '--', 'no-such-command'])).code).toBe(127);
    const mask = execFileSync('sh', ['-c', 'umask'], { encoding: 'utf8' }).trim();
    expect((await desk.hallpass(['run', 'orders-db', '--', 'sh', '-c', 'umask'])).out).toBe(mask);
  });

  test('a signal of the caller reaches the command itself', async () => {
    await desk.inject('orders-db', postgresCredential);
    const running = desk.start(desk.helper, [
      'run',
      'orders-db',
      '--',
      'sh',
      '-c',
      'trap "echo caught; exit 3" TERM; echo ready; while :; do sleep 0.05; done',
    ]);
    await running.said(/ready/);
    running.child.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 3, out: 'ready\ncaught' });
  });

  test('when the access is over the command and what it started are ended; one that ignores it is killed', async () => {
    const grantId = await desk.inject('orders-db', postgresCredential);
    const deaf = 'trap "" TERM; sleep 600 & echo "child $!"; while :; do sleep 0.2; done';
    const stubborn = desk.start(desk.helper, ['run', 'orders-db', '--', 'sh', '-c', deaf]);
    const gentle = desk.start(desk.helper, [
      'run',
      'orders-db',
      '--',
      'sh',
      '-c',
      'trap "echo over; exit 5" TERM; echo ready; while :; do sleep 0.05; done',
    ]);
    const [, child] = await stubborn.said(/child (\d+)/);
    await gentle.said(/ready/);
    await desk.injector.remove(grantId, 'revoked');
    expect(await gentle.ended).toMatchObject({ code: 5 });
    expect(await stubborn.ended).toMatchObject({ signal: 'SIGKILL' });
    expect(existsSync(`/proc/${child}/stat`) && !/ Z /.test(readFileSync(`/proc/${child}/stat`, 'utf8'))).toBe(false);
  });

  test('a shell that ignores the signal is killed also when what it had started heard it', async () => {
    const grantId = await desk.inject('orders-db', postgresCredential);
    const deaf = 'sleep 600 & trap "" TERM; echo "child $!"; while :; do sleep 0.2; done';
    const running = desk.start(desk.helper, ['run', 'orders-db', '--', 'sh', '-c', deaf]);
    await running.said(/child (\d+)/);
    await desk.injector.remove(grantId, 'revoked');
    expect(await running.ended).toMatchObject({ signal: 'SIGKILL' });
  });

  test('variables of the caller and of the credential reach the command as they are, whatever they are called', async () => {
    const names = ['answer', 'body', 'token', 'name', 'AT', 'NL', 'own', 'lease', 'run'];
    const values = Object.fromEntries(names.map((name) => [name, `theirs ${name}`]));
    const print = ['sh', '-c', `printf "%s\\n" ${names.map((name) => `"$${name}"`).join(' ')}`];
    const wanted = Object.values(values).join('\n');
    await desk.inject('orders-db', postgresCredential);
    expect((await desk.hallpass(['run', 'orders-db', '--', ...print], values)).out).toBe(wanted);
    const grantId = await desk.inject('api-key', { kind: 'secret', values });
    expect((await desk.hallpass(['run', 'api-key', '--', ...print])).out).toBe(wanted);
    await until('the app to hear of its end', () => desk.exits.includes(grantId));
  });

  test('the keeper’s removal at the deadline ends the command too, with the app gone', async () => {
    await desk.inject('orders-db', postgresCredential, 3 * SECOND_MS);
    const running = desk.start(desk.helper, ['run', 'orders-db', '--', 'sleep', '600']);
    await until('the command', () => desk.logged.some((line) => line.includes('a command runs')));
    await desk.helpers.stop();
    expect(await running.ended).toMatchObject({ signal: 'SIGTERM' });
  });

  test('the app hears when the last command of a grant has ended, and not before', async () => {
    const grantId = await desk.inject('orders-db', postgresCredential);
    const long = desk.start(desk.helper, ['run', 'orders-db', '--', 'sh', '-c', 'echo ready; cat'], {}, 'open');
    await long.said(/ready/);
    const short = desk.start(desk.helper, ['run', 'orders-db', '--', 'true']);
    await short.ended;
    await desk.hallpass(['list']);
    expect(desk.exits).toEqual([]);
    long.child.stdin?.end();
    await long.ended;
    await until('the app to hear of it', () => desk.exits.length > 0);
    expect(desk.exits).toEqual([grantId]);
  });

  test('nothing that watches holds the caller’s output open', async () => {
    await desk.inject('orders-db', postgresCredential);
    const piped = desk.start('sh', [
      '-c',
      '"$1" run orders-db -- sh -c "echo one; sleep 600" | head -1',
      'sh',
      desk.helper,
    ]);
    await piped.said(/one/);
    const quick = await desk.start('sh', ['-c', 'x=$("$1" run orders-db -- echo two); echo "$x"', 'sh', desk.helper])
      .ended;
    expect(quick.out).toBe('two');
    piped.child.kill();
  });
});

describe('what is given', () => {
  test('the newest of a resource, one level of it, and nothing that is not there', async () => {
    await desk.inject('orders-db', { ...postgresCredential, user: 'hp_reader' });
    await desk.inject('orders-db', { ...postgresCredential, user: 'hp_writer' }, undefined, 'read-write');
    const userOf = async (name: string) => (await desk.hallpass(['run', name, '--', 'printenv', 'PGUSER'])).out;
    expect(await userOf('orders-db')).toBe('hp_writer');
    expect(await userOf('orders-db.read-only')).toBe('hp_reader');
    const none = await desk.hallpass(['run', 'other-db', '--', 'true']);
    expect(none).toMatchObject({
      code: 69,
      out: '',
      err: 'hallpass: There is no access called other-db on this machine now. Ask for it in Hallpass.',
    });
    const { out } = await desk.hallpass(['list']);
    expect(out.split('\n').map((line) => line.split('\t').slice(0, 2))).toEqual([
      ['orders-db', 'read-write'],
      ['orders-db', 'read-only'],
    ]);
  });

  test('nothing after the end, and nothing when the app is gone', async () => {
    const grantId = await desk.inject('orders-db', postgresCredential);
    await desk.injector.remove(grantId, 'returned');
    expect((await desk.hallpass(['run', 'orders-db', '--', 'true'])).code).toBe(69);
    expect((await desk.hallpass(['list'])).out).toBe('');
    await desk.helpers.stop();
    expect(await desk.hallpass(['list'])).toMatchObject({
      code: 69,
      err: 'hallpass: The Hallpass app is not running.',
    });
    expect(existsSync(desk.place.socket) || existsSync(desk.place.tokenFile)).toBe(false);
  });

  test('a token of an earlier start opens nothing, and the helper finds the new one', async () => {
    await desk.inject('orders-db', postgresCredential);
    const old = tokenOf();
    await desk.helpers.stop();
    await desk.helpers.start();
    expect(await send(desk.place.socket, `1 ${old} list\n`)).toMatch(/^error /);
    expect((await desk.hallpass(['list'])).out).toMatch(/^orders-db\t/);
  });

  test('names that are none never reach the app, and a wrong use says how it goes', async () => {
    for (const name of ['', 'a b', '../x', 'X', "o'", 'a\nlist', '$(id)'])
      expect((await desk.hallpass(['run', name, '--', 'true'])).code, name).toBe(69);
    for (const args of [[], ['run'], ['run', 'x', '--'], ['list', 'x'], ['credential-process'], ['steal']])
      expect(await desk.hallpass(args)).toMatchObject({ code: 64, out: '' });
    expect(desk.logged.filter((line) => line.includes('helper'))).toEqual([]);
  });
});

describe('who may ask', () => {
  const asNobody = (script: string) => {
    const change = `use POSIX qw(setuid setgid); $) = "65534 65534"; setgid(65534); setuid(65534);
      die "still root" if $> == 0; exec "/bin/sh", "-c", $ARGV[0];`;
    return desk.start('perl', ['-e', change, script]).ended;
  };
  const isRoot = process.getuid?.() === 0;

  test('the socket, its folder and the token are this user’s alone', () => {
    expect(
      [desk.socketFolder, desk.place.socket, desk.place.tokenFile].map((path) => lstatSync(path).mode & 0o777),
    ).toEqual([0o700, 0o600, 0o600]);
    expect(lstatSync(desk.helper).mode & 0o777).toBe(0o700);
  });

  test.skipIf(!isRoot)('another user of the machine gets no connection', async () => {
    await desk.inject('orders-db', postgresCredential);
    for (const folder of [desk.root, join(desk.root, 'run')]) chmodSync(folder, 0o755);
    const tried = await asNobody(
      `perl -e 'use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ARGV[0])) and print "in"; print $!' '${desk.place.socket}'`,
    );
    expect(tried.out).toBe('Permission denied');
    expect((await asNobody(`cat '${desk.place.tokenFile}'`)).code).not.toBe(0);
  });

  test.skipIf(!isRoot)(
    'with everything opened up by mistake nobody is answered, neither they nor the owner, until it is closed again',
    async () => {
      await desk.inject('orders-db', postgresCredential);
      for (const folder of [desk.root, join(desk.root, 'run'), desk.socketFolder]) chmodSync(folder, 0o777);
      chmodSync(desk.place.socket, 0o666);
      chmodSync(desk.place.tokenFile, 0o644);
      const ask = `perl -e 'use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ARGV[0])) or die; syswrite(S, "1 $ARGV[1] list\\n"); print <S>'`;
      const theirs = await asNobody(`${ask} '${desk.place.socket}' "$(cat '${desk.place.tokenFile}')"`);
      expect(theirs.out).toMatch(/^error Hallpass answers nobody: .* is open to other users/);
      expect((await desk.hallpass(['list'])).code).toBe(69);
      chmodSync(desk.socketFolder, 0o700);
      chmodSync(desk.place.socket, 0o600);
      chmodSync(desk.place.tokenFile, 0o600);
      expect((await desk.hallpass(['list'])).code).toBe(0);
    },
  );

  test.skipIf(!isRoot)('the helper gives no token to a socket in somebody else’s folder', async () => {
    for (const path of [desk.socketFolder, desk.place.socket, desk.place.tokenFile])
      execFileSync('chown', ['65534', path]);
    const tried = await desk.hallpass(['list']);
    for (const path of [desk.socketFolder, desk.place.socket, desk.place.tokenFile]) execFileSync('chown', ['0', path]);
    expect(tried).toMatchObject({ code: 69, err: `hallpass: ${desk.socketFolder} belongs to another user.` });
  });

  test('without the token, or with another one, nothing is told', async () => {
    await desk.inject('orders-db', postgresCredential);
    for (const token of ['', '0'.repeat(64), tokenOf().slice(1), `${tokenOf()}0`])
      expect(await send(desk.place.socket, `1 ${token} list\n`)).toBe(
        'error This is no request that Hallpass knows.\n',
      );
  });

  test('lines that are none are refused, whatever they hold, and the next caller is served', async () => {
    await desk.inject('orders-db', postgresCredential);
    const token = tokenOf();
    const lines = [
      '',
      '\n',
      'x'.repeat(100_000),
      `1 ${token} list`,
      `2 ${token} list\n`,
      `1 ${token} list more\n`,
      `1 ${token} run sh orders-db\n`,
      `1 ${token} run bash orders-db 1\n`,
      `1 ${token} run sh orders-db -1\n`,
      `1 ${token} run sh orders-db 99999999999\n`,
      `1 ${token} ended x y\n`,
      `1 ${token} constructor\n`,
      `1 ${token}  list\n`,
      `1 ${token} list\0\n`,
    ];
    for (const line of lines)
      expect(await send(desk.place.socket, line), JSON.stringify(line.slice(0, 90))).toMatch(/^error [^\n]*\n$/);
    expect(await send(desk.place.socket, Buffer.from([0xff, 0xfe, 0x00, 0x0a]))).toMatch(/^error /);
    expect(await send(desk.place.socket, `1 ${token} list\nrun sh orders-db 1\n`)).toMatch(/^ok\norders-db\t[^\n]*\n$/);
    expect(desk.logged.join('\n')).not.toContain(token);
  });

  test('who sends a line byte by byte is let go as one who sends nothing', async () => {
    const socket = createConnection(desk.place.socket);
    socket.on('error', () => undefined);
    let sent = 0;
    const dripping = setInterval(() => {
      socket.write('1');
      sent += 1;
    }, 100);
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(dripping);
    expect(sent).toBeLessThan(500);
  });

  test('who guesses is shut out for a while, and more requests than a person’s scripts send wait their turn', async () => {
    await desk.close();
    desk = await openDesk({ monotonicMs: () => 0 });
    await desk.inject('orders-db', postgresCredential);
    const token = tokenOf();
    const many: string[] = [];
    for (let i = 0; i < 200; i++) many.push(await send(desk.place.socket, `1 ${token} list\n`));
    expect(many.filter((answer) => answer.startsWith('ok')).length).toBeGreaterThan(100);
    expect(many.at(-1)).toBe('error Too many requests. Wait a moment.\n');
    for (let i = 0; i < 30; i++) await send(desk.place.socket, `1 ${'0'.repeat(64)} list\n`);
    expect(await send(desk.place.socket, `1 ${token} list\n`)).toBe('error Too many wrong requests. Wait a moment.\n');
  });
});

describe('the helper itself', () => {
  test.for(['perl', 'python3', 'socat'])('it speaks through %s alone', async (program, { skip }) => {
    await desk.inject('orders-db', postgresCredential);
    const tools = join(desk.root, 'tools');
    const wanted = ['sh', 'cat', 'sleep', 'ps', 'awk', 'printenv', program];
    execFileSync('mkdir', ['-p', tools]);
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return skip(`${program} is not installed here`);
    for (const name of wanted) {
      const real =
        name === 'python3' && existsSync('/usr/bin/python3') // a shim of a version manager needs more than itself
          ? '/usr/bin/python3'
          : execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
      writeFileSync(join(tools, name), `#!/bin/sh\nexec ${real} "$@"\n`, { mode: 0o755 });
    }
    const { code, out, err } = await desk.hallpass(['run', 'orders-db', '--', 'printenv', 'PGUSER'], { PATH: tools });
    expect({ code, out, err }).toEqual({ code: 0, out: 'hp_x', err: '' });
  });

  test('where none of them is, it says so; the copy of the package leads to the app’s own', async () => {
    const bare = join(desk.root, 'bare');
    execFileSync('mkdir', ['-p', bare]);
    const said = await desk.hallpass(['list'], { PATH: bare });
    expect(said.code).toBe(69);
    const shipped = join(desk.root, 'shipped');
    writeFileSync(shipped, readFileSync('electron/main/helpers/hallpass.sh'), { mode: 0o755 });
    expect((await desk.start(shipped, ['list']).ended).err).toBe('hallpass: Start the Hallpass app once first.');
    execFileSync('mkdir', ['-p', join(desk.home, '.config/Hallpass/bin')]);
    execFileSync('cp', [desk.helper, join(desk.home, '.config/Hallpass/bin/hallpass')]);
    expect((await desk.start(shipped, ['list']).ended).code).toBe(0);
  });

  test.each(['dash', 'bash'])('every line of it is one for %s', (shell) => {
    expect(spawnSync(shell, ['-n', 'electron/main/helpers/hallpass.sh']).status).toBe(0);
  });
});

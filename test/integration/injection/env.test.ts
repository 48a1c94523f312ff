/** Named values on real files: read by real shells and by Node's own reader of .env files, and gone without a trace. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Credential } from '../../../shared/contract/credential';
import { GRANT, type Machine, newMachine, SECOND } from '../../unit/injection/machine';

const SECRET = 's3cret-value-of-a-key';
const ODD = `q'uote "double" $HOME \`id\` \\back \\\\two #hash = äöü ✓ ${SECRET}`;
const MINE = '\ufeffA=1\r\n# note\r\nAPI_KEY=mine\r\nB="2';

let machine: Machine;
let envFile: string;
beforeEach(() => {
  machine = newMachine();
  envFile = join(machine.home, 'project', '.env');
  mkdirSync(join(machine.home, 'project'));
});
afterEach(() => machine.remove());

const secret = (values: Record<string, string>): Credential => ({ kind: 'secret', values });
const injector = (chosen: string | null = envFile) => machine.injector(undefined, { envFileOf: () => chosen });
const request = (over: object = {}) =>
  machine.request({ resource: 'build', level: 'use', credential: secret({ API_KEY: SECRET }), ...over });
const put = (text: string, mode = 0o600) => writeFileSync(envFile, text, { mode });
/** What a program sees that a shell starts after the command as shown. */
const sourced = (shell: string, command: string | null): Record<string, string> => {
  const out = execFileSync(shell, ['-c', `${command}; printf '%s\\0' "$API_KEY" "$USER_NAME"`], {
    env: { PATH: process.env.PATH ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'], // a bash whose input is a socket reads the person’s own start files
  });
  const [key = '', name = ''] = out.toString('utf8').split('\0');
  return { API_KEY: key, USER_NAME: name };
};

describe('in the lease’s own file', () => {
  test.each(['sh', 'bash'])(
    'every sign reaches a program that %s starts, and nothing is run on the way',
    async (shell) => {
      const values = { API_KEY: ODD, USER_NAME: `$(touch ${machine.home}/pwned)` };
      const held = await injector(null).inject(request({ credential: secret(values) }));
      expect(sourced(shell, held.command)).toEqual(values);
      expect(existsSync(join(machine.home, 'pwned'))).toBe(false);
      expect(lstatSync(held.files[0] ?? '').mode & 0o777).toBe(0o600);
      expect(held.command).not.toContain(SECRET);
    },
  );

  test('it is found again, copied, listed, and handed to a command by itself', async () => {
    const all = injector(null);
    await all.inject(request({ credential: secret({ API_KEY: ODD, USER_NAME: 'ann' }) }));
    expect(await all.secretOf(GRANT)).toEqual(secret({ API_KEY: ODD, USER_NAME: 'ann' }));
    expect((await all.usageOf(GRANT))?.environment).toEqual({ API_KEY: ODD, USER_NAME: 'ann' });
    expect(all.shown(secret({ API_KEY: ODD })).copyText).toBe(ODD);
    expect(all.shown(secret({ API_KEY: 'k', USER_NAME: 'ann' }))).toEqual({
      copyText: 'API_KEY=k\nUSER_NAME=ann\n',
      facts: [
        ['API_KEY', 'k'],
        ['USER_NAME', 'ann'],
      ],
    });
    await all.remove(GRANT, 'returned');
    expect(existsSync(machine.leaseFolder())).toBe(false);
  });
});

describe('in the file that the person chose', () => {
  test('it counts while access lives, theirs stays and is told, and the file is byte for byte as before', async () => {
    put(MINE);
    const all = injector();
    const held = await all.inject(request());
    expect(held.files).toContain(envFile);
    const text = readFileSync(envFile, 'utf8');
    expect(text.startsWith(MINE)).toBe(true);
    expect(text).toContain(`\r\nAPI_KEY=${SECRET}\r\n`); // as the file’s other lines end
    expect(held.warnings).toEqual([expect.stringContaining('API_KEY is set on line 3')]);
    expect(lstatSync(envFile).mode & 0o777).toBe(0o600);
    expect(await all.remove(GRANT, 'returned')).toMatchObject({ state: 'removed' });
    expect(readFileSync(envFile, 'utf8')).toBe(MINE);
    expect(machine.logged.join('\n')).not.toContain(SECRET);
  });

  test('readers of .env files and shells see our value', async () => {
    put('A=1\nAPI_KEY=mine\n');
    const value = 'a b $HOME `id` \\n "q" #no comment ä';
    await injector().inject(request({ credential: secret({ API_KEY: value }) }));
    expect(parseEnv(readFileSync(envFile, 'utf8'))).toEqual({ A: '1', API_KEY: value });
    expect(sourced('sh', `set -a; . ${envFile}; set +a`).API_KEY).toBe(value);
  });

  test('one value that readers read differently is told; the shell’s way is right', async () => {
    put('');
    const held = await injector().inject(request({ credential: secret({ API_KEY: "it's" }) }));
    expect(held.warnings).toEqual([expect.stringContaining('not every program reads alike')]);
    expect(sourced('sh', `set -a; . ${envFile}; set +a`).API_KEY).toBe("it's");
  });

  test('a file that is not there is made 0600 and goes again', async () => {
    const all = injector();
    await all.inject(request());
    expect(lstatSync(envFile).mode & 0o777).toBe(0o600);
    await all.remove(GRANT, 'expired');
    expect(existsSync(envFile)).toBe(false);
  });

  test('a symbolic link stays one, and its file is as before', async () => {
    const real = join(machine.home, 'shared.env');
    writeFileSync(real, 'A=1\n', { mode: 0o600 });
    symlinkSync(real, envFile);
    const all = injector();
    await all.inject(request());
    expect(readFileSync(real, 'utf8')).toContain(SECRET);
    await all.remove(GRANT, 'returned');
    expect(lstatSync(envFile).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toBe('A=1\n');
  });

  test('what is no file of theirs alone is left out and untouched; access works all the same, and the reason is told', async () => {
    const odd: [string, string, () => void][] = [
      ['open to others', 'chmod 600', () => put('A=1\n', 0o644)],
      ['a folder', 'is a folder', () => mkdirSync(envFile)],
      ['a FIFO', 'not a regular file', () => execFileSync('mkfifo', [envFile])],
      ['a link to nothing', 'does not exist', () => symlinkSync(join(machine.home, 'nowhere'), envFile)],
      ['a link to itself', 'leads back to itself', () => symlinkSync(envFile, envFile)],
      [
        'of two names',
        'second name',
        () => {
          put('A=1\n');
          linkSync(envFile, `${envFile}.other`);
        },
      ],
      ['binary', 'plain text', () => put('A=1\0')],
      ['without a folder', 'folder does not exist', () => rmSync(dirname(envFile), { recursive: true })],
    ];
    for (const [name, told, prepare] of odd) {
      const fresh = newMachine();
      const before = machine;
      machine = fresh;
      envFile = join(fresh.home, 'project', '.env');
      mkdirSync(dirname(envFile));
      prepare();
      const facts = existsSync(dirname(envFile)) ? lstatSync(envFile) : null;
      const all = injector();
      const held = await all.inject(request());
      expect(held.state, name).toBe('injected');
      expect(held.files, name).toHaveLength(1);
      expect(held.warnings.join(' '), name).toContain(told);
      if (facts) expect(lstatSync(envFile).mtimeMs, name).toBe(facts.mtimeMs);
      expect(await all.remove(GRANT, 'returned'), name).toMatchObject({ state: 'removed' });
      fresh.remove();
      machine = before;
    }
    const held = await injector('relative/.env').inject(request());
    expect(held.warnings.join(' ')).toContain('full path');
  });

  test('read-only is left out', async () => {
    put('A=1\n');
    chmodSync(envFile, 0o400);
    const held = await injector().inject(request());
    expect(held.warnings.join(' ')).toContain('read-only');
    expect(readFileSync(envFile, 'utf8')).toBe('A=1\n');
  });

  test('two grants and two kinds share it; ending one leaves the other’s values', async () => {
    put('A=1\n');
    const all = injector();
    await all.inject(request());
    const webhook: Credential = { kind: 'webhook', values: { NOTES_TOKEN: 'token' } };
    await all.inject(request({ grantId: SECOND, resource: 'notes', credential: webhook }));
    expect(parseEnv(readFileSync(envFile, 'utf8'))).toEqual({ A: '1', API_KEY: SECRET, NOTES_TOKEN: 'token' });
    await all.remove(GRANT, 'returned');
    expect(parseEnv(readFileSync(envFile, 'utf8'))).toEqual({ A: '1', NOTES_TOKEN: 'token' });
    await all.remove(SECOND, 'returned');
    expect(readFileSync(envFile, 'utf8')).toBe('A=1\n');
  });

  test('after a restart past the deadline it is gone; with the journal lost too; and another choice later changes nothing', async () => {
    put('A=1\n');
    await injector().inject(request());
    machine.pass(3_600_001);
    expect((await injector(null).sweep()).removed).toEqual([{ grantId: GRANT, why: 'expired' }]);
    expect(readFileSync(envFile, 'utf8')).toBe('A=1\n');

    await injector().inject(request());
    rmSync(join(machine.journalFolder, `${GRANT}.json`));
    expect((await injector(null).sweep()).removed).toEqual([{ grantId: GRANT, why: 'orphan' }]);
    expect(readFileSync(envFile, 'utf8')).toBe('A=1\n');
  });

  test('live ones are taken up again after a restart, whatever was chosen since', async () => {
    put('A=1\n');
    await injector().inject(request());
    const text = readFileSync(envFile, 'utf8');
    const next = injector(join(machine.home, 'other.env'));
    expect((await next.sweep()).resumed).toHaveLength(1);
    expect(readFileSync(envFile, 'utf8')).toBe(text);
    await next.remove(GRANT, 'returned');
    expect(readFileSync(envFile, 'utf8')).toBe('A=1\n');
  });
});

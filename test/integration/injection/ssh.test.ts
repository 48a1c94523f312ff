/** `ssh <resource>` with the real client and a real sshd, with the files that the injector wrote; the key made here, and the agent. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createInjector, desktopInjectorDeps, type Injector } from '../../../electron/main/injection';
import { createSshProvisioner } from '../../../electron/service/provisioners/ssh';
import type { SshCredential } from '../../../shared/contract/ssh';
import { publicLine, publicOfSeed } from '../../../shared/crypto/ssh-wire';
import { HOUR_MS } from '../../../shared/domain/instant';
import { chance26, systemRandom } from '../../bed/postgres-target';
import { type SshHost, sshHostMissing, startSshHost } from '../../bed/targets/ssh';
import { until } from '../../bed/until';

const missing = sshHostMissing();
const NAME = 'orders-host';
const RESOURCE_ID = `res_${chance26()}`;

describe.skipIf(missing !== null)(`ssh${missing === null ? '' : ` (${missing})`}`, { timeout: 60_000 }, () => {
  let host: SshHost;
  let home: string;
  let injector: Injector;
  let agent: { socket: string; child: ChildProcess } | null = null;
  const provisioner = createSshProvisioner({ random: systemRandom });
  beforeAll(async () => {
    host = await startSshHost();
  });
  afterAll(() => host?.stop());
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'hallpass-ssh-home-'));
    mkdirSync(join(home, 'data'));
    start();
  });
  afterEach(async () => {
    for (const { grantId } of injector.list()) await injector.remove(grantId, 'returned');
    await injector.stop();
    agent?.child.kill();
    agent = null;
    rmSync(home, { recursive: true, force: true });
  });

  function start(place: 'files' | 'agent' = 'files'): Injector {
    injector = createInjector(
      desktopInjectorDeps({
        userDataDir: join(home, 'data'),
        clockOffsetMs: () => 0,
        pgServiceFile: () => null,
        sshPlace: () => place,
        log: () => undefined,
        sweepCommand: null,
        env: {
          PATH: process.env.PATH ?? '',
          HOME: home,
          SHELL: '/bin/sh',
          ...(agent ? { SSH_AUTH_SOCK: agent.socket } : {}),
        },
        homeDir: home,
      }),
    );
    return injector;
  }
  const config = () => join(home, '.ssh', 'config');
  const write = (text: string) => {
    mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 });
    writeFileSync(config(), text, { mode: 0o600 });
  };
  const newGrant = () => `grt_${chance26()}`;
  const keyOf = (grantId: string, resource = NAME) =>
    injector.deviceKey({ grantId, resource, level: 'reader', kind: 'ssh', expiresAt: Date.now() + HOUR_MS });
  const certified = (grantId: string, devicePublicKey: string): Promise<SshCredential> =>
    provisioner.create(
      { resourceId: RESOURCE_ID, resourceName: NAME, settings: host.settings, secret: host.secret },
      {
        principal: `hp_${grantId.slice(4)}`,
        level: { name: 'reader', description: '', targetRole: 'root', createsAccess: true },
        validForMs: HOUR_MS,
        devicePublicKey,
      },
    );
  const inject = (grantId: string, credential: SshCredential, more: { level?: string; issue?: number } = {}) =>
    injector.inject({ grantId, resource: NAME, level: 'reader', credential, expiresAt: Date.now() + HOUR_MS, ...more });
  const granted = async (more: { level?: string } = {}): Promise<string> => {
    const grantId = newGrant();
    await inject(grantId, await certified(grantId, await keyOf(grantId)), more);
    return grantId;
  };
  const ssh = (args: readonly string[], env: Record<string, string> = {}) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      const child = spawn('ssh', ['-F', config(), '-o', 'BatchMode=yes', ...args], {
        env: { PATH: process.env.PATH ?? '', HOME: home, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let [out, err] = ['', ''];
      child.stdout.on('data', (part) => {
        out += part;
      });
      child.stderr.on('data', (part) => {
        err += part;
      });
      child.once('close', (code) => resolve({ code: code ?? -1, out: out.trim(), err: err.trim() }));
    });

  test('ssh by the resource’s name logs in; the user’s file has one line of ours and gets every byte back', async () => {
    const before = '# mine\r\nHost other\r\n  HostName other.example\r\n\r\nHost *\r\n  ServerAliveInterval 30';
    write(before);
    const grantId = await granted();
    const [local] = injector.list();
    expect(local).toMatchObject({ state: 'injected', command: `ssh ${NAME}`, warnings: [] });
    for (const file of local?.files.slice(0, 4) ?? []) expect(statSync(file).mode & 0o777, file).toBe(0o600);
    expect(readFileSync(config(), 'utf8').endsWith(before)).toBe(true);
    expect(await ssh([NAME, 'id -un'])).toMatchObject({ code: 0, out: 'root' });
    expect(await ssh([`${NAME}.reader`, 'echo $SSH_CONNECTION'])).toMatchObject({ code: 0 });
    expect((await ssh(['-G', 'other'])).out).toContain('hostname other.example');
    await injector.remove(grantId, 'returned');
    expect(readFileSync(config(), 'utf8')).toBe(before);
    expect(existsSync(dirname(local?.files[0] ?? ''))).toBe(false);
    expect((await ssh([NAME, 'true'])).code).toBe(255);
  });

  test('with no configuration at all one is made, and taken away again', async () => {
    const grantId = await granted();
    expect(statSync(config()).mode & 0o777).toBe(0o600);
    expect((await ssh([NAME, 'id -un'])).out).toBe('root');
    await injector.remove(grantId, 'expired');
    expect(existsSync(config())).toBe(false);
  });

  test('a Host section of the user’s own keeps its name, and the command shown uses another', async () => {
    write(`Host "${NAME}" # the old way\n  HostName 192.0.2.1\n`);
    await granted();
    const [local] = injector.list();
    expect(local?.command).toBe(`ssh ${NAME}.reader`);
    expect(local?.warnings.join()).toContain(`Host ${NAME}`);
    expect((await ssh(['-G', NAME])).out).toContain('hostname 192.0.2.1');
    expect(await ssh([`${NAME}.reader`, 'id -un'])).toMatchObject({ out: 'root' });
  });

  test('overlapping grants share the names: the newest has the plain one, and gives it back', async () => {
    const first = await granted();
    const second = await granted({ level: 'uptime' });
    const user = async (name: string) => (await ssh(['-G', name])).out.match(/^identityfile (.*)$/m)?.[1] ?? '';
    expect(await user(NAME)).toContain(second);
    expect(await user(`${NAME}.reader`)).toContain(first);
    await injector.remove(second, 'returned');
    expect(await user(NAME)).toContain(first);
    expect(await ssh([NAME, 'id -un'])).toMatchObject({ out: 'root' });
  });

  test('another host key than the pinned one is refused, whatever the user’s own configuration says', async () => {
    const grantId = newGrant();
    const credential = await certified(grantId, await keyOf(grantId));
    const other = publicLine(publicOfSeed(systemRandom.bytes(32)));
    write('Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n');
    await inject(grantId, { ...credential, hostKeys: [other] });
    expect((await ssh([NAME, 'true'])).err).toContain('Host key verification failed');
  });

  test('the key is made once, kept over a restart, and bound: a certificate for another one is refused and nothing stays', async () => {
    const grantId = newGrant();
    const first = await keyOf(grantId);
    expect(first).toMatch(/^ssh-ed25519 \S+$/);
    expect(await keyOf(grantId)).toBe(first);
    await injector.stop();
    start();
    expect((await injector.sweep()).removed).toEqual([]);
    expect(await keyOf(grantId)).toBe(first);
    const [local] = injector.list();
    expect(local).toMatchObject({ grantId, state: 'writing', command: null });
    expect(existsSync(config())).toBe(false);
    const other = newGrant();
    const foreign = await certified(other, await keyOf(other));
    await expect(inject(grantId, foreign)).rejects.toMatchObject({ userError: { code: 'device-key-lost' } });
    expect(injector.list().find((each) => each.grantId === grantId)?.state).toBe('removed');
    expect(existsSync(config())).toBe(false);
  });

  test('a key that got lost is made anew; an entry without its key goes at the next start', async () => {
    const grantId = newGrant();
    const first = await keyOf(grantId);
    const folder = dirname(injector.list()[0]?.files[0] ?? findKey(home));
    rmSync(join(folder, 'id'));
    const second = await keyOf(grantId);
    expect(second).not.toBe(first);
    await injector.stop();
    rmSync(join(folder, 'id'));
    start();
    expect((await injector.sweep()).removed).toEqual([{ grantId, why: 'failed' }]);
    expect(existsSync(folder)).toBe(false);
  });

  test('a newer certificate takes the place of the old one, for the same key', async () => {
    const grantId = newGrant();
    const publicKey = await keyOf(grantId);
    await inject(grantId, await certified(grantId, publicKey), { issue: 1 });
    const [file = ''] = injector.list()[0]?.files ?? [];
    const key = readFileSync(file);
    const newer = await certified(grantId, publicKey);
    await inject(grantId, newer, { issue: 2 });
    expect(readFileSync(file)).toEqual(key);
    expect(readFileSync(`${file}-cert.pub`, 'utf8').trim()).toBe(newer.certificate);
    expect(await ssh([NAME, 'id -un'])).toMatchObject({ out: 'root' });
    expect(readdirSync(dirname(file)).sort()).toEqual(['config', 'id', 'id-cert.pub', 'known_hosts', 'lease']);
  });

  test('what ssh could not read is refused with the file untouched', async () => {
    const reasons: [string, string, number][] = [
      ['\ufeffHost a\n', 'byte order mark', 0o600],
      ['Host a\n\0', 'not a plain text file', 0o600],
      ['Host a\n', 'written by others', 0o666],
    ];
    for (const [text, reason, mode] of reasons) {
      write(text);
      chmodSync(config(), mode);
      const grantId = newGrant();
      const credential = await certified(grantId, await keyOf(grantId));
      await expect(inject(grantId, credential)).rejects.toThrow(reason);
      expect(readFileSync(config(), 'utf8')).toBe(text);
      await injector.remove(grantId, 'failed');
    }
  });

  describe('with an ssh-agent', () => {
    const held = () => {
      try {
        return execFileSync('ssh-add', ['-l'], {
          env: { PATH: process.env.PATH ?? '', SSH_AUTH_SOCK: agent?.socket },
          encoding: 'utf8',
        });
      } catch (error) {
        return String((error as { stdout?: unknown }).stdout);
      }
    };
    beforeEach(async () => {
      const socket = join(home, 'agent.sock');
      agent = { socket, child: spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' }) };
      await until('the agent', () => existsSync(socket));
      start('agent');
    });

    test('key and certificate are in it while access lasts, beside the user’s own, and gone afterwards', async () => {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'my own key', '-f', join(home, 'own')]);
      const env = { PATH: process.env.PATH ?? '', SSH_AUTH_SOCK: agent?.socket };
      execFileSync('ssh-add', ['-q', join(home, 'own')], { env });
      const grantId = await granted();
      expect(held()).toContain(`${grantId} (ED25519-CERT)`);
      const lines = held().trim().split('\n');
      expect(lines).toHaveLength(3);
      // Without its files: only the agent can sign.
      const known = join(dirname(injector.list()[0]?.files[0] ?? ''), 'known_hosts');
      const direct = spawn(
        'ssh',
        [
          ...[
            '-F',
            'none',
            '-o',
            'BatchMode=yes',
            '-o',
            `UserKnownHostsFile=${known}`,
            '-o',
            `HostKeyAlias=hallpass-${NAME}`,
          ],
          ...['-p', String(host.port), '-l', 'root', '127.0.0.1', 'true'],
        ],
        { env, stdio: 'ignore' },
      );
      expect(await new Promise((resolve) => direct.once('close', resolve))).toBe(0);
      await injector.remove(grantId, 'returned');
      expect(held()).not.toContain(grantId);
      expect(held()).toContain('my own key');
    });

    test('what a crash left in it is taken out at the next start, and an agent that is gone is no failure', async () => {
      const grantId = await granted();
      await injector.stop();
      rmSync(join(home, 'data', 'injections'), { recursive: true, force: true });
      rmSync(join(home, 'data', 'credentials'), { recursive: true, force: true });
      start('agent');
      const report = await injector.sweep();
      expect(report.removed.map((each) => each.grantId)).toContain(grantId);
      expect(held()).not.toContain(grantId);
      const second = await granted();
      agent?.child.kill('SIGKILL');
      await until('the agent to be gone', () => agent?.child.signalCode !== null);
      expect((await injector.remove(second, 'returned')).state).toBe('removed');
    });
  });
});

/** The one key file below a folder. */
function findKey(folder: string): string {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('/id'));
  return join(folder, found ?? '');
}

/**
 * An SSH host: `ssh orders-host` works with the key that the desk made and the certificate of the service, and for nothing else;
 * a session that is open when it ends is cut through the host's hook, and sshd refuses the certificate afterwards.
 * `-F`: ssh looks for its configuration in the account's home, whatever HOME says, and the desk has a home of its own.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { until } from '../../bed';
import { sshHostMissing, startSshHost } from '../../bed/targets/ssh';
import { must } from '../timeline';
import type { TargetPlay } from './target-play';

const NAME = 'orders-host';

export const play: TargetPlay = {
  kind: 'ssh',
  title: 'SSH host',
  programs: ['sshd', 'ssh', 'ssh-keygen', 'flock'],
  missing: async () => sshHostMissing(),
  async play(stage) {
    const host = await startSshHost();
    stage.closing(host.stop);
    const config = path.join(stage.env.HOME ?? '', '.ssh', 'config');
    const ssh = (...args: string[]) => stage.run('ssh', ['-F', config, '-o', 'BatchMode=yes', ...args]);
    const resource = await stage.add({ name: NAME, settings: host.settings, secret: host.secret });
    const held = await stage.ask(resource, 'reader');
    await stage.step('ssh logs in by the resource’s name, and the certificate opens nothing else', async () => {
      const read = await ssh(NAME, 'id -un');
      must(read.code === 0 && read.out === 'root', `log-in: ${read.err}`);
      const other = await ssh('-l', 'daemon', NAME, 'true');
      must(other.code === 255 && other.err.includes('Permission denied'), `another account: ${other.err}`);
      const forward = await ssh('-W', `127.0.0.1:${host.port}`, NAME);
      must(forward.code !== 0, 'ports were forwarded');
      return `${held.injection.command}: ${read.out}; another account: ${other.err.split('\n').at(-1)}`;
    });
    const session = spawn('ssh', ['-F', config, '-o', 'BatchMode=yes', NAME, 'echo here; sleep 600'], {
      env: { ...stage.env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let said = '';
    session.stdout.on('data', (part) => {
      said += part;
    });
    const cut = new Promise<number | null>((resolve) => session.once('close', (code) => resolve(code)));
    stage.closing(async () => void session.kill());
    await until('the open session', () => said.includes('here'));
    // Kept aside, as somebody might who copies files: the host has to refuse them by itself.
    const [key = '', certificate = '', known = ''] = held.injection.files;
    for (const [file, name] of [
      [key, 'id'],
      [certificate, 'id-cert.pub'],
      [known, 'known_hosts'],
    ] as const)
      await stage.run('cp', [file, path.join(stage.folder, name)]);
    const ended = await stage.giveBack(held);
    await stage.step(
      'the open session was cut, the name is gone, and sshd refuses a kept copy of the certificate',
      async () => {
        must((await cut) === 255, 'the session ended by itself');
        const again = await ssh(NAME, 'true');
        must(again.code === 255, 'the name still works');
        const copy = await stage.run('ssh', [
          ...['-F', 'none', '-p', String(host.port), '-l', 'root', '-i', path.join(stage.folder, 'id')],
          ...['-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${path.join(stage.folder, 'known_hosts')}`],
          ...['-o', `HostKeyAlias=hallpass-${NAME}`, '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'],
          ...['127.0.0.1', 'true'],
        ]);
        must(copy.code === 255 && copy.err.includes('Permission denied'), `a kept copy: ${copy.code} ${copy.err}`);
        const list = await stage.run('ssh-keygen', [
          ...['-Q', '-f', path.join(host.folder, 'state', 'revoked.krl')],
          path.join(stage.folder, 'id-cert.pub'),
        ]);
        must(list.out.includes('REVOKED'), `ssh-keygen -Q: ${list.out} ${list.err}`);
        return `${ended.removal.sessionsCut} session cut; ${copy.err.split('\n').at(-1)}; ssh-keygen -Q: REVOKED`;
      },
    );
  },
};

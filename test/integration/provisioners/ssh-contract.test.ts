/** What holds for every provisioner, on a real OpenSSH server with the hook installed. */
import type { ChildProcess } from 'node:child_process';
import { describe, test } from 'vitest';
import { createSshProvisioner } from '../../../electron/service/provisioners/ssh';
import type { SshCredential, SshSettings } from '../../../shared/contract/ssh';
import { toBase64url } from '../../../shared/crypto/bytes';
import { chance26, systemRandom } from '../../bed/postgres-target';
import { newDeviceKey, runSsh, sshHostMissing, startSshHost } from '../../bed/targets/ssh';
import { type ContractSession, describeProvisionerContract } from './contract';

const missing = sshHostMissing();
if (missing !== null) describe('SSH', () => test.skipIf(true)(missing, () => undefined));
else
  describeProvisionerContract<SshSettings, SshCredential>({
    name: 'SSH',
    sessions: 'cut',
    ended: 'refused',
    repeated: 'keeps',
    madeAgain: 'refused',
    async start() {
      const host = await startSshHost();
      const provisioner = createSshProvisioner({ random: systemRandom });
      const key = newDeviceKey();
      const target = {
        resourceId: `res_${chance26()}`,
        resourceName: 'orders-host',
        settings: host.settings,
        secret: host.secret,
      };
      const plan = await provisioner.plan(target);
      await provisioner.apply(target, plan.digest);
      const [level] = plan.levels;
      if (level === undefined) throw new Error('the plan names no level');
      return {
        provisioner,
        target,
        level,
        orderWith: () => ({ devicePublicKey: key.line }),
        logIn: (credential) => openSession(credential, key.seed),
        at: (port) => ({ ...target, settings: { ...target.settings, port } }),
        wrongSecret: `hallpass-ca:${toBase64url(systemRandom.bytes(32))}`,
        foreign: null,
        stop: async () => {
          await provisioner.close();
          await host.stop();
        },
      };
    },
  });

/** A shell over the real client: each use is a line that comes back. */
async function openSession(credential: SshCredential, seed: Uint8Array): Promise<ContractSession> {
  let text = '';
  let heard = () => {};
  const run = runSsh(credential, seed, {
    command: ['sh'],
    onOutput: (all) => {
      text = all;
      heard();
    },
  });
  const { child, done } = run;
  const cut = done.then(() => undefined);
  let uses = 0;
  const use = async () => {
    const mark = `use-${++uses}`;
    await said(child, mark, cut);
  };
  const said = (process: ChildProcess, mark: string, ended: Promise<void>) =>
    new Promise<void>((resolve, reject) => {
      heard = () => text.includes(`${mark}\n`) && resolve();
      void ended.then(() => reject(new Error('the session is over')));
      process.stdin?.write(`echo ${mark}\n`);
    });
  try {
    await use();
  } catch {
    throw new Error((await done).err);
  }
  const refusedTo = async (what: Parameters<typeof runSsh>[2]) => {
    const { code, err } = await runSsh(credential, seed, what).done;
    if (code !== 0) throw new Error(err);
  };
  return {
    use,
    forbidden: [
      { what: 'another account', attempt: () => refusedTo({ user: 'daemon', command: ['true'] }) },
      { what: 'port forwarding', attempt: () => refusedTo({ args: ['-W', `127.0.0.1:${credential.port}`] }) },
    ],
    cut,
    async close() {
      child.stdin?.end();
      await cut;
    },
  };
}

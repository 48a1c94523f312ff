/**
 * Receivers of signed calls that the fault proxy is put before, over plain HTTP on this machine, so that the words can be heard.
 * A receiver is left to go on where only the service's end of a commit is reset: it has the whole call by then.
 */
import { createWebhookProvisioner } from '../../../electron/service/provisioners/webhook';
import type { WebhookCredential } from '../../../shared/contract/credential';
import { chance26, levelNamed, systemRandom } from '../../bed/postgres-target';
import { startWebhookReceiver } from '../../bed/targets/webhook';
import { answeredAlone, type ProxiedTarget, saying } from './proxied-targets';

const REPLY = /\}\}$/;

export async function proxiedWebhook(language: 'node' | 'python'): Promise<ProxiedTarget> {
  const receiver = await startWebhookReceiver(language);
  const provisioner = createWebhookProvisioner({ random: systemRandom, now: () => Date.now() });
  const settings = { kind: 'webhook' as const, url: receiver.url };
  const target = { resourceId: `res_${chance26()}`, resourceName: 'notes', settings, secret: receiver.key };
  const { levels } = await provisioner.plan(target);
  const open = new Promise<void>(() => undefined);
  return {
    provisioner,
    target,
    port: receiver.port,
    through: (port) => ({ ...target, settings: { ...settings, url: `http://127.0.0.1:${port}/hallpass` } }),
    level: levelNamed(levels, 'read-only'),
    moments: [
      saying('create', /\/hallpass\/create[\s\S]*\}$/, { server: 'goes on', reply: REPLY }),
      saying('extend', /\/hallpass\/set-deadline[\s\S]*\}$/, { server: 'goes on' }),
      saying('end', /\/hallpass\/end[\s\S]*\}$/, { server: 'goes on' }),
    ],
    sessions: 'none',
    attacks: 'at once',
    silence: 'also on a kept line', // each call has a line of its own
    async logIn(credential) {
      const token = (credential as WebhookCredential).values.NOTES_TOKEN;
      const answer = await fetch(receiver.notesUrl, { headers: { authorization: `Bearer ${token}` } });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      return { cut: open };
    },
    secretsOf: (credential) => Object.values((credential as WebhookCredential).values),
    lostIn(reply) {
      const token = /"NOTES_TOKEN": ?"([0-9a-f]+)"/.exec(reply)?.[1];
      return token === undefined ? null : { kind: 'webhook', values: { NOTES_TOKEN: token } };
    },
    async look(principal, resourceId = target.resourceId) {
      const { canLogIn, sessionCount } = await provisioner.readBack({ ...target, resourceId }, principal);
      return { canLogIn, sessions: sessionCount };
    },
    settled: answeredAlone,
    async stop() {
      await provisioner.close();
      await receiver.stop();
    },
  };
}

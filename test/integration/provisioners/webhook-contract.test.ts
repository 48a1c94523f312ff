/** Receivers of webhooks against what holds for every provisioner: the reference server, and one in another language. Attacks: webhook.test.ts. */
import { createWebhookProvisioner } from '../../../electron/service/provisioners/webhook';
import { chance26, levelNamed, systemRandom } from '../../bed/postgres-target';
import { startWebhookReceiver } from '../../bed/targets/webhook';
import { describeProvisionerContract } from './contract';

for (const language of ['node', 'python'] as const)
  describeProvisionerContract({
    name: `Webhook, a receiver in ${language}`,
    sessions: 'none',
    ended: 'refused',
    repeated: 'replaces',
    async start() {
      const receiver = await startWebhookReceiver(language);
      const provisioner = createWebhookProvisioner({ random: systemRandom, now: () => Date.now() });
      const settings = { kind: 'webhook' as const, url: receiver.url };
      const target = { resourceId: `res_${chance26()}`, resourceName: 'notes', settings, secret: receiver.key };
      const { levels } = await provisioner.plan(target);
      const ask = async (token: string | undefined, method: string) => {
        const answer = await fetch(receiver.notesUrl, { method, headers: { authorization: `Bearer ${token}` } });
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        await answer.arrayBuffer();
      };
      return {
        provisioner,
        target,
        level: levelNamed(levels, 'read-only'),
        wrongSecret: 'another key that is long enough, but not theirs',
        at: (port) => ({ ...target, settings: { ...settings, url: `http://127.0.0.1:${port}/hallpass` } }),
        async logIn({ values }) {
          await ask(values.NOTES_TOKEN, 'GET');
          return {
            use: () => ask(values.NOTES_TOKEN, 'GET'),
            forbidden: [{ what: 'another token', attempt: () => ask(`${values.NOTES_TOKEN}0`, 'GET') }],
            cut: new Promise(() => undefined),
            close: async () => undefined,
          };
        },
        foreign: null,
        async stop() {
          await provisioner.close();
          await receiver.stop();
        },
      };
    },
  });

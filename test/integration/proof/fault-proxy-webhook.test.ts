/** Receivers of signed calls behind a line that lies, in two languages; and that a call whose answer was lost can be made again. */
import { expect, test } from 'vitest';
import type { Credential, WebhookCredential } from '../../../shared/contract/credential';
import { startFaultProxy } from '../../bed/fault-proxy';
import { newPrincipal } from '../../bed/postgres-target';
import { MINUTE_MS } from '../../model/world';
import type { ProxiedTarget } from './proxied-targets';
import { describeBehindFaultyLine } from './proxied-targets-facts';
import { proxiedWebhook } from './proxied-targets-webhook';

/** The receiver refuses a call that it has seen: what is made again after a lost answer has to be a call of its own. */
function describeRepeats(on: () => ProxiedTarget): void {
  test('a creation made again after its answer was lost, twice: one principal, the last token, and no other opens anything', async () => {
    const { provisioner, level, moments, lostIn, logIn, target, through } = on();
    const proxy = await startFaultProxy(on().port);
    try {
      const principal = newPrincipal();
      const order = { principal, level, validForMs: 15 * MINUTE_MS };
      const [create] = moments;
      await create?.arm(proxy, 'reply-lost', { times: 2 });
      for (let time = 0; time < 2; time++)
        await expect(provisioner.create(through(proxy.port), order)).rejects.toMatchObject({ kind: 'unreachable' });
      const kept = await provisioner.create(through(proxy.port), order);
      await logIn(kept);
      const lost = proxy.lostReplies().map((reply) => lostIn?.(reply, null) as Credential);
      const tokens = [...lost, kept].map((one) => (one as WebhookCredential).values.NOTES_TOKEN);
      expect(new Set(tokens).size).toBe(3);
      for (const one of lost) await expect(logIn(one)).rejects.toThrow();
      expect(await provisioner.list(target)).toEqual([principal]);
      expect((await provisioner.end(target, principal)).readBack).toMatchObject({ canLogIn: false });
      for (const one of [...lost, kept]) await expect(logIn(one)).rejects.toThrow();
      await provisioner.cleanUp(target, principal);
    } finally {
      await proxy.stop();
    }
  });

  test('an end whose answer was lost, an extension after it: refused, and what was ended stays so', async () => {
    const { provisioner, level, moments, logIn, target, through } = on();
    const proxy = await startFaultProxy(on().port);
    try {
      const principal = newPrincipal();
      const kept = await provisioner.create(target, { principal, level, validForMs: 15 * MINUTE_MS });
      await moments.at(-1)?.arm(proxy, 'reply-lost');
      await expect(provisioner.end(through(proxy.port), principal)).rejects.toMatchObject({ kind: 'unreachable' });
      const again = [
        provisioner.setDeadline(through(proxy.port), principal, 30 * MINUTE_MS),
        provisioner.create(through(proxy.port), { principal, level, validForMs: 15 * MINUTE_MS }),
      ];
      for (const outcome of await Promise.allSettled(again))
        expect(outcome).toMatchObject({ status: 'rejected', reason: { kind: 'conflict' } });
      await expect(logIn(kept)).rejects.toThrow();
      expect((await provisioner.end(through(proxy.port), principal)).readBack).toMatchObject({ canLogIn: false });
      await provisioner.cleanUp(target, principal);
    } finally {
      await proxy.stop();
    }
  });
}

for (const language of ['node', 'python'] as const)
  describeBehindFaultyLine({
    name: `a webhook receiver in ${language}`,
    start: () => proxiedWebhook(language),
    missing: null,
    more: describeRepeats,
  });

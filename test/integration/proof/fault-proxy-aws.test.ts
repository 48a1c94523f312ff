/** An AWS account behind a line that lies. What is asked of it: proxied-targets-facts.ts. */
import { expect, test } from 'vitest';
import { startFaultProxy } from '../../bed/fault-proxy';
import { newPrincipal } from '../../bed/postgres-target';
import { missingForAws } from '../../bed/targets/aws';
import { MINUTE_MS } from '../../model/world';
import type { ProxiedTarget } from './proxied-targets';
import { proxiedAws } from './proxied-targets-aws';
import { expectLostOpenNothing } from './proxied-targets-engine';
import { describeBehindFaultyLine } from './proxied-targets-facts';

function describeRepeats(on: () => ProxiedTarget): void {
  test('an answer lost once is asked for again by the SDK itself: the sessions share one mark, and end with it', async () => {
    const { provisioner, level, moments, through, logIn, look } = on();
    for (const moment of moments.filter(({ call }) => call === 'create')) {
      const proxy = await startFaultProxy(on().port);
      try {
        const principal = newPrincipal();
        await moment.arm(proxy, 'reply-lost', { times: 1 });
        const kept = await provisioner.create(through(proxy.port), { principal, level, validForMs: 15 * MINUTE_MS });
        expect(proxy.struck()).toBe(1);
        await logIn(kept);
        const lost = proxy.lostReplies().flatMap((reply) => on().lostIn?.(reply, kept) ?? []);
        for (const one of lost) await logIn(one); // it was made, and nobody has it
        await moments.at(-1)?.arm(proxy, 'reply-lost', { times: 1 });
        expect((await provisioner.end(through(proxy.port), principal)).readBack).toMatchObject({ canLogIn: false });
        expect(await look(principal)).toEqual({ canLogIn: false, sessions: 0 });
        await expect(logIn(kept)).rejects.toThrow();
        await expectLostOpenNothing(on(), proxy, kept);
      } finally {
        await proxy.stop();
      }
    }
  });
}

describeBehindFaultyLine({
  name: 'aws',
  start: proxiedAws,
  missing: await missingForAws(),
  more: describeRepeats,
});

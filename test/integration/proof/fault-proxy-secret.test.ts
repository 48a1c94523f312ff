/**
 * A stored secret whose rotator is behind a line that lies: whatever is lost on the way, one of the stored secrets works, so that
 * nobody is locked out; and an end is none until the old one was read back as refused.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StoredSecret } from '../../../electron/service/provisioners/provisioner';
import { type ProxyFault, startFaultProxy } from '../../bed/fault-proxy';
import { newPrincipal } from '../../bed/postgres-target';
import { MINUTE_MS } from '../../model/world';
import { downForTwentyMinutes, endUnheard } from './proxied-targets-engine';
import { type ProxiedSecret, proxiedSecret } from './proxied-targets-secret';

const REFUSED = { exists: true, canLogIn: false, sessionCount: 0 };
const LINES: readonly ProxyFault[] = [{ kind: 'half-open' }, { kind: 'down' }];

describe('a rotator by webhook behind a faulty line', { timeout: 240_000 }, () => {
  let on: ProxiedSecret;
  beforeEach(async () => {
    on = await proxiedSecret();
  });
  afterEach(() => on?.stop());

  /** What is stored, as the service keeps it. */
  function stored(): { readonly port: StoredSecret; text(): string } {
    let text = on.provisioner.adoptSecret?.(on.typed(), null) ?? '';
    return {
      text: () => text,
      port: {
        read: async () => text,
        async replace({ was, now }) {
          if (was !== text) return 'overtaken';
          text = now;
          return 'kept';
        },
      },
    };
  }
  async function attack(arm: (proxy: Awaited<ReturnType<typeof startFaultProxy>>) => Promise<void> | void, at: string) {
    const { provisioner, service, level } = on;
    const proxy = await startFaultProxy(on.port);
    try {
      const { port, text } = stored();
      const target = { ...on.through(proxy.port), stored: port };
      const principal = newPrincipal();
      const credential = await provisioner.create(target, { principal, level, validForMs: 15 * MINUTE_MS });
      await on.logIn(credential);
      await arm(proxy);
      await expect(provisioner.end(target, principal), at).rejects.toMatchObject({ kind: 'unreachable' });
      await on.settled(proxy);
      expect((await provisioner.readBack(target, principal)).canLogIn, at).toBe(true);
      const works = (await service.keys()).map((key) => text().includes(key));
      expect(works, `${at}: a secret that works is stored`).toContain(true);
      proxy.lift();
      expect((await provisioner.end(target, principal)).readBack, at).toEqual(REFUSED);
      await expect(on.logIn(credential), at).rejects.toThrow();
      const keys = await service.keys();
      expect(keys, at).toHaveLength(1);
      expect(text(), at).toContain(keys[0]);
    } finally {
      await proxy.stop();
    }
  }

  test.each(['within', 'in-commit', 'reply-lost'] as const)(
    '%s of each of its calls: one secret works, and the next end is one',
    async (strike) => {
      for (const moment of on.moments) await attack((proxy) => moment.arm(proxy, strike), `${strike}, ${moment.name}`);
    },
  );
  test('a slow line: it is changed, and the old one is read back as refused', async () => {
    const proxy = await startFaultProxy(on.port);
    try {
      proxy.play({ kind: 'latency', eachWayMs: 15 });
      const target = { ...on.through(proxy.port), stored: stored().port };
      const principal = newPrincipal();
      const order = { principal, level: on.level, validForMs: 15 * MINUTE_MS };
      const credential = await on.provisioner.create(target, order);
      expect((await on.provisioner.end(target, principal)).readBack).toEqual(REFUSED);
      await expect(on.logIn(credential)).rejects.toThrow();
    } finally {
      await proxy.stop();
    }
  });
  test.each(LINES)('a line that is $kind: nothing was changed, and the next end is one', async (line) => {
    await attack((proxy) => proxy.play(line), line.kind);
  });
  test('down for twenty minutes of the service’s time: claimed by nobody, and changed at its first answer', () =>
    downForTwentyMinutes(on));
  test('changed, its answer lost, then away: not ended until it was read back', () => endUnheard(on));
});

/** An OpenSSH server behind a line that lies. What is asked of it: proxied-targets-facts.ts; where it is cut: proxied-targets-ssh.ts. */
import { expect, test } from 'vitest';
import { startFaultProxy } from '../../bed/fault-proxy';
import { newPrincipal } from '../../bed/postgres-target';
import { sshHostMissing } from '../../bed/targets/ssh';
import { MINUTE_MS } from '../../model/world';
import type { ProxiedTarget } from './proxied-targets';
import { describeBehindFaultyLine } from './proxied-targets-facts';
import { proxiedSsh } from './proxied-targets-ssh';

/** At so many places from the first byte to the last of what one side sends. */
const CUTS = 4;

/** Cuts the line of one call by counted bytes, all the way through it. */
function describeCuts(on: () => ProxiedTarget): void {
  const orderOf = (principal: string) => ({
    ...{ principal, level: on().level, validForMs: 15 * MINUTE_MS },
    ...on().order,
  });
  test.each(['create', 'end'] as const)(
    '%s, cut after any share of the bytes of either side: nobody is told it is done, and it ends once it can',
    async (what) => {
      const { provisioner, through, look, settled, logIn, target } = on();
      const proxy = await startFaultProxy(on().port);
      const over = through(proxy.port);
      const call = (principal: string): Promise<unknown> =>
        what === 'create' ? provisioner.create(over, orderOf(principal)) : provisioner.end(over, principal);
      try {
        const measured = newPrincipal();
        if (what === 'end') await provisioner.create(target, orderOf(measured));
        await call(measured);
        const bytes = proxy.carried();
        await provisioner.end(target, measured);
        for (const from of ['client', 'server'] as const)
          for (let cut = 1; cut <= CUTS; cut++) {
            const at = `${from}, cut ${cut} of ${CUTS}`;
            const principal = newPrincipal();
            const credential = what === 'end' ? await provisioner.create(target, orderOf(principal)) : null;
            // Not the very last bytes: they close the connection, and are not the same number each time.
            const afterBytes = Math.floor(((bytes[from] - 200) * cut) / CUTS);
            proxy.play({ kind: 'cut', from, afterBytes });
            const struckBefore = proxy.struck();
            await expect(call(principal), at).rejects.toMatchObject({ name: 'TargetError', kind: 'unreachable' });
            expect(proxy.struck(), at).toBe(struckBefore + 1);
            proxy.lift();
            await settled(proxy);
            expect((await provisioner.end(over, principal)).readBack, at).toMatchObject({ canLogIn: false });
            expect(await look(principal), at).toEqual({ canLogIn: false, sessions: 0 });
            if (credential !== null) await expect(logIn(credential), at).rejects.toThrow();
            expect(await provisioner.cleanUp(over, principal), at).toMatchObject({ done: true });
          }
        expect(await provisioner.list(target)).toEqual([measured]);
        await provisioner.cleanUp(target, measured);
      } finally {
        await proxy.stop();
      }
    },
  );
}

describeBehindFaultyLine({ name: 'ssh', start: proxiedSsh, missing: sshHostMissing(), more: describeCuts });

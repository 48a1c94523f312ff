/** A service's clock that was set forward since the desktop asked it for the time must not make access longer on the desktop. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DAY_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { type Machine, newMachine } from '../injection/machine';
import { grant } from './fixtures';
import { flowOn } from './flow';

let machine: Machine;
let folder: string;
beforeEach(() => {
  machine = newMachine();
  folder = mkdtempSync(join(tmpdir(), 'hallpass-deadline-'));
});
afterEach(() => {
  machine.remove();
  rmSync(folder, { recursive: true, force: true });
});

test('a deadline a year away, of access for ten minutes, is kept as ten minutes', async () => {
  const watched: number[] = [];
  const callApi = (async () => ({})) as never;
  const nowMs = () => machine.clocks.wallAt;
  const { flow } = flowOn(machine, folder, callApi, {
    clock: { watch: ({ expiresAt }: { expiresAt: number }) => watched.push(expiresAt), forget: () => {} } as never,
  });
  const ttlMs = 10 * MINUTE_MS;
  const activatedAt = nowMs() + 365 * DAY_MS;
  await flow.onGrant(
    grant({ state: 'provisioning', credentialReady: true, expiresAt: null, activatedAt: null, ttlMs }),
  );
  await flow.onGrant(
    grant({ state: 'active', credentialReady: true, activatedAt, expiresAt: activatedAt + ttlMs, ttlMs }),
  );
  expect(watched.length).toBeGreaterThan(0);
  for (const expiresAt of watched) expect(expiresAt - nowMs()).toBeLessThanOrEqual(ttlMs + MINUTE_MS);
});

/** Access that ends with a locked screen is not put behind one: not when it is locked already, and not when it locks on the way. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Injector } from '../../../electron/main/injection';
import { createSignals, type Signals } from '../../../electron/main/signals/signals';
import type { GrantFlow } from '../../../electron/main/sync/grant-flow';
import type { Credential } from '../../../shared/contract/credential';
import { NOTHING_ENDS } from '../../../shared/domain/end-signals';
import { credential, type Machine, newMachine } from '../injection/machine';
import { grant } from './fixtures';
import { flowOn } from './flow';

let machine: Machine;
let folder: string;
let injector: Injector;
let signals: Signals;
let flow: GrantFlow;
let sent: string[];
let failed: string[];
const screen = { locked: false, onOpen: () => {} };

beforeEach(async () => {
  machine = newMachine();
  folder = mkdtempSync(join(tmpdir(), 'hallpass-signals-'));
  [sent, failed] = [[], []];
  screen.locked = false;
  screen.onOpen = () => {};
  const callApi = (async (name: string, { body }: { body?: { state?: string; signal?: string } } = {}) => {
    const said = body?.state ?? body?.signal;
    sent.push(said === undefined ? name : `${name} ${said}`);
    return {};
  }) as never;
  signals = createSignals({
    clocks: { now: () => machine.clocks.wallAt, monotonicMs: () => 0, boot: () => null },
    interfaces: () => ({}),
    every: () => () => {},
    watchLock: async () => ({ unwatched: () => null, isLocked: async () => screen.locked, stop: () => {} }),
    settings: () => NOTHING_ENDS,
    injections: () => injector.list(),
    end: (grantId, signal) => flow.giveBack(grantId, signal),
    log: () => undefined,
  });
  ({ injector, flow } = flowOn(machine, folder, callApi, {
    open(): Credential {
      screen.onOpen();
      return credential;
    },
    missingSignals: (endOn) => signals.missing(endOn),
    standingSignals: (endOn) => signals.standing(endOn),
    onBegun: (grantId) => signals.begun(grantId),
    onFailed: (_grant, what, next) => void failed.push(what, next ?? ''),
  }));
  await signals.start();
});
afterEach(() => {
  machine.remove();
  rmSync(folder, { recursive: true, force: true });
});
const onItsWay = (screenLock: boolean) =>
  grant({
    ...{ state: 'provisioning', credentialReady: true, expiresAt: null, activatedAt: null },
    endOn: { ...NOTHING_ENDS, screenLock },
  });

test('behind a screen that is locked already nothing is fetched or written, and the person is told what to do', async () => {
  screen.locked = true;
  await flow.onGrant(onItsWay(true));
  expect(injector.list()).toEqual([]);
  expect(sent).toEqual(['grants.report failed']);
  expect(failed).toEqual([
    'This access has to end when the screen is locked, and that is so now.',
    'Ask again, and stay until it is there.',
  ]);
});

test('a screen that locks while the credential is on its way ends what was written', async () => {
  screen.onOpen = () => {
    screen.locked = true;
  };
  await flow.onGrant(onItsWay(true));
  await expect.poll(() => injector.list()).toMatchObject([{ state: 'removed' }]);
  await expect
    .poll(() => sent.slice(0, 3))
    .toEqual(['grants.credential', 'grants.report injected', 'grants.return screen_lock']);
});

test('access that nothing binds to the screen begins behind a locked one', async () => {
  screen.locked = true;
  await flow.onGrant(onItsWay(false));
  expect(injector.list()).toMatchObject([{ state: 'injected' }]);
  expect(sent).toEqual(['grants.credential', 'grants.report injected']);
});

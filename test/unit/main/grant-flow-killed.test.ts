/** What a life of the app owes the service when it was killed between a file and the word about it: the next one says it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Injector } from '../../../electron/main/injection';
import { ApiProblem } from '../../../electron/main/session/api-problem';
import { createReturnQueue, type ReturnQueue } from '../../../electron/main/session/return-queue';
import type { GrantFlow } from '../../../electron/main/sync/grant-flow';
import { Problem } from '../../../shared/contract/problem';
import { type Machine, newMachine } from '../injection/machine';
import { grant } from './fixtures';
import { flowOn } from './flow';

let machine: Machine;
let folder: string;
let injector: Injector;
let queue: ReturnQueue;
let flow: GrantFlow;
let sent: string[];
/** The service hears nothing until it is let to. */
let hold: Promise<void> | null;

beforeEach(() => {
  machine = newMachine();
  folder = mkdtempSync(join(tmpdir(), 'hallpass-killed-'));
  sent = [];
  hold = null;
  startApp();
});
afterEach(() => {
  machine.remove();
  rmSync(folder, { recursive: true, force: true });
});
function startApp(): void {
  const callApi = (async (name: string, { body }: { body?: { state?: string } } = {}) => {
    if (name !== 'grants.credential') await hold;
    sent.push(body?.state === undefined ? name : `${name} ${body.state}`);
    return {};
  }) as never;
  ({ injector, queue, flow } = flowOn(machine, folder, callApi));
}
const onItsWay = () => grant({ state: 'provisioning', credentialReady: true, expiresAt: null, activatedAt: null });
/** Nothing of the earlier life runs on; what it wrote is there. */
async function killAndStart(): Promise<void> {
  await injector.stop();
  sent = [];
  hold = null;
  startApp();
  await injector.sweep();
}

test('killed after the last file and before its word: the next life says that it is there, once', async () => {
  hold = new Promise(() => undefined);
  void flow.onGrant(onItsWay());
  await expect.poll(() => injector.list()[0]?.state).toBe('injected');
  rmSync(join(folder, 'returns.json'), { force: true }); // not even noted that it is to be said
  await killAndStart();
  await flow.reconcile([onItsWay()]);
  await flow.onGrant(onItsWay());
  expect(sent).toEqual(['grants.report injected']);
  expect(injector.list()).toMatchObject([{ state: 'injected' }]);
});

test('what is there and was said is not said again', async () => {
  await flow.onGrant(onItsWay());
  await flow.onGrant(onItsWay());
  expect(sent).toEqual(['grants.credential', 'grants.report injected']);
});

test('given back, and killed while its files went: the service hears of it, and nothing comes back', async () => {
  await flow.onGrant(onItsWay());
  const { remove } = injector;
  injector.remove = async (grantId, why) => {
    await remove(grantId, why);
    return new Promise(() => undefined); // the last thing this life did
  };
  hold = new Promise(() => undefined);
  void flow.giveBack(grant().id);
  await expect.poll(() => injector.list()[0]?.state).toBe('removed');
  await killAndStart();
  const active = grant({ state: 'active', credentialReady: true });
  await flow.onGrant(active);
  expect([sent, injector.list()]).toEqual([[], []]);
  await queue.flush();
  expect(sent).toEqual(['grants.return']);
});

test('a return of which the service does not know whether it heard it is said again, as something new, until it is heard', async () => {
  const keys: (string | undefined)[] = [];
  const unknown = () =>
    new ApiProblem(
      Problem.parse({
        type: 'https://hallpass.example/problems/conflict',
        title: 'Begun.',
        status: 409,
        code: 'conflict',
      }),
    );
  let refusals = 3;
  let made = 0;
  const told = createReturnQueue({
    file: join(folder, 'unknown.json'),
    callApi: (async (_name: string, options: { idempotencyKey?: string }) => {
      keys.push(options.idempotencyKey);
      if (refusals-- > 0) throw unknown();
      return {};
    }) as never,
    nowMs: () => machine.clocks.wallAt,
    newKey: () => `key-${made++}`,
    log: () => undefined,
  });
  await told.push({ kind: 'return', grantId: grant().id });
  expect([keys, told.size(), told.returning(grant().id)]).toEqual([['key-0', 'key-1'], 1, true]);
  await told.flush();
  expect([keys, told.size()]).toEqual([['key-0', 'key-1', 'key-2', 'key-3'], 0]);
});

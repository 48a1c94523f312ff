/** The desktop's flow of grants on a test's own machine, its queue on disk. Nothing ends it, nobody is told; `over` says what is otherwise. */
import { join } from 'node:path';
import { createReturnQueue } from '../../../electron/main/session/return-queue';
import { createGrantFlow } from '../../../electron/main/sync/grant-flow';
import { credential, type Machine } from '../injection/machine';
import { MY_DEVICE } from './fixtures';

type FlowDeps = Parameters<typeof createGrantFlow>[0];

/** @param folder where the queue keeps what the service has not heard yet */
export function flowOn(
  machine: Machine,
  folder: string,
  callApi: FlowDeps['callApi'],
  over: Partial<Omit<FlowDeps, 'injector' | 'queue' | 'callApi'>> = {},
) {
  const injector = machine.injector();
  const nowMs = () => machine.clocks.wallAt;
  const log = () => undefined;
  let keys = 0;
  const newKey = () => `key-${keys++}`;
  const queue = createReturnQueue({ file: join(folder, 'returns.json'), callApi, nowMs, newKey, log });
  const flow = createGrantFlow({
    clock: { watch: () => undefined, forget: () => undefined } as never,
    deviceId: () => MY_DEVICE,
    open: () => credential,
    serverNow: nowMs,
    missingSignals: async () => [],
    standingSignals: async () => [],
    onBegun: async () => {},
    onActive: () => undefined,
    onFailed: () => undefined,
    log,
    ...over,
    ...{ injector, queue, callApi },
  });
  return { injector, queue, flow };
}

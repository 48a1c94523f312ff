/** The engine in a process of its own on a store that lies ready, with the bench's target: who measures must not share its event loop or its memory. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { systemClock, systemRandom } from '../../../electron/service/clock';
import { type LeaseEngine, startLeases } from '../../../electron/service/leases/engine';
import { type EngineStore, openEngineStore } from './engine-store';
import { EngineTarget } from './engine-target';

export interface EngineOrders {
  readonly folder: string;
  readonly callMs: number;
  readonly workers: number;
  readonly perTarget: number;
}
export interface EngineSaid {
  readonly kind: 'armed';
  /** From opening the store until the engine had looked through everything that is due. */
  readonly tookMs: number;
}
export interface EngineState {
  readonly kind: 'state';
  readonly left: number;
  readonly rssMb: number;
  readonly heapMb: number;
  readonly mostAtOnce: number;
}
type Told = EngineOrders | 'stop' | 'state' | 'away' | 'back';

const target = new EngineTarget(0);
let it: EngineStore | null = null;
let engine: LeaseEngine | null = null;
const presence = { isOnline: () => false, isDeviceConnected: () => false, onDeviceConnected: () => () => {} };

process.on('message', (told: Told) => {
  if (told === 'stop') void stop();
  else if (told === 'away') target.isAway = true;
  else if (told === 'back') target.isAway = false;
  else if (told === 'state') say();
  else void begin(told);
});
process.on('disconnect', () => void stop());

async function begin({ folder, callMs, workers, perTarget }: EngineOrders): Promise<void> {
  target.callMs = callMs;
  const made = JSON.parse(readFileSync(join(folder, 'principals.json'), 'utf8')) as {
    principal: string;
    resourceId: string;
  }[];
  for (const { principal, resourceId } of made) target.loginsOn(resourceId).add(principal);
  const startedAt = performance.now();
  it = await openEngineStore(folder);
  engine = startLeases({
    ...{ store: it.store, clock: systemClock(), random: systemRandom, secretBox: it.secretBox, presence },
    ...{ provisioners: new Map([['postgres', target as never]]), instanceId: 'bench', log: { warn: () => {} } },
    capacity: { workers, perTarget },
  });
  await engine.armed();
  process.send?.({ kind: 'armed', tookMs: performance.now() - startedAt } satisfies EngineSaid);
}

function say(): void {
  const { rss, heapUsed } = process.memoryUsage();
  const state = { left: target.left, rssMb: rss / 2 ** 20, heapMb: heapUsed / 2 ** 20, mostAtOnce: target.mostAtOnce };
  process.send?.({ kind: 'state', ...state } satisfies EngineState);
}
async function stop(): Promise<void> {
  await engine?.stop();
  await it?.store.close();
  process.exit(0);
}

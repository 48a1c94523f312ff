/**
 * The lease engine by itself, in a process of its own, on a durable store and a target that answers in 20 ms: ten thousand grants
 * that end in one second, a hundred thousand live ones after a restart, a target that was away. What real PostgreSQL adds is the
 * figure `drain`; what one grant's life costs there is `life`.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openRaw } from '../../../electron/service/store/sqlite-binding';
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { until } from '../../bed';
import { type Figure, figure } from '../figure';
import type { EngineOrders, EngineSaid, EngineState } from '../parts/engine-process';
import { addBasics, addLiveGrants, keepPrincipals, openEngineStore } from '../parts/engine-store';
import { answerOf, endChild, forkScript } from '../parts/team';
import type { Measure } from '.';

const RESOURCES = 25;
const CALL_MS = 20;
const WORKERS = 200;
const PER_TARGET = 8;
const PATIENCE_MS = 10 * MINUTE_MS;

export const measureEngine: Measure = async ({ quick }) => [
  ...(await drainInMemory(quick ? 1_000 : 10_000)),
  ...(await restart(quick ? 10_000 : 100_000, quick ? 10 : 60)),
  ...(await away(quick ? 2 : 10)),
];

/** A folder with live grants in it, and the time they end. */
async function prepared(count: number, expiresAt: (n: number) => number): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'hp-engine-'));
  const it = await openEngineStore(folder);
  await addBasics(it, RESOURCES);
  keepPrincipals(folder, await addLiveGrants(it, count, expiresAt));
  await it.store.close();
  return folder;
}
async function withEngine<T>(folder: string, work: (child: ChildProcess, armed: EngineSaid) => Promise<T>): Promise<T> {
  const child = forkScript('engine-process.ts');
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  try {
    const orders: EngineOrders = { folder, callMs: CALL_MS, workers: WORKERS, perTarget: PER_TARGET };
    const armed = answerOf<EngineSaid>(child);
    child.send(orders);
    return await work(child, await armed);
  } finally {
    await endChild(child);
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
}
async function stateOf(child: ChildProcess): Promise<EngineState> {
  const said = answerOf<EngineState>(child);
  child.send('state');
  return said;
}
interface Row {
  readonly state: string;
  readonly ended_at: number | null;
  readonly end_proof: string | null;
}
/** As the file has it; beside the engine, which has it open. */
function rowsOf(folder: string): readonly Row[] {
  const raw = openRaw(path.join(folder, 'hallpass.db'), 5_000);
  try {
    return raw.prepare('select state, ended_at, end_proof from grants').all() as unknown as Row[];
  } finally {
    raw.close();
  }
}

async function drainInMemory(count: number): Promise<Figure[]> {
  const first = Date.now() + count * 4 + 45 * SECOND_MS;
  const folder = await prepared(count, (n) => first + (n % SECOND_MS));
  const child = forkScript('engine-process.ts');
  try {
    const armed = answerOf<EngineSaid>(child);
    child.send({ folder, callMs: CALL_MS, workers: WORKERS, perTarget: PER_TARGET } satisfies EngineOrders);
    await armed;
    if (Date.now() > first) throw new Error('the preparation took longer than planned; nothing was measured');
    const last = await until(
      'the last login to be gone',
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        const state = await stateOf(child);
        return state.left === 0 ? state : undefined;
      },
      PATIENCE_MS,
    );
    const rows = await until('every row to be written', async () => {
      const all = rowsOf(folder);
      return all.every((row) => row.state === 'ended') ? all : undefined;
    });
    const unproven = rows.filter((row) => row.end_proof !== 'read_back');
    if (unproven.length > 0) throw new Error(`${unproven.length} grants were not read back`);
    const seconds = rows.map((row) => (Number(row.ended_at) - first) / SECOND_MS);
    return [
      figure(`${count} grants ending in one second, the bench’s target, each read back`, 's', seconds, {
        ...{ statistic: 'max', goal: 60 },
        note: `${WORKERS} workers, ${PER_TARGET} calls to each of ${RESOURCES} targets, ${CALL_MS} ms a call; at most ${last.mostAtOnce} calls at once`,
      }),
    ];
  } finally {
    await endChild(child);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function restart(count: number, watchedSeconds: number): Promise<Figure[]> {
  const folder = await prepared(count, () => Date.now() + 3 * 60 * MINUTE_MS);
  return withEngine(folder, async (child, armed) => {
    const memory: number[] = [];
    for (let second = 0; second < watchedSeconds; second += 1) {
      await new Promise((resolve) => setTimeout(resolve, SECOND_MS));
      memory.push((await stateOf(child)).rssMb);
    }
    const third = Math.ceil(memory.length / 3);
    const early = Math.max(...memory.slice(0, third));
    const late = Math.max(...memory.slice(-third));
    return [
      figure(`engine armed with ${count} live grants after a restart`, 's', [armed.tookMs / SECOND_MS], {
        ...{ statistic: 'max', goal: 5 },
        note: 'from opening the store, its check and its log included, to the end of the first look',
      }),
      figure(
        `memory with ${count} live grants, the last third of a minute against the first`,
        'ratio',
        [late / early],
        {
          ...{ statistic: 'max', goal: 1.1 },
          note: `${Math.round(early)} MB then, ${Math.round(late)} MB after ${watchedSeconds} s (the target’s own list of logins is in it)`,
        },
      ),
    ];
  });
}

/** Grants whose target was away when they ended, for long enough that each waits its longest pause. */
async function away(runs: number): Promise<Figure[]> {
  const first = Date.now() + 45 * SECOND_MS;
  const folder = await prepared(200, () => first);
  return withEngine(folder, async (child) => {
    child.send('away');
    const longest = first + (runs > 2 ? 90 : 40) * SECOND_MS;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, longest - Date.now())));
    if ((await stateOf(child)).left !== 200) throw new Error('something was removed from a target that was away');
    child.send('back');
    const backAt = Date.now();
    await until(
      'the last login to be gone',
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return (await stateOf(child)).left === 0;
      },
      PATIENCE_MS,
    );
    return [
      figure(
        'a target that was away answers again → every login on it gone',
        's',
        [(Date.now() - backAt) / SECOND_MS],
        {
          ...{ statistic: 'max', goal: 10 },
          note: `200 grants on ${RESOURCES} targets that were away for ${Math.round((longest - first) / SECOND_MS)} s after their deadline`,
        },
      ),
    ];
  });
}

/**
 * Start and memory, as ratios against the floor (floor/main.mjs) started in turns with the app: A B A B. Only so do they
 * mean anything on a machine that is busy, or slower than ours.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PROJECT_FOLDER } from '../../../electron/dev/run.mjs';
import { type Bed, startBed, until } from '../../bed';
import { Person } from '../../demo/person';
import { type Figure, figure, quantile } from '../figure';
import { treePssMb } from '../parts/memory';
import { ownRuntime, type Started, start } from '../parts/starts';
import type { Measure } from '.';

/** Memory is read this long after the start, when both have come to rest. */
const SETTLE_MS = 3_000;
const START_PATIENCE_MS = 60_000;
const FLOOR = path.join(PROJECT_FOLDER, 'test', 'bench', 'floor');
const MB = 'MB';

interface Place {
  readonly bed: Bed;
  readonly executable: string;
  readonly env: Readonly<Record<string, string>>;
  readonly floorEnv: Readonly<Record<string, string>>;
}
interface Run {
  readonly readyMs: number;
  readonly dataMs: number;
  readonly pssMb: number;
}

export const measureStart: Measure = async ({ quick }) => {
  const bed = await startBed();
  try {
    await setUpAlone(bed);
    const place: Place = {
      bed,
      executable: await ownRuntime(bed.folder),
      env: await bed.environment('ada'),
      floorEnv: await bed.environment('floor'),
    };
    const count = quick ? 4 : 20;
    return [...(await withWindow(place, count)), ...(await trayOnly(place, count))];
  } finally {
    await bed.stop();
  }
};

/** An app that was set up before: "just me". */
async function setUpAlone(bed: Bed): Promise<void> {
  const person = await Person.start(bed, 'Ada Lovelace', 'ada');
  await person.invoke('setup.choose', { mode: 'alone', displayName: 'Ada Lovelace' });
  await person.ready();
  await person.app.close();
}

async function withWindow(place: Place, count: number): Promise<Figure[]> {
  const log = path.join(place.env.HOME as string, '.config', 'Hallpass', 'log', 'hallpass.log');
  const [floors, ours]: [Run[], Run[]] = [[], []];
  for (let turn = -1; turn < count; turn += 1) {
    const floor = await onFloor(place, [], 'ready-to-show');
    const own = await onApp(place, log);
    if (turn < 0) continue; // the first of each fills the disk's cache
    floors.push(floor);
    ours.push(own);
  }
  const base = medianOf(floors);
  const against = (runs: readonly number[], by: number) => runs.map((run) => run / by);
  return [
    reported(
      'floor: ready-to-show',
      'ms',
      floors.map((run) => run.readyMs),
    ),
    reported(
      'app: ready-to-show',
      'ms',
      ours.map((run) => run.readyMs),
    ),
    reported(
      'app: first data on the page',
      'ms',
      ours.map((run) => run.dataMs),
    ),
    reported(
      'floor: memory with a window',
      MB,
      floors.map((run) => run.pssMb),
    ),
    reported(
      'app: memory with the window open',
      MB,
      ours.map((run) => run.pssMb),
    ),
    ratio(
      'app start to ready-to-show, against the floor',
      against(
        ours.map((run) => run.readyMs),
        base.readyMs,
      ),
      1.4,
    ),
    ratio(
      'app start to first data, against the floor’s ready-to-show',
      against(
        ours.map((run) => run.dataMs),
        base.readyMs,
      ),
      1.9,
    ),
    ratio(
      'memory with the window open, against the floor',
      against(
        ours.map((run) => run.pssMb),
        base.pssMb,
      ),
      1.35,
    ),
  ];
}

async function trayOnly(place: Place, count: number): Promise<Figure[]> {
  const [floors, ours]: [number[], number[]] = [[], []];
  for (let turn = -1; turn < count; turn += 1) {
    const floor = await onFloor(place, ['--no-window'], 'ready');
    const app = start(place.executable, [PROJECT_FOLDER, '--hidden'], place.env);
    try {
      await place.bed.tray.itemOf(app.processId, START_PATIENCE_MS);
      const pssMb = await settled(app);
      if (turn < 0) continue;
      floors.push(floor.pssMb);
      ours.push(pssMb);
    } finally {
      await app.quit();
    }
  }
  const base = quantile(floors, 0.5);
  return [
    reported('floor: memory without a window', MB, floors),
    reported('app: memory in the tray only', MB, ours),
    ratio(
      'memory in the tray only, against the floor without a window',
      ours.map((mb) => mb / base),
      1.4,
    ),
  ];
}

async function onFloor(place: Place, args: readonly string[], said: string): Promise<Run> {
  const floor = start(place.executable, [FLOOR, ...args], place.floorEnv);
  try {
    const line = new RegExp(`^${said} (\\d+)$`, 'm');
    const at = Number(await until(said, () => line.exec(floor.output())?.[1], START_PATIENCE_MS));
    return { readyMs: at - floor.startedAt, dataMs: Number.NaN, pssMb: await settled(floor) };
  } finally {
    await floor.quit();
  }
}

/** Ready-to-show is in the app's own log; first data is a mark that the page keeps. */
async function onApp(place: Place, log: string): Promise<Run> {
  const app = start(place.executable, [PROJECT_FOLDER], place.env);
  try {
    const readyAt = await until('ready-to-show in the log', async () => shownAt(log, app.startedAt), START_PATIENCE_MS);
    const pssMb = await settled(app);
    const dataAt = await app.pageMarkAt('hallpass:first-data');
    return { readyMs: readyAt - app.startedAt, dataMs: dataAt - app.startedAt, pssMb };
  } finally {
    await app.quit();
  }
}

async function shownAt(log: string, since: number): Promise<number | undefined> {
  const lines = (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  const times = lines.flatMap((line) => {
    const { at, what } = JSON.parse(line) as { at: string; what: string };
    return what === 'the window can be shown' ? [Date.parse(at)] : [];
  });
  return times.find((at) => at >= since);
}

async function settled(started: Started): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return treePssMb(started.processId);
}

const medianOf = (runs: readonly Run[]) => ({
  readyMs: quantile(
    runs.map((run) => run.readyMs),
    0.5,
  ),
  pssMb: quantile(
    runs.map((run) => run.pssMb),
    0.5,
  ),
});
const reported = (name: string, unit: 'ms' | 'MB', runs: readonly number[]): Figure =>
  figure(name, unit, runs, { statistic: 'p50', goal: null });
const ratio = (name: string, runs: readonly number[], goal: number): Figure =>
  figure(name, 'ratio', runs, {
    statistic: 'p50',
    goal,
    note: 'each run against the median of the floor in the same run',
  });

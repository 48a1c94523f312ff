/** Plays one seed: people, faults and time for so many steps, then calm until all is over. Throws with the story so far. */
import process from 'node:process';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { Broken } from './broken';
import { Faults } from './faults';
import { Invariants } from './invariants';
import { People } from './people';
import { Simulation } from './simulation';
import type { Worst } from './worst';

export interface Played {
  readonly seed: number;
  readonly steps: number;
  /** Steps that were looks at the clock, and found nothing or something. */
  readonly looked: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly worst: Worst;
}
const CALM_MS = 3 * HOUR_MS;
/** Shorter pauses are lived through. */
const WORTH_A_LEAP_MS = 1_000;
const MAX_CALM_STEPS = 200_000;

/** @throws Broken, with seed and story in its message */
export async function play(seed: number, steps: number): Promise<Played> {
  const sim = new Simulation(seed);
  const giveBack = sim.kernel.takeTheLoop();
  const unhandled = (cause: unknown) => sim.kernel.fail(cause);
  process.on('unhandledRejection', unhandled);
  try {
    await sim.begin();
    const worst = await run(sim, steps);
    const { steps: played, looked } = sim.kernel;
    return { seed, steps: played, looked, counts: sim.counts, worst };
  } catch (cause) {
    const { kernel } = sim;
    const message = `seed ${seed}, step ${kernel.steps}: ${(cause as Error).message}\n${kernel.story()}`;
    throw Object.assign(new Error(message, { cause }), { seed });
  } finally {
    giveBack();
    process.off('unhandledRejection', unhandled);
    sim.close();
  }
}

async function run(sim: Simulation, steps: number): Promise<Worst> {
  const { kernel } = sim;
  const people = new People(sim);
  const faults = new Faults(sim);
  const invariants = new Invariants(sim);
  let busy = true;
  const again = (what: string, from: number, to: number, work: () => void) => {
    const next = () => {
      if (!busy) return;
      work();
      kernel.after(null, what, kernel.between(from, to), next);
    };
    kernel.after(null, what, kernel.between(from, to), next);
  };
  again('somebody acts', 10, 1_500, () => people.act());
  again('something goes wrong', 500 * faults.pace, 12_000 * faults.pace, () => faults.strike());
  while (kernel.steps < steps) await one(sim, invariants);
  busy = false;
  await faults.endAll();
  const until = kernel.now + CALM_MS;
  const last = kernel.steps + MAX_CALM_STEPS;
  for (let left = invariants.unsettled(); left !== null; left = invariants.unsettled()) {
    await one(sim, invariants);
    if (kernel.now > until || kernel.steps > last) throw new Broken('I14', `in calm, ${left()}`);
  }
  // And it stays so, when the targets are looked through once more.
  const quiet = kernel.now + 6 * MINUTE_MS;
  while (kernel.now < quiet) await one(sim, invariants);
  const back = invariants.unsettled();
  if (back !== null) throw new Broken('I3', `came back: ${back()}`);
  return invariants.worst;
}

async function one(sim: Simulation, invariants: Invariants): Promise<void> {
  if (sim.kernel.idles() && sim.kernel.nextRealAt() > sim.kernel.now + WORTH_A_LEAP_MS) sim.kernel.leap(dueAt(sim));
  await sim.kernel.step();
  sim.look();
  invariants.check();
}

/** Before this nothing is due anywhere, as far as anybody who sees everything can tell. */
function dueAt(sim: Simulation): number {
  const { kernel, service } = sim;
  const { now } = kernel;
  let due = Number.POSITIVE_INFINITY;
  const at = (time: number | null | undefined) => {
    if (time !== null && time !== undefined && time < due) due = time;
  };
  for (const target of sim.targets.values()) if (target.hangs()) return now;
  const serviceNow = service.life?.clock.now() ?? 0;
  const inTrueTime = (time: number | null) => (time === null ? null : now + (time - serviceNow));
  for (const { row } of sim.leftOver.values()) at(inTrueTime(row.residue_due_at));
  for (const { row } of sim.live.values())
    for (const time of [row.due_at, row.expires_at, row.claimed_until, row.ready_until, row.residue_due_at])
      at(inTrueTime(time));
  for (const device of sim.devices.values()) {
    if (device.isAsleep()) {
      at(device.asleepUntil);
      continue;
    }
    for (const keeper of device.keepers)
      at(now + Math.min(keeper.boot * 1_000 - device.uptimeMs(), keeper.wall * 1_000 - device.wallMs()));
    if (device.app !== null)
      for (const local of device.app.injector.list()) {
        const left = device.app.clock.remainingMs(local.grantId);
        if (left !== null) at(now + left);
      }
  }
  return due;
}

/** Runs functions in the app's main process, once each and with an answer that can't get lost. */
import type { ElectronApplication } from 'playwright';

/** As Playwright's `evaluate`: the function gets Electron's modules and one argument, and must not use anything around it. */
export type InMain = ElectronApplication['evaluate'];

interface Call {
  readonly id: number;
  readonly source: string;
  readonly arg: unknown;
}
/** How often an answer that was lost is asked for again. */
const ASK_AGAIN = 50;
const LOST = /promise was garbage collected/i;

/**
 * Why not `evaluate` alone: V8's inspector holds the promise of what it evaluates weakly, also of a plain value, and Electron's main
 * process takes its next turn of microtasks a little later. A collection in between loses the answer: some calls in 10,000,
 * several in a row while an app is busy. To call again would do the work twice, so the outcome is kept in that process.
 */
export function inMainOf(electron: ElectronApplication): InMain {
  let calls = 0;
  const run = async (work: unknown, arg?: unknown): Promise<unknown> => {
    const call: Call = { id: ++calls, source: String(work), arg };
    for (let left = ASK_AGAIN; ; left--) {
      try {
        return await electron.evaluate(runOnce, call);
      } catch (error) {
        if (left === 0 || !LOST.test(String(error))) throw error;
      }
    }
  };
  return run as InMain;
}

/** Runs there. */
function runOnce(electron: unknown, { id, source, arg }: Call): Promise<unknown> {
  const place = globalThis as { hallpassBedCalls?: Map<number, Promise<unknown>> };
  place.hallpassBedCalls ??= new Map();
  const known = place.hallpassBedCalls.get(id);
  if (known !== undefined) return known;
  // biome-ignore lint/security/noGlobalEval: the test's own function, as Playwright would run it
  const work = globalThis.eval(`(${source})`) as (electron: unknown, arg: unknown) => unknown;
  const outcome = (async () => await work(electron, arg))();
  place.hallpassBedCalls.set(id, outcome);
  return outcome;
}

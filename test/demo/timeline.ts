/** What the demo did: each step with what proves it and how long it took. A step that throws fails, and so does the demo. */

export interface Step {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly evidence: string;
}
export interface Picture {
  readonly name: string;
  readonly file: string;
}
/** What this machine can't play. */
export interface Skipped {
  readonly name: string;
  readonly why: string;
}
export interface Report {
  readonly ok: boolean;
  readonly steps: readonly Step[];
  readonly skipped: readonly Skipped[];
  readonly pictures: readonly Picture[];
}

export class Timeline {
  readonly steps: Step[] = [];
  readonly skipped: Skipped[] = [];
  readonly pictures: Picture[] = [];
  private readonly startedAt = performance.now();

  constructor(private readonly print: (line: string) => void) {}

  /** Plays a step. `play` returns the evidence; what it throws is the failure. Throws it again, since later steps build on it. */
  async step(name: string, play: () => Promise<string>): Promise<void> {
    const from = performance.now();
    try {
      const evidence = await play();
      this.record(name, true, performance.now() - from, evidence);
    } catch (error) {
      this.record(name, false, performance.now() - from, error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** A figure that was measured inside of a step, as a step of its own. */
  record(name: string, ok: boolean, ms: number, evidence: string): void {
    this.steps.push({ name, ok, ms: Math.round(ms), evidence });
    const at = `${((performance.now() - this.startedAt) / 1000).toFixed(1)} s`.padStart(7);
    this.print(`${at}  ${ok ? 'ok  ' : 'FAIL'} ${name} (${Math.round(ms)} ms)\n              ${evidence}`);
  }

  /** Something that can't be played here, and why. No failure. */
  skip(name: string, why: string): void {
    this.skipped.push({ name, why });
    this.print(`     -     skipped ${name}\n              ${why}`);
  }

  picture(name: string, file: string): void {
    this.pictures.push({ name, file });
  }

  /** A picture that may not be possible here (no panel, no notification daemon to draw it): says why instead. */
  take(
    name: string,
    result: { readonly taken: true; readonly file: string } | { readonly taken: false; readonly why: string },
  ): void {
    if (result.taken) this.picture(name, result.file);
    else this.print(`              no picture of the ${name}: ${result.why}`);
  }

  report(): Report {
    return {
      ok: this.steps.length > 0 && this.steps.every((step) => step.ok),
      steps: this.steps,
      skipped: this.skipped,
      pictures: this.pictures,
    };
  }
}

/** Fails a step unless `fact` holds. */
export function must(fact: unknown, otherwise: string): asserts fact {
  if (!fact) throw new Error(otherwise);
}

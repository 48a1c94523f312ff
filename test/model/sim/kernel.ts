/**
 * The heart of the simulator: one true time, one queue of what happens next, one source of chance. Everything that the real
 * code waits for (a disk, a network, a target, a timer) is an operation in the queue; taking one out is one step. All else
 * the code does happens between two steps, in microtasks, so a seed plays the same story every time.
 */
import process from 'node:process';
import { SeededRandom } from '../world';

/** A running program: what it waits for never happens once it is dead, and not before it is awake again. */
export class Process {
  alive = true;
  asleepUntil = 0;
  private readonly mourners: (() => void)[] = [];
  constructor(readonly name: string) {}
  /** kill −9. */
  die(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const mourn of this.mourners.splice(0)) mourn();
  }
  onDeath(mourn: () => void): void {
    if (this.alive) this.mourners.push(mourn);
    else mourn();
  }
}
interface Operation {
  at: number;
  readonly order: number;
  readonly process: Process | null;
  readonly what: string;
  readonly run: () => void;
  /** A look at the clock that finds nothing: may be skipped over while nothing is due. */
  readonly idle: boolean;
  cancelled: boolean;
}
const MAX_TRACE = Number(process.env.HALLPASS_SIM_TRACE ?? 400);
export const START_AT = 1_760_000_000_000;
/** Time that is skipped at once, at most. */
const MAX_LEAP_MS = 60_000;

export class Kernel {
  /** True time, which nobody in the simulation can read. */
  now = START_AT;
  steps = 0;
  readonly chance: SeededRandom;
  private readonly queue: Operation[] = [];
  private orders = 0;
  private readonly traced: string[] = [];
  /** What went wrong outside of any call (a timer, a listener). */
  failure: unknown = null;

  constructor(readonly seed: number) {
    this.chance = new SeededRandom(seed);
  }
  /** Ends the run after this step; the first failure is the one to tell. */
  fail(cause: unknown): void {
    this.failure ??= cause;
  }
  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + Math.floor(this.chance.next() * (to - from + 1));
  }
  happens(probability: number): boolean {
    return this.chance.next() < probability;
  }
  trace(what: string): void {
    if (this.traced.length >= MAX_TRACE) this.traced.splice(0, MAX_TRACE / 2);
    this.traced.push(`${this.steps} +${((this.now - START_AT) / 1_000).toFixed(3)} ${what}`);
  }
  story(lines = Math.max(80, MAX_TRACE - 400)): string {
    return this.traced.slice(-lines).join('\n');
  }

  /** Waits until the operation's turn has come. Never resolves for a process that died. */
  pause(process: Process | null, what: string, lengthMs: number): Promise<void> {
    return new Promise((go) => {
      this.push({ lengthMs, process, what, idle: false, run: go });
    });
  }
  /** Calls back after a true length of time; returns its cancel. */
  after(process: Process | null, what: string, lengthMs: number, run: () => void, idle = false): () => void {
    const operation = this.push({ lengthMs, process, what, idle, run });
    return () => {
      operation.cancelled = true;
    };
  }
  /** Calls back again and again; its turns are skipped while nothing is due. */
  every(process: Process | null, what: string, lengthMs: number, run: () => void): () => void {
    let stopped = false;
    const next = () => {
      this.after(
        process,
        what,
        lengthMs,
        () => {
          if (stopped) return;
          run();
          next();
        },
        true,
      );
    };
    next();
    return () => {
      stopped = true;
    };
  }
  private push(given: Omit<Operation, 'at' | 'order' | 'cancelled'> & { lengthMs: number }): Operation {
    const { lengthMs, ...rest } = given;
    const operation = { ...rest, at: this.now + Math.max(0, lengthMs), order: this.orders++, cancelled: false };
    this.sink(operation);
    return operation;
  }
  private static readonly before = (a: Operation, b: Operation) => a.at < b.at || (a.at === b.at && a.order < b.order);
  private sink(operation: Operation): void {
    const { queue } = this;
    let index = queue.push(operation) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!Kernel.before(operation, queue[parent] as Operation)) break;
      queue[index] = queue[parent] as Operation;
      index = parent;
    }
    queue[index] = operation;
  }
  private take(): Operation | undefined {
    const { queue } = this;
    const first = queue[0];
    const last = queue.pop();
    if (first === undefined || last === undefined || queue.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && Kernel.before(queue[child + 1] as Operation, queue[child] as Operation)) child++;
      if (!Kernel.before(queue[child] as Operation, last)) break;
      queue[index] = queue[child] as Operation;
      index = child;
    }
    queue[index] = last;
    return first;
  }

  /** What waited for a sleeping program goes on now. */
  wake(process: Process): void {
    process.asleepUntil = 0;
    for (const operation of this.queue.splice(0)) {
      if (operation.process === process) operation.at = Math.min(operation.at, this.now);
      this.sink(operation);
    }
  }
  /** The next thing that is more than a look at the clock; infinity when there is none. */
  nextRealAt(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const operation of this.queue)
      if (!operation.idle && !operation.cancelled && operation.process?.alive !== false && operation.at < at)
        at = operation.at;
    return at;
  }
  /** Is the next thing only a look at the clock? */
  idles(): boolean {
    return this.queue[0]?.idle === true;
  }
  /** Skips time in which nothing can happen, up to `dueAt`. */
  leap(dueAt: number): void {
    const to = Math.min(this.nextRealAt(), dueAt, this.now + MAX_LEAP_MS);
    if (to > this.now) this.now = to;
  }

  /** One step: the next operation, and all that follows from it until everybody waits again. */
  async step(): Promise<boolean> {
    for (;;) {
      const operation = this.take();
      if (operation === undefined) return false;
      if (operation.cancelled || operation.process?.alive === false) continue;
      if (operation.process !== null && operation.process.asleepUntil > Math.max(operation.at, this.now)) {
        operation.at = operation.process.asleepUntil;
        this.sink(operation);
        continue;
      }
      this.now = Math.max(this.now, operation.at);
      this.steps++;
      if (!operation.idle) this.trace(`${operation.process?.name ?? '-'}: ${operation.what}`);
      try {
        operation.run();
      } catch (cause) {
        this.failure ??= cause;
      }
      await new Promise<void>((settled) => setImmediate(settled));
      return true;
    }
  }
}

/**
 * The heart of the simulator: one true time, one queue of what happens next, one source of chance. Everything that the real
 * code waits for (a disk, a network, a target, a timer) is an operation in the queue; taking one out is one step. All else
 * the code does happens between two steps, in microtasks, so a seed plays the same story every time.
 */
import process from 'node:process';
import { SeededRandom } from '../world';
import { Agenda, firstOf } from './agenda';

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
export interface Operation {
  at: number;
  readonly order: number;
  readonly process: Process | null;
  readonly what: string;
  readonly run: () => void;
  /** A look at the clock that finds nothing: may be skipped over while nothing is due. */
  readonly idle: boolean;
  cancelled: boolean;
}
interface Told {
  readonly step: number;
  readonly at: number;
  readonly what: string | Operation;
}
const MAX_TRACE = Number(process.env.HALLPASS_SIM_TRACE ?? 400);
export const START_AT = 1_760_000_000_000;
const STEPS_PER_TURN = 1_000;
/** Time that is skipped at once, at most. */
const MAX_LEAP_MS = 60_000;

export class Kernel {
  /** True time, which nobody in the simulation can read. */
  now = START_AT;
  steps = 0;
  readonly chance: SeededRandom;
  private readonly queue = new Agenda<Operation>();
  /** Looks at the clock, apart: whether time may be skipped is asked at nearly every one of them. */
  private readonly looks = new Agenda<Operation>();
  /** Steps that were such looks. */
  looked = 0;
  private orders = 0;
  private readonly traced: Told[] = [];
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
  /** Kept as it is; made into words when somebody has to read it. */
  trace(what: string | Operation): void {
    if (this.traced.length >= MAX_TRACE) this.traced.splice(0, MAX_TRACE / 2);
    this.traced.push({ step: this.steps, at: this.now, what });
  }
  story(lines = Math.max(80, MAX_TRACE - 400)): string {
    const words = (what: string | Operation) =>
      typeof what === 'string' ? what : `${what.process?.name ?? '-'}: ${what.what}`;
    return this.traced
      .slice(-lines)
      .map(({ step, at, what }) => `${step} +${((at - START_AT) / 1_000).toFixed(3)} ${words(what)}`)
      .join('\n');
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
    const { lengthMs, process, what, run, idle } = given;
    const at = this.now + Math.max(0, lengthMs);
    const operation = { at, order: this.orders++, process, what, run, idle, cancelled: false };
    this.put(operation);
    return operation;
  }
  private put(operation: Operation): void {
    (operation.idle ? this.looks : this.queue).put(operation);
  }

  /** What waited for a sleeping program goes on now. */
  wake(process: Process): void {
    process.asleepUntil = 0;
    for (const agenda of [this.queue, this.looks])
      for (const operation of agenda.takeAll()) {
        if (operation.process === process) operation.at = Math.min(operation.at, this.now);
        agenda.put(operation);
      }
  }
  /** The next thing that is more than a look at the clock; infinity when there is none. */
  nextRealAt(): number {
    for (;;) {
      const next = this.queue.first();
      if (next === undefined) return Number.POSITIVE_INFINITY;
      if (!next.cancelled && next.process?.alive !== false) return next.at;
      this.queue.take();
    }
  }
  /** Is the next thing only a look at the clock? */
  idles(): boolean {
    return firstOf(this.queue, this.looks) === this.looks;
  }
  /** Skips time in which nothing can happen, up to `dueAt`. */
  leap(dueAt: number): void {
    const to = Math.min(this.nextRealAt(), dueAt, this.now + MAX_LEAP_MS);
    if (to > this.now) this.now = to;
  }

  /**
   * From here on the event loop of the programs is this one: what they put off to its next turn is an operation like all else.
   * Returns what gives the real one back.
   */
  takeTheLoop(): () => void {
    const { setImmediate, clearImmediate } = globalThis;
    const later = (run: (...given: unknown[]) => void, ...given: unknown[]) =>
      this.after(null, 'turn of the loop', 0, () => run(...given));
    const never = (cancel: (() => void) | undefined) => cancel?.();
    Object.assign(globalThis, { setImmediate: later, clearImmediate: never });
    this.realTurn = () => new Promise((go) => void setImmediate(go));
    return () => Object.assign(globalThis, { setImmediate, clearImmediate });
  }
  private realTurn: () => Promise<void> = () => Promise.resolve();

  /** One step: the next operation, and all that follows from it until everybody waits again. */
  async step(): Promise<boolean> {
    for (;;) {
      const operation = firstOf(this.queue, this.looks).take();
      if (operation === undefined) return false;
      if (operation.cancelled || operation.process?.alive === false) continue;
      if (operation.process !== null && operation.process.asleepUntil > Math.max(operation.at, this.now)) {
        operation.at = operation.process.asleepUntil;
        this.put(operation);
        continue;
      }
      this.now = Math.max(this.now, operation.at);
      this.steps++;
      if (operation.idle) this.looked++;
      else this.trace(operation);
      try {
        operation.run();
      } catch (cause) {
        this.fail(cause);
      }
      // A tick asked for by a microtask comes when no microtask is left: then everybody waits.
      await new Promise<void>((settled) => void process.nextTick(settled));
      // A rejection that nobody took is told by the real loop only.
      if (this.steps % STEPS_PER_TURN === 0) await this.realTurn();
      return true;
    }
  }
}

/**
 * One target in the demo: made, asked for, used with the target's own client, and gone again. One file per kind beside this
 * one, which exports `const play: TargetPlay`; `all-targets.ts` finds it there, so nothing has to be registered.
 * A play asserts with the target's own client (`psql`, `mariadb`, `redis-cli` …), run as the person at the desk would.
 */
import type { z } from 'zod';
import type { GrantView } from '../../../shared/contract/grants';
import type { LocalInjection } from '../../../shared/contract/ipc';
import type { NewResource, Resource } from '../../../shared/contract/resources';
import type { Person } from '../person';

export interface TargetPlay {
  /** Kind of resource this is about, as in `ResourceSettings`. */
  readonly kind: string;
  /** How the target is called in the timeline: "PostgreSQL 18". */
  readonly title: string;
  /** Programs that must be found on the PATH (or in the sbin folders); the play is left out, with the names said, when one is not. */
  readonly programs: readonly string[];
  /** What else this machine lacks, in words that say what to do; null when it can be played. */
  missing?(): Promise<string | null>;
  /** Starts the target, adds it, asks, uses, ends. Throws when something does not hold. */
  play(stage: TargetStage): Promise<void>;
}

/** What a program said and how it ended. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
export interface RunOptions {
  /** Added to the person's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  readonly cwd?: string;
}

/** A grant in the hands of the person: active on the target, injected on the machine. */
export interface Held {
  readonly grant: GrantView;
  readonly injection: LocalInjection;
  /** Its name on the target (`hp_…`). */
  readonly principal: string;
}

/** What is added: facts that the demo does not care about have values already. */
export type NewTarget = Pick<z.input<typeof NewResource>, 'name' | 'settings' | 'secret' | 'levels'>;

/** One person at a desk with the real app, which runs the real service; their policy grants everything at once. */
export interface TargetStage {
  readonly person: Person;
  /** The person's environment on the bed (HOME, XDG_RUNTIME_DIR …). */
  readonly env: Readonly<Record<string, string>>;
  /** An empty folder of this play, 0700; it goes away afterwards. */
  readonly folder: string;
  /** One line of the timeline. `work` returns the evidence; what it throws is the failure. */
  step(name: string, work: () => Promise<string>): Promise<void>;
  /** Called after the play in reverse order, also when it failed. */
  closing(stop: () => Promise<void>): void;
  /** Runs a program as the person would. Never throws for an exit code: that is an answer. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Tests the connection, plans and applies the levels, adds the resource. Throws what the screens would show. */
  add(target: NewTarget): Promise<Resource>;
  /** Asks and waits until the grant is active and its files are written. `ttlMs`: an hour when left out. */
  ask(resource: Resource, level: string, ttlMs?: number): Promise<Held>;
  /** “I'm done”: waits until the grant is ended by a read-back and this machine has removed its files. */
  giveBack(held: Held): Promise<GrantView>;
  /** The same for a grant that ends by itself. */
  untilEnded(held: Held): Promise<GrantView>;
}

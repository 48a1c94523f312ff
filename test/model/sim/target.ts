/**
 * A target on a network that fails: the model of ../target.ts behind a line that may be slow, cut, half-open, or lose the
 * reply after the work was done. It can be put back to an older backup. Remembers what it answered, so that nobody can claim
 * a read-back that never was.
 */
import { type Provisioner, type ReadBack, TargetError } from '../../../electron/service/provisioners/provisioner';
import { type Login, ModelTarget, type Operation } from '../target';
import type { Kernel, Process } from './kernel';

export type LineState = 'up' | 'down' | 'slow' | 'half-open';
const CALLS: ReadonlySet<string> = new Set<Operation>(['create', 'setDeadline', 'end', 'readBack', 'cleanUp', 'list']);
const principalIn = (argument: unknown): string =>
  typeof argument === 'string' ? argument : ((argument as { principal?: string } | undefined)?.principal ?? '');

export class SimTarget {
  readonly model: ModelTarget;
  line: LineState = 'up';
  /** Chance that one call goes wrong although the line is up. */
  faultChance = 0;
  /** When something last went wrong between a service and this target. */
  disturbedAt = 0;
  restoredAt = 0;
  /** Principals that `end` or `readBack` found shut, with when. */
  readonly foundShutAt = new Map<string, number>();
  readonly createdAt = new Map<string, number>();
  private readonly hanging = new Set<Process>();
  private backup: Map<string, Login> | null = null;

  constructor(
    private readonly kernel: Kernel,
    skewMs: number,
  ) {
    this.model = new ModelTarget(() => kernel.now + skewMs);
    this.skewMs = skewMs;
  }
  private readonly skewMs: number;

  /** When the target itself stops new log-ins of a principal, in true time. */
  validUntil(principal: string): number {
    return (this.model.logins.get(principal)?.validUntil ?? 0) - this.skewMs;
  }
  hangs(): boolean {
    for (const process of this.hanging) if (!process.alive) this.hanging.delete(process);
    return this.hanging.size > 0;
  }
  /** Every open connection breaks, also those that hang. */
  breakLines(): void {
    for (const go of this.stuck.splice(0)) go();
    this.hanging.clear();
  }
  private readonly stuck: (() => void)[] = [];

  takeBackup(): void {
    this.backup = new Map([...this.model.logins].map(([name, login]) => [name, { ...login, sessions: 0 }]));
  }
  /** Roles of then, no sessions. */
  restoreBackup(): boolean {
    if (this.backup === null) return false;
    this.model.logins.clear();
    for (const [name, login] of this.backup) this.model.logins.set(name, { ...login });
    this.restoredAt = this.kernel.now;
    this.foundShutAt.clear();
    return true;
  }

  /** The provisioner as one service sees it. */
  provisionerFor(process: Process): Provisioner {
    const { model } = this;
    return new Proxy(model as unknown as Provisioner, {
      get: (_, name: string) => {
        const value: unknown = (model as unknown as Record<string, unknown>)[name];
        if (!CALLS.has(name) || typeof value !== 'function')
          return typeof value === 'function' ? value.bind(model) : value;
        return (...given: unknown[]) =>
          this.call(process, name as Operation, principalIn(given[1]), () => value.apply(model, given));
      },
    });
  }

  private disturbed(message: string): TargetError {
    this.disturbedAt = this.kernel.now;
    return new TargetError('unreachable', message);
  }
  private hang(process: Process): Promise<void> {
    this.disturbedAt = this.kernel.now;
    this.hanging.add(process);
    return new Promise((go) => this.stuck.push(go));
  }
  private latencyMs(): number {
    if (this.line !== 'slow') return this.kernel.between(1, 40);
    this.disturbedAt = this.kernel.now;
    return this.kernel.between(300, 9_000);
  }

  private async call(
    process: Process,
    operation: Operation,
    principal: string,
    act: () => Promise<unknown>,
  ): Promise<unknown> {
    const { kernel } = this;
    const what = `target ${operation} ${principal}`;
    await kernel.pause(process, `${what}: sent`, this.latencyMs());
    const fault = kernel.happens(this.faultChance)
      ? kernel.chance.pick(['reset before', 'commit lost', 'reply lost', 'no reply', 'late'] as const)
      : 'none';
    if (this.line === 'down') throw this.disturbed('connection refused');
    if (this.line === 'half-open') {
      await this.hang(process);
      throw this.disturbed('connection reset');
    }
    if (fault === 'reset before' || fault === 'commit lost') {
      if (fault === 'commit lost') await kernel.pause(process, `${what}: rolled back`, this.latencyMs());
      throw this.disturbed('connection reset');
    }
    if (fault === 'late') {
      this.disturbedAt = kernel.now;
      // Not the process's: a server goes on with what it got, also when who asked is dead by then.
      await kernel.pause(null, `${what}: late`, kernel.between(8_000, 12_000));
      this.disturbedAt = kernel.now;
    }
    const result = await act();
    this.note(operation, principal, result);
    if (fault === 'reply lost') throw this.disturbed('connection reset');
    if (fault === 'no reply') await this.hang(process);
    await kernel.pause(process, `${what}: answered`, this.latencyMs());
    return result;
  }
  private note(operation: Operation, principal: string, result: unknown): void {
    if (operation === 'create') this.createdAt.set(principal, this.kernel.now);
    const found =
      operation === 'end'
        ? (result as { readBack: ReadBack }).readBack
        : operation === 'readBack'
          ? (result as ReadBack)
          : null;
    if (found !== null && !found.canLogIn && found.sessionCount === 0) this.foundShutAt.set(principal, this.kernel.now);
  }
}

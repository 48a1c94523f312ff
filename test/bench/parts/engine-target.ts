/**
 * The target of the engine's figures: logins in memory, each call takes as long as told, and it can be away. It stands for a
 * server that is as fast as that; what is measured is the engine and its durable store, not a database.
 */
import {
  type CleanUp,
  type EndResult,
  type Provisioner,
  type ReadBack,
  TargetError,
} from '../../../electron/service/provisioners/provisioner';
import type { Credential } from '../../../shared/contract/credential';
import type { PostgresSettings } from '../../../shared/contract/resources';

export class EngineTarget implements Provisioner<PostgresSettings> {
  readonly kind = 'postgres' as const;
  readonly extension = 'moves-deadline' as const;
  readonly deviceKey = null;
  readonly logins = new Map<string, Set<string>>();
  isAway = false;
  callCount = 0;
  mostAtOnce = 0;
  private atOnce = 0;

  constructor(public callMs: number) {}

  loginsOn(resourceId: string): Set<string> {
    const known = this.logins.get(resourceId) ?? new Set<string>();
    this.logins.set(resourceId, known);
    return known;
  }
  get left(): number {
    return [...this.logins.values()].reduce((sum, each) => sum + each.size, 0);
  }
  private async call<T>(act: () => T): Promise<T> {
    this.callCount += 1;
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    await new Promise((resolve) => setTimeout(resolve, this.callMs));
    this.atOnce -= 1;
    if (this.isAway) throw new TargetError('unreachable', 'connection refused');
    return act();
  }
  readonly proposedLevels = () => [];
  readonly serverOf = ({ host, port }: PostgresSettings) => `${host}:${port}`;
  readonly placeFacts = () => ({});
  readonly secretBarredBy = () => null;
  readonly limits = () => [];
  private async none(): Promise<never> {
    throw new Error('no part of these figures');
  }
  readonly test = this.none;
  readonly plan = this.none;
  readonly apply = this.none;
  create(
    target: { resourceId: string; settings: PostgresSettings },
    order: { principal: string },
  ): Promise<Credential> {
    return this.call(() => {
      this.loginsOn(target.resourceId).add(order.principal);
      const { host, port, database, tls } = target.settings;
      return { kind: 'postgres', host, port, database, tls, user: order.principal, password: 'bench' } as Credential;
    });
  }
  setDeadline(): Promise<void> {
    return this.call(() => undefined);
  }
  end({ resourceId }: { resourceId: string }, principal: string): Promise<EndResult> {
    return this.call(() => {
      const sessionsCut = this.loginsOn(resourceId).delete(principal) ? 1 : 0;
      return { readBack: { exists: false, canLogIn: false, sessionCount: 0 }, sessionsCut };
    });
  }
  readBack({ resourceId }: { resourceId: string }, principal: string): Promise<ReadBack> {
    return this.call(() => {
      const exists = this.loginsOn(resourceId).has(principal);
      return { exists, canLogIn: exists, sessionCount: 0 };
    });
  }
  cleanUp(): Promise<CleanUp> {
    return this.call(() => ({ done: true, residue: [] }));
  }
  list({ resourceId }: { resourceId: string }): Promise<readonly string[]> {
    return this.call(() => [...this.loginsOn(resourceId)]);
  }
  async close(): Promise<void> {}
}

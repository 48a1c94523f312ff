/**
 * A small model of a target: logins, sessions, a clock of its own, and the faults that matter: unreachable before doing
 * anything, reply lost after doing it, no reply at all. Used by unit tests and by the seeded simulator.
 */

import {
  type CleanUp,
  type CreateOrder,
  type EndResult,
  type Provisioner,
  type ReadBack,
  type Target,
  TargetError,
} from '../../electron/service/provisioners/provisioner';
import type { Credential } from '../../shared/contract/credential';
import type { PostgresSettings } from '../../shared/contract/resources';

export interface Login {
  password: string;
  canLogIn: boolean;
  validUntil: number;
  sessions: number;
}
export type Fault = 'none' | 'unreachable' | 'lost' | 'hang' | 'refused';
export type Operation = 'create' | 'setDeadline' | 'end' | 'readBack' | 'cleanUp' | 'list';

export class ModelTarget implements Provisioner<PostgresSettings> {
  readonly kind = 'postgres' as const;
  readonly extension = 'moves-deadline' as const;
  readonly deviceKey = null;
  readonly proposedLevels = () => [];
  readonly serverOf = ({ host, port }: PostgresSettings) => `${host}:${port}`;
  readonly placeFacts = () => ({});
  readonly secretBarredBy = () => null;
  readonly logins = new Map<string, Login>();
  readonly calls: { operation: Operation; principal: string; at: number }[] = [];
  /** Sessions that `end` can't cut at the moment. */
  stubborn = 0;
  residue: { kind: string; detail: string }[] = [];
  mostAtOnce = 0;
  private atOnce = 0;
  private created = 0;
  private readonly hanging: (() => void)[] = [];

  constructor(
    private readonly now: () => number,
    public faultOf: (operation: Operation, principal: string) => Fault = () => 'none',
    /** Runs while an operation is under way: a race put where it hurts. */
    public during: (operation: Operation, principal: string) => Promise<void> = async () => {},
  ) {}

  /** A login that is there without having been made through us: a stray one, or one from before. */
  put(principal: string, { validUntil, sessions }: Pick<Login, 'validUntil' | 'sessions'>): void {
    this.logins.set(principal, { password: 'x', canLogIn: true, validUntil, sessions });
  }
  /** Somebody logs in with the credential. False when the target says no. */
  logIn(principal: string): boolean {
    const login = this.logins.get(principal);
    if (!login?.canLogIn || login.validUntil <= this.now()) return false;
    login.sessions++;
    return true;
  }
  works(principal: string): boolean {
    const login = this.logins.get(principal);
    return login !== undefined && ((login.canLogIn && login.validUntil > this.now()) || login.sessions > 0);
  }
  /** Lets calls that hang go on. */
  thaw(): void {
    for (const go of this.hanging.splice(0)) go();
  }

  private async call<T>(operation: Operation, principal: string, act: () => T): Promise<T> {
    this.calls.push({ operation, principal, at: this.now() });
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    try {
      const fault = this.faultOf(operation, principal);
      await this.during(operation, principal);
      switch (fault) {
        case 'unreachable':
          throw new TargetError('unreachable', 'connection refused');
        case 'refused':
          throw new TargetError('refused', 'must be superuser');
        case 'hang':
          await new Promise<void>((go) => this.hanging.push(go));
          return act();
        case 'lost':
          act();
          throw new TargetError('unreachable', 'connection reset');
        case 'none':
          return act();
      }
    } finally {
      this.atOnce--;
    }
  }

  limits(): readonly string[] {
    return ['Functions that were made stay until an administrator removes them.'];
  }
  async test(): Promise<never> {
    throw new Error('not part of the model');
  }
  async plan(): Promise<never> {
    throw new Error('not part of the model');
  }
  async apply(): Promise<never> {
    throw new Error('not part of the model');
  }
  create(target: Target<PostgresSettings>, order: CreateOrder): Promise<Credential> {
    return this.call('create', order.principal, () => {
      const password = `planted-secret-${++this.created}`;
      const sessions = this.logins.get(order.principal)?.sessions ?? 0;
      this.logins.set(order.principal, {
        password,
        canLogIn: true,
        validUntil: this.now() + order.validForMs,
        sessions,
      });
      const { host, port, database, tls } = target.settings;
      return { kind: 'postgres', host, port, database, tls, user: order.principal, password };
    });
  }
  setDeadline(_: Target, principal: string, validForMs: number): Promise<void> {
    return this.call('setDeadline', principal, () => {
      const login = this.logins.get(principal);
      if (login === undefined) throw new TargetError('refused', 'no such role');
      login.validUntil = this.now() + validForMs;
    });
  }
  end(_: Target, principal: string): Promise<EndResult> {
    return this.call('end', principal, () => {
      const login = this.logins.get(principal);
      if (login === undefined) return { readBack: { exists: false, canLogIn: false, sessionCount: 0 }, sessionsCut: 0 };
      login.canLogIn = false;
      const left = Math.min(login.sessions, this.stubborn);
      const sessionsCut = login.sessions - left;
      login.sessions = left;
      return { readBack: { exists: true, canLogIn: false, sessionCount: left }, sessionsCut };
    });
  }
  readBack(_: Target, principal: string): Promise<ReadBack> {
    return this.call('readBack', principal, () => {
      const login = this.logins.get(principal);
      return { exists: login !== undefined, canLogIn: login?.canLogIn ?? false, sessionCount: login?.sessions ?? 0 };
    });
  }
  cleanUp(_: Target, principal: string): Promise<CleanUp> {
    return this.call('cleanUp', principal, () => {
      if (this.residue.length > 0) return { done: false, residue: this.residue };
      this.logins.delete(principal);
      return { done: true, residue: [] };
    });
  }
  list(): Promise<readonly string[]> {
    return this.call('list', '', () => [...this.logins.keys()]);
  }
  async close(): Promise<void> {}
}

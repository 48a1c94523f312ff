/**
 * What the fault proxy is put before: a real server, what is said to it there, and what its own superuser sees, over a way that
 * no fault touches. How each kind is made is in the files beside this one; what is asked of all of them in proxied-targets-facts.ts.
 */
import type { CreateOrder, Provisioner, Target } from '../../../electron/service/provisioners/provisioner';
import type { Credential } from '../../../shared/contract/credential';
import type { Level } from '../../../shared/contract/resources';
import type { FaultProxy, ProxyFault, ProxyTls } from '../../bed/fault-proxy';
import { until } from '../../bed/until';

/** A moment of an operation, in which a fault can fall. */
export interface Moment {
  readonly call: 'create' | 'extend' | 'end';
  /** For the name of a failure: what is being said then. */
  readonly name: string;
  /** How many strikes it takes until the call gives up: some clients ask once more by themselves. One when left out. */
  readonly strikes?: number;
  /**
   * Arms the proxy: `within`: half of what is said arrives. `in-commit`: all of it arrives and the line is reset. `reply-lost`:
   * it is done and the answer does not arrive. Resolves once everything is ready to strike.
   */
  arm(proxy: FaultProxy, strike: Strike, more?: Arming): Promise<void> | void;
}
export interface Arming {
  /** How many strikes; `strikes` of the moment when left out. */
  readonly times?: number;
  /** What the line does after the last of them; it is well again when left out. */
  readonly afterwards?: ProxyFault;
}
export type Strike = 'within' | 'in-commit' | 'reply-lost';

export interface ProxiedTarget {
  readonly provisioner: Provisioner;
  /** Straight to the server. */
  readonly target: Target;
  readonly port: number;
  /** The same server by way of another port of this machine. */
  through(port: number): Target;
  /** Where the line is TLS. */
  readonly tls?: ProxyTls;
  readonly level: Level;
  /** At least one of each call; the last one of `create` is where access begins. */
  readonly moments: readonly Moment[];
  /** More for a creation, such as the device's key. */
  readonly order?: Pick<CreateOrder, 'devicePublicKey'>;
  /** Lets a grant last longer, where that is more than moving its deadline. */
  extend?(target: Target, principal: string): Promise<unknown>;
  /** Whether the server knows open sessions. */
  readonly sessions: 'seen' | 'none';
  /** Moments of one operation at a time, where they would find each other's on the server. */
  readonly attacks: 'at once' | 'one by one';
  /** Whether a half-open line is also one that stood before. */
  readonly silence: 'also on a kept line' | 'on a fresh line';
  /** Uses the credential straight on the server, wherever it points to. Rejects when the server says no. */
  logIn(credential: Credential): Promise<{ readonly cut: Promise<void> }>;
  /** What must be in no error. */
  secretsOf(credential: Credential): readonly string[];
  /** What a lost answer would have brought; null when nothing in it opens anything. */
  lostIn?(reply: string, kept: Credential | null): Credential | null;
  /** As the superuser sees it. `resourceId`: where it was made for another than the target's. */
  look(principal: string, resourceId?: string): Promise<{ readonly canLogIn: boolean; readonly sessions: number }>;
  /** Resolves when the server does nothing any more on lines that broke. */
  settled(proxy: FaultProxy): Promise<unknown>;
  stop(): Promise<void>;
}

/** Moments that the words of the client name. `server` `goes on`: where only the client's end of a commit is reset. */
export const saying = (
  call: Moment['call'],
  words: RegExp,
  more: { readonly strikes?: number; readonly server?: 'goes on'; readonly reply?: RegExp } = {},
): Moment => ({
  call,
  name: String(words),
  ...(more.strikes === undefined ? {} : { strikes: more.strikes }),
  arm(proxy, strike, { times = more.strikes ?? 1, afterwards } = {}) {
    const server = more.server === undefined ? {} : { server: more.server };
    const fault = {
      within: { kind: 'reset', at: words, passes: 'half' },
      'in-commit': { kind: 'reset', at: words, passes: 'all', ...server },
      'reply-lost': { kind: 'reply-lost', at: words, ...(more.reply ? { until: more.reply } : {}) },
    } as const;
    proxy.play(...Array.from({ length: times }, () => fault[strike]), ...(afterwards ? [afterwards] : []));
  },
});
/** For hangs only. */
export const PATIENCE_MS = 60_000;
/** The server has let go of every connection that broke: what it was doing there is done or undone for good. */
export const droppedBy = (ports: () => Promise<ReadonlySet<number>>) => (proxy: FaultProxy) =>
  until(
    'the server dropping the broken connections',
    async () => {
      const open = await ports();
      return proxy.brokenPorts().every((port) => !open.has(port));
    },
    PATIENCE_MS,
  );
/** Servers that were left to go on have answered, to nobody. Where what is cut off otherwise can not have arrived whole. */
export const answeredAlone = (proxy: FaultProxy) =>
  until('the server finishing what it was left with', () => proxy.goingOn() === 0, PATIENCE_MS);
export const passwordOf = (credential: Credential): readonly string[] => [
  (credential as { readonly password: string }).password,
];

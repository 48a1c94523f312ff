/** What a picture is made of, and what scenes share. */
import type { EventChannel } from '../../../shared/contract/ipc';
import type { ConsentScene } from './consent';
import type { Situation } from './fake';
import * as rules from './fixtures-policy';

export interface Tools {
  find(selector: string): Promise<HTMLElement>;
  press(key: string, init?: KeyboardEventInit): Promise<void>;
  click(selector: string): Promise<void>;
  type(selector: string, text: string): Promise<void>;
  emit(channel: EventChannel, payload: unknown): void;
}
export interface Scene extends Situation {
  /** Where the app opens, with its search: "/request?resource=…". */
  readonly route?: string;
  /** The consent page instead of the window. */
  readonly consent?: ConsentScene;
  /** What is done before the picture is taken. */
  readonly act?: (tools: Tools) => Promise<void>;
}
/** A page of a list, as a route answers it. */
export const list = (items: readonly unknown[]) => () => ({ items, nextCursor: null });
/** A fuller policy, with its history. */
export const inForce = { 'policy.get': () => rules.fullPolicy, 'policy.versions': list(rules.policyVersions) };

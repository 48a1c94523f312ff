/** The draft of a policy, kept while somebody looks elsewhere: leaving the screen or an error loses nothing. */
import { useSyncExternalStore } from 'react';
import type { PolicyVersion } from '../../../shared/contract/policy';

export interface PolicyDraft {
  readonly yaml: string;
  readonly note: string;
  /** The version it began from; what is published must continue the version in force. */
  readonly base: Pick<PolicyVersion, 'version' | 'yaml'>;
  /** A line to show when the editor opens: what was put in from elsewhere. */
  readonly atLine?: number;
}
let draft: PolicyDraft | null = null;
const listeners = new Set<() => void>();
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
export function keepDraft(next: PolicyDraft | null): void {
  draft = next;
  for (const listener of listeners) listener();
}
export const currentDraft = (): PolicyDraft | null => draft;
export const useDraft = (): PolicyDraft | null => useSyncExternalStore(subscribe, currentDraft);
/** True when there is something to lose. */
export const isTouched = (one: PolicyDraft | null): one is PolicyDraft =>
  one !== null && (one.yaml !== one.base.yaml || one.note !== '');

/** What a way of showing notifications offers. Never throws: what could not be shown is an answer. */
import type { Notice, NoticeAction } from './wording';

export type Delivery =
  | { readonly delivered: true; readonly actions: 'with-buttons' | 'text-only' }
  | {
      readonly delivered: false;
      readonly reason: 'switched-off' | 'no-daemon' | 'unsupported' | 'refused';
      readonly detail: string | null;
    };

export interface Abilities {
  readonly available: boolean;
  readonly actions: boolean;
  readonly reason: string | null;
}
export interface NotificationAdapter {
  abilities(): Promise<Abilities>;
  /** Shows, or replaces the one with the same key. `onAction` is called at most once per notice, `open` for a plain click. */
  show(notice: Notice, onAction: (action: NoticeAction) => void): Promise<Delivery>;
  /** Fine to call for one that is not shown. */
  close(key: string): void;
}

/** macOS and Windows: Electron's own notifications, with buttons where the system shows them. Built, not run on those systems. */
import { Notification } from 'electron';
import type { NotificationAdapter } from './adapter';
import type { NoticeAction } from './wording';

export function createNativeAdapter(): NotificationAdapter {
  /** References: a notification that is collected has dead buttons. */
  const kept = new Map<string, Notification>();
  const buttons = process.platform === 'darwin' || process.platform === 'win32';
  return {
    async abilities() {
      const available = Notification.isSupported();
      return {
        available,
        actions: available && buttons,
        reason: available ? null : 'This system shows no notifications.',
      };
    },
    show(notice, onAction) {
      if (!Notification.isSupported())
        return Promise.resolve({ delivered: false, reason: 'unsupported', detail: null });
      kept.get(notice.key)?.close();
      const offered = notice.actions.filter((action) => action.id !== 'open');
      const made = new Notification({
        title: notice.title,
        body: notice.body,
        silent: notice.urgency === 'low',
        timeoutType: notice.life === 'stays' ? 'never' : 'default',
        actions: buttons ? offered.map((action) => ({ type: 'button', text: action.label })) : [],
      });
      kept.set(notice.key, made);
      let used = false;
      const once = (action: NoticeAction | undefined) => {
        if (used || action === undefined) return;
        used = true;
        kept.delete(notice.key);
        made.close();
        onAction(action);
      };
      made.on('action', (event, index) => {
        const at = (event as { actionIndex?: number }).actionIndex ?? index;
        once(offered[at]?.id);
      });
      made.on('click', () => once('open'));
      made.on('close', () => {
        if (kept.get(notice.key) === made) kept.delete(notice.key);
      });
      return new Promise((resolve) => {
        made.on('show', () => resolve({ delivered: true, actions: buttons ? 'with-buttons' : 'text-only' }));
        made.on('failed', (_event, error) => resolve({ delivered: false, reason: 'refused', detail: error }));
        made.show();
      });
    },
    close(key) {
      kept.get(key)?.close();
      kept.delete(key);
    },
  };
}

/** Where there is neither: the inbox and the tray still have everything. */
export const noNotifications = (reason: string): NotificationAdapter => ({
  abilities: async () => ({ available: false, actions: false, reason }),
  show: async () => ({ delivered: false, reason: 'no-daemon', detail: reason }),
  close: () => {},
});

/**
 * Linux: speaks org.freedesktop.Notifications itself, because Electron sends no action buttons there.
 * Any process of the session can send us an `ActionInvoked` directly, which would be a forged approval: only signals whose
 * sender is the unique owner of the name at this moment count.
 * An action may arrive before our Notify call returns its id, so unknown ids are kept a moment; and so are actions that only
 * the notice can have offered which is just taking the place of one that is shown, under the same id.
 */
import type { SessionBus } from '../lifecycle/session-bus';
import type { Abilities, Delivery, NotificationAdapter } from './adapter';
import { escapeMarkup, type Notice, type NoticeAction } from './wording';

const NAME = 'org.freedesktop.Notifications';
const PATH = '/org/freedesktop/Notifications';
const EARLY_KEPT_MS = 2_000;
const MAX_EARLY = 32;
const URGENCY = { low: 0, normal: 1, critical: 2 } as const;

interface Shown {
  readonly notice: Notice;
  readonly onAction: (action: NoticeAction) => void;
}

export async function createFreedesktopAdapter(deps: {
  bus: SessionBus;
  appName: string;
  /** RGBA pixels, straight alpha. */
  icon: () => { readonly sizePx: number; readonly rgba: Buffer };
  now: () => number;
}): Promise<NotificationAdapter> {
  const { bus } = deps;
  // Sent along, because run from source there is no icon of that name in any theme. Width, height, row stride, alpha, depth, channels.
  const picture = () => {
    const { sizePx, rgba } = deps.icon();
    return [sizePx, sizePx, sizePx * 4, true, 8, 4, rgba];
  };
  const shown = new Map<number, Shown>();
  const ids = new Map<string, number>();
  /** How many notices are on their way to take the place of an id's: the daemon may show one already. */
  const replaced = new Map<number, number>();
  let early: { id: number; key: string; at: number }[] = [];
  let owner: string | null = null;
  let capabilities: readonly string[] | null = null;

  await bus.watchOwner(NAME, (next) => {
    if (next === owner) return;
    owner = next;
    capabilities = null; // another daemon: ask again; what the old one showed is gone
    shown.clear();
    ids.clear();
  });
  await bus.onSignal(`type='signal',sender='${NAME}',interface='${NAME}'`, (signal) => {
    if (signal.interface !== NAME || owner === null || signal.sender !== owner) return;
    const [id, second] = signal.body;
    if (typeof id !== 'number') return;
    if (signal.member === 'ActionInvoked' && typeof second === 'string') act(id, second);
    if (signal.member === 'NotificationClosed') forget(id);
  });

  const call = (member: string, signature: string, body: unknown[]) =>
    bus.call({ destination: NAME, path: PATH, interface: NAME, member, signature, body });

  function forget(id: number): void {
    const key = shown.get(id)?.notice.key;
    shown.delete(id);
    if (key !== undefined && ids.get(key) === id) ids.delete(key);
  }
  function arrived(replaces: number): void {
    const left = (replaced.get(replaces) ?? 0) - 1;
    if (left > 0) replaced.set(replaces, left);
    else replaced.delete(replaces);
  }
  function act(id: number, actionKey: string): void {
    const found = shown.get(id);
    const action = actionKey === 'default' ? 'open' : actionKey;
    const offered = found?.notice.actions.find((each) => each.id === action);
    if (found === undefined || (offered === undefined && replaced.has(id))) {
      early = [
        ...early.filter((each) => deps.now() - each.at < EARLY_KEPT_MS),
        { id, key: actionKey, at: deps.now() },
      ].slice(-MAX_EARLY);
      return;
    }
    forget(id);
    void call('CloseNotification', 'u', [id]).catch(() => undefined); // some daemons leave it open after an action
    if (offered !== undefined) found.onAction(offered.id);
  }
  async function capabilitiesNow(): Promise<readonly string[]> {
    if (capabilities === null) {
      const [list] = await call('GetCapabilities', '', []);
      capabilities = Array.isArray(list) ? list.map(String) : [];
    }
    return capabilities;
  }

  return {
    async abilities(): Promise<Abilities> {
      try {
        const list = await capabilitiesNow();
        return {
          available: true,
          actions: list.includes('actions'),
          reason: list.includes('actions') ? null : 'This desktop shows notifications without buttons.',
        };
      } catch {
        return { available: false, actions: false, reason: 'No notification service answers on this desktop.' };
      }
    },
    async show(notice, onAction): Promise<Delivery> {
      try {
        const list = await capabilitiesNow();
        const withButtons = list.includes('actions');
        const actions = withButtons
          ? [
              ...notice.actions.filter((each) => each.id !== 'open').flatMap((each) => [each.id, each.label]),
              'default',
              'Open',
            ]
          : [];
        const hints = {
          urgency: bus.variant('y', URGENCY[notice.urgency]),
          'desktop-entry': bus.variant('s', 'hallpass'),
          'image-data': bus.variant('(iiibiiay)', picture()),
          category: bus.variant('s', 'im'),
        };
        const body = list.includes('body-markup') ? escapeMarkup(notice.body) : notice.body;
        const replaces = ids.get(notice.key) ?? 0;
        replaced.set(replaces, (replaced.get(replaces) ?? 0) + 1);
        const [id] = await call('Notify', 'susssasa{sv}i', [
          deps.appName,
          replaces,
          '',
          notice.title,
          body,
          actions,
          hints,
          notice.life === 'stays' ? 0 : -1,
        ]).finally(() => arrived(replaces));
        if (typeof id !== 'number') throw new Error('Notify gave no id');
        if (replaces !== 0 && replaces !== id) forget(replaces);
        shown.set(id, { notice, onAction });
        ids.set(notice.key, id);
        const before = early.find((each) => each.id === id && deps.now() - each.at < EARLY_KEPT_MS);
        early = early.filter((each) => each !== before);
        if (before !== undefined) act(id, before.key);
        return { delivered: true, actions: withButtons ? 'with-buttons' : 'text-only' };
      } catch (cause) {
        const detail = cause instanceof Error ? cause.message : String(cause);
        return { delivered: false, reason: owner === null ? 'no-daemon' : 'refused', detail };
      }
    },
    close(key) {
      const id = ids.get(key);
      if (id === undefined) return;
      forget(id);
      void call('CloseNotification', 'u', [id]).catch(() => undefined);
    },
  };
}

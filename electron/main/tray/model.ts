/**
 * The tray as data. Pure: the same state gives the same menu, so the adapter can tell whether anything changed.
 * Times are whole minutes, rounded down, so that it changes once a minute and never promises more than is left.
 */
import type { GrantView } from '../../../shared/contract/grants';
import type { LocalInjection } from '../../../shared/contract/ipc';
import type { RequestView } from '../../../shared/contract/requests';
import type { CatalogEntry } from '../../../shared/contract/resources';
import type { Settings } from '../../../shared/contract/settings';
import { formatDuration, urgencyOf } from '../../../shared/domain/duration';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { oneLine } from '../notifications/wording';

export type TrayIcon = 'idle' | 'waiting' | 'active' | 'ending';
export type TrayCommand =
  | { readonly kind: 'open'; readonly to: string }
  | { readonly kind: 'request'; readonly resourceId: string; readonly level: string; readonly ttlMs: number }
  | { readonly kind: 'decide'; readonly requestId: string; readonly decision: 'approve' | 'deny' }
  | { readonly kind: 'open-card'; readonly requestId: string }
  | { readonly kind: 'extend'; readonly grantId: string; readonly ttlMs: number }
  | { readonly kind: 'start'; readonly grantId: string }
  | { readonly kind: 'return'; readonly grantId: string }
  | { readonly kind: 'copy-command'; readonly grantId: string }
  | { readonly kind: 'quit' };
export type TrayItem =
  | { readonly kind: 'separator' }
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'action'; readonly label: string; readonly command: TrayCommand }
  | { readonly kind: 'menu'; readonly label: string; readonly items: readonly TrayItem[] };
export interface TrayModel {
  readonly icon: TrayIcon;
  readonly tooltip: string;
  readonly items: readonly TrayItem[];
}

export interface TrayState {
  readonly phase: 'first-run' | 'locked' | 'starting' | 'pending-confirmation' | 'ready' | 'failed';
  readonly online: boolean;
  readonly grants: readonly GrantView[];
  readonly waiting: readonly RequestView[];
  readonly catalog: readonly CatalogEntry[];
  readonly injections: readonly LocalInjection[];
  readonly settings: Pick<Settings, 'favourites' | 'recent'>;
  /** By the earliest clock; null when unknown. */
  readonly remainingMs: (grantId: string) => number | null;
}

const REQUEST_LENGTHS_MS = [15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS] as const;
const EXTEND_LENGTHS_MS = [15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS] as const;
/** Longer lists stay in the window: a menu of thirty lines helps nobody. */
const MAX_WAITING = 9;
const MAX_ACTIVE = 9;
const MAX_OFFERED = 10;
const SEPARATOR: TrayItem = { kind: 'separator' };

/** "42 min", "1 h 5 min", "less than a minute". */
export function minutesLeft(remainingMs: number): string {
  const minutes = Math.floor(remainingMs / MINUTE_MS);
  if (minutes < 1) return 'less than a minute';
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes} min` : `${hours} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
}

export function trayModel(state: TrayState): TrayModel {
  const live = state.grants.filter(
    (grant) =>
      grant.state === 'active' || grant.state === 'provisioning' || grant.state === 'ready' || grant.state === 'ending',
  );
  const items: TrayItem[] = [];
  if (state.phase === 'ready') {
    items.push({ kind: 'menu', label: 'Request access', items: requestItems(state) });
    if (state.waiting.length > 0) items.push(SEPARATOR, ...waitingItems(state.waiting));
    if (live.length > 0) items.push(SEPARATOR, ...live.slice(0, MAX_ACTIVE).map((grant) => grantItem(grant, state)));
  } else items.push({ kind: 'label', label: PHASE_WORDS[state.phase] });
  items.push(SEPARATOR, { kind: 'action', label: 'Open Hallpass', command: { kind: 'open', to: '/' } });
  items.push({ kind: 'action', label: 'Quit', command: { kind: 'quit' } });
  return { icon: iconOf(state, live), tooltip: tooltipOf(state, live), items };
}

const PHASE_WORDS: Record<Exclude<TrayState['phase'], 'ready'>, string> = {
  'first-run': 'Not set up yet',
  locked: 'Locked: open Hallpass to unlock',
  starting: 'Starting…',
  'pending-confirmation': 'Waiting for an administrator to confirm this device',
  failed: 'Something needs your attention',
};

function iconOf(state: TrayState, live: readonly GrantView[]): TrayIcon {
  const active = live.filter((grant) => grant.state === 'active');
  const ending = active.some((grant) => {
    const left = state.remainingMs(grant.id);
    return left !== null && urgencyOf(left, grant.ttlMs) !== 'calm';
  });
  if (ending) return 'ending';
  if (state.waiting.length > 0) return 'waiting';
  return active.length > 0 ? 'active' : 'idle';
}

function tooltipOf(state: TrayState, live: readonly GrantView[]): string {
  if (state.phase !== 'ready') return `Hallpass: ${PHASE_WORDS[state.phase]}`;
  const parts: string[] = [];
  if (state.waiting.length > 0)
    parts.push(
      state.waiting.length === 1 ? '1 request waits for you' : `${state.waiting.length} requests wait for you`,
    );
  for (const grant of live.filter((each) => each.state === 'active').slice(0, 3)) {
    const left = state.remainingMs(grant.id);
    parts.push(`${grant.resource.name} ${grant.level}${left === null ? '' : `: ${minutesLeft(left)} left`}`);
  }
  if (!state.online) parts.push('service not reachable');
  return `Hallpass${parts.length === 0 ? ': nothing active' : `\n${parts.join('\n')}`}`;
}

function requestItems(state: TrayState): TrayItem[] {
  const wanted = [
    ...state.settings.favourites.map((each) => ({ ...each, name: 'Favourites' as const })),
    ...state.settings.recent.map((each) => ({
      resourceId: each.resourceId,
      level: each.level,
      name: 'Recent' as const,
    })),
  ];
  const seen = new Set<string>();
  const groups = new Map<string, TrayItem[]>();
  for (const each of wanted) {
    const key = `${each.resourceId} ${each.level}`;
    const entry = state.catalog.find(({ resource }) => resource.id === each.resourceId);
    const level = entry?.levels.find((offered) => offered.level.name === each.level);
    if (seen.has(key) || seen.size >= MAX_OFFERED || entry === undefined || level === undefined) continue;
    if (level.effect === 'none' || level.effect === 'deny') continue;
    seen.add(key);
    const longestMs = level.maxDurationMs ?? HOUR_MS;
    const lengths = REQUEST_LENGTHS_MS.filter((lengthMs) => lengthMs <= longestMs);
    const menu: TrayItem = {
      kind: 'menu',
      label: `${entry.resource.name} · ${each.level}`,
      items: (lengths.length === 0 ? [longestMs] : lengths).map((ttlMs) => ({
        kind: 'action',
        label: formatDuration(ttlMs),
        command: { kind: 'request', resourceId: each.resourceId, level: each.level, ttlMs },
      })),
    };
    groups.set(each.name, [...(groups.get(each.name) ?? []), menu]);
  }
  const listed = [...groups.values()].flatMap((group, index) => (index === 0 ? group : [SEPARATOR, ...group]));
  return [
    ...listed,
    ...(listed.length > 0 ? [SEPARATOR] : []),
    { kind: 'action', label: 'Something else…', command: { kind: 'open', to: '/request' } },
  ];
}

function waitingItems(waiting: readonly RequestView[]): TrayItem[] {
  const shown = waiting.slice(0, MAX_WAITING).map((request): TrayItem => {
    const decide = (decision: 'approve' | 'deny', label: string): TrayItem => ({
      kind: 'action',
      label,
      command: { kind: 'decide', requestId: request.id, decision },
    });
    const quick = request.confirm === 'notification' ? [decide('approve', 'Approve'), decide('deny', 'Deny')] : [];
    return {
      kind: 'menu',
      label: `${oneLine(request.requester.displayName, 30)}: ${request.resource.name} ${request.level}, ${formatDuration(request.ttlMs)}`,
      items: [
        { kind: 'label', label: request.reason === '' ? 'No reason given' : `“${oneLine(request.reason, 60)}”` },
        ...quick,
        { kind: 'action', label: 'Open', command: { kind: 'open-card', requestId: request.id } },
      ],
    };
  });
  const more: TrayItem[] =
    waiting.length > MAX_WAITING
      ? [
          {
            kind: 'action',
            label: `${waiting.length - MAX_WAITING} more in the inbox…`,
            command: { kind: 'open', to: '/inbox' },
          },
        ]
      : [];
  return [{ kind: 'label', label: 'Waiting for you' }, ...shown, ...more];
}

function grantItem(grant: GrantView, state: TrayState): TrayItem {
  const name = `${grant.resource.name} ${grant.level}`;
  const open: TrayItem = { kind: 'action', label: 'Open', command: { kind: 'open', to: `/?grant=${grant.id}` } };
  switch (grant.state) {
    case 'ready':
      return {
        kind: 'menu',
        label: `${name}: approved, not started`,
        items: [{ kind: 'action', label: 'Start', command: { kind: 'start', grantId: grant.id } }, open],
      };
    case 'provisioning':
      return { kind: 'label', label: `${name}: being set up…` };
    case 'ending':
    case 'ended':
      return { kind: 'menu', label: `${name}: still being revoked`, items: [open] };
    case 'active': {
      const left = state.remainingMs(grant.id);
      const command = state.injections.find((each) => each.grantId === grant.id && each.state === 'injected')?.command;
      const extend: TrayItem[] =
        grant.pendingExtension === null
          ? [
              {
                kind: 'menu',
                label: 'Extend',
                items: EXTEND_LENGTHS_MS.map((ttlMs) => ({
                  kind: 'action',
                  label: `by ${formatDuration(ttlMs)}`,
                  command: { kind: 'extend', grantId: grant.id, ttlMs },
                })),
              },
            ]
          : [{ kind: 'label', label: 'More time was asked for' }];
      return {
        kind: 'menu',
        label: `${name}: ${left === null ? 'active' : `${minutesLeft(left)} left`}`,
        items: [
          ...extend,
          { kind: 'action', label: 'Return', command: { kind: 'return', grantId: grant.id } },
          ...(command
            ? [{ kind: 'action', label: 'Copy command', command: { kind: 'copy-command', grantId: grant.id } } as const]
            : []),
          open,
        ],
      };
    }
  }
}

/** What ends access on this desktop before its time. What the policy requires somewhere is shown as required there; it can't be softened here. */
import type { AppInfo } from '../../../shared/contract/ipc';
import type { Settings } from '../../../shared/contract/settings';
import { END_SIGNALS, type EndOn, type EndSignal, signalsOf, wordCondition } from '../../../shared/domain/end-signals';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { useApi } from '../../app/queries';
import { useAppInfo } from '../../app/session';
import { wordPeople } from '../../app/words';
import { Section, Segmented } from '../../ui';
import { SettingRow, Switch, useSaved } from './Row';
import styles from './settings.module.css';

const TITLES: Record<EndSignal, string> = {
  screen_lock: 'The screen is locked',
  sleep: 'The machine sleeps',
  network_change: 'The network changes',
  ticket_closed: 'The ticket is closed',
  exit: 'The command ends',
};
const ABOUT: Record<EndSignal, string> = {
  screen_lock: 'Locked by you or by itself.',
  sleep: 'Ended as soon as it wakes; the deadline holds in any case.',
  network_change: 'The machine gets an address in a network it was not on when access began.',
  ticket_closed: 'When your ticket system tells the service.',
  exit: 'The command or shell that was started with hallpass run.',
};
const SLEEPS = [
  { value: 'never', label: 'Off' },
  { value: '0', label: 'At once' },
  { value: `${10 * MINUTE_MS}`, label: 'After 10 m' },
  { value: `${60 * MINUTE_MS}`, label: 'After 1 h' },
] as const;
const FIELD: Record<Exclude<EndSignal, 'sleep'>, keyof EndOn> = {
  screen_lock: 'screenLock',
  network_change: 'networkChange',
  ticket_closed: 'ticketClosed',
  exit: 'exit',
};

export function EarlyEnd({ settings }: { readonly settings: Settings }) {
  const info = useAppInfo().data;
  const required = useRequired();
  return (
    <div data-part="early-end">
      <Section title="End access early when" about="on this desktop, for every grant">
        <div className={styles.card}>
          {END_SIGNALS.map((signal) => (
            <SignalRow
              key={signal}
              signal={signal}
              settings={settings}
              info={info}
              required={required.get(signal) ?? []}
            />
          ))}
        </div>
      </Section>
    </div>
  );
}

/** Which resources the policy requires each signal for, of those this person may ask for. */
function useRequired(): ReadonlyMap<EndSignal, readonly { readonly name: string; readonly endOn: EndOn }[]> {
  const catalog = useApi('catalog.list', {}).data?.items ?? [];
  const required = new Map<EndSignal, { name: string; endOn: EndOn }[]>();
  for (const { resource, levels } of catalog)
    for (const { endOn } of levels)
      for (const signal of signalsOf(endOn)) {
        const list = required.get(signal) ?? [];
        if (!list.some((one) => one.name === resource.name)) list.push({ name: resource.name, endOn });
        required.set(signal, list);
      }
  return required;
}

interface SignalRowProps {
  readonly signal: EndSignal;
  readonly settings: Settings;
  readonly info: AppInfo | undefined;
  readonly required: readonly { readonly name: string; readonly endOn: EndOn }[];
}
const MOST_NAMED = 3;
function SignalRow({ signal, settings, info, required }: SignalRowProps) {
  const { error, save } = useSaved();
  const { endOn } = settings;
  const unwatched = info?.unwatched.find((one) => one.signal === signal)?.reason;
  const names = required.slice(0, MOST_NAMED).map((one) => one.name);
  if (required.length > MOST_NAMED) names.push(`${required.length - MOST_NAMED} more`);
  const shortest = required.map((one) => one.endOn).sort((a, b) => (a.sleepMs ?? 0) - (b.sleepMs ?? 0))[0];
  return (
    <SettingRow
      title={TITLES[signal]}
      error={error}
      about={
        <>
          {ABOUT[signal]}
          {unwatched !== undefined && <span className="warn"> {unwatched}</span>}
          {shortest !== undefined && (
            <span className={styles.required}>
              {' '}
              Required by the policy on {wordPeople(names, 'and')}
              {signal === 'sleep' ? `, when ${wordCondition(shortest, 'sleep')}` : ''}, whatever is set here.
            </span>
          )}
        </>
      }
    >
      {signal === 'sleep' ? (
        <Segmented
          label={TITLES.sleep}
          value={endOn.sleepMs === null ? 'never' : `${endOn.sleepMs}`}
          onChange={(to) => void save({ endOn: { ...endOn, sleepMs: to === 'never' ? null : Number(to) } })}
          options={SLEEPS}
        />
      ) : (
        <Switch
          label={TITLES[signal]}
          value={endOn[FIELD[signal]] === true}
          onChange={(to) => void save({ endOn: { ...endOn, [FIELD[signal]]: to === 'on' } })}
        />
      )}
    </SettingRow>
  );
}

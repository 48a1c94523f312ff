/** The quiet half of My access: what ended, favourites that are asked for with one key, what colleagues hold now. */
import { Check, CircleHelp } from 'lucide-react';
import { useState } from 'react';
import type { GrantView } from '../../../shared/contract/grants';
import type { CatalogEntry } from '../../../shared/contract/resources';
import type { Settings } from '../../../shared/contract/settings';
import { clockDuration, formatDuration, urgencyOf } from '../../../shared/domain/duration';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { useAction } from '../../app/action';
import { ask } from '../../app/ask';
import { useMinute, useSecond } from '../../app/clock';
import { useKeys } from '../../app/keys';
import { useGo } from '../../app/navigation';
import { useChange } from '../../app/queries';
import { wordApprovals, wordWhen } from '../../app/words';
import {
  Avatar,
  Button,
  Dialog,
  EmptyState,
  EnvironmentMark,
  Field,
  Kbd,
  Ring,
  Section,
  Slip,
  Slips,
  TextArea,
  toast,
  toneOf,
} from '../../ui';
import { ByHandDialog } from './ByHand';
import styles from './grants.module.css';
import { endedHow, proofOf, remainingOf, whatIsTaken } from './wording';

export function EndedSlips({ grants }: { readonly grants: readonly GrantView[] }) {
  const now = useMinute();
  const allRead = grants.every((grant) => proofOf(grant).known);
  return (
    <Section
      title="Recently ended"
      aside={allRead && grants.length > 0 && <span className="dim cut">removal read back from the target</span>}
    >
      {grants.length === 0 ? (
        <EmptyState title="Nothing has ended yet">
          When access ends, its removal is read back and shown here.
        </EmptyState>
      ) : (
        <Slips>
          {grants.map((grant) => {
            const how = endedHow(grant);
            const proof = proofOf(grant);
            return (
              <Slip key={grant.id}>
                <span title={proof.text} className={proof.known ? 'ok' : 'warn'}>
                  {proof.known ? <Check size={14} aria-hidden /> : <CircleHelp size={14} aria-hidden />}
                  <span className="sr-only">{proof.text}</span>
                </span>
                <b className="cut">{grant.resource.name}</b>
                <span className="mut">{grant.level}</span>
                <span className={`cut ${how.tone === 'warn' ? 'warn' : 'mut'}`} title={how.text}>
                  {how.text}
                </span>
                <span className="mono nowrap">{grant.endedAt === null ? '' : wordWhen(grant.endedAt, now)}</span>
              </Slip>
            );
          })}
        </Slips>
      )}
    </Section>
  );
}

const MOST_FAVOURITES = 6;
const USUAL_MS = 30 * MINUTE_MS;
type Favourite = {
  readonly entry: CatalogEntry;
  readonly rule: CatalogEntry['levels'][number];
  readonly ttlMs: number;
};
/** Favourites that still exist, each with the length asked for last (or half an hour, within the limit). */
export function favouritesOf(settings: Settings | undefined, catalog: readonly CatalogEntry[]): Favourite[] {
  return (settings?.favourites ?? [])
    .flatMap(({ resourceId, level }) => {
      const entry = catalog.find((one) => one.resource.id === resourceId);
      const rule = entry?.levels.find((one) => one.level.name === level);
      if (entry === undefined || rule === undefined) return [];
      const last = settings?.recent.find((one) => one.resourceId === resourceId && one.level === level);
      const ttlMs = Math.min(last?.ttlMs ?? USUAL_MS, rule.maxDurationMs ?? HOUR_MS);
      return [{ entry, rule, ttlMs }];
    })
    .slice(0, MOST_FAVOURITES);
}
const answerOf = ({ rule }: Favourite) =>
  rule.effect === 'auto'
    ? { text: 'auto-approved', tone: 'ok' }
    : rule.effect === 'approve'
      ? { text: wordApprovals(rule.approvals), tone: 'dim' }
      : { text: 'not now', tone: 'bad' };

/** One key asks at once where the policy needs no words; else the form opens, filled in. */
export function Favourites({ favourites }: { readonly favourites: readonly Favourite[] }) {
  const go = useGo();
  const send = useAction(({ entry, rule, ttlMs }: Favourite) =>
    ask(
      { resourceId: entry.resource.id, level: rule.level.name, ttlMs, reason: '', ticketRef: '' },
      entry.resource.name,
    ),
  );
  const choose = (favourite: Favourite) => {
    const { rule, entry, ttlMs } = favourite;
    if (rule.effect === 'auto' && !rule.reasonRequired && !rule.ticketRequired) send.run(favourite);
    else go('/request', { resource: entry.resource.id, level: rule.level.name, ttl: `${ttlMs}` });
  };
  useKeys(
    favourites.map((favourite, index) => ({
      keys: `${index + 1}`,
      label: `Ask for ${favourite.rule.level.name} on ${favourite.entry.resource.name}`,
      run: () => choose(favourite),
    })),
  );
  return (
    <Section title="Favourites" about="one key asks">
      {favourites.length === 0 ? (
        <EmptyState title="No favourites yet">Star a resource under Request to ask for it with one key.</EmptyState>
      ) : (
        <ul className={styles.favourites}>
          {favourites.map((favourite, index) => {
            const { entry, rule, ttlMs } = favourite;
            const said = answerOf(favourite);
            return (
              <li key={`${entry.resource.id} ${rule.level.name}`}>
                <button type="button" className={styles.favourite} onClick={() => choose(favourite)}>
                  <Kbd>{index + 1}</Kbd>
                  <span className={`cut grow ${styles.favouriteText}`}>
                    <b className="cut">{entry.resource.name}</b>
                    <span className="mut cut">
                      {rule.level.name}, {formatDuration(ttlMs)}
                    </span>
                  </span>
                  <span className={styles.favouriteSide}>
                    <EnvironmentMark environment={entry.resource.environment} length="short" />
                    <span className={`small ${said.tone}`}>{said.text}</span>
                  </span>
                </button>
              </li>
            );
          })}
        </ul>
      )}
    </Section>
  );
}

export function Colleagues({ grants }: { readonly grants: readonly GrantView[] }) {
  const now = useSecond();
  const [ending, setEnding] = useState<GrantView | null>(null);
  const [hanging, setHanging] = useState<GrantView | null>(null);
  return (
    <Section title="Colleagues, right now" about={grants.length > 0 ? 'access that you may end' : undefined}>
      {grants.length === 0 ? (
        <EmptyState title="Nobody else holds access">
          Access of others that you may end stands here while it runs.
        </EmptyState>
      ) : (
        <ul className={styles.colleagues}>
          {grants.map((grant) => {
            const leftMs = remainingOf(grant, now);
            const tone = toneOf(urgencyOf(leftMs, grant.ttlMs));
            return (
              <li key={grant.id}>
                <Avatar name={grant.holder.displayName} />
                <span className="cut">
                  <b>{grant.holder.displayName}</b>{' '}
                  <span className="mut">
                    {grant.level} on {grant.resource.name}
                  </span>
                </span>
                {grant.state === 'active' ? (
                  <>
                    <Ring remainingMs={leftMs} totalMs={grant.ttlMs} tone={tone} sizePx={20} />
                    <span className="mono nowrap">{clockDuration(leftMs)}</span>
                  </>
                ) : (
                  <span className={`nowrap ${grant.removal.alarmed ? 'bad' : 'dim'}`}>
                    {grant.state === 'ending' ? 'being revoked' : 'starting'}
                  </span>
                )}
                {grant.state === 'ending' && grant.removal.attempts > 0 && (
                  <Button
                    size="s"
                    look="quiet"
                    onClick={() => setHanging(grant)}
                    aria-label={`What is open of ${grant.holder.displayName}’s access to ${grant.resource.name}`}
                  >
                    Open…
                  </Button>
                )}
                {grant.can.revoke && (
                  <Button
                    size="s"
                    look="quiet"
                    onClick={() => setEnding(grant)}
                    aria-label={`End ${grant.holder.displayName}’s access to ${grant.resource.name}`}
                  >
                    End…
                  </Button>
                )}
              </li>
            );
          })}
        </ul>
      )}
      {hanging !== null && <ByHandDialog grant={hanging} onClose={() => setHanging(null)} />}
      {ending !== null && <RevokeDialog grant={ending} onClose={() => setEnding(null)} />}
    </Section>
  );
}

export function RevokeDialog({ grant, onClose }: { readonly grant: GrantView; readonly onClose: () => void }) {
  const revoke = useChange('grants.revoke', ['grants.list']);
  const [reason, setReason] = useState('');
  const end = useAction(async () => {
    await revoke.mutateAsync({ params: { id: grant.id }, body: { reason } });
    toast({
      title: `Ending ${grant.holder.displayName}’s access to ${grant.resource.name}`,
      about: 'You are told when the removal is read back.',
      tone: 'plain',
    });
    onClose();
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title={`End ${grant.holder.displayName}’s access to ${grant.resource.name}?`}
      about={`${whatIsTaken(grant)} ${grant.holder.displayName} is told why.`}
      onSubmit={(event) => {
        event.preventDefault();
        end.run();
      }}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" type="submit" state={end.state}>
            End access now
          </Button>
        </>
      }
    >
      <Field label="Why">
        <TextArea rows={2} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
      </Field>
    </Dialog>
  );
}

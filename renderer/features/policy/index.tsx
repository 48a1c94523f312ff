/** Policy: what is in force, in words and as written; editing it with what would change; its history. */
import { History as HistoryIcon, Pencil, Search } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import type { PolicyVersion } from '../../../shared/contract/policy';
import { toUserError } from '../../app/bridge';
import { useMinute } from '../../app/clock';
import { useKeys } from '../../app/keys';
import { useGo, useTextSearch } from '../../app/navigation';
import { useApi } from '../../app/queries';
import { type ReadRule, readPolicy } from '../../app/rules/read';
import { wordAgo, wordCount } from '../../app/words';
import { Banner, Button, ErrorState, Kbd, Loading, Page, Section, Skeleton } from '../../ui';
import { Source } from './Code';
import { isTouched, keepDraft, useDraft } from './draft';
import { Edit } from './Edit';
import { History } from './History';
import styles from './policy.module.css';
import { RuleCards } from './RuleCards';
import { useSuggestion } from './suggestion';

const MANY_RULES = 6;

export function PolicyScreen() {
  const search = useTextSearch();
  const policy = useApi('policy.get', {});
  const roles = useApi('me.get', {}).data?.person.roles ?? [];
  const admin = roles.includes('admin');
  useSuggestion(admin ? policy.data : undefined, search.suggest);
  if (policy.data === undefined)
    return (
      <Page title="Policy">
        {policy.isError ? (
          <ErrorState error={toUserError(policy.error)} onRetry={() => void policy.refetch()} />
        ) : (
          <LoadingPolicy />
        )}
      </Page>
    );
  if (search.view === 'edit' && admin) return <Edit inForce={policy.data} />;
  if (search.view === 'history' && (admin || roles.includes('auditor')))
    return <History inForce={policy.data} admin={admin} />;
  return <InForce policy={policy.data} admin={admin} history={admin || roles.includes('auditor')} />;
}

interface InForceProps {
  readonly policy: PolicyVersion;
  readonly admin: boolean;
  readonly history: boolean;
}
function InForce({ policy, admin, history }: InForceProps) {
  const go = useGo();
  const now = useMinute();
  const read = useMemo(() => readPolicy(policy.yaml), [policy.yaml]);
  const [chosen, setChosen] = useState<ReadRule | null>(null);
  const [filter, setFilter] = useState('');
  const draft = useDraft();
  const edit = () => {
    if (draft === null) keepDraft({ yaml: policy.yaml, note: '', base: policy });
    go('/policy', { view: 'edit' });
  };
  useKeys([
    ...(admin ? [{ keys: 'e', label: 'Edit the policy', run: edit }] : []),
    ...(history ? [{ keys: 'h', label: 'History of the policy', run: () => go('/policy', { view: 'history' }) }] : []),
  ]);
  useEffect(() => setChosen((before) => read?.rules.find((one) => one.index === before?.index) ?? null), [read]);
  return (
    <Page
      title="Policy"
      about={
        <>
          Version {policy.version} by {policy.author}, {wordAgo(policy.at, now)}
          {policy.note !== '' && <span className="dim">: {policy.note}</span>}
        </>
      }
      actions={
        <>
          {history && (
            <Button onClick={() => go('/policy', { view: 'history' })}>
              <HistoryIcon size={14} aria-hidden />
              History <Kbd>H</Kbd>
            </Button>
          )}
          {admin && (
            <Button look="primary" onClick={edit}>
              <Pencil size={14} aria-hidden />
              Edit <Kbd>E</Kbd>
            </Button>
          )}
        </>
      }
      fixed={admin && isTouched(draft) ? <DraftBanner version={draft.base.version} onContinue={edit} /> : undefined}
    >
      <div className={styles.columns}>
        <Section
          className={styles.column}
          title={read === null ? 'Rules' : wordCount(read.rules.length + read.unreadCount, 'rule')}
          about="a denial wins, then the highest priority"
          aside={
            (read?.rules.length ?? 0) >= MANY_RULES && (
              <div className={`hp-input ${styles.filter}`} data-size="s">
                <Search size={13} className="dim" aria-hidden />
                <input
                  data-search
                  aria-label="Find a rule"
                  placeholder="Find a rule"
                  value={filter}
                  onChange={(event) => setFilter(event.target.value)}
                />
              </div>
            )
          }
        >
          <div className={styles.scroll}>
            <RuleCards policy={read} filter={filter} chosen={chosen?.index ?? null} onChoose={setChosen} />
          </div>
        </Section>
        <Section
          className={styles.column}
          title="As written"
          aside={
            <span className="dim mono" title={policy.digest}>
              {policy.digest.slice(0, 12)}
            </span>
          }
        >
          <Source text={policy.yaml} label={`Policy version ${policy.version}, YAML`} lit={chosen} />
        </Section>
      </div>
    </Page>
  );
}

function DraftBanner({ version, onContinue }: { readonly version: number; readonly onContinue: () => void }) {
  return (
    <div className={styles.banner}>
      <Banner
        icon={<Pencil size={14} aria-hidden />}
        action={
          <>
            <Button size="s" look="quiet" onClick={() => keepDraft(null)}>
              Discard it
            </Button>
            <Button size="s" onClick={onContinue}>
              Continue
            </Button>
          </>
        }
      >
        <b>You have an unpublished draft</b>, begun from version {version}. It is kept until you quit the app.
      </Banner>
    </div>
  );
}

const LoadingPolicy = () => (
  <Loading label="Loading the policy">
    <div className={styles.columns}>
      <div className={styles.loading}>
        <Skeleton width={90} height={14} />
        <Skeleton height={84} />
        <Skeleton height={84} />
        <Skeleton height={84} />
      </div>
      <div className={styles.loading}>
        <Skeleton width={90} height={14} />
        <Skeleton height={420} />
      </div>
    </div>
  </Loading>
);

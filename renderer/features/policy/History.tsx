/** The history of the policy: who changed what, when and why; any version can be read, compared and taken up again. */
import { ArrowLeft, RotateCcw } from 'lucide-react';
import { useState } from 'react';
import type { PolicyVersion } from '../../../shared/contract/policy';
import { toUserError } from '../../app/bridge';
import { useMinute } from '../../app/clock';
import { useKeys, useListKeys } from '../../app/keys';
import { useGo } from '../../app/navigation';
import { useApi } from '../../app/queries';
import { wordAgo, wordTime, wordWhen } from '../../app/words';
import { Button, Confirm, EmptyState, ErrorState, IconButton, Loading, Segmented, Skeleton, TwoPane } from '../../ui';
import { Source } from './Code';
import { Diff, wordDiff } from './Diff';
import { isTouched, keepDraft, useDraft } from './draft';
import styles from './policy.module.css';

type Show = 'before' | 'in-force' | 'text';

export function History({ inForce, admin }: { readonly inForce: PolicyVersion; readonly admin: boolean }) {
  const go = useGo();
  const versions = useApi('policy.versions', {});
  const items = versions.data?.items ?? [];
  const [chosen, setChosen] = useState<number | null>(null);
  const at = Math.max(
    0,
    items.findIndex((one) => one.version === chosen),
  );
  const shown = items[at];
  useListKeys(items.length, at, (index) => setChosen(items[index]?.version ?? null));
  useKeys([{ keys: 'escape', label: 'Back to the policy', run: () => go('/policy') }]);
  return (
    <TwoPane
      title="Policy history"
      listLabel="Versions of the policy"
      listPx={300}
      aside={
        <IconButton label="Back to the policy" onClick={() => go('/policy')}>
          <ArrowLeft size={16} />
        </IconButton>
      }
      list={
        versions.isPending ? (
          <Loading label="Loading the history">
            <div className={styles.loading} data-inset>
              <Skeleton height={64} />
              <Skeleton height={64} />
              <Skeleton height={64} />
            </div>
          </Loading>
        ) : (
          <ul className={styles.versions}>
            {items.map((one, index) => (
              <li key={one.version}>
                <VersionRow
                  version={one}
                  inForce={one.version === inForce.version}
                  selected={index === at}
                  onSelect={() => setChosen(one.version)}
                />
              </li>
            ))}
          </ul>
        )
      }
      detail={
        versions.isError ? (
          <ErrorState error={toUserError(versions.error)} onRetry={() => void versions.refetch()} />
        ) : shown === undefined ? (
          versions.isPending ? (
            <Skeleton height={420} />
          ) : (
            <EmptyState title="No version yet" />
          )
        ) : (
          <Version key={shown.version} version={shown} before={items[at + 1]} inForce={inForce} admin={admin} />
        )
      }
    />
  );
}

interface VersionRowProps {
  readonly version: PolicyVersion;
  readonly inForce: boolean;
  readonly selected: boolean;
  readonly onSelect: () => void;
}
function VersionRow({ version, inForce, selected, onSelect }: VersionRowProps) {
  const now = useMinute();
  return (
    <button type="button" className={styles.version} aria-current={selected || undefined} onClick={onSelect}>
      <b>Version {version.version}</b>
      <span className="dim nowrap">{wordAgo(version.at, now)}</span>
      <span className={version.note === '' ? 'dim cut' : 'cut'}>{version.note === '' ? 'no note' : version.note}</span>
      <span className="ok nowrap">{inForce ? 'in force' : ''}</span>
      <span className="dim cut">{version.author}</span>
      <span className="dim mono">{version.digest.slice(0, 8)}</span>
    </button>
  );
}

interface VersionProps {
  readonly version: PolicyVersion;
  /** The one before it; none for the first that is known. */
  readonly before: PolicyVersion | undefined;
  readonly inForce: PolicyVersion;
  readonly admin: boolean;
}
function Version({ version, before, inForce, admin }: VersionProps) {
  const go = useGo();
  const now = useMinute();
  const draft = useDraft();
  const isInForce = version.version === inForce.version;
  const [show, setShow] = useState<Show>(before === undefined ? 'text' : 'before');
  const [asking, setAsking] = useState(false);
  const restore = () => {
    keepDraft({ yaml: version.yaml, note: `Back to version ${version.version}`, base: inForce });
    go('/policy', { view: 'edit' });
  };
  const said =
    show === 'before' && before !== undefined
      ? wordDiff(before.yaml, version.yaml)
      : show === 'in-force'
        ? wordDiff(version.yaml, inForce.yaml)
        : '';
  return (
    <div className={styles.detail}>
      <div className="row">
        <h2 className={styles.title}>Version {version.version}</h2>
        <span className="grow" />
        {admin && !isInForce && (
          <Button onClick={() => (isTouched(draft) ? setAsking(true) : restore())}>
            <RotateCcw size={14} aria-hidden />
            Restore as draft
          </Button>
        )}
      </div>
      <p className="mut selectable">
        {version.author}, {wordWhen(version.at, now)} at {wordTime(version.at)}
        {version.note !== '' && <>: “{version.note}”</>}
      </p>
      <p
        className={`dim mono selectable ${styles.digest}`}
        title="SHA-256 of what the rules say; comments don’t change it"
      >
        {version.digest}
      </p>
      <div className={`row ${styles.shows}`}>
        <Segmented
          label="Show"
          value={show}
          onChange={setShow}
          options={[
            ...(before === undefined ? [] : [{ value: 'before' as const, label: 'What it changed' }]),
            ...(isInForce ? [] : [{ value: 'in-force' as const, label: 'From here to now' }]),
            { value: 'text' as const, label: 'Whole text' },
          ]}
        />
        <span className="dim cut">{said}</span>
      </div>
      {show === 'before' && before !== undefined ? (
        <Diff before={before.yaml} after={version.yaml} label={`What version ${version.version} changed`} />
      ) : show === 'in-force' ? (
        <Diff
          before={version.yaml}
          after={inForce.yaml}
          label={`From version ${version.version} to version ${inForce.version}`}
        />
      ) : (
        <Source text={version.yaml} label={`Version ${version.version}, YAML`} />
      )}
      <Confirm
        open={asking}
        title="Replace your draft?"
        about={`You have an unpublished draft. Restoring version ${version.version} puts its text in place of yours.`}
        action="Replace the draft"
        onConfirm={restore}
        onClose={() => setAsking(false)}
      />
    </div>
  );
}

/** Editing the policy: the text, what is wrong with it, and what it would change, before it takes effect. */
import { keepPreviousData } from '@tanstack/react-query';
import { CircleAlert, Plus, TriangleAlert } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { PolicyVersion } from '../../../shared/contract/policy';
import { useAction } from '../../app/action';
import { ApiError, api } from '../../app/api';
import { toUserError } from '../../app/bridge';
import { useDebounced } from '../../app/debounced';
import { useKeys } from '../../app/keys';
import { useGo } from '../../app/navigation';
import { invalidate, useApi } from '../../app/queries';
import { type ReadRule, readPolicy } from '../../app/rules/read';
import { wordCount } from '../../app/words';
import {
  Button,
  Confirm,
  ErrorState,
  Input,
  Kbd,
  Loading,
  Menu,
  Page,
  Section,
  Segmented,
  Skeleton,
  toast,
} from '../../ui';
import { Changes, wordChanges } from './Changes';
import { Editor, type EditorHandle, type Mark } from './Code';
import { type ChangeGroup, groupChanges, isLoud } from './changes';
import { keepDraft, useDraft } from './draft';
import { freeName, insertRule } from './editing';
import { Newer } from './Newer';
import styles from './policy.module.css';
import { RuleCards } from './RuleCards';
import { SNIPPETS } from './snippets';
import { takenNames } from './suggestion';

const STILL_MS = 350;
const CHECK_KEPT_MS = 30_000;
const MAX_NOTE_CHARS = 300;
const PROBLEMS_ID = 'policy-problems';

export interface Problem extends Mark {
  readonly line: number | null;
}

export function Edit({ inForce }: { readonly inForce: PolicyVersion }) {
  const go = useGo();
  const kept = useDraft();
  const draft = useMemo(() => kept ?? { yaml: inForce.yaml, note: '', base: inForce }, [kept, inForce]);
  const { yaml, note, base } = draft;
  const editor = useRef<EditorHandle>(null);
  const checked = useChecked(yaml);
  const marks = useMemo(() => marksOf(checked.problems), [checked.problems]);
  const atLine = kept?.atLine;
  useEffect(() => {
    if (atLine !== undefined) editor.current?.goTo(atLine);
  }, [atLine]);
  const [side, setSide] = useState<'changes' | 'rules'>('changes');
  const [asking, setAsking] = useState(false);
  const newer = inForce.version > base.version ? inForce : null;
  const untouched = yaml === base.yaml;

  const publish = useAction(
    async () => {
      const published = await api('policy.put', { body: { yaml, baseVersion: base.version, note } });
      keepDraft(null);
      invalidate(['policy.get', 'policy.versions', 'catalog.list']);
      toast({ title: `Version ${published.version} of the policy is in force` });
      go('/policy');
    },
    (error) => {
      setAsking(false);
      if (!(error instanceof ApiError) || error.code !== 'policy-stale') return false;
      invalidate(['policy.get', 'policy.versions']); // what was published meanwhile; the draft stays
      return true;
    },
  );
  const ready = checked.state === 'fine' && !untouched && newer === null;
  const loud = checked.groups.filter((group) => isLoud(group.weight));
  const ask = () => {
    if (!ready) return;
    if (loud.length > 0) setAsking(true);
    else publish.run();
  };
  const insert = (rule: string) => {
    const name = /^- name: (.*)/.exec(rule)?.[1] ?? 'rule';
    editor.current?.put(insertRule(yaml, rule.replace(name, freeName(name, takenNames(yaml)))));
  };
  useKeys([{ keys: 'ctrl+enter', label: 'Publish the policy', run: ask }]);
  return (
    <Page
      title="Edit policy"
      about={
        newer === null ? (
          <>from version {base.version}; the draft is kept when you leave</>
        ) : (
          <>from version {base.version}</>
        )
      }
      actions={
        <>
          <Menu
            label="A rule to begin from"
            align="end"
            trigger={
              <Button>
                <Plus size={14} aria-hidden />
                Insert rule
              </Button>
            }
            items={SNIPPETS.map((snippet) => ({
              key: snippet.key,
              label: snippet.label,
              aside: snippet.about,
              onSelect: () => insert(snippet.rule),
            }))}
          />
          <Button
            look="quiet"
            onClick={() => {
              keepDraft(null);
              go('/policy');
            }}
          >
            {untouched && note === '' ? 'Close' : 'Discard draft'}
          </Button>
        </>
      }
      fixed={newer !== null && <Newer draft={draft} newer={newer} />}
    >
      <div className={styles.editing}>
        <Section className={styles.column} title="Draft" about={checked.said} aside={<EditorKeys />}>
          <Editor
            ref={editor}
            label="Policy draft, YAML"
            value={yaml}
            onChange={(next) => keepDraft({ yaml: next, note, base })}
            marks={marks}
            describedBy={PROBLEMS_ID}
          />
          <Problems problems={checked.problems} onGo={(line) => editor.current?.goTo(line)} />
        </Section>
        <section className={styles.column} aria-label="What the draft means">
          <div className="hp-section__head">
            <Segmented
              label="Show"
              value={side}
              onChange={setSide}
              options={[
                { value: 'changes', label: `What would change${checked.count}` },
                { value: 'rules', label: 'In words' },
              ]}
            />
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it */}
          <section className={styles.scroll} aria-label="Its meaning" tabIndex={0}>
            {side === 'changes' ? (
              <ChangePane checked={checked} untouched={untouched} />
            ) : (
              <DraftRules yaml={checked.yaml} onGo={(rule) => editor.current?.goTo(rule.fromLine)} />
            )}
          </section>
        </section>
      </div>
      <footer className={styles.publish}>
        <Input
          className="grow"
          aria-label="Note for the history"
          placeholder="What this changes, for the history"
          maxLength={MAX_NOTE_CHARS}
          value={note}
          onChange={(event) => keepDraft({ ...draft, note: event.target.value })}
        />
        <span className={`${loud.length > 0 && ready ? 'warn' : 'mut'} not-narrow`} role="status">
          {untouched ? 'Nothing changed yet.' : checked.state === 'fine' ? wordChanges(checked.groups) : checked.said}
        </span>
        <Button look="primary" size="l" data-publish state={publish.state} disabled={!ready} onClick={ask}>
          Publish version {base.version + 1} <Kbd>Ctrl ↵</Kbd>
        </Button>
      </footer>
      <Confirm
        open={asking}
        title="This makes access easier to get"
        about={<LoudSummary loud={loud} />}
        action={`Publish version ${base.version + 1}`}
        state={publish.state}
        onConfirm={() => publish.run()}
        onClose={() => setAsking(false)}
      />
    </Page>
  );
}

interface Checked {
  /** The text that was checked; may be a moment behind what is typed. */
  readonly yaml: string;
  readonly state: 'checking' | 'fine' | 'wrong' | 'unknown';
  readonly said: string;
  /** " (3)" for a label. */
  readonly count: string;
  readonly problems: readonly Problem[];
  readonly groups: readonly ChangeGroup[];
  readonly environments: Parameters<typeof Changes>[0]['environments'];
  readonly error: unknown;
  readonly retry: () => void;
}
/** Asks the service about the draft once the typing rests. Nothing old is called fine. */
function useChecked(yaml: string): Checked {
  const settled = useDebounced(yaml, STILL_MS);
  const check = useApi(
    'policy.check',
    { body: { yaml: settled } },
    { placeholderData: keepPreviousData, gcTime: CHECK_KEPT_MS },
  );
  const resources = useApi('resources.list', {}).data;
  const environments = useMemo(
    () => new Map((resources?.items ?? []).map((one) => [one.name, one.environment])),
    [resources],
  );
  const read = useMemo(() => readPolicy(settled), [settled]);
  const problems = useMemo(() => {
    const { errors = [], warnings = [] } = check.data ?? {};
    return [
      ...errors.map(({ line, message }): Problem => ({ tone: 'bad', line, message })),
      ...warnings.map(({ path, message }): Problem => ({ tone: 'warn', line: read?.lineAt(path) ?? null, message })),
    ];
  }, [check.data, read]);
  const groups = useMemo(() => {
    const production = new Set([...environments].filter(([, one]) => one === 'production').map(([name]) => name));
    return groupChanges(check.data?.changes ?? [], production);
  }, [check.data, environments]);
  const current = settled === yaml && !check.isPlaceholderData && check.data !== undefined;
  const state = check.isError ? 'unknown' : !current ? 'checking' : check.data.ok ? 'fine' : 'wrong';
  const wrong = problems.filter((one) => one.tone === 'bad').length;
  const said = {
    checking: 'checking…',
    unknown: 'could not be checked',
    fine: 'no errors',
    wrong: wordCount(wrong, 'error'),
  }[state];
  return {
    yaml: settled,
    state,
    said,
    count: groups.length > 0 ? ` (${groups.length})` : '',
    problems,
    groups,
    environments,
    error: check.error,
    retry: () => void check.refetch(),
  };
}

/** One mark per line, the worst; several messages are joined. */
export function marksOf(problems: readonly Problem[]): ReadonlyMap<number, Mark> {
  const marks = new Map<number, Mark>();
  for (const { line, tone, message } of problems) {
    if (line === null) continue;
    const there = marks.get(line);
    marks.set(line, {
      tone: there?.tone === 'bad' ? 'bad' : tone,
      message: there === undefined ? message : `${there.message} ${message}`,
    });
  }
  return marks;
}

const EditorKeys = () => (
  <span className="dim not-narrow small">
    <Kbd>Tab</Kbd> indents, <Kbd>Esc</Kbd> <Kbd>Tab</Kbd> leaves, <Kbd>Ctrl /</Kbd> comments
  </span>
);

interface ProblemsProps {
  readonly problems: readonly Problem[];
  readonly onGo: (line: number) => void;
}
const Problems = ({ problems, onGo }: ProblemsProps) => (
  <ul id={PROBLEMS_ID} className={styles.problems} aria-live="polite" aria-label="Problems">
    {problems.map((problem) => (
      <li key={`${problem.line} ${problem.message}`} data-tone={problem.tone}>
        <button
          type="button"
          disabled={problem.line === null}
          onClick={() => problem.line !== null && onGo(problem.line)}
        >
          {problem.tone === 'bad' ? <CircleAlert size={14} aria-hidden /> : <TriangleAlert size={14} aria-hidden />}
          <span className="sr-only">{problem.tone === 'bad' ? 'Error' : 'Warning'}</span>
          <span className="mono nowrap">{problem.line === null ? '' : `line ${problem.line}`}</span>
          <span>{problem.message}</span>
        </button>
      </li>
    ))}
  </ul>
);

function ChangePane({ checked, untouched }: { readonly checked: Checked; readonly untouched: boolean }) {
  if (checked.state === 'unknown')
    return <ErrorState error={toUserError(checked.error)} onRetry={checked.retry} tone="warn" />;
  if (checked.state === 'wrong')
    return (
      <p className="mut">
        Mend the {checked.said} first. What would change can be said only of a policy that can be read.
      </p>
    );
  if (checked.state === 'checking' && checked.groups.length === 0 && !untouched)
    return (
      <Loading label="Checking the draft">
        <div className={styles.loading}>
          <Skeleton height={58} />
          <Skeleton height={58} />
        </div>
      </Loading>
    );
  return (
    <div aria-busy={checked.state === 'checking' || undefined} className={styles.changes}>
      <Changes groups={checked.groups} environments={checked.environments} />
    </div>
  );
}

function DraftRules({ yaml, onGo }: { readonly yaml: string; readonly onGo: (rule: ReadRule) => void }) {
  const read = useMemo(() => readPolicy(yaml), [yaml]);
  const [chosen, setChosen] = useState<number | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text has other rules
  useEffect(() => setChosen(null), [yaml]);
  return (
    <RuleCards
      policy={read}
      chosen={chosen}
      onChoose={(rule) => {
        setChosen(rule.index);
        onGo(rule);
      }}
    />
  );
}

const MOST_NAMED = 4;
const LoudSummary = ({ loud }: { readonly loud: readonly ChangeGroup[] }) => (
  <>
    It takes effect at once, for everybody:
    <span className={styles.loudList}>
      {loud.slice(0, MOST_NAMED).map((group) => (
        <span key={`${group.resource} ${group.level} ${group.before} ${group.after}`}>
          <b>
            {group.level} on {group.resource}
          </b>
          : {group.before} → {group.after} ({wordCount(group.people.length, 'person', 'people')})
        </span>
      ))}
      {loud.length > MOST_NAMED && <span>and {wordCount(loud.length - MOST_NAMED, 'more change')}</span>}
    </span>
  </>
);

/** One resource: its facts, what may be asked for on it and by whom, what hangs together, who holds access now. */
import { Archive, LockKeyhole, Pencil, TriangleAlert } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import type { GrantView } from '../../../shared/contract/grants';
import type { Level, Resource } from '../../../shared/contract/resources';
import { formatDuration, urgencyOf } from '../../../shared/domain/duration';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { useAction } from '../../app/action';
import { useMinute, useSecond } from '../../app/clock';
import { useKeys } from '../../app/keys';
import { LockDialog, LockedBanner } from '../../app/LockDialog';
import { useGo } from '../../app/navigation';
import { useApi, useChange } from '../../app/queries';
import { type LevelReach, reachOf } from '../../app/rules/reach';
import { readPolicy } from '../../app/rules/read';
import { partsOf } from '../../app/rules/words';
import { wordCount, wordWhen } from '../../app/words';
import {
  Avatar,
  Badge,
  Button,
  Confirm,
  Dot,
  EmptyState,
  EnvironmentMark,
  KindIcon,
  LevelTag,
  Ring,
  RiskPips,
  Section,
  toast,
  toneOf,
} from '../../ui';
import { formOfKind } from './kinds';
import styles from './resources.module.css';
import { answerForMe, healthOf, holdersOf, limitOf, neededBy } from './wording';

export interface DetailProps {
  readonly resource: Resource;
  readonly resources: readonly Resource[];
  readonly grants: readonly GrantView[];
  /** Reads everything, so that what is listed of others is complete. */
  readonly reader: boolean;
  readonly admin: boolean;
}
export function Detail({ resource, resources, grants, reader, admin }: DetailProps) {
  const now = useMinute();
  const health = healthOf(resource, now);
  const holders = holdersOf(grants, resource.id);
  const archived = resource.state === 'archived';
  return (
    <article aria-label={resource.name}>
      <div className="row">
        <EnvironmentMark environment={resource.environment} />
        <RiskPips risk={resource.risk} word="with-risk" />
        {archived && <Badge>archived</Badge>}
        {resource.suspended !== null && <Badge>locked</Badge>}
        <span className="grow" />
        {admin && !archived && <Actions resource={resource} holders={holders} />}
      </div>
      <h2 className={styles.title}>{resource.name}</h2>
      {resource.suspended !== null && <Locked resource={resource} lock={resource.suspended} admin={admin} />}
      <p className={`mut ${styles.about}`}>
        {resource.targetLabel}. {resource.description}
      </p>
      <Facts resource={resource} resources={resources} health={health} />
      <Levels resource={resource} />
      <Holders holders={holders} reader={reader} />
      {reader && <Orphans resource={resource} />}
    </article>
  );
}
const LOCK_TOUCHES = ['resources.list', 'catalog.list', 'grants.list', 'requests.list'] as const;
interface LockedProps {
  readonly resource: Resource;
  readonly lock: NonNullable<Resource['suspended']>;
  readonly admin: boolean;
}
function Locked({ resource, lock, admin }: LockedProps) {
  const resume = useChange('resources.resume', LOCK_TOUCHES);
  const unlock = { onUnlock: () => resume.mutateAsync({ params: { id: resource.id } }) };
  return <LockedBanner lock={lock} now={useMinute()} {...(admin ? unlock : {})} />;
}
/** Logins of ours that no grant owns and that the target does not let go. Shown only while there are any. */
function Orphans({ resource }: { readonly resource: Resource }) {
  const now = useMinute();
  const orphans = useApi('resources.orphans', { params: { id: resource.id } }).data?.items ?? [];
  if (orphans.length === 0) return null;
  return (
    <Section
      className={styles.section}
      title="Stray logins"
      about="made by us, held by no grant; ended as soon as the target lets us"
    >
      <ul className={styles.strays}>
        {orphans.map((one) => (
          <li key={one.principal}>
            <TriangleAlert size={14} className="bad" aria-hidden />
            <span>
              <span className="mono selectable">{one.principal}</span>
              {one.lastError !== null && <span className={`dim selectable ${styles.strayError}`}>{one.lastError}</span>}
            </span>
            <span className="dim nowrap">
              found {wordWhen(one.foundAt, now)}, {wordCount(one.attempts, 'try', 'tries')}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Actions({ resource, holders }: { readonly resource: Resource; readonly holders: readonly GrantView[] }) {
  const go = useGo();
  const archive = useChange('resources.archive', ['resources.list', 'catalog.list', 'grants.list']);
  const suspend = useChange('resources.suspend', LOCK_TOUCHES);
  const [asking, setAsking] = useState(false);
  const [locking, setLocking] = useState(false);
  const edit = () => go('/resources', { edit: resource.id });
  const run = useAction(async () => {
    await archive.mutateAsync({ params: { id: resource.id } });
    setAsking(false);
    toast({ title: `${resource.name} is archived`, about: 'Nothing can be asked for on it any more.' });
    go('/resources');
  });
  useKeys([{ keys: 'e', label: `Edit ${resource.name}`, run: edit }]);
  return (
    <>
      <Button size="s" onClick={edit}>
        <Pencil size={13} aria-hidden />
        Edit
      </Button>
      {resource.suspended === null && (
        <Button size="s" data-lock onClick={() => setLocking(true)}>
          <LockKeyhole size={13} aria-hidden />
          Lock…
        </Button>
      )}
      {locking && (
        <LockDialog
          name={resource.name}
          about={`${holders.length > 0 ? `${wordCount(holders.length, 'live grant')} ${holders.length === 1 ? 'ends' : 'end'} now, with open sessions cut` : 'Nobody holds access now'}. Waiting requests are closed, and nobody gets access until it is unlocked.`}
          onLock={(reason) => suspend.mutateAsync({ params: { id: resource.id }, body: { reason } })}
          onClose={() => setLocking(false)}
        />
      )}
      <Button size="s" look="danger" onClick={() => setAsking(true)}>
        <Archive size={13} aria-hidden />
        Archive
      </Button>
      <Confirm
        open={asking}
        title={`Archive ${resource.name}?`}
        about={
          <>
            Nothing more can be asked for on it, and waiting requests end.{' '}
            {holders.length > 0 ? (
              <b>
                {wordCount(holders.length, 'live grant')} {holders.length === 1 ? 'ends' : 'end'} now, with open
                sessions cut.
              </b>
            ) : (
              'Nobody holds access now.'
            )}{' '}
            Its name stays taken, since the log speaks of it. Roles that the plan made on the target stay there.
          </>
        }
        action={`Archive ${resource.name}`}
        state={run.state}
        onConfirm={() => run.run()}
        onClose={() => setAsking(false)}
      />
    </>
  );
}

interface FactsProps {
  readonly resource: Resource;
  readonly resources: readonly Resource[];
  readonly health: ReturnType<typeof healthOf>;
}
function Facts({ resource, resources, health }: FactsProps) {
  const now = useMinute();
  const { settings } = resource;
  const Opens = settings === null ? undefined : formOfKind(settings.kind).Opens;
  const needs = resource.dependsOn.map((name) => resources.find((one) => one.name === name) ?? name);
  const needed = neededBy(resource.name, resources);
  return (
    <dl className={styles.facts}>
      <Fact name="Target">
        <Dot tone={health.tone} /> {health.text}
        {settings !== null && <span className="mono selectable">{formOfKind(settings.kind).placeOf(settings)}</span>}
      </Fact>
      {settings !== null && Opens !== undefined && (
        <Fact name="Opens">
          <Opens settings={settings} />
        </Fact>
      )}
      <Fact name="Owners">{resource.owners.length === 0 ? 'the administrators' : resource.owners.map(badge)}</Fact>
      <Fact name="Tags">
        {resource.tags.length === 0 ? <span className="dim">none</span> : resource.tags.map(badge)}
      </Fact>
      <Fact name="Depends on">{needs.length === 0 ? <span className="dim">nothing</span> : needs.map(toResource)}</Fact>
      <Fact name="Needed by">
        {needed.length === 0 ? <span className="dim">nothing</span> : needed.map(toResource)}
      </Fact>
      <Fact name="Added">{wordWhen(resource.createdAt, now)}</Fact>
    </dl>
  );
}
const badge = (word: string) => <Badge key={word}>{word}</Badge>;
const toResource = (one: Resource | string) =>
  typeof one === 'string' ? <Badge key={one}>{one}</Badge> : <ResourceLink key={one.id} resource={one} />;
function ResourceLink({ resource }: { readonly resource: Resource }) {
  const go = useGo();
  return (
    <button type="button" className={styles.link} onClick={() => go('/resources', { resource: resource.id })}>
      <KindIcon kind={resource.kind} size={13} />
      {resource.name}
    </button>
  );
}
const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }) => (
  <div>
    <dt className="lab">{name}</dt>
    <dd>{children}</dd>
  </div>
);

function Levels({ resource }: { readonly resource: Resource }) {
  const go = useGo();
  const policy = useApi('policy.get', {}).data;
  const mine = useApi('catalog.list', {}).data?.items.find((one) => one.resource.id === resource.id);
  const reach = useMemo(() => {
    const read = policy === undefined ? null : readPolicy(policy.yaml);
    if (read === null) return null;
    const rules = read.rules.map(({ rule }) => rule);
    return reachOf(
      rules,
      resource,
      resource.levels.map((level) => level.name),
    );
  }, [policy, resource]);
  return (
    <Section
      className={styles.section}
      title="Levels"
      about="what can be asked for, by whom"
      aside={
        <Button size="s" look="quiet" onClick={() => go('/policy')}>
          Open the policy
        </Button>
      }
    >
      <ul className={styles.levels}>
        {resource.levels.map((level) => (
          <LevelBox
            key={level.name}
            resource={resource}
            level={level}
            answer={answerForMe(mine?.levels.find((one) => one.level.name === level.name))}
            reach={reach?.find((one) => one.level === level.name)}
          />
        ))}
      </ul>
    </Section>
  );
}

interface LevelBoxProps {
  readonly resource: Resource;
  readonly level: Level;
  readonly answer: ReturnType<typeof answerForMe>;
  readonly reach: LevelReach | undefined;
}
function LevelBox({ resource, level, answer, reach }: LevelBoxProps) {
  const askable = resource.state === 'active';
  // the provisioner's own words on what the target can't do; the same ones that requester and approver are told
  const preview = useApi(
    'requests.preview',
    { body: { resourceId: resource.id, level: level.name, ttlMs: MINUTE_MS } },
    { enabled: askable },
  ).data;
  const limits = preview !== undefined && preview.limits.length > 0 ? preview.limits : [limitOf(level, resource.kind)];
  return (
    <li className={styles.level}>
      <div className={`row ${styles.levelHead}`}>
        <LevelTag level={level.name} />
        <span className="mut grow">{level.description}</span>
        {askable && <span className={`${answer.tone} small ${styles.answer}`}>{answer.text}</span>}
      </div>
      <div className={level.createsAccess ? `warn small ${styles.limit}` : `dim small ${styles.limit}`}>
        {level.createsAccess && <TriangleAlert size={13} aria-hidden />}
        <ul className={styles.limits}>
          {limits.map((limit) => (
            <li key={limit}>{limit}</li>
          ))}
          <li>
            On the target: <span className="mono">{level.targetRole}</span>
          </li>
        </ul>
      </div>
      {reach !== undefined && <ReachList reach={reach} />}
    </li>
  );
}

const ReachList = ({ reach }: { readonly reach: LevelReach }) =>
  reach.rules.length === 0 ? (
    <p className={`warn small ${styles.reach}`}>No rule reaches this level, so nobody can ask for it.</p>
  ) : (
    <ol className={styles.reach} aria-label={`Rules that reach ${reach.level}, in the order they decide`}>
      {reach.rules.map((rule) => {
        let at = 0;
        return (
          <li key={rule.name}>
            <span className="mono dim cut" title={rule.name}>
              {rule.name}
            </span>
            <span>
              {partsOf(rule).map((part) => {
                const key = at;
                at += part.text.length;
                return part.look === 'key' ? <b key={key}>{part.text}</b> : part.text;
              })}
            </span>
          </li>
        );
      })}
      {reach.rules.every((rule) => rule.effect === 'deny') && (
        <li className="warn">No rule opens this level, so nobody can ask for it.</li>
      )}
    </ol>
  );

const Holders = ({ holders, reader }: { readonly holders: readonly GrantView[]; readonly reader: boolean }) => (
  <Section
    className={styles.section}
    title="Access now"
    about={reader ? 'grants that work, or may still' : 'your own, and those you may end'}
  >
    {holders.length === 0 ? (
      <EmptyState title={reader ? 'Nobody holds access' : 'None that you can see'} />
    ) : (
      <ul className={styles.holders}>
        {holders.map((grant) => (
          <Holder key={grant.id} grant={grant} />
        ))}
      </ul>
    )}
  </Section>
);
function Holder({ grant }: { readonly grant: GrantView }) {
  const leftMs = Math.max(0, (grant.expiresAt ?? 0) - useSecond());
  const ending = grant.state === 'ending';
  return (
    <li>
      <Avatar name={grant.holder.displayName} size="s" />
      <span className="cut">
        {grant.holder.displayName} <span className="dim">{grant.reason}</span>
      </span>
      <LevelTag level={grant.level} />
      <span className="mono dim not-narrow">{grant.ticket}</span>
      {ending ? (
        <span className="bad nowrap">still being revoked</span>
      ) : (
        <span className="row nowrap">
          <Ring remainingMs={leftMs} totalMs={grant.ttlMs} tone={toneOf(urgencyOf(leftMs, grant.ttlMs))} sizePx={16} />
          {leftMs < MINUTE_MS ? 'under 1 m' : formatDuration(Math.floor(leftMs / MINUTE_MS) * MINUTE_MS)} left
        </span>
      )}
    </li>
  );
}

/** A grant that is not over: ready, being made, active, or still being revoked. */
import { Check, CircleAlert, Clock, KeyRound, MoreHorizontal, Play, TriangleAlert, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { GrantView } from '../../../shared/contract/grants';
import type { LocalInjection } from '../../../shared/contract/ipc';
import { assertNever } from '../../../shared/domain/assert-never';
import { clockDuration, formatDuration, urgencyOf, wordDuration } from '../../../shared/domain/duration';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { useAction } from '../../app/action';
import { invoke } from '../../app/bridge';
import { useSecond } from '../../app/clock';
import { useGo } from '../../app/navigation';
import { useChange } from '../../app/queries';
import { wordTime } from '../../app/words';
import {
  Button,
  CommandLine,
  EnvironmentMark,
  IconButton,
  LevelTag,
  Menu,
  type MenuItem,
  Ring,
  RiskPips,
  Ticket,
  toast,
  toneOf,
  wordsOfKind,
} from '../../ui';
import { AttestDialog } from './AttestDialog';
import { ByHandDialog } from './ByHand';
import { ExtendButton } from './Extend';
import styles from './grants.module.css';
import { GONE_HERE, isGoneHere, type RemovalFact, remainingOf, removalFacts, sentenceOf } from './wording';

export interface LiveTicketProps {
  readonly grant: GrantView;
  readonly local: LocalInjection | undefined;
}
export function LiveTicket(props: LiveTicketProps) {
  switch (props.grant.state) {
    case 'ready':
      return <ReadyTicket {...props} />;
    case 'provisioning':
      return <StartingTicket {...props} />;
    case 'active':
      return isGoneHere(props.grant, props.local) ? <GoneHereTicket {...props} /> : <ActiveTicket {...props} />;
    case 'ending':
      return <EndingTicket {...props} />;
    case 'ended':
      return null;
    default:
      return assertNever(props.grant.state);
  }
}

function Head({ grant, more }: { readonly grant: GrantView; readonly more?: ReactNode }) {
  return (
    <>
      <div className="row">
        <EnvironmentMark environment={grant.resource.environment} />
        <RiskPips risk={grant.resource.risk} />
        <span className="grow" />
        <span className="mono dim nowrap small">{grant.ticket}</span>
        {more}
      </div>
      <div className={styles.name}>
        <h3 className="cut">{grant.resource.name}</h3>
        <LevelTag level={grant.level} />
      </div>
    </>
  );
}
/** "PostgreSQL 18. Check stuck orders, INC-12" */
const About = ({ grant }: { readonly grant: GrantView }) => (
  <div className="mut cut">
    {grant.resource.targetLabel}.{grant.reason && ` ${grant.reason}`}
    {grant.ticketRef && (
      <>
        {grant.reason ? ', ' : ' '}
        <span className="mono">{grant.ticketRef}</span>
      </>
    )}
  </div>
);

function ActiveTicket({ grant, local }: LiveTicketProps) {
  const now = useSecond();
  const leftMs = remainingOf(grant, now);
  const urgency = urgencyOf(leftMs, grant.ttlMs);
  const tone = toneOf(urgency);
  const warning = local?.error ?? local?.warnings[0];
  return (
    <Ticket
      tone={tone}
      data-grant={grant.id}
      aria-label={`${grant.resource.name}, ${grant.level}`}
      stub={
        <>
          <Ring
            remainingMs={leftMs}
            totalMs={grant.ttlMs}
            tone={tone}
            text={clockDuration(leftMs)}
            label={sentenceOf(grant, urgency === 'last' ? now : now - (now % MINUTE_MS))}
          />
          <span className="lab nowrap">of {formatDuration(grant.ttlMs)}</span>
        </>
      }
    >
      <Head grant={grant} more={local !== undefined && <MoreMenu grant={grant} local={local} />} />
      {warning !== undefined && warning !== null ? (
        <div className={`warn ${styles.said}`} title={warning}>
          {warning}
        </div>
      ) : urgency === 'last' ? (
        <div className={`bad ${styles.said}`}>
          {wordsOfKind(grant.resource.kind)?.atEnd ?? 'Open sessions are cut when it ends.'}
        </div>
      ) : (
        <About grant={grant} />
      )}
      <ActiveFoot grant={grant} local={local} urgent={urgency !== 'calm' ? 'soon' : 'calm'} />
    </Ticket>
  );
}

function ActiveFoot({ grant, local, urgent }: LiveTicketProps & { readonly urgent: 'calm' | 'soon' }) {
  const go = useGo();
  const done = useAction(async () => {
    await invoke('grant.return', grant.id);
    toast({
      title: `${grant.resource.name}: removed from this machine`,
      about: 'The target is asked next; it shows here until that is read back.',
      tone: 'plain',
    });
  });
  return (
    <div className={styles.foot}>
      {local?.command ? (
        <CommandLine command={local.command} onCopy={() => invoke('command.copy', grant.id)} />
      ) : (
        <span className="dim cut grow">{local === undefined ? 'In use on another device' : 'Being written here…'}</span>
      )}
      {grant.can.extend ? (
        <ExtendButton grant={grant} urgent={urgent} />
      ) : (
        urgent === 'soon' &&
        grant.pendingExtension === null && (
          <Button size="s" onClick={() => go('/request', { resource: grant.resource.id, level: grant.level })}>
            Ask again
          </Button>
        )
      )}
      {grant.pendingExtension !== null && <span className="warn small nowrap">more time asked</span>}
      {grant.can.end && (
        <Button
          size="s"
          state={done.state}
          onClick={() => done.run()}
          aria-label={`I’m done with ${grant.resource.name}`}
        >
          <Check size={14} className="only-narrow" aria-hidden />
          <span className="not-narrow">I’m done</span>
        </Button>
      )}
    </div>
  );
}

function MoreMenu({ grant, local }: { readonly grant: GrantView; readonly local: LocalInjection }) {
  const act = useAction((work: () => Promise<unknown>) => work());
  const items: MenuItem[] = [
    {
      key: 'copy',
      label: 'Copy the password',
      icon: <KeyRound size={14} />,
      onSelect: () =>
        act.run(async () => {
          const { clearsInMs } = await invoke('credential.copy', grant.id);
          toast({ title: 'Password copied', about: `The clipboard is cleared in ${wordDuration(clearsInMs)}.` });
        }),
    },
    {
      key: 'show',
      label: 'Show the credential…',
      onSelect: () => act.run(() => invoke('credential.reveal', grant.id)),
    },
    ...local.files.map(
      (file, index): MenuItem => ({
        key: file,
        label: <span className="mono">{file}</span>,
        group: index === 0 ? 'starts' : undefined,
        aside: 'copy path',
        onSelect: () => act.run(() => invoke('text.copy', { text: file })),
      }),
    ),
  ];
  return (
    <Menu
      align="end"
      items={items}
      trigger={
        <button
          type="button"
          className={`hp-icon-button ${styles.more}`}
          aria-label={`More about ${grant.resource.name}`}
        >
          <MoreHorizontal size={15} />
        </button>
      }
    />
  );
}

function ReadyTicket({ grant }: LiveTicketProps) {
  const start = useChange('grants.start', ['grants.list']);
  const end = useChange('grants.return', ['grants.list']);
  const startIt = useAction(() => start.mutateAsync({ params: { id: grant.id } }));
  const endIt = useAction(() => end.mutateAsync({ params: { id: grant.id } }));
  return (
    <Ticket
      tone="blank"
      data-grant={grant.id}
      aria-label={`${grant.resource.name}, ${grant.level}, ready`}
      stub={
        <>
          <Ring remainingMs={0} totalMs={grant.ttlMs} tone="none" text={formatDuration(grant.ttlMs)} />
          <span className="lab">starts when it works</span>
        </>
      }
    >
      <Head grant={grant} />
      <div className="ok cut">
        Approved.{' '}
        <span className="mut">
          The clock has not started{grant.readyUntil !== null && `; start before ${wordTime(grant.readyUntil)}`}.
        </span>
      </div>
      <div className={styles.foot}>
        {grant.can.start && (
          <Button look="primary" size="s" state={startIt.state} onClick={() => startIt.run()}>
            <Play size={13} aria-hidden />
            Start {formatDuration(grant.ttlMs)}
          </Button>
        )}
        {grant.can.end && (
          <Button look="quiet" size="s" state={endIt.state} onClick={() => endIt.run()}>
            Not needed any more
          </Button>
        )}
      </div>
    </Ticket>
  );
}

const StartingTicket = ({ grant }: LiveTicketProps) => (
  <Ticket
    tone="blank"
    data-grant={grant.id}
    aria-label={`${grant.resource.name}, ${grant.level}, being made`}
    stub={
      <>
        <Ring remainingMs={0} totalMs={grant.ttlMs} tone="none" text={formatDuration(grant.ttlMs)} />
        <span className="lab">not started</span>
      </>
    }
  >
    <Head grant={grant} />
    <About grant={grant} />
    <div className={styles.foot} role="status">
      <Clock size={14} aria-hidden />
      <span className="mut cut">
        {grant.credentialReady ? 'Writing it where your tools look…' : 'Making a login on the target…'}
      </span>
    </div>
  </Ticket>
);

const FACT_ICONS = { ok: Check, warn: TriangleAlert, bad: X } as const;
function Fact({ fact }: { readonly fact: RemovalFact }) {
  const Icon = FACT_ICONS[fact.tone];
  return (
    <span className={`${fact.tone} ${styles.fact}`}>
      <Icon size={14} aria-hidden />
      {fact.short === undefined ? (
        <span className="cut">{fact.text}</span>
      ) : (
        <>
          <span className="cut not-narrow">{fact.text}</span>
          <span className="cut only-narrow">{fact.short}</span>
        </>
      )}
    </span>
  );
}
/** Its files are gone, and the service has not said yet what became of it on the target. */
const GoneHereTicket = ({ grant }: LiveTicketProps) => (
  <Ticket
    tone="torn"
    data-grant={grant.id}
    aria-label={`${grant.resource.name}, ${grant.level}, gone from this machine`}
    stub={
      <>
        <Ring remainingMs={0} totalMs={grant.ttlMs} tone="none" text="00:00" />
        <span className="lab nowrap">over here</span>
      </>
    }
  >
    <Head grant={grant} />
    <About grant={grant} />
    <div className={styles.foot} role="status">
      <Fact fact={GONE_HERE.machine} />
      <Fact fact={GONE_HERE.target} />
    </div>
  </Ticket>
);

/** There is a button beside it. */
const shortOf = ({ text, short, tone }: RemovalFact): RemovalFact => ({ text: short ?? text, tone });
function EndingTicket({ grant, local }: LiveTicketProps) {
  const now = useSecond();
  const [closing, setClosing] = useState(false);
  const [byHand, setByHand] = useState(false);
  const { machine, target } = removalFacts(grant, local);
  const waitMs = grant.removal.nextTryAt === null ? null : Math.max(0, grant.removal.nextTryAt - now);
  return (
    <Ticket
      tone="torn"
      data-grant={grant.id}
      aria-label={`${grant.resource.name}, ${grant.level}, still being revoked`}
      stub={
        <div className={styles.revoking}>
          <b className="bad">Still being revoked</b>
          {waitMs !== null && waitMs > 0 ? (
            <span className="bad mono">{clockDuration(waitMs)}</span>
          ) : (
            <span className="bad small">trying now</span>
          )}
          <span className="lab">
            {waitMs ? `to try ${grant.removal.attempts + 1}` : `try ${grant.removal.attempts + 1}`}
          </span>
        </div>
      }
    >
      <Head
        grant={grant}
        more={
          grant.can.attest && (
            <IconButton className={styles.more} label="The target is gone for good…" onClick={() => setClosing(true)}>
              <CircleAlert size={15} />
            </IconButton>
          )
        }
      />
      {closing && <AttestDialog grant={grant} open onClose={() => setClosing(false)} />}
      <div className="mut cut" title={grant.removal.lastError ?? undefined}>
        {grant.resource.targetLabel}.{' '}
        {grant.removal.lastError === null ? (
          wordsOfKind(grant.resource.kind)?.atEnd === undefined ? (
            'Open sessions are being cut.'
          ) : (
            'It is being taken away.'
          )
        ) : (
          <b className="bad">
            {grant.removal.target === 'unknown' ? 'Unconfirmed' : 'Not gone yet'}
            {grant.removal.since !== null && ` since ${wordTime(grant.removal.since)}`}.
          </b>
        )}
      </div>
      <div className={styles.foot}>
        <Fact fact={shortOf(machine)} />
        <Fact fact={shortOf(target)} />
        <span className="grow" />
        {grant.removal.attempts > 0 && (
          <Button
            size="s"
            look={grant.removal.alarmed ? 'danger' : 'quiet'}
            data-by-hand
            onClick={() => setByHand(true)}
            aria-label={`What is open on ${grant.resource.name}, and what to do by hand`}
          >
            Open…
          </Button>
        )}
      </div>
      {byHand && <ByHandDialog grant={grant} onClose={() => setByHand(false)} />}
    </Ticket>
  );
}

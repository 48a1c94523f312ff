/**
 * What is on this machine while the service can't be asked: from the main process alone.
 * It can still be used and given back; its end does not depend on the service.
 */
import { Check } from 'lucide-react';
import type { LocalInjection } from '../../../shared/contract/ipc';
import { clockDuration, urgencyOf } from '../../../shared/domain/duration';
import { HOUR_MS } from '../../../shared/domain/instant';
import { useAction } from '../../app/action';
import { invoke } from '../../app/bridge';
import { useSecond } from '../../app/clock';
import { wordTime } from '../../app/words';
import { Button, CommandLine, LevelTag, Ring, Section, Ticket, toneOf } from '../../ui';
import styles from './grants.module.css';

export function LocalTickets({ injections }: { readonly injections: readonly LocalInjection[] }) {
  const here = injections.filter((one) => one.state !== 'none' && one.state !== 'removed');
  if (here.length === 0) return null;
  return (
    <Section
      className={styles.local}
      title="On this machine"
      about="as far as is known here; it ends on time all the same"
    >
      <div className="hp-grid-2">
        {here.map((one) => (
          <LocalTicket key={one.grantId} local={one} />
        ))}
      </div>
    </Section>
  );
}

function LocalTicket({ local }: { readonly local: LocalInjection }) {
  const now = useSecond();
  const done = useAction(() => invoke('grant.return', local.grantId));
  const leftMs = Math.max(0, (local.expiresAt ?? now) - now);
  const tone = local.state === 'injected' ? toneOf(urgencyOf(leftMs, HOUR_MS)) : 'red';
  return (
    <Ticket
      tone={tone}
      aria-label={`${local.resource}, ${local.level}`}
      stub={
        <>
          {/* how long it was given for is not known here: the ring is the last hour */}
          <Ring remainingMs={leftMs} totalMs={HOUR_MS} tone={tone} text={clockDuration(leftMs)} />
          {local.expiresAt !== null && <span className="lab">until {wordTime(local.expiresAt)}</span>}
        </>
      }
    >
      <div className={styles.waitingName}>
        <h3 className="cut">{local.resource}</h3>
        <LevelTag level={local.level} />
      </div>
      {local.error !== null && <div className="bad cut">{local.error}</div>}
      <div className={styles.foot}>
        {local.command !== null && (
          <CommandLine command={local.command} onCopy={() => invoke('command.copy', local.grantId)} />
        )}
        <Button size="s" state={done.state} onClick={() => done.run()}>
          <Check size={14} aria-hidden />
          I’m done
        </Button>
      </div>
    </Ticket>
  );
}

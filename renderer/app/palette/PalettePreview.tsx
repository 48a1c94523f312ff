/** The request as it would be sent, with the policy's answer stamped on it. */
import type { Preview } from '../../../shared/contract/policy';
import { clockDuration, formatDuration } from '../../../shared/domain/duration';
import { EnvironmentMark, LevelTag, Ring, RiskPips, Stamp, type StampTone, Ticket, wordsOfKind } from '../../ui';
import { wordApprovals, wordPeople } from '../words';
import type { Completed } from './complete';
import styles from './palette.module.css';

function stampOf({ answer }: Preview): { readonly tone: StampTone; readonly text: string } {
  if (answer.effect === 'auto') return { tone: 'good', text: 'Auto-approved' };
  if (answer.effect === 'deny') return { tone: 'bad', text: 'Denied' };
  if (answer.effect === 'none') return { tone: 'bad', text: 'Not requestable' };
  return { tone: 'warn', text: `Needs ${answer.approvals.reduce((sum, one) => sum + one.count, 0)}` };
}
function sentenceOf(preview: Preview, resource: { readonly name: string; readonly kind: string }): string {
  const { answer, approvers } = preview;
  const problem = answer.problems[0]?.message;
  if (answer.effect === 'deny' || answer.effect === 'none') return answer.message ?? 'No rule lets you ask for this.';
  if (problem !== undefined) return problem;
  if (answer.effect === 'auto') {
    const command = wordsOfKind(resource.kind)?.commandFor(resource.name);
    return `No approval needed.${command === undefined ? '' : ` Then ${command} works.`}`;
  }
  const people = [...new Set(approvers.flatMap((group) => group.people.map((one) => one.displayName)))];
  return people.length === 0
    ? `Needs ${wordApprovals(answer.approvals)}; nobody of them is there now.`
    : `Asks ${wordPeople(people, 'and')}. Needs ${wordApprovals(answer.approvals)}.`;
}

export function PalettePreview({ wish, preview }: { readonly wish: Completed; readonly preview: Preview | undefined }) {
  const { entry, rule, ttlMs, ticketRef } = wish;
  const auto = preview?.answer.effect === 'auto';
  const stamp = preview && stampOf(preview);
  return (
    <div className={styles.preview} aria-live="polite">
      <Ticket
        tone={auto ? 'green' : 'blank'}
        aria-label="What would be sent"
        stub={
          <Ring
            remainingMs={auto ? ttlMs : 0}
            totalMs={ttlMs}
            tone={auto ? 'green' : 'none'}
            text={auto ? clockDuration(ttlMs) : formatDuration(ttlMs)}
          />
        }
      >
        <div className="row">
          <EnvironmentMark environment={entry.resource.environment} />
          <RiskPips risk={entry.resource.risk} />
          <span className="grow" />
          {stamp && <Stamp tone={stamp.tone}>{stamp.text}</Stamp>}
        </div>
        <div className={styles.name}>
          <b className="cut">{entry.resource.name}</b>
          <LevelTag level={rule.level.name} />
          {ticketRef !== '' && <span className="mono mut">{ticketRef}</span>}
        </div>
        <div className="mut cut">{preview ? sentenceOf(preview, entry.resource) : 'Asking the policy…'}</div>
      </Ticket>
    </div>
  );
}

/** The rules, each in one plain sentence. Choosing one shows its lines in the source. */
import type { PolicyRule } from '../../../shared/contract/policy';
import { assertNever } from '../../../shared/domain/assert-never';
import type { ReadPolicy, ReadRule } from '../../app/rules/read';
import { partsOf, sentenceOf } from '../../app/rules/words';
import { wordCount } from '../../app/words';
import { EmptyState, Stamp, type StampTone } from '../../ui';
import styles from './policy.module.css';

/** What is stamped on a rule: "Automatic", "Needs 2", "Denied". */
export function stampOf(rule: PolicyRule): { readonly text: string; readonly tone: StampTone } {
  switch (rule.effect) {
    case 'auto':
      return { text: 'Automatic', tone: 'good' };
    case 'deny':
      return { text: 'Denied', tone: 'bad' };
    case 'approve': {
      const count = (rule.approvals ?? []).reduce((sum, one) => sum + one.count, 0);
      return count === 0 ? { text: 'Denied', tone: 'bad' } : { text: `Needs ${count}`, tone: 'warn' };
    }
    default:
      return assertNever(rule.effect);
  }
}
/** Every word must stand in its name, sentence or description. Pure. */
export function ruleFits(rule: PolicyRule, text: string): boolean {
  const hay = `${rule.name} ${sentenceOf(rule)} ${rule.description ?? ''}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

export const RuleSentence = ({ rule }: { readonly rule: PolicyRule }) => {
  let at = 0;
  return partsOf(rule).map((part) => {
    const key = at;
    at += part.text.length;
    return part.look === 'key' ? <b key={key}>{part.text}</b> : part.text;
  });
};

export interface RuleCardsProps {
  readonly policy: ReadPolicy | null;
  readonly filter?: string;
  readonly chosen: number | null;
  readonly onChoose: (rule: ReadRule) => void;
}
export function RuleCards({ policy, filter = '', chosen, onChoose }: RuleCardsProps) {
  if (policy === null)
    return <EmptyState title="The rules can’t be shown in words">The text beside is not a policy yet.</EmptyState>;
  const shown = policy.rules.filter(({ rule }) => ruleFits(rule, filter));
  if (policy.rules.length + policy.unreadCount === 0)
    return <EmptyState title="No rule yet">What no rule covers can’t be requested by anybody.</EmptyState>;
  return (
    <>
      <ol className={styles.rules} aria-label="Rules">
        {shown.map((one) => {
          const stamp = stampOf(one.rule);
          return (
            <li key={one.index}>
              <button
                type="button"
                className={styles.rule}
                data-effect={stamp.text === 'Denied' ? 'deny' : one.rule.effect}
                aria-current={chosen === one.index || undefined}
                onClick={() => onChoose(one)}
              >
                <span className={styles.ruleHead}>
                  <span className="mono cut">{one.rule.name}</span>
                  <Stamp tone={stamp.tone}>{stamp.text}</Stamp>
                </span>
                <span className={styles.sentence}>
                  <RuleSentence rule={one.rule} />
                </span>
                {one.rule.description !== undefined && <span className="dim small">{one.rule.description}</span>}
              </button>
            </li>
          );
        })}
      </ol>
      {shown.length === 0 && policy.rules.length > 0 && (
        <EmptyState title="No rule fits">Try fewer words; the source beside has everything.</EmptyState>
      )}
      {policy.unreadCount > 0 && (
        <p className="warn small">{wordCount(policy.unreadCount, 'rule')} can’t be read yet and is not shown here.</p>
      )}
    </>
  );
}

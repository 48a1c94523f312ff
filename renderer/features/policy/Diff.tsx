/** Two texts, side by side in one column: what went, what came, and a few lines around. */
import { Fragment, useMemo } from 'react';
import { wordCount } from '../../app/words';
import { EmptyState } from '../../ui';
import styles from './code.module.css';
import { countDiff, type DiffLine, diffLines, foldDiff } from './diff';

const SIGN: Record<DiffLine['kind'], string> = { same: '', added: '+', removed: '−' };
const SAID: Record<DiffLine['kind'], string> = { same: '', added: 'added: ', removed: 'removed: ' };

export interface DiffProps {
  readonly before: string;
  readonly after: string;
  readonly label: string;
}
export function Diff({ before, after, label }: DiffProps) {
  const parts = useMemo(() => foldDiff(diffLines(before, after)), [before, after]);
  if (parts.length === 0) return <EmptyState title="The text is the same" />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
    <section className={styles.diff} aria-label={label} tabIndex={0}>
      <table>
        <tbody>
          {parts.map((part) =>
            part.kind === 'folded' ? (
              <tr key={`folded ${part.fromLine}`} data-kind="folded">
                <td colSpan={4}>{wordCount(part.count, 'line')} as before</td>
              </tr>
            ) : (
              <Fragment key={`lines ${part.lines[0]?.before} ${part.lines[0]?.after}`}>
                {part.lines.map((line) => (
                  <tr key={`${line.before} ${line.after}`} data-kind={line.kind}>
                    <td className={styles.number}>{line.before}</td>
                    <td className={styles.number}>{line.after}</td>
                    <td className={styles.sign}>
                      <span aria-hidden>{SIGN[line.kind]}</span>
                      <span className="sr-only">{SAID[line.kind]}</span>
                    </td>
                    <td className={styles.words}>{line.text}</td>
                  </tr>
                ))}
              </Fragment>
            ),
          )}
        </tbody>
      </table>
    </section>
  );
}
/** "2 lines added, 1 removed" */
export function wordDiff(before: string, after: string): string {
  const { added, removed } = countDiff(diffLines(before, after));
  if (added + removed === 0) return 'no line differs';
  return [added > 0 && `${wordCount(added, 'line')} added`, removed > 0 && `${wordCount(removed, 'line')} removed`]
    .filter(Boolean)
    .join(', ');
}

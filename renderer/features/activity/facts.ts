/** The particulars of an entry, named in words, for the expanded row. What is not here stands in the raw entry. Pure. */
import type { AuditEntry } from '../../../shared/contract/audit';
import { formatDuration } from '../../../shared/domain/duration';
import { wordTimeExact } from '../../app/words';
import { Facts } from './wording';

export interface EntryFact {
  readonly name: string;
  readonly value: string;
  readonly figures: 'text' | 'mono';
}
const TEXTS: readonly (readonly [key: string, name: string, figures: 'text' | 'mono'])[] = [
  ['holder', 'Holder', 'text'],
  ['level', 'Level', 'text'],
  ['reason', 'Why', 'text'],
  ['because', 'Because', 'text'],
  ['attested', 'Attested', 'text'],
  ['ticketRef', 'Reference', 'mono'],
  ['lastError', 'Last error', 'text'],
  ['error', 'Error', 'text'],
  ['principal', 'Login on the target', 'mono'],
  ['fingerprint', 'Device key', 'mono'],
  ['host', 'Host', 'mono'],
  ['database', 'Database', 'mono'],
  ['failedSql', 'Stopped at', 'mono'],
  ['note', 'Note', 'text'],
];
const LENGTHS = [
  ['ttlMs', 'Length'],
  ['addedMs', 'Added'],
] as const;

export function factsOf({ body, type }: AuditEntry): EntryFact[] {
  if (body === null) return [];
  const facts = new Facts(body.data);
  const found: EntryFact[] = [];
  for (const [key, name, figures] of TEXTS) {
    const value = facts.text(key);
    // "expired" as the reason of an ending is a word of ours, said in the row already
    if (value !== undefined && !(key === 'reason' && type.startsWith('grant.'))) found.push({ name, value, figures });
  }
  for (const [key, name] of LENGTHS) {
    const ms = facts.number(key);
    if (ms !== undefined) found.push({ name, value: formatDuration(ms), figures: 'text' });
  }
  const statement = facts.inner('statement');
  const via = statement.text('via');
  if (via !== undefined)
    found.push({ name: 'Decided in', value: via === 'card' ? 'the card' : `the ${via}`, figures: 'text' });
  const at = facts.number('expiresAt');
  if (at !== undefined) found.push({ name: 'Ends', value: wordTimeExact(at), figures: 'mono' });
  const version = facts.number('policyVersion');
  if (version !== undefined) found.push({ name: 'Policy', value: `version ${version}`, figures: 'text' });
  const rules = facts.texts('rules');
  if (rules.length > 0) found.push({ name: 'Rules', value: rules.join(', '), figures: 'mono' });
  return found;
}

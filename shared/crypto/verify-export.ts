/**
 * Checks an exported audit log or an evidence file offline: lines of JSON, an ExportHeader and then ExportEntries.
 * Streams: of the entries only one is held at a time, so size is no limit. What can't be proven from the file is said, not passed over.
 */
import { ExportEntry, ExportHeader } from '../contract/audit';
import { equalBytes, toHex } from './bytes';
import { checkDecision, type DecisionTally } from './export-decisions';
import { EntryChecker } from './export-entries';
import { entriesWord, type Finding, Findings, upperFirst } from './export-findings';
import { emptyRoot } from './merkle';
import {
  type CheckpointText,
  type NoteKey,
  openCheckpoint,
  parseCheckpointText,
  parseVerifierKey,
  verifierKey,
} from './note';

export type { Finding, FindingKind } from './export-findings';

export interface VerifyOptions {
  /** The log's verifier key as known from elsewhere. Without it the key in the file is used, and the report says so. */
  readonly logKey?: string;
  /** A signed checkpoint note kept from elsewhere, e.g. the last one a desktop saw. */
  readonly checkpoint?: string;
}
export interface VerifyReport {
  readonly ok: boolean;
  readonly format: ExportHeader['format'] | null;
  readonly log: { readonly name: string; readonly key: string; readonly keyFrom: 'given' | 'file' } | null;
  readonly checkpoint: { readonly size: number; readonly rootHash: string; readonly at: number } | null;
  readonly entryCount: number;
  /** The file holds every entry up to its checkpoint. */
  readonly complete: boolean;
  readonly decisions: Readonly<DecisionTally>;
  /** At most 1,000; `findingCount` says how many there are. */
  readonly findings: readonly Finding[];
  readonly findingCount: number;
  /** The report for people: verdict first, then what was found, then what could not be proven. */
  readonly sentences: readonly string[];
}

interface Opened {
  readonly header: ExportHeader;
  readonly key: NoteKey | undefined;
  readonly keyFrom: 'given' | 'file';
  readonly signed: CheckpointText;
}
/** Of the checkpoint given from elsewhere. */
interface Given {
  readonly checkpoint: CheckpointText;
  /** Root over the file's first `size` entries, once it has been passed. */
  rootHere: Uint8Array | undefined;
}

/** A line may hold one entry with its proof; anything longer is not ours. */
const MAX_LINE_CHARS = 2_000_000;

/** Never throws for what is in the file; passes on what reading it throws. */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const findings = new Findings();
  const notes: string[] = [];
  const tally: DecisionTally = { valid: 0, invalid: 0, unchecked: 0 };
  let opened: Opened | undefined;
  let checker: EntryChecker | undefined;
  let given: Given | undefined;
  let lineNumber = 0;
  for await (const text of lines) {
    lineNumber++;
    if (text.trim() === '') continue;
    if (opened === undefined || checker === undefined) {
      opened = openHeader(text, options, findings);
      if (opened === undefined) break;
      const known = openGiven(opened, options, findings);
      given = known;
      checker = new EntryChecker(checkOptions(opened), findings, (frontier) => {
        if (known !== undefined && frontier.size === known.checkpoint.size) known.rootHere = frontier.root();
      });
      continue;
    }
    const entry = parseLine(text);
    if (entry === undefined) {
      findings.add('unreadable', null, lineNumber, `Line ${lineNumber} is not an entry; it was changed or cut off.`);
      continue;
    }
    checker.add(entry, lineNumber);
    checkDecision(entry, lineNumber, opened.header.devices ?? {}, tally, findings);
  }
  if (opened === undefined || checker === undefined) {
    if (lineNumber === 0) findings.add('unreadable', null, null, 'The file is empty.');
    return emptyReport(findings);
  }
  finishEntries(opened, checker, findings);
  if (given !== undefined) compareGiven(opened, checker, given, findings, notes);
  return report(opened, checker, tally, findings, notes, options);
}

const checkOptions = ({ header, signed }: Opened) => ({
  size: signed.size,
  root: signed.rootHash,
  contiguous: header.format === 'hallpass-audit-v1',
  from: header.format === 'hallpass-audit-v1' ? header.from : 0,
});

function parseJson(text: string): unknown {
  if (text.length > MAX_LINE_CHARS) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
function parseLine(text: string): ExportEntry | undefined {
  const parsed = ExportEntry.safeParse(parseJson(text));
  return parsed.success && parsed.data.index >= 0 ? parsed.data : undefined;
}

function openHeader(text: string, options: VerifyOptions, findings: Findings): Opened | undefined {
  const parsed = ExportHeader.safeParse(parseJson(text));
  if (!parsed.success) {
    findings.add('unreadable', null, 1, 'The first line is not the header of an audit export or an evidence file.');
    return undefined;
  }
  const header = parsed.data;
  const keyFrom = options.logKey === undefined ? 'file' : 'given';
  if (options.logKey !== undefined && options.logKey.trim() !== header.logKey)
    findings.add('wrong-key', null, 1, 'The file names another log key than the one given.');
  const key = parseVerifierKey((options.logKey ?? header.logKey).trim());
  const signed = key === undefined ? undefined : openCheckpoint(header.checkpoint.note, key);
  if (key === undefined) findings.add('wrong-key', null, 1, 'The log key is not a verifier key.');
  else if (signed === undefined)
    findings.add('checkpoint-invalid', null, 1, 'The checkpoint of the file is not signed by the log.');
  const { size, rootHash } = header.checkpoint;
  if (signed !== undefined && (signed.size !== size || toHex(signed.rootHash) !== rootHash))
    findings.add('checkpoint-invalid', null, 1, 'The checkpoint’s size and root are not those that the log signed.');
  // With a bad signature the entries are still held against what the note says: it names what does not fit.
  const stated = signed ?? parseCheckpointText(header.checkpoint.note);
  if (stated === undefined) {
    findings.add(
      'unreadable',
      null,
      1,
      'The checkpoint of the file can’t be read, so nothing can be checked against it.',
    );
    return undefined;
  }
  return { header, key, keyFrom, signed: stated };
}

function openGiven(opened: Opened, options: VerifyOptions, findings: Findings): Given | undefined {
  if (options.checkpoint === undefined) return undefined;
  // Trailing white space is what editors and shells add; the note itself ends in one line feed.
  const note = `${options.checkpoint.replaceAll('\r\n', '\n').trimEnd()}\n`;
  const checkpoint = opened.key === undefined ? undefined : openCheckpoint(note, opened.key);
  if (checkpoint === undefined) {
    findings.add('checkpoint-invalid', null, null, 'The given checkpoint is not signed with the key of this log.');
    return undefined;
  }
  return { checkpoint, rootHere: checkpoint.size === 0 ? emptyRoot() : undefined };
}

const isComplete = ({ header, signed }: Opened, checker: EntryChecker) =>
  header.format === 'hallpass-audit-v1' &&
  header.from === 0 &&
  header.to === signed.size &&
  checker.end === signed.size;

function finishEntries(opened: Opened, checker: EntryChecker, findings: Findings): void {
  const { header, signed } = opened;
  const whole = header.format === 'hallpass-audit-v1';
  checker.finish(Math.min(header.to, signed.size));
  if (header.to > signed.size)
    findings.add(
      'checkpoint-invalid',
      null,
      1,
      `The file says it goes to entry ${header.to - 1}, its checkpoint covers ${signed.size} entries.`,
    );
  if (!whole) {
    const missing = (header.count ?? checker.count) - checker.count;
    if (missing > 0 || checker.end < header.to)
      findings.add(
        'truncated',
        null,
        null,
        `The evidence was cut: ${Math.max(missing, 1)} of its entries ${missing > 1 ? 'are' : 'is'} missing.`,
      );
    if (missing < 0)
      findings.add('inserted', null, null, `The evidence holds ${-missing} more entries than its header says.`);
  }
  if (isComplete(opened, checker) && findings.count === 0 && !equalBytes(checker.frontier.root(), signed.rootHash))
    findings.add('root-mismatch', null, null, 'The entries together do not make up the root that the log signed.');
}

/** The file against a checkpoint from elsewhere: the same log, only longer or shorter? */
function compareGiven(opened: Opened, checker: EntryChecker, given: Given, findings: Findings, notes: string[]): void {
  const { signed } = opened;
  const { size, rootHash } = given.checkpoint;
  if (size === signed.size) {
    if (equalBytes(rootHash, signed.rootHash)) notes.push(`The file’s checkpoint is the given one (${size} entries).`);
    else
      findings.add(
        'forked',
        null,
        null,
        `The log was rewritten: the given checkpoint and the file’s are both for ${size} entries, with different roots.`,
      );
    return;
  }
  if (size > signed.size) {
    findings.add(
      'truncated',
      signed.size,
      null,
      `The given checkpoint covers ${size} entries, the file’s only ${signed.size}: ${entriesWord(signed.size, size - 1)} ${size - signed.size === 1 ? 'is' : 'are'} not in it.`,
    );
    notes.push(
      'That the file’s entries are the beginning of the log in the given checkpoint can’t be proven from the file; it takes an export up to that checkpoint, or a consistency proof from the service.',
    );
    return;
  }
  if (given.rootHere === undefined) {
    notes.push(
      `Whether the log still begins with the ${size} entries of the given checkpoint can’t be proven: that takes an export of all entries from 0 on.`,
    );
    if (checker.count > 0 && opened.header.format === 'hallpass-audit-v1' && opened.header.from === 0)
      findings.add('forked', null, null, `The file does not reach the given checkpoint’s ${size} entries in order.`);
    return;
  }
  if (equalBytes(given.rootHere, rootHash))
    notes.push(`The log only grew since the given checkpoint: its first ${size} entries are unchanged.`);
  else
    findings.add(
      'forked',
      null,
      null,
      `The log was rewritten: its first ${size} entries are not those of the given checkpoint.`,
    );
}

function report(
  opened: Opened,
  checker: EntryChecker,
  decisions: DecisionTally,
  findings: Findings,
  notes: string[],
  options: VerifyOptions,
): VerifyReport {
  const { header, key, keyFrom, signed } = opened;
  const complete = isComplete(opened, checker) && findings.count === 0;
  if (header.format === 'hallpass-audit-v1' && !complete && findings.count === 0)
    notes.push(
      checker.count === 0
        ? 'The file holds no entries.'
        : `The file holds ${entriesWord(header.from, checker.end - 1)} of a log of ${signed.size}; the others are not in it.`,
    );
  if (header.format === 'hallpass-evidence-v1')
    notes.push(
      'Each entry is proven to be in the log. That no entry about this grant was left out takes an export of the whole log.',
    );
  if (keyFrom === 'file')
    notes.push('The log’s key was taken from the file itself; compare it with the one your app shows.');
  if (options.checkpoint === undefined)
    notes.push(
      'No checkpoint from elsewhere was given, so a log that was rewritten as a whole, with its own key, can’t be told.',
    );
  if (decisions.unchecked > 0)
    notes.push(
      `${decisions.unchecked} ${decisions.unchecked === 1 ? 'decision' : 'decisions'} could not be checked: the file has no key of the device.`,
    );
  return {
    ok: findings.count === 0,
    format: header.format,
    log: key === undefined ? null : { name: key.name, key: verifierKey(key), keyFrom },
    checkpoint: { size: signed.size, rootHash: toHex(signed.rootHash), at: header.checkpoint.at },
    entryCount: checker.count,
    complete,
    decisions,
    findings: findings.list,
    findingCount: findings.count,
    sentences: [
      verdict(opened, checker, decisions, findings, complete),
      ...findings.list.map((f) => f.sentence),
      ...notes,
    ],
  };
}

function verdict(
  { header, signed }: Opened,
  checker: EntryChecker,
  decisions: DecisionTally,
  findings: Findings,
  complete: boolean,
): string {
  if (findings.count > 0) return `Not sound: ${findings.count} ${findings.count === 1 ? 'problem' : 'problems'} found.`;
  const what =
    header.format === 'hallpass-evidence-v1'
      ? `evidence for grant ${header.grantId ?? ''}`.trim()
      : complete
        ? 'the whole log'
        : 'a part of the log';
  const count = `${checker.count} ${checker.count === 1 ? 'entry' : 'entries'}`;
  const signedBy =
    decisions.valid > 0
      ? `, ${decisions.valid} ${decisions.valid === 1 ? 'decision' : 'decisions'} signed by the approver’s device`
      : '';
  return upperFirst(`sound: ${what}, ${count}, each proven to be in the log of ${signed.size}${signedBy}.`);
}

function emptyReport(findings: Findings): VerifyReport {
  return {
    ok: false,
    format: null,
    log: null,
    checkpoint: null,
    entryCount: 0,
    complete: false,
    decisions: { valid: 0, invalid: 0, unchecked: 0 },
    findings: findings.list,
    findingCount: findings.count,
    sentences: ['Not sound: the file can’t be read as an export.', ...findings.list.map((f) => f.sentence)],
  };
}

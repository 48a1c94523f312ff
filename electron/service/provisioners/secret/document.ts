/**
 * What is stored (sealed) of a secret that is checked out: its values, who holds it, and a change that is under way. Pure.
 * Why all of it in one text: each step is one compare-and-set, so a crash or a second service finds the state before it or
 * after it. The order of a change: proposed and stored beside the old one, then made valid where it is used, then read back,
 * then it takes the old one's place. So the secret that works is always stored here.
 */
import { z } from 'zod';
import { Values } from '../../../../shared/contract/values';
import { MIN_WEBHOOK_KEY_CHARS } from '../../../../shared/contract/webhook';
import { canonicalJson } from '../../../../shared/crypto/canonical-json';
import { isPrincipalName } from '../principal-name';
import { TargetError } from '../provisioner';

const Principal = z.string().refine(isPrincipalName);
const Holder = z.strictObject({
  principal: Principal,
  /** The version of the values that was handed out. */
  version: z.int(),
  /** `no`: holds it. Else how the end was known: read back as refused, or not at all. */
  over: z.enum(['no', 'refused', 'may_know']),
});
const Document = z.strictObject({
  v: z.literal(1),
  values: Values,
  /** Rises with every change of the values. */
  version: z.int().min(1),
  /** Signs the calls of a rotation by webhook. Never handed out. */
  rotationKey: z.string().min(MIN_WEBHOOK_KEY_CHARS).max(1_024).nullable(),
  holders: z.array(Holder).max(1_000),
  /** Proposed and durable; whether it is valid already is not known. `rotation`: the principal whose end it is for. */
  next: z.strictObject({ rotation: Principal, values: Values }).nullable(),
  /** Kept while somebody holds it although an administrator put another in its place. */
  previous: z.strictObject({ version: z.int(), values: Values }).nullable(),
});
export type SecretDocument = z.infer<typeof Document>;
export type Holder = z.infer<typeof Holder>;

/** A line of this name is the key of a rotation by webhook, and no value. */
export const ROTATION_KEY_NAME = 'HALLPASS_ROTATION_KEY';

/** Reads what is stored, or what somebody typed: lines of NAME=value. @throws TargetError, without a value in it */
export function readDocument(text: string): SecretDocument {
  if (!text.trimStart().startsWith('{')) return typed(text);
  const read = Document.safeParse(parsed(text));
  if (read.success) return read.data;
  throw new TargetError('refused', 'The stored secret can not be read; enter it again.');
}
export const writeDocument = (document: SecretDocument): string => JSON.stringify(Document.parse(document));

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function typed(text: string): SecretDocument {
  const values: Record<string, string> = {};
  let rotationKey: string | null = null;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const at = line.indexOf('=');
    const name = at < 0 ? '' : line.slice(0, at).trim();
    const value = line.slice(at + 1).trim();
    if (name === '') throw new TargetError('refused', `Line ${index + 1} of the secret is not NAME=value.`);
    if (name in values) throw new TargetError('refused', `${name} is given twice.`);
    if (name === ROTATION_KEY_NAME) rotationKey = value;
    else values[name] = value;
  }
  const read = Values.safeParse(values);
  if (!read.success) {
    const issue = read.error.issues[0];
    const where = issue?.path.join('.') ?? '';
    throw new TargetError(
      'refused',
      `${where === '' ? 'The secret' : where}: ${issue?.message ?? 'not as it should be'}`,
    );
  }
  if (rotationKey !== null && rotationKey.length < MIN_WEBHOOK_KEY_CHARS)
    throw new TargetError('refused', `${ROTATION_KEY_NAME} needs ${MIN_WEBHOOK_KEY_CHARS} characters at least.`);
  return { v: 1, values: read.data, version: 1, rotationKey, holders: [], next: null, previous: null };
}

/**
 * What is stored when an administrator gives the secret anew. Who holds the old one stays on the books, and the old one with
 * them, so that their end can be read back. @throws TargetError while a change is under way: the one that works would be lost
 */
export function adopt(given: string, stored: string | null): string {
  const fresh = typed(given);
  if (stored === null) return writeDocument(fresh);
  const before = readDocument(stored);
  if (before.next !== null)
    throw new TargetError('conflict', 'This secret is being changed after its last use; wait until that is done.');
  const rotationKey = fresh.rotationKey ?? before.rotationKey;
  // The same again, with another key or a note: nothing was replaced, and what is held is what is stored.
  if (canonicalJson(fresh.values) === canonicalJson(before.values)) return writeDocument({ ...before, rotationKey });
  const isHeld = before.holders.some((holder) => holder.over === 'no');
  return writeDocument({
    ...fresh,
    rotationKey,
    version: before.version + 1,
    holders: before.holders,
    previous: isHeld ? { version: before.version, values: before.values } : null,
  });
}

export const holderOf = (document: SecretDocument, principal: string): Holder | undefined =>
  document.holders.find((holder) => holder.principal === principal);
export const holding = (document: SecretDocument): readonly Holder[] =>
  document.holders.filter((holder) => holder.over === 'no');

/** One more holder. @throws TargetError: `refused` when it is out already, `unreachable` while it is being changed */
export function checkedOut(document: SecretDocument, principal: string, most: number): SecretDocument {
  const present = holderOf(document, principal);
  if (present?.over === 'no' && present.version === document.version) return document;
  if (present?.over === 'no') throw new TargetError('conflict', 'The secret was replaced since this grant took it.');
  if (present) throw new TargetError('conflict', 'This grant has given the secret back already.');
  if (document.next !== null)
    throw new TargetError('unreachable', 'The secret is being changed after its last use; it is free in a moment.');
  if (holding(document).length >= most)
    throw new TargetError(
      'refused',
      most === 1 ? 'Somebody else holds it; one at a time.' : `${most} hold it already.`,
    );
  const holder: Holder = { principal, version: document.version, over: 'no' };
  return { ...document, holders: [...document.holders, holder] };
}

/** Given back. The replaced secret is forgotten with the last who holds it. */
export function checkedIn(document: SecretDocument, principal: string, over: 'refused' | 'may_know'): SecretDocument {
  const holders = document.holders.map((holder) => (holder.principal === principal ? { ...holder, over } : holder));
  const { previous } = document;
  const isKnown = previous !== null && holders.some((h) => h.over === 'no' && h.version === previous.version);
  return { ...document, holders, previous: isKnown ? previous : null };
}

export const proposed = (document: SecretDocument, rotation: string, values: Values): SecretDocument => ({
  ...document,
  next: { rotation, values },
});
/** The proposed one takes the old one's place: it was read back that the old one is refused. */
export function rotated(document: SecretDocument, principal: string): SecretDocument {
  if (document.next === null) throw new Error('no change is under way');
  const done = { ...document, values: document.next.values, version: document.version + 1, next: null };
  return checkedIn(done, principal, 'refused');
}

/** The record of an ended holder goes. */
export const cleared = (document: SecretDocument, principal: string): SecretDocument => ({
  ...document,
  holders: document.holders.filter((holder) => holder.principal !== principal),
});

/** @throws TargetError unless the names are the same and something is new */
export function checkProposal(current: Values, next: Values): void {
  const names = Object.keys(current).sort().join(' ');
  if (Object.keys(next).sort().join(' ') !== names)
    throw new TargetError('refused', `The rotator has to give new values for exactly: ${names}.`);
  if (Object.entries(next).every(([name, value]) => current[name] === value))
    throw new TargetError('refused', 'The rotator gave the same secret again.');
}

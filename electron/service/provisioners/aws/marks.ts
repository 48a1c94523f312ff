/**
 * The marks that grants have on a role: inline policies, one per grant, named after its principal. Pure.
 * While a grant lives its mark denies everything to its session *from the deadline on*: AWS itself holds the deadline, also
 * below its floor of 15 minutes and with no service running, and it was told long before, so nothing has to spread at the end.
 * At an end the same mark denies without a date. A policy per grant and never a shared one: IAM replaces a policy whole, so
 * two services that end two grants at once would undo each other in a shared one.
 * A mark names the resource that it belongs to, and when it may go: once every session it could concern is over by itself.
 */
import { z } from 'zod';
import { checkPrincipalName, isPrincipalName } from '../principal-name';

const NAME = /^hallpass-(.+?)(-e)?$/;
/** Letters and digits only, says AWS: the resource's id without its prefix, Live or Ended, and seconds. */
const SID = /^([0-9a-z]{26})([LE])(\d{1,12})$/;

/** `aside`: where somebody else's policy has the name already. */
export const policyName = (principal: string, place: 'usual' | 'aside' = 'usual'): string =>
  `hallpass-${principal}${place === 'aside' ? '-e' : ''}`;
/** The principal whose mark could have this name. */
export function principalOf(name: string): string | null {
  const principal = NAME.exec(name)?.[1];
  return principal !== undefined && isPrincipalName(principal) ? principal : null;
}

export interface Mark {
  readonly principal: string;
  readonly resourceId: string;
  /** `live`: denied from then on. `ended`: denied at once, and the mark may go then. Epoch seconds by AWS's clock. */
  readonly state: 'live' | 'ended';
  readonly atSeconds: number;
}

const isoOf = (seconds: number): string => new Date(seconds * 1_000).toISOString().replace('.000', '');

/** The policy document. As short as can be: a role has room for 10,240 characters in all its inline policies. */
export function markDocument(mark: Mark): string {
  checkPrincipalName(mark.principal);
  const who = { StringLike: { 'aws:userid': `*:${mark.principal}` } };
  const deny = { Effect: 'Deny', Action: '*', Resource: '*' };
  const sid = `${mark.resourceId.replace(/^res_/, '')}${mark.state === 'live' ? 'L' : 'E'}${mark.atSeconds}`;
  const when = mark.state === 'live' ? { DateGreaterThan: { 'aws:CurrentTime': isoOf(mark.atSeconds) } } : {};
  const Statement = { Sid: sid, ...deny, Condition: { ...who, ...when } };
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

const Document = z.object({ Statement: z.object({ Sid: z.string() }) });

/**
 * What a policy of such a name says; null when it is not a mark of ours, word for word: who changed one by hand made it
 * something else, and it then proves nothing.
 */
export function readMark(name: string, text: string): Mark | null {
  const principal = principalOf(name);
  if (principal === null) return null;
  let sid: string;
  try {
    sid = Document.parse(JSON.parse(text)).Statement.Sid;
  } catch {
    return null;
  }
  const [, resource, letter, at] = SID.exec(sid) ?? [];
  if (!resource || !letter || !at) return null;
  const mark: Mark = {
    principal,
    resourceId: `res_${resource}`,
    state: letter === 'L' ? 'live' : 'ended',
    atSeconds: Number(at),
  };
  return sorted(markDocument(mark)) === sorted(text) ? mark : null;
}
/** The same members in another order are the same policy. */
const sorted = (text: string): string =>
  JSON.stringify(JSON.parse(text), (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );

/**
 * Every step of the audit log in words. Pure. A step that this version does not know stays readable: its type and its actor are shown.
 * Why the data is read so carefully: entries are years old, and some were written by an older or newer service.
 */
import type { AuditEntry } from '../../../shared/contract/audit';
import { formatDuration } from '../../../shared/domain/duration';
import type { EndProof, EndReason } from '../../../shared/domain/states';
import { wordApprovals, wordCount, wordPeople, wordTimeExact } from '../../app/words';

export type SaidTone = 'good' | 'warn' | 'bad' | 'plain';
/** What happened ("Request sent") and the particulars beside it ("read-write, 1 h"). */
export interface Said {
  readonly what: string;
  readonly aside?: string | undefined;
  readonly tone: SaidTone;
}

/** Every type of entry that the service writes, in the order in which a filter offers them. */
export const AUDIT_TYPES = [
  'request.submitted',
  'decision.recorded',
  'request.approved',
  'request.auto_approved',
  'request.denied',
  'request.denied_by_policy',
  'request.withdrawn',
  'request.expired',
  'request.blocked',
  'request.unblocked',
  'request.rerouted',
  'request.nudged',
  'grant.ready',
  'grant.provisioning',
  'grant.credential_ready',
  'grant.activated',
  'grant.extended',
  'grant.ending',
  'grant.removal_delayed',
  'grant.ended',
  'grant.residue',
  'grant.injection',
  'grant.device_key',
  'principal.orphan_ended',
  'principal.orphan_found',
  'ticket.closed',
  'hook.secret_made',
  'hook.removed',
  'person.joined',
  'person.changed',
  'person.removed',
  'person.suspended',
  'person.resumed',
  'device.confirmed',
  'device.revoked',
  'group.changed',
  'group.removed',
  'invite.created',
  'invite.withdrawn',
  'invite.wrong_code',
  'invite.locked',
  'resource.created',
  'resource.changed',
  'resource.archived',
  'resource.suspended',
  'resource.resumed',
  'resource.plan_started',
  'resource.plan_applied',
  'resource.plan_failed',
  'resource.secret_rotated',
  'policy.changed',
] as const;
export type AuditType = (typeof AUDIT_TYPES)[number];
const known = (type: string): type is AuditType => (AUDIT_TYPES as readonly string[]).includes(type);

/** The steps as a filter names them. */
export const STEP_NAMES: Record<AuditType, string> = {
  'request.submitted': 'Request sent',
  'decision.recorded': 'Decision signed',
  'request.approved': 'Request approved',
  'request.auto_approved': 'Auto-approved',
  'request.denied': 'Request denied',
  'request.denied_by_policy': 'Denied by policy',
  'request.withdrawn': 'Request withdrawn',
  'request.expired': 'Request expired',
  'request.blocked': 'Nobody could approve',
  'request.unblocked': 'Could be approved again',
  'request.rerouted': 'Approvals asked anew',
  'request.nudged': 'Approvers reminded',
  'grant.ready': 'Access granted',
  'grant.provisioning': 'Login being made',
  'grant.credential_ready': 'Login made',
  'grant.activated': 'Access works',
  'grant.extended': 'Extended',
  'grant.ending': 'Ending',
  'grant.removal_delayed': 'Removal not confirmed',
  'grant.ended': 'Ended',
  'grant.residue': 'Left-overs on the target',
  'grant.injection': 'Files on the device',
  'grant.device_key': 'Key of the device',
  'principal.orphan_ended': 'Stray login found',
  'principal.orphan_found': 'Stray login resists',
  'ticket.closed': 'Ticket closed',
  'hook.secret_made': 'Ticket system connected',
  'hook.removed': 'Ticket system cut off',
  'person.joined': 'Person joined',
  'person.changed': 'Person changed',
  'person.removed': 'Person removed',
  'person.suspended': 'Person locked',
  'person.resumed': 'Person unlocked',
  'device.confirmed': 'Device confirmed',
  'device.revoked': 'Device revoked',
  'group.changed': 'Group changed',
  'group.removed': 'Group removed',
  'invite.created': 'Invite made',
  'invite.withdrawn': 'Invite withdrawn',
  'invite.wrong_code': 'Wrong invite code',
  'invite.locked': 'Invite locked',
  'resource.created': 'Resource added',
  'resource.changed': 'Resource changed',
  'resource.archived': 'Resource archived',
  'resource.suspended': 'Resource locked',
  'resource.resumed': 'Resource unlocked',
  'resource.plan_started': 'Target set-up started',
  'resource.plan_applied': 'Target set up',
  'resource.plan_failed': 'Target set-up failed',
  'resource.secret_rotated': 'Secret changed',
  'policy.changed': 'Policy published',
};

/** Fields of an entry's data, each only if it is what it should be. */
export class Facts {
  constructor(private readonly data: Readonly<Record<string, unknown>>) {}
  text(name: string): string | undefined {
    const value = this.data[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  }
  number(name: string): number | undefined {
    const value = this.data[name];
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  }
  is(name: string): boolean {
    return this.data[name] === true;
  }
  list(name: string): readonly unknown[] {
    const value = this.data[name];
    return Array.isArray(value) ? value : [];
  }
  texts(name: string): readonly string[] {
    return this.list(name).filter((one) => typeof one === 'string');
  }
  inner(name: string): Facts {
    const value = this.data[name];
    return new Facts(typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {});
  }
  has(name: string): boolean {
    return this.data[name] !== undefined && this.data[name] !== null;
  }
}

const joined = (...parts: readonly (string | undefined | false)[]): string | undefined =>
  parts.filter(Boolean).join(', ') || undefined;
const quoted = (text: string | undefined) => text && `“${text}”`;
const length = (facts: Facts, name = 'ttlMs') => {
  const ms = facts.number(name);
  return ms === undefined ? undefined : formatDuration(ms);
};
const time = (facts: Facts, name: string) => {
  const at = facts.number(name);
  return at === undefined ? undefined : wordTimeExact(at);
};
const asked = (facts: Facts) => joined(facts.text('level'), length(facts));
const wordRole = (role: string) => (role === 'admin' ? 'administrator' : role);
const sameSet = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((one) => b.includes(one));

const ENDINGS: Record<EndReason, string> = {
  expired: 'time is up',
  returned: 'given back',
  revoked: 'revoked',
  failed: 'it could not be made',
  policy_changed: 'policy or people changed',
};
const PROOFS: Record<EndProof, Said> = {
  read_back: { what: 'Read back, grant ended', tone: 'good' },
  never_created: { what: 'Ended, nothing had been made', tone: 'plain' },
  attested_unverified: { what: 'Closed by hand, not read back', tone: 'warn' },
  holder_may_know: { what: 'Given back, secret not changed', tone: 'warn' },
  ran_out: { what: 'Ran out, sessions not seen', tone: 'warn' },
};
const DEVICE_SAYS: Readonly<Record<string, Said>> = {
  injected: { what: 'Credential put in place on the device', tone: 'plain' },
  failed: { what: 'Credential could not be put in place', tone: 'bad' },
  removed: { what: 'Credential removed from the device', tone: 'plain' },
  removal_failed: { what: 'Removal on the device failed', tone: 'bad' },
};
const wordEnding = (reason: string | undefined) =>
  reason === undefined ? undefined : (ENDINGS[reason as EndReason] ?? reason);

function decided(facts: Facts): Said {
  const statement = facts.inner('statement');
  const needs = facts.texts('countsFor');
  if ((facts.text('decision') ?? statement.text('decision')) === 'deny')
    return { what: 'Denied', aside: quoted(statement.text('reason')), tone: 'bad' };
  const forLength = length(statement) ?? length(facts);
  const what = forLength === undefined ? 'Approved' : `Approved for ${forLength}`;
  return { what, aside: needs.length > 0 ? `as ${needs.join(', ')}` : undefined, tone: 'good' };
}
function submitted(facts: Facts): Said {
  const needs = facts.list('approvals').flatMap((one) => {
    const slot = new Facts(typeof one === 'object' && one !== null ? { ...one } : {});
    const [from, count] = [slot.text('from'), slot.number('count')];
    return from === undefined || count === undefined ? [] : [{ from, count }];
  });
  return {
    what: 'Request sent',
    aside: joined(asked(facts), needs.length > 0 && `needs ${wordApprovals(needs)}`),
    tone: 'plain',
  };
}
function personChanged(facts: Facts): Said {
  const before = facts.inner('before');
  const roles = facts.texts('roles');
  const named = facts.text('displayName');
  const was = before.text('displayName');
  const parts = [
    was !== undefined && named !== undefined && was !== named && `was called ${was}`,
    !sameSet(roles, before.texts('roles')) && roles.length > 0 && `now ${wordPeople(roles.map(wordRole), 'and')}`,
  ];
  return { what: `${named ?? 'Person'} changed`, aside: joined(...parts), tone: 'warn' };
}
function groupChanged(name: string, facts: Facts): Said {
  const now = facts.texts('members');
  if (!facts.has('before'))
    return { what: `Group ${name} made`, aside: wordCount(now.length, 'member'), tone: 'plain' };
  const was = facts.texts('before');
  const added = now.filter((id) => !was.includes(id)).length;
  const gone = was.filter((id) => !now.includes(id)).length;
  const aside = joined(added > 0 && `${added} added`, gone > 0 && `${gone} removed`) ?? 'the same members';
  return { what: `Group ${name} changed`, aside, tone: 'plain' };
}

/** One more type of entry: one more line here, or it does not compile. */
const SAY: Record<AuditType, (facts: Facts, name: string) => Said> = {
  'request.submitted': submitted,
  'decision.recorded': decided,
  'request.approved': (f) => ({ what: 'Request approved', aside: asked(f), tone: 'good' }),
  'request.auto_approved': (f) => ({ what: 'Auto-approved', aside: asked(f), tone: 'good' }),
  'request.denied': (f) => ({ what: 'Request denied', aside: quoted(f.text('because')), tone: 'bad' }),
  'request.denied_by_policy': (f) => ({ what: 'Denied by policy', aside: quoted(f.text('because')), tone: 'bad' }),
  'request.withdrawn': (f) => ({ what: 'Request withdrawn', aside: asked(f), tone: 'plain' }),
  'request.expired': (f) => ({
    what: 'Request expired',
    aside: f.text('why') === 'grant_ended' ? 'the access it would extend ended' : 'nobody answered',
    tone: 'warn',
  }),
  'request.blocked': (f) => ({ what: 'Nobody can approve it', aside: f.text('because'), tone: 'warn' }),
  'request.unblocked': (f) => ({ what: 'Can be approved again', aside: asked(f), tone: 'plain' }),
  'request.rerouted': () => ({ what: 'Approvals asked anew', aside: 'policy or people changed', tone: 'warn' }),
  'request.nudged': () => ({ what: 'Approvers reminded', tone: 'plain' }),
  'grant.ready': (f) => ({ what: 'Access granted', aside: joined(length(f), 'waits to start'), tone: 'good' }),
  'grant.provisioning': (f) => ({ what: 'Login being made', aside: f.text('level'), tone: 'plain' }),
  'grant.credential_ready': () => ({ what: 'Login made', aside: 'sealed to the device', tone: 'plain' }),
  'grant.activated': (f) => ({
    what: 'Access works',
    aside: joined(f.text('level'), time(f, 'expiresAt') && `ends ${time(f, 'expiresAt')}`),
    tone: 'good',
  }),
  'grant.extended': (f) => ({
    what: length(f, 'addedMs') ? `Extended by ${length(f, 'addedMs')}` : 'Extended',
    aside: time(f, 'expiresAt') && `ends ${time(f, 'expiresAt')}`,
    tone: 'good',
  }),
  'grant.ending': (f) => ({
    what: `Grant ending${wordEnding(f.text('reason')) ? `, ${wordEnding(f.text('reason'))}` : ''}`,
    aside: quoted(f.text('because')) ?? f.text('error'),
    tone: f.text('reason') === 'failed' || f.text('reason') === 'revoked' ? 'bad' : 'warn',
  }),
  'grant.removal_delayed': (f) => ({
    what: 'Removal not confirmed, still trying',
    aside: joined(
      f.number('attempts') !== undefined && wordCount(f.number('attempts') ?? 0, 'try', 'tries'),
      f.text('lastError'),
    ),
    tone: 'bad',
  }),
  'grant.ended': (f) => ({
    ...(PROOFS[f.text('proof') as EndProof] ?? { what: 'Grant ended', tone: 'plain' as const }),
    aside: quoted(f.text('attested')) ?? f.text('level'),
  }),
  'grant.residue': (f) =>
    f.list('residue').length === 0
      ? { what: 'Left-overs cleared away', tone: 'plain' }
      : { what: `${wordCount(f.list('residue').length, 'left-over')} on the target`, tone: 'warn' },
  'grant.injection': (f) => ({
    ...(DEVICE_SAYS[f.text('state') ?? ''] ?? { what: 'The device spoke of its files', tone: 'plain' as const }),
    aside: f.text('error'),
  }),
  'grant.device_key': (f) => ({ what: 'The device made a key for it', aside: f.text('fingerprint'), tone: 'plain' }),
  'principal.orphan_ended': (f) => ({
    what: f.text('result') === 'ended' ? 'Stray login found and ended' : 'Stray login found, still there',
    aside: f.text('principal'),
    tone: f.text('result') === 'ended' ? 'warn' : 'bad',
  }),
  'principal.orphan_found': (f) => ({
    what: 'Stray login found, still there',
    aside: joined(f.text('principal') ?? false, f.text('error') ?? false),
    tone: 'bad',
  }),
  'ticket.closed': (f, name) => ({
    what: `Ticket ${name} closed`,
    aside:
      joined(
        f.list('ended').length > 0 && `${wordCount(f.list('ended').length, 'grant')} ended with it`,
        f.list('refused').length > 0 && `${wordCount(f.list('refused').length, 'request')} refused`,
      ) || 'no access hung on it',
    tone: 'plain',
  }),
  'hook.secret_made': () => ({ what: 'Ticket system connected', aside: 'a new secret was made', tone: 'plain' }),
  'hook.removed': () => ({ what: 'Ticket system cut off', tone: 'warn' }),
  'person.joined': (f, name) => ({
    what: `${name} joined`,
    aside: f.is('owner') ? 'made this service' : f.text('state') === 'pending' ? 'device to be confirmed' : undefined,
    tone: 'plain',
  }),
  'person.changed': personChanged,
  'person.removed': (f, name) => ({
    what: `${name} removed`,
    aside: `${wordCount(f.list('devices').length, 'device')} revoked`,
    tone: 'bad',
  }),
  'person.suspended': (f, name) => ({ what: `${name} locked`, aside: quoted(f.text('because')), tone: 'bad' }),
  'person.resumed': (_, name) => ({ what: `${name} unlocked`, aside: 'what ended stays ended', tone: 'good' }),
  'device.confirmed': (f, name) => ({ what: `Device ${name} confirmed`, aside: f.text('fingerprint'), tone: 'good' }),
  'device.revoked': (f, name) => ({ what: `Device ${name} revoked`, aside: f.text('fingerprint'), tone: 'bad' }),
  'group.changed': (f, name) => groupChanged(name, f),
  'group.removed': (f, name) => ({
    what: `Group ${name} removed`,
    aside: wordCount(f.list('members').length, 'member'),
    tone: 'warn',
  }),
  'invite.created': (f, name) => ({
    what: `${name} invited`,
    aside: joined(f.texts('roles').map(wordRole).join(' and '), f.texts('groups').join(', ')),
    tone: 'plain',
  }),
  'invite.withdrawn': (_, name) => ({ what: `Invite of ${name} withdrawn`, tone: 'plain' }),
  'invite.wrong_code': (f, name) => ({
    what: `Wrong code for the invite of ${name}`,
    aside: f.number('attempts') === undefined ? undefined : `try ${f.number('attempts')}`,
    tone: 'warn',
  }),
  'invite.locked': (_, name) => ({ what: `Invite of ${name} locked`, aside: 'too many wrong codes', tone: 'bad' }),
  'resource.created': (f, name) => ({
    what: `Resource ${name} added`,
    aside: joined(f.text('environment'), f.text('risk') && `${f.text('risk')} risk`),
    tone: 'plain',
  }),
  'resource.changed': (_, name) => ({ what: `Resource ${name} changed`, tone: 'warn' }),
  'resource.archived': (_, name) => ({ what: `Resource ${name} archived`, aside: 'its access ends', tone: 'warn' }),
  'resource.suspended': (f, name) => ({
    what: `Resource ${name} locked`,
    aside: quoted(f.text('because')),
    tone: 'bad',
  }),
  'resource.resumed': (_, name) => ({
    what: `Resource ${name} unlocked`,
    aside: 'what ended stays ended',
    tone: 'good',
  }),
  'resource.plan_started': (f) => ({ what: 'Set-up of the target started', aside: f.text('host'), tone: 'plain' }),
  'resource.plan_applied': (f) =>
    f.is('ok')
      ? { what: 'Target set up', aside: wordCount(f.number('ran') ?? 0, 'statement'), tone: 'good' }
      : {
          what: 'Set-up of the target stopped',
          aside: `after ${wordCount(f.number('ran') ?? 0, 'statement')}`,
          tone: 'bad',
        },
  'resource.plan_failed': (f) => ({ what: 'Set-up of the target failed', aside: f.text('kind'), tone: 'bad' }),
  'resource.secret_rotated': (_, name) => ({
    what: `Secret of ${name} changed`,
    aside: 'read back: the old one is refused',
    tone: 'good',
  }),
  'policy.changed': (f) => ({
    what: f.number('version') === undefined ? 'Policy published' : `Policy ${f.number('version')} published`,
    aside:
      quoted(f.text('note')) ??
      (f.number('rules') === undefined ? undefined : wordCount(f.number('rules') ?? 0, 'rule')),
    tone: 'warn',
  }),
};

/** What an entry says. Never throws, whatever the entry holds. */
export function sayEntry(entry: Pick<AuditEntry, 'type' | 'body'>): Said {
  const { type, body } = entry;
  if (body === null) {
    const name = known(type) ? STEP_NAMES[type] : wordType(type);
    return { what: name, aside: 'content deleted by retention; the entry and its proof stay', tone: 'plain' };
  }
  if (!known(type)) return { what: wordType(type), aside: body.subject.name || undefined, tone: 'plain' };
  return SAY[type](new Facts(body.data), body.subject.name || body.subject.id);
}
/** "grant.paused_by_hand" → "Grant: paused by hand", for steps of a newer service. */
export function wordType(type: string): string {
  const [about = '', ...rest] = type.split('.');
  const words = rest.join(' ').replaceAll('_', ' ');
  const first = about.charAt(0).toUpperCase() + about.slice(1);
  return words === '' ? first || 'Unnamed step' : `${first}: ${words}`;
}

/** Who did it. The service and the policy have no person behind them. */
export function whoDid({ body }: Pick<AuditEntry, 'body'>): {
  readonly name: string;
  readonly kind: 'person' | 'machine';
} {
  if (body === null) return { name: 'deleted', kind: 'machine' };
  const { kind, name } = body.actor;
  return { name: name || kind, kind: kind === 'person' || kind === 'device' ? 'person' : 'machine' };
}
/** "HP-1042" when the entry is about a ticket. */
export const ticketIn = ({ body }: Pick<AuditEntry, 'body'>): string | undefined =>
  body === null ? undefined : /^[A-Z]+-\d+/.exec(body.subject.name)?.[0];
/** The resource that the entry is about, by name. */
export function resourceIn({ type, body }: Pick<AuditEntry, 'type' | 'body'>): string | undefined {
  if (body === null) return undefined;
  return new Facts(body.data).text('resource') ?? (type.startsWith('resource.') ? body.subject.name : undefined);
}
/** What a screen reader says of the row. */
export function readRow(entry: AuditEntry, proof: string): string {
  const { what, aside } = sayEntry(entry);
  return joined(
    `Entry ${entry.index.toLocaleString('en')}`,
    wordTimeExact(entry.at),
    whoDid(entry).name,
    aside === undefined ? what : `${what}, ${aside}`,
    resourceIn(entry),
    ticketIn(entry),
    proof,
  ) as string;
}

/**
 * The facts an approver decides on, with a nonce for one decision of this device. What is shown is what is signed:
 * the request's digest covers everything that was asked for.
 */
import type { Kysely } from 'kysely';
import type { CardFacts } from '../../../shared/contract/requests';
import { toBase64url } from '../../../shared/crypto/bytes';
import { formatDuration } from '../../../shared/domain/duration';
import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS, plusMs } from '../../../shared/domain/instant';
import { DECISION_NONCE_TTL_MS } from '../../../shared/domain/limits';
import { cutsSessions } from '../../../shared/domain/session-cuts';
import type { RequestState } from '../../../shared/domain/states';
import { AppError } from '../errors';
import type { Database, GrantTable } from '../store/schema';
import type { Caller } from './caller';
import type { AccessDeps } from './deps';
import { type Directory, loadDirectory } from './directory';
import type { RequestFacts } from './facts';
import { levelList } from './json';
import { lockRequest } from './record';
import { isOpen, wordState } from './request';
import { visible } from './requests';
import { limitsOf } from './submit';
import { nameOf, requestView, waitingVoters } from './views';

export const DECISION_NONCE = 'decision';
const HISTORY_SHOWN = 5;
const HISTORY_READ = 200;
const PRESETS_MS = [15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS, 8 * HOUR_MS, DAY_MS];

export async function card(deps: AccessDeps, caller: Caller, id: string): Promise<CardFacts> {
  return deps.store.write(async (tx) => {
    const now = deps.clock.now();
    const directory = await loadDirectory(tx.db);
    const facts = visible(await lockRequest(tx, id), directory, caller);
    refuseUnlessDecider(facts, directory, caller);
    const nonce = toBase64url(deps.random.bytes(32));
    const nonceExpiresAt = plusMs(now, DECISION_NONCE_TTL_MS);
    await tx.db.deleteFrom('nonces').where('device_id', '=', caller.deviceId).where('expires_at', '<=', now).execute();
    await tx.db
      .insertInto('nonces')
      .values({
        nonce,
        purpose: DECISION_NONCE,
        subject: id,
        device_id: caller.deviceId,
        expires_at: nonceExpiresAt,
        used_at: null,
      })
      .execute();
    const { row } = facts;
    const past = await pastGrants(tx.db, row.requester_id);
    return {
      request: requestView(facts, directory, deps.presence, caller),
      requesterGroups: [...(directory.people.get(row.requester_id)?.groups ?? [])],
      requesterJoined: await joined(tx.db, directory, row.requester_id, row.device_id),
      does: whatItGives(deps, facts),
      differs: howItDiffers(facts, past, now),
      history: past
        .filter((grant) => grant.resource_id === row.resource_id && grant.activated_at !== null)
        .slice(0, HISTORY_SHOWN)
        .map((grant) => ({
          at: grant.activated_at ?? 0,
          level: grant.level,
          ttlMs: grant.ttl_ms,
          usedMs: grant.ended_at === null ? null : Math.max(0, grant.ended_at - (grant.activated_at ?? 0)),
        })),
      otherActive: await othersOn(tx.db, directory, facts),
      answer: facts.stored.answer,
      nonce,
      nonceExpiresAt,
      durations: [...PRESETS_MS.filter((length) => length < row.ttl_ms), row.ttl_ms],
    };
  });
}

function refuseUnlessDecider(facts: RequestFacts, directory: Directory, caller: Caller): void {
  const state = facts.row.state as RequestState;
  if (!isOpen(state)) throw new AppError('already-decided', `This request is ${wordState(state)} already.`);
  if (facts.row.requester_id === caller.personId)
    throw new AppError('self-approval', 'Nobody decides on their own request.');
  if (waitingVoters(facts, directory).some((voter) => voter.personId === caller.personId)) return;
  const decided = facts.decisions.some((d) => d.approver_id === caller.personId && !facts.stored.voided.includes(d.id));
  throw decided
    ? new AppError('already-decided', 'You decided on this request already.')
    : new AppError('not-eligible', 'You are not among those who may decide on this request.');
}

const pastGrants = (db: Kysely<Database>, personId: string): Promise<GrantTable[]> =>
  db
    .selectFrom('grants')
    .selectAll()
    .where('person_id', '=', personId)
    .orderBy('id', 'desc')
    .limit(HISTORY_READ)
    .execute();

async function joined(db: Kysely<Database>, directory: Directory, personId: string, deviceId: string): Promise<string> {
  const person = await db.selectFrom('people').selectAll().where('id', '=', personId).executeTakeFirstOrThrow();
  const device = await db.selectFrom('devices').selectAll().where('id', '=', deviceId).executeTakeFirstOrThrow();
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  const came =
    person.invited_by === null ? 'set this service up' : `was invited by ${nameOf(directory, person.invited_by)}`;
  const confirmed =
    device.confirmed_by === null
      ? 'the device was there from the start'
      : `the device "${device.name}" was confirmed by ${nameOf(directory, device.confirmed_by)}`;
  return `Joined ${day(person.joined_at)}: ${came}; ${confirmed}.`;
}

/** Never more than the kind of target keeps: what it can't do follows as its limits. */
function endOf(kind: string): CardFacts['does'][number] {
  if (kind === 'secret')
    return { tone: 'plain', text: 'A stored secret is handed out; it leaves the requester’s device by itself.' };
  const sessions = cutsSessions(kind) ? ', and open sessions are cut' : '';
  return { tone: 'good', text: `A login made for this request alone; it ends by itself${sessions}.` };
}
function whatItGives(deps: AccessDeps, facts: RequestFacts): CardFacts['does'] {
  const { resource, row } = facts;
  const level = levelList(resource.levels).find((candidate) => candidate.name === row.level);
  const does: CardFacts['does'] = [
    { tone: 'plain', text: level?.description || `${row.level} on ${resource.name}` },
    endOf(resource.kind),
  ];
  if (row.extends_grant_id !== null) does.push({ tone: 'plain', text: 'Adds time to access that is active now.' });
  if (level?.createsAccess) does.push({ tone: 'danger', text: 'The holder can make access that outlives this grant.' });
  for (const text of limitsOf(deps, resource, row.level)) does.push({ tone: 'warn', text });
  return does;
}

/** Plain observations over what the requester had before. */
function howItDiffers(facts: RequestFacts, past: readonly GrantTable[], now: Instant): string[] {
  const { row, resource } = facts;
  const before = past.filter((grant) => grant.request_id !== row.id);
  const here = before.filter((grant) => grant.resource_id === row.resource_id);
  const differs: string[] = [];
  if (before.length === 0) return ['This is their first request here.'];
  if (here.length === 0) differs.push(`They never had access to ${resource.name}.`);
  else if (!here.some((grant) => grant.level === row.level))
    differs.push(`They never had ${row.level} on ${resource.name}.`);
  const longest = Math.max(0, ...here.map((grant) => grant.ttl_ms));
  if (here.length > 0 && row.ttl_ms > longest)
    differs.push(`Longer than ever before here (${formatDuration(longest)} so far).`);
  if (!before.some((grant) => grant.device_id === row.device_id))
    differs.push('From a device they have not used for access before.');
  const lately = before.filter((grant) => (grant.activated_at ?? 0) > now - DAY_MS).length;
  if (lately >= 5) differs.push(`${lately} grants in the last 24 hours.`);
  return differs;
}

async function othersOn(
  db: Kysely<Database>,
  directory: Directory,
  facts: RequestFacts,
): Promise<CardFacts['otherActive']> {
  const rows = await db
    .selectFrom('grants')
    .select(['person_id', 'level', 'expires_at'])
    .where('resource_id', '=', facts.row.resource_id)
    .where('state', '=', 'active')
    .where('person_id', '<>', facts.row.requester_id)
    .orderBy('expires_at')
    .limit(20)
    .execute();
  return rows.map((row) => ({
    displayName: nameOf(directory, row.person_id),
    level: row.level,
    expiresAt: row.expires_at ?? 0,
  }));
}

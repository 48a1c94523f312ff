/**
 * Joining with an invite. The code proves that the invite reached the right ear, the proof that the device holds its key;
 * an administrator then compares the fingerprint. Whoever guesses learns nothing: an unknown invite, a wrong code and one that
 * is locked get the same answer, and five wrong codes lock it for good.
 */
import type { Selectable } from 'kysely';
import type { z } from 'zod';
import type { Join, Joined } from '../../../shared/contract/people';
import { fingerprintOf } from '../../../shared/crypto/keys';
import { verifyJoin } from '../../../shared/crypto/statements';
import { newId } from '../../../shared/domain/ids';
import { INVITE_MAX_ATTEMPTS } from '../../../shared/domain/limits';
import { AppError } from '../errors';
import type { InviteTable } from '../store/schema';
import type { WriteTx } from '../store/store';
import { parseRoles } from './callers';
import { ADMINS, BY_SERVICE, EVERYBODY, type PeopleDeps, SERVICE_ACTOR } from './deps';
import { announceDevice } from './devices';
import { fitsInvite } from './invite-code';
import { closeInvite } from './invites';
import { loadPeople, parseNames } from './views';

type JoinInput = z.output<typeof Join>;
type JoinedReply = z.output<typeof Joined>;

const SAFE = { safe: 'Nobody joined.' };
const invalid = () =>
  new AppError('invite-invalid', 'This invite and code do not fit together.', {
    ...SAFE,
    next: `Check the code. After ${INVITE_MAX_ATTEMPTS} wrong tries an invite is locked; ask for a new one then.`,
  });

export function createJoin(deps: PeopleDeps): (input: JoinInput) => Promise<JoinedReply> {
  const { store, clock } = deps;
  return async (input) => {
    if (!verifyJoin(input))
      throw new AppError('bad-signature', 'The proof does not fit the keys of this device.', {
        ...SAFE,
        next: 'Update the app and try again.',
      });
    // What is thrown inside would undo the count of the wrong try, so a refusal comes back as a value.
    const outcome = await store.write(async (tx): Promise<JoinedReply | AppError> => {
      const invite = await tx.db.selectFrom('invites').selectAll().where('id', '=', input.inviteId).executeTakeFirst();
      const dummy = { id: input.inviteId, code_hash: '' };
      const fits = fitsInvite(input.code, invite ?? dummy, deps.inviteKey);
      if (!invite || invite.attempts >= INVITE_MAX_ATTEMPTS) return invalid();
      if (!fits) return wrongCode(tx, deps, invite);
      // From here on the caller knows the code, so the state of the invite is theirs to know.
      if (invite.state === 'used')
        return new AppError('invite-used', 'This invite was used.', {
          ...SAFE,
          next: 'Ask for a new one. If it wasn’t you, tell an administrator.',
        });
      if (invite.state === 'withdrawn') return invalid();
      if (invite.expires_at <= clock.now())
        return new AppError('invite-expired', 'This invite has expired.', { ...SAFE, next: 'Ask for a new one.' });
      return admit(tx, deps, invite, input);
    });
    if (outcome instanceof AppError) throw outcome;
    if (outcome.state === 'active') deps.onOwnerJoined();
    return outcome;
  };
}

async function wrongCode(tx: WriteTx, deps: PeopleDeps, invite: Selectable<InviteTable>): Promise<AppError> {
  if (invite.state !== 'open') return invalid();
  const attempts = invite.attempts + 1;
  await tx.db.updateTable('invites').set({ attempts }).where('id', '=', invite.id).execute();
  const locked = attempts >= INVITE_MAX_ATTEMPTS;
  tx.audit({
    type: locked ? 'invite.locked' : 'invite.wrong_code',
    actor: SERVICE_ACTOR,
    subject: { kind: 'invite', id: invite.id, name: invite.display_name },
    data: { attempts },
  });
  if (locked) await closeInvite(tx, deps, invite.id, 'withdrawn');
  return invalid();
}

async function admit(
  tx: WriteTx,
  deps: PeopleDeps,
  invite: Selectable<InviteTable>,
  input: JoinInput,
): Promise<JoinedReply | AppError> {
  const now = deps.clock.now();
  const taken = await tx.db
    .selectFrom('devices')
    .select('id')
    .where('signing_key', '=', input.signingKey)
    .executeTakeFirst();
  if (taken)
    return new AppError('conflict', 'The key of this device is known here already.', {
      ...SAFE,
      next: 'Sign in instead, or make a new key.',
    });
  const makesOwner = invite.created_by === BY_SERVICE;
  // An owner invite counts only while there is nobody: two that were made in a race must not make two owners.
  if (makesOwner && (await tx.db.selectFrom('people').select('id').limit(1).executeTakeFirst())) return invalid();
  const personId = newId('person', now, deps.random);
  const deviceId = newId('device', now, deps.random);
  const state = makesOwner ? 'active' : 'pending';
  const fingerprint = fingerprintOf(input);
  await tx.db
    .insertInto('people')
    .values({
      id: personId,
      display_name: invite.display_name,
      roles: JSON.stringify(parseRoles(invite.roles)),
      owner: makesOwner ? 1 : 0,
      state: 'active',
      joined_at: now,
      invited_by: makesOwner ? null : invite.created_by,
    })
    .execute();
  await insertDevice(tx, {
    id: deviceId,
    personId,
    keys: input,
    state,
    confirmedBy: makesOwner ? BY_SERVICE : null,
    now,
  });
  for (const group of parseNames(invite.groups)) {
    // A group that was removed since the invite was made is left out; the policy that named it is settled elsewhere.
    if (await tx.db.selectFrom('groups').select('name').where('name', '=', group).executeTakeFirst())
      await tx.db.insertInto('group_members').values({ group_name: group, person_id: personId }).execute();
  }
  await tx.db.updateTable('invites').set({ used_by: personId }).where('id', '=', invite.id).execute();
  await closeInvite(tx, deps, invite.id, 'used');
  const name = invite.display_name;
  const subject = { kind: 'person', id: personId, name };
  tx.audit({
    type: 'person.joined',
    actor: { kind: 'device', id: deviceId, name: input.deviceName },
    subject,
    data: { inviteId: invite.id, invitedBy: invite.created_by, deviceId, fingerprint, state },
    personId,
  });
  const [person] = await loadPeople(tx.db, deps.presence, personId);
  if (person) tx.event({ type: 'person.joined', subject: personId, data: { person }, audience: EVERYBODY });
  await announceDevice(tx, makesOwner ? 'device.confirmed' : 'device.pending', deviceId, ADMINS);
  await deps.lifecycle.onMembershipChanged(tx);
  return { personId, deviceId, state, fingerprint };
}

/** One device row, for whoever makes one. */
export async function insertDevice(
  tx: WriteTx,
  device: {
    id: string;
    personId: string;
    keys: { deviceName: string; signingKey: string; sealingKey: string };
    state: 'pending' | 'active';
    confirmedBy: string | null;
    now: number;
  },
): Promise<void> {
  await tx.db
    .insertInto('devices')
    .values({
      id: device.id,
      person_id: device.personId,
      name: device.keys.deviceName,
      signing_key: device.keys.signingKey,
      sealing_key: device.keys.sealingKey,
      state: device.state,
      created_at: device.now,
      confirmed_by: device.confirmedBy,
      last_seen_at: null,
    })
    .execute();
}

/** Invites: a link that says where, and a code that is told another way. Each is for one person, once, for two days. */
import type { Insertable } from 'kysely';
import { newId } from '../../../shared/domain/ids';
import { plusMs } from '../../../shared/domain/instant';
import { INVITE_TTL_MS } from '../../../shared/domain/limits';
import { inviteLink } from '../../../shared/domain/links';
import type { Role } from '../../../shared/domain/states';
import { AppError, notFound } from '../errors';
import type { InviteTable } from '../store/schema';
import type { WriteTx } from '../store/store';
import type { UseCases } from '../use-cases';
import { ADMINS, actorOf, BY_SERVICE, type PeopleDeps, SERVICE_ACTOR } from './deps';
import { hashInviteCode, newInviteCode } from './invite-code';
import { inviteView } from './views';

export const MAX_OPEN_INVITES = 200;
interface InviteDraft {
  readonly displayName: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  readonly createdBy: string;
}

/** The row of a fresh invite and its code, which is nowhere else. */
function draftInvite({ clock, random, inviteKey }: PeopleDeps, draft: InviteDraft) {
  const now = clock.now();
  const id = newId('invite', now, random);
  const code = newInviteCode(random);
  const row: Insertable<InviteTable> = {
    id,
    code_hash: hashInviteCode(code, id, inviteKey),
    display_name: draft.displayName,
    roles: JSON.stringify([...new Set(draft.roles)].sort()),
    groups: JSON.stringify([...new Set(draft.groups)].sort()),
    created_by: draft.createdBy,
    created_at: now,
    expires_at: plusMs(now, INVITE_TTL_MS),
    state: 'open',
    attempts: 0,
    used_by: null,
  };
  return { row, code };
}
async function refuseTooMany(tx: WriteTx, now: number): Promise<void> {
  const { count } = await tx.db
    .selectFrom('invites')
    .select((q) => q.fn.countAll().as('count'))
    .where('state', '=', 'open')
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow();
  if (Number(count) >= MAX_OPEN_INVITES)
    throw new AppError('conflict', `There are ${MAX_OPEN_INVITES} open invites.`, { next: 'Withdraw some first.' });
}

export function createInvites(
  deps: PeopleDeps,
): Pick<UseCases, 'invites.create' | 'invites.list' | 'invites.withdraw'> {
  const { store, clock, reach } = deps;
  return {
    'invites.create': async (caller, { body }) => {
      const where = reach();
      if (where === null)
        throw new AppError('wrong-state', 'This service listens on this machine alone, so nobody could join.', {
          next: 'Choose "host for my team" in Settings first.',
        });
      const { row, code } = draftInvite(deps, { ...body, createdBy: caller.personId });
      return store.write(async (tx) => {
        await refuseTooMany(tx, clock.now());
        for (const name of body.groups) {
          const group = await tx.db.selectFrom('groups').select('name').where('name', '=', name).executeTakeFirst();
          if (!group) throw notFound(`The group "${name}"`);
        }
        await tx.db.insertInto('invites').values(row).execute();
        tx.audit({
          type: 'invite.created',
          actor: actorOf(caller),
          subject: { kind: 'invite', id: row.id, name: row.display_name },
          data: { roles: body.roles, groups: body.groups, expiresAt: row.expires_at },
        });
        const stored = await tx.db.selectFrom('invites').selectAll().where('id', '=', row.id).executeTakeFirstOrThrow();
        const invite = inviteView(stored, clock.now());
        tx.event({ type: 'invite.changed', subject: row.id, data: { invite }, audience: ADMINS });
        return { invite, link: inviteLink({ ...where, inviteId: row.id }), code };
      });
    },

    'invites.list': async () => {
      const rows = await store.db.selectFrom('invites').selectAll().orderBy('id', 'desc').limit(1_000).execute();
      return { items: rows.map((row) => inviteView(row, clock.now())), nextCursor: null };
    },

    'invites.withdraw': (caller, { params }) =>
      store.write(
        async (tx) => {
          const before = await tx.db.selectFrom('invites').selectAll().where('id', '=', params.id).executeTakeFirst();
          if (!before) throw notFound('This invite');
          if (before.state === 'used')
            throw new AppError('wrong-state', 'This invite was used.', {
              next: 'Remove the person or revoke the device instead.',
            });
          if (before.state === 'withdrawn') return {};
          await closeInvite(tx, deps, params.id, 'withdrawn');
          tx.audit({
            type: 'invite.withdrawn',
            actor: actorOf(caller),
            subject: { kind: 'invite', id: params.id, name: before.display_name },
            data: {},
          });
          return {};
        },
        { purpose: 'removal' },
      ),
  };
}

/** Sets the end state of an invite and tells the administrators. */
export async function closeInvite(
  tx: WriteTx,
  { clock }: Pick<PeopleDeps, 'clock'>,
  inviteId: string,
  state: 'used' | 'withdrawn',
): Promise<void> {
  await tx.db.updateTable('invites').set({ state }).where('id', '=', inviteId).execute();
  const row = await tx.db.selectFrom('invites').selectAll().where('id', '=', inviteId).executeTakeFirstOrThrow();
  tx.event({
    type: 'invite.changed',
    subject: inviteId,
    data: { invite: inviteView(row, clock.now()) },
    audience: ADMINS,
  });
}

/** The name stands until the owner changes it in the app. */
const OWNER_NAME = 'Owner';
/**
 * For a service that starts alone and has nobody yet: an invite that makes the owner. Earlier ones are withdrawn, so that
 * exactly the code shown last works. Returns null when there is somebody, and in revoke_only mode, where nobody joins.
 */
export async function issueOwnerInvite(deps: PeopleDeps): Promise<{ inviteId: string; code: string } | null> {
  if (deps.store.mode().mode !== 'normal') return null;
  const { row, code } = draftInvite(deps, {
    displayName: OWNER_NAME,
    roles: ['admin', 'member'],
    groups: [],
    createdBy: BY_SERVICE,
  });
  return deps.store.write(async (tx) => {
    if (await tx.db.selectFrom('people').select('id').limit(1).executeTakeFirst()) return null;
    await tx.db.updateTable('invites').set({ state: 'withdrawn' }).where('state', '=', 'open').execute();
    await tx.db.insertInto('invites').values(row).execute();
    tx.audit({
      type: 'invite.created',
      actor: SERVICE_ACTOR,
      subject: { kind: 'invite', id: row.id, name: row.display_name },
      data: { roles: ['admin', 'member'], groups: [], expiresAt: row.expires_at, makesOwner: true },
    });
    return { inviteId: row.id, code };
  });
}

/** The people, devices, groups, resources and the policy of a simulated team, straight into the tables. */

import type { Caller } from '../../../electron/service/access/caller';
import { parsePolicy } from '../../../electron/service/policy/parse';
import type { SecretBox } from '../../../electron/service/store/secret-box';
import { secretContext } from '../../../electron/service/store/secret-context';
import type { Store } from '../../../electron/service/store/store';
import { type KeyPair, newSealingKeys, newSigningKeys } from '../../../shared/crypto/keys';
import { newId } from '../../../shared/domain/ids';
import { asInstant, type Random } from '../../../shared/domain/instant';
import type { Role } from '../../../shared/domain/states';
import { POLICY } from '../world';

export interface Member {
  readonly name: string;
  readonly caller: Caller;
  readonly signing: KeyPair;
  readonly sealing: KeyPair;
}
export interface Workspace {
  readonly members: ReadonlyMap<string, Member>;
  readonly resources: ReadonlyMap<string, string>;
}
const TEAM: readonly { name: string; roles: Role[] }[] = [
  { name: 'dan', roles: ['member', 'admin'] },
  { name: 'ann', roles: ['member'] },
  { name: 'bea', roles: ['member'] },
  { name: 'cid', roles: ['member'] },
  { name: 'zoe', roles: ['member'] },
  ...['eve', 'fay', 'gus', 'hal', 'ida', 'jon', 'kim', 'lea', 'max'].map((name) => ({
    name,
    roles: ['member' as const],
  })),
];
export const NAMES = TEAM.map(({ name }) => name);
const RESOURCES = { 'orders-dev': 'development', 'orders-staging': 'staging', 'orders-prod': 'production' };

export async function makeWorkspace(store: Store, box: SecretBox, random: Random, at: number): Promise<Workspace> {
  const members = new Map<string, Member>();
  const resources = new Map<string, string>();
  await store.write(async (tx) => {
    for (const { name, roles } of TEAM) {
      const caller: Caller = {
        personId: newId('person', asInstant(at), random),
        deviceId: newId('device', asInstant(at), random),
        displayName: name,
        roles: new Set(roles),
        via: 'tcp',
      };
      const member = { name, caller, signing: newSigningKeys(random), sealing: newSealingKeys(random) };
      const invitedBy = name === 'dan' ? null : (members.get('dan')?.caller.personId ?? null);
      await tx.db
        .insertInto('people')
        .values({
          id: caller.personId,
          display_name: name,
          roles: JSON.stringify(roles),
          owner: name === 'dan' ? 1 : 0,
          state: 'active',
          joined_at: at,
          invited_by: invitedBy,
        })
        .execute();
      await tx.db
        .insertInto('devices')
        .values({
          id: caller.deviceId,
          person_id: caller.personId,
          name: `${name}'s laptop`,
          signing_key: member.signing.publicKey,
          sealing_key: member.sealing.publicKey,
          state: 'active',
          created_at: at,
          confirmed_by: invitedBy,
          last_seen_at: null,
        })
        .execute();
      members.set(name, member);
    }
    for (const [group, names] of Object.entries({ dba: ['bea', 'cid'], security: ['bea', 'dan'] })) {
      await tx.db.insertInto('groups').values({ name: group, created_at: at }).execute();
      for (const name of names)
        await tx.db
          .insertInto('group_members')
          .values({ group_name: group, person_id: members.get(name)?.caller.personId ?? '' })
          .execute();
    }
    for (const [name, environment] of Object.entries(RESOURCES)) {
      const id = newId('resource', asInstant(at), random);
      resources.set(name, id);
      const level = (levelName: string) => ({
        name: levelName,
        description: levelName,
        targetRole: `hallpass_${levelName}`,
        createsAccess: false,
      });
      await tx.db
        .insertInto('resources')
        .values({
          id,
          name,
          kind: 'postgres',
          description: '',
          environment,
          risk: 'moderate',
          tags: '[]',
          owners: '[]',
          depends_on: '[]',
          settings: JSON.stringify({
            kind: 'postgres',
            host: 'db.invalid',
            port: 5432,
            database: 'orders',
            managerUser: 'm',
            tls: 'prefer',
            schemas: ['public'],
            connectionLimit: 5,
          }),
          secret_enc: box.seal('manager-secret', secretContext.resourceSecret(id)),
          levels: JSON.stringify([level('read-only'), level('read-write')]),
          state: 'active',
          target_label: 'PostgreSQL 18',
          health: 'unknown',
          health_at: null,
          created_at: at,
        })
        .execute();
    }
    const parsed = parsePolicy(POLICY);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    await tx.db
      .insertInto('policies')
      .values({ version: 1, yaml: POLICY, digest: parsed.digest, author: 'dan', at, note: '' })
      .execute();
  });
  return { members, resources };
}

/** The first tables. schema.ts says what the columns mean. */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../schema';
import { createTable, type Dialect, type TableSpec } from './builder';

const PEOPLE: TableSpec[] = [
  { name: 'meta', columns: { key: 'text', value: 'text' }, key: ['key'] },
  {
    name: 'people',
    columns: {
      id: 'text',
      display_name: 'text',
      roles: 'text',
      owner: 'flag',
      state: 'text',
      joined_at: 'int',
      invited_by: 'text?',
    },
    key: ['id'],
  },
  {
    name: 'devices',
    columns: {
      id: 'text',
      person_id: 'text',
      name: 'text',
      signing_key: 'text',
      sealing_key: 'text',
      state: 'text',
      created_at: 'int',
      confirmed_by: 'text?',
      last_seen_at: 'int?',
    },
    key: ['id'],
    unique: [['signing_key']],
    refers: { person_id: { table: 'people', to: 'id' } },
  },
  { name: 'groups', columns: { name: 'text', created_at: 'int' }, key: ['name'] },
  {
    name: 'group_members',
    columns: { group_name: 'text', person_id: 'text' },
    key: ['group_name', 'person_id'],
    refers: {
      group_name: { table: 'groups', to: 'name', onDelete: 'cascade' },
      person_id: { table: 'people', to: 'id', onDelete: 'cascade' },
    },
  },
  {
    name: 'invites',
    columns: {
      id: 'text',
      code_hash: 'text',
      display_name: 'text',
      roles: 'text',
      groups: 'text',
      created_by: 'text',
      created_at: 'int',
      expires_at: 'int',
      state: 'text',
      attempts: 'int',
      used_by: 'text?',
    },
    key: ['id'],
  },
  {
    name: 'nonces',
    columns: {
      nonce: 'text',
      purpose: 'text',
      subject: 'text',
      device_id: 'text',
      expires_at: 'int',
      used_at: 'int?',
    },
    key: ['nonce'],
  },
  {
    name: 'idempotency',
    columns: { person_id: 'text', key: 'text', fingerprint: 'text', status: 'int', reply: 'text', at: 'int' },
    key: ['person_id', 'key'],
  },
  { name: 'dpop_jtis', columns: { jti: 'text', expires_at: 'int' }, key: ['jti'] },
];

const ACCESS: TableSpec[] = [
  {
    name: 'resources',
    columns: {
      id: 'text',
      name: 'text',
      kind: 'text',
      description: 'text',
      environment: 'text',
      risk: 'text',
      tags: 'text',
      owners: 'text',
      depends_on: 'text',
      settings: 'text',
      secret_enc: 'text',
      levels: 'text',
      state: 'text',
      target_label: 'text',
      health: 'text',
      health_at: 'int?',
      created_at: 'int',
    },
    key: ['id'],
  },
  {
    name: 'policies',
    columns: { version: 'int', yaml: 'text', digest: 'text', author: 'text', at: 'int', note: 'text' },
    key: ['version'],
  },
  {
    name: 'requests',
    columns: {
      id: 'text',
      ticket_number: 'int',
      state: 'text',
      requester_id: 'text',
      device_id: 'text',
      resource_id: 'text',
      level: 'text',
      ttl_ms: 'int',
      reason: 'text',
      ticket_ref: 'text',
      start_when: 'text',
      extends_grant_id: 'text?',
      stage: 'int',
      digest: 'text',
      policy_version: 'int',
      policy_digest: 'text',
      answer: 'text',
      blocked_because: 'text?',
      denied_because: 'text?',
      created_at: 'int',
      expires_at: 'int',
      decided_at: 'int?',
      nudged_at: 'int?',
      applied_at: 'int?',
    },
    key: ['id'],
    unique: [['ticket_number']],
    refers: {
      requester_id: { table: 'people', to: 'id' },
      device_id: { table: 'devices', to: 'id' },
      resource_id: { table: 'resources', to: 'id' },
    },
  },
  {
    name: 'request_seen',
    columns: { request_id: 'text', person_id: 'text', seen_at: 'int' },
    key: ['request_id', 'person_id'],
    refers: { request_id: { table: 'requests', to: 'id' } },
  },
  {
    name: 'decisions',
    columns: {
      id: 'text',
      request_id: 'text',
      stage: 'int',
      approver_id: 'text',
      device_id: 'text',
      decision: 'text',
      ttl_ms: 'int',
      reason: 'text',
      via: 'text',
      statement: 'text',
      signature: 'text',
      counts_for: 'text',
      at: 'int',
    },
    key: ['id'],
    refers: { request_id: { table: 'requests', to: 'id' } },
  },
  {
    name: 'grants',
    columns: {
      id: 'text',
      request_id: 'text',
      state: 'text',
      person_id: 'text',
      device_id: 'text',
      resource_id: 'text',
      level: 'text',
      ttl_ms: 'int',
      principal: 'text',
      principal_recorded: 'flag',
      creates_access: 'flag',
      sealed: 'text?',
      expires_at: 'int?',
      ready_until: 'int?',
      provisioning_since: 'int?',
      activated_at: 'int?',
      ending_since: 'int?',
      ended_at: 'int?',
      end_reason: 'text?',
      ended_by: 'text?',
      end_proof: 'text?',
      machine: 'text',
      target: 'text',
      sessions_cut: 'int',
      residue: 'text',
      residue_due_at: 'int?',
      due_at: 'int?',
      attempts: 'int',
      epoch: 'int',
      claimed_by: 'text?',
      claimed_until: 'int?',
      last_error: 'text?',
      alarmed_at: 'int?',
    },
    key: ['id'],
    // One request yields at most one grant (I4), whatever the code above it does.
    unique: [['request_id'], ['principal']],
    refers: { request_id: { table: 'requests', to: 'id' }, resource_id: { table: 'resources', to: 'id' } },
  },
];

const LOG: TableSpec[] = [
  {
    name: 'outbox',
    columns: { seq: 'int', type: 'text', at: 'int', subject: 'text', data: 'text', audience: 'text' },
    key: ['seq'],
  },
  {
    name: 'audit_leaves',
    columns: {
      idx: 'int',
      at: 'int',
      type: 'text',
      actor_id: 'text?',
      subject_id: 'text',
      person_id: 'text?',
      resource_id: 'text?',
      grant_id: 'text?',
      leaf_hash: 'text',
      salt: 'text',
      body: 'text?',
      body_hash: 'text',
    },
    key: ['idx'],
  },
  { name: 'audit_nodes', columns: { level: 'int', idx: 'int', hash: 'text' }, key: ['level', 'idx'] },
  {
    name: 'audit_deferred',
    columns: { id: 'text', at: 'int', draft: 'text' },
    key: ['id'],
  },
  { name: 'checkpoints', columns: { size: 'int', root_hash: 'text', note: 'text', at: 'int' }, key: ['size'] },
  {
    name: 'log_head',
    columns: { id: 'int', next_seq: 'int', next_ticket: 'int', leaf_count: 'int' },
    key: ['id'],
  },
];

/** name → [table, columns]. Each is for a query that runs often: due work, an audit filter, a list, a clean-up. */
const INDEXES: Record<string, [string, string[]]> = {
  devices_person: ['devices', ['person_id']],
  group_members_person: ['group_members', ['person_id']],
  requests_state: ['requests', ['state', 'expires_at']],
  requests_requester: ['requests', ['requester_id', 'created_at']],
  requests_resource: ['requests', ['resource_id']],
  requests_extends: ['requests', ['extends_grant_id']],
  decisions_request: ['decisions', ['request_id']],
  decisions_approver: ['decisions', ['approver_id', 'at']],
  grants_due: ['grants', ['due_at']],
  grants_residue_due: ['grants', ['residue_due_at']],
  grants_state: ['grants', ['state']],
  grants_person: ['grants', ['person_id', 'state']],
  grants_resource: ['grants', ['resource_id', 'state']],
  outbox_at: ['outbox', ['at']],
  audit_leaves_type: ['audit_leaves', ['type', 'idx']],
  audit_leaves_actor: ['audit_leaves', ['actor_id', 'idx']],
  audit_leaves_subject: ['audit_leaves', ['subject_id', 'idx']],
  audit_leaves_person: ['audit_leaves', ['person_id', 'idx']],
  audit_leaves_resource: ['audit_leaves', ['resource_id', 'idx']],
  audit_leaves_grant: ['audit_leaves', ['grant_id', 'idx']],
  nonces_expiry: ['nonces', ['expires_at']],
  dpop_jtis_expiry: ['dpop_jtis', ['expires_at']],
  idempotency_at: ['idempotency', ['at']],
};

/** The number of the first ticket: HP-1001. */
const FIRST_TICKET = 1_001;

export async function up(db: Kysely<Database>, dialect: Dialect): Promise<void> {
  for (const spec of [...PEOPLE, ...ACCESS, ...LOG]) await createTable(db, dialect, spec);
  for (const [name, [table, columns]] of Object.entries(INDEXES))
    await db.schema.createIndex(name).on(table).columns(columns).execute();
  // A name can be used again after its resource was archived; requests keep pointing to the old one.
  await db.schema
    .createIndex('resources_name_unique')
    .unique()
    .on('resources')
    .column('name')
    .where(sql.ref('state'), '=', sql.lit('active'))
    .execute();
  await db.insertInto('log_head').values({ id: 1, next_seq: 1, next_ticket: FIRST_TICKET, leaf_count: 0 }).execute();
}

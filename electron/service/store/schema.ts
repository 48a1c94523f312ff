/**
 * The tables, as Kysely sees them; migrations/ makes them on SQLite and PostgreSQL alike.
 * Portable on purpose: ids and JSON are text, points in time are bigint milliseconds, booleans are 0/1.
 * Columns ending in `_enc` are AES-256-GCM (store/secret-box.ts).
 */
export interface MetaTable {
  key: string;
  value: string;
}
export interface PersonTable {
  id: string;
  display_name: string;
  roles: string;
  owner: number;
  state: 'active' | 'removed';
  joined_at: number;
  invited_by: string | null;
  /** Locked since; by whom (their name then) and why. */
  suspended_at: number | null;
  suspended_by: string | null;
  suspended_because: string | null;
}
export interface DeviceTable {
  id: string;
  person_id: string;
  name: string;
  signing_key: string;
  sealing_key: string;
  state: 'pending' | 'active' | 'revoked';
  created_at: number;
  confirmed_by: string | null;
  last_seen_at: number | null;
}
export interface GroupTable {
  name: string;
  created_at: number;
}
export interface GroupMemberTable {
  group_name: string;
  person_id: string;
}
export interface InviteTable {
  id: string;
  code_hash: string;
  display_name: string;
  roles: string;
  groups: string;
  created_by: string;
  created_at: number;
  expires_at: number;
  state: 'open' | 'used' | 'withdrawn';
  attempts: number;
  used_by: string | null;
}
export interface ResourceTable {
  id: string;
  name: string;
  kind: string;
  description: string;
  environment: string;
  risk: string;
  tags: string;
  owners: string;
  depends_on: string;
  settings: string;
  secret_enc: string;
  levels: string;
  state: 'active' | 'archived';
  target_label: string;
  health: string;
  health_at: number | null;
  created_at: number;
  suspended_at: number | null;
  suspended_by: string | null;
  suspended_because: string | null;
  /** Calls its target gets at the same time; null: the usual number. */
  concurrency: number | null;
}
export interface PolicyTable {
  version: number;
  yaml: string;
  digest: string;
  author: string;
  at: number;
  note: string;
}
export interface RequestTable {
  id: string;
  ticket_number: number;
  state: string;
  requester_id: string;
  device_id: string;
  resource_id: string;
  level: string;
  ttl_ms: number;
  reason: string;
  ticket_ref: string;
  start_when: string;
  extends_grant_id: string | null;
  stage: number;
  digest: string;
  policy_version: number;
  policy_digest: string;
  answer: string;
  blocked_because: string | null;
  denied_because: string | null;
  created_at: number;
  expires_at: number;
  decided_at: number | null;
  nudged_at: number | null;
  /** Of an approved extension: when the longer deadline had reached the target and the grant. Null: not yet (or no extension). */
  applied_at: number | null;
}
export interface RequestSeenTable {
  request_id: string;
  person_id: string;
  seen_at: number;
}
export interface NonceTable {
  nonce: string;
  purpose: string;
  subject: string;
  device_id: string;
  expires_at: number;
  used_at: number | null;
}
export interface DecisionTable {
  id: string;
  request_id: string;
  stage: number;
  approver_id: string;
  device_id: string;
  decision: string;
  ttl_ms: number;
  reason: string;
  via: string;
  statement: string;
  signature: string;
  counts_for: string;
  at: number;
}
export interface GrantTable {
  id: string;
  request_id: string;
  state: string;
  person_id: string;
  device_id: string;
  resource_id: string;
  level: string;
  ttl_ms: number;
  principal: string;
  /** 1 as soon as a creation on the target may have begun; recorded before it is tried. */
  principal_recorded: number;
  creates_access: number;
  sealed: string | null;
  expires_at: number | null;
  ready_until: number | null;
  provisioning_since: number | null;
  activated_at: number | null;
  ending_since: number | null;
  ended_at: number | null;
  end_reason: string | null;
  ended_by: string | null;
  end_proof: string | null;
  machine: string;
  target: string;
  sessions_cut: number;
  residue: string;
  residue_due_at: number | null;
  /** Lease engine: when work is due, who has claimed it, and the fencing epoch every write must still hold. */
  due_at: number | null;
  attempts: number;
  epoch: number;
  claimed_by: string | null;
  claimed_until: number | null;
  last_error: string | null;
  alarmed_at: number | null;
  /** Why it was ended early, in a sentence. */
  end_because: string | null;
  /** How many credentials were made for it so far. */
  issue: number;
  /** Public half of the key that the device made for it, where the credential is bound to one. */
  device_key: string | null;
  /** Until when the newest credential may work by itself; null while none was handed out. */
  credential_until: number | null;
}
/** A login of ours that no live grant owns and that is not gone yet; the row goes with it. */
export interface OrphanTable {
  resource_id: string;
  principal: string;
  found_at: number;
  tried_at: number;
  attempts: number;
  last_error: string | null;
}
export interface OutboxTable {
  seq: number;
  type: string;
  at: number;
  subject: string;
  data: string;
  audience: string;
}
export interface AuditLeafTable {
  idx: number;
  at: number;
  type: string;
  actor_id: string | null;
  subject_id: string;
  person_id: string | null;
  resource_id: string | null;
  grant_id: string | null;
  leaf_hash: string;
  salt: string;
  body: string | null;
  body_hash: string;
}
/** Complete subtrees only: `level` 0 are leaf hashes, `idx` counts within the level. */
export interface AuditNodeTable {
  level: number;
  idx: number;
  hash: string;
}
/** Entries of removals that could not be appended yet (log in doubt); appended first when the log is sound again. */
export interface AuditDeferredTable {
  id: string;
  at: number;
  draft: string;
}
export interface CheckpointTable {
  size: number;
  root_hash: string;
  note: string;
  at: number;
}
export interface IdempotencyTable {
  person_id: string;
  key: string;
  fingerprint: string;
  status: number;
  reply: string;
  at: number;
}
/** One row; `SELECT … FOR UPDATE` on it orders commits, so event numbers and leaf indexes have no gap. */
export interface LogHeadTable {
  id: number;
  next_seq: number;
  next_ticket: number;
  leaf_count: number;
}
export interface DpopJtiTable {
  jti: string;
  expires_at: number;
}

export interface Database {
  meta: MetaTable;
  people: PersonTable;
  devices: DeviceTable;
  groups: GroupTable;
  group_members: GroupMemberTable;
  invites: InviteTable;
  resources: ResourceTable;
  policies: PolicyTable;
  requests: RequestTable;
  request_seen: RequestSeenTable;
  nonces: NonceTable;
  decisions: DecisionTable;
  grants: GrantTable;
  orphans: OrphanTable;
  outbox: OutboxTable;
  audit_leaves: AuditLeafTable;
  audit_nodes: AuditNodeTable;
  audit_deferred: AuditDeferredTable;
  checkpoints: CheckpointTable;
  idempotency: IdempotencyTable;
  log_head: LogHeadTable;
  dpop_jtis: DpopJtiTable;
}

/** A log for looking at: entries of every kind, and a real Merkle tree over them, so that proofs hold. */
import type { AuditBody, AuditEntry } from '../../../shared/contract/audit';
import { fromHex, toHex } from '../../../shared/crypto/bytes';
import { newSigningKeys } from '../../../shared/crypto/keys';
import { inclusionPath, nodeHash, rootAt } from '../../../shared/crypto/merkle';
import { signDecision } from '../../../shared/crypto/statements';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import * as fixtures from './fixtures';

type Step = readonly [type: string, actor: string, about: string, data: Record<string, unknown>, kind?: string];
const on = (resource: string, more: Record<string, unknown> = {}) => ({ resource, level: 'read-only', ...more });
const keys = newSigningKeys({ bytes: (count) => new Uint8Array(count).fill(7) });
/** Devices of which one has the key that signed. */
export const devices = fixtures.devices.map((one, at) => (at === 1 ? { ...one, signingKey: keys.publicKey } : one));
const { statement, signature } = signDecision(keys.secretKey, {
  v: 1,
  kind: 'decision',
  requestId: fixtures.fixtureId('req', 41),
  requestDigest: 'ab'.repeat(32),
  decision: 'approve',
  stage: 0,
  ttlMs: HOUR_MS,
  reason: '',
  policyVersion: 12,
  policyDigest: 'cd'.repeat(32),
  nonce: 'n'.repeat(43),
  via: 'card',
  deviceId: fixtures.fixtureId('dev', 1),
  at: fixtures.NOW,
});
const STEPS: readonly Step[] = [
  [
    'grant.removal_delayed',
    'Hallpass',
    'HP-1031 reports-replica read-only',
    on('reports-replica', { attempts: 14, lastError: 'connection refused' }),
  ],
  [
    'request.submitted',
    'Nadia Rahman',
    'HP-1042',
    on('orders-db', {
      level: 'read-write',
      ttlMs: HOUR_MS,
      reason: 'Release stuck orders',
      approvals: [{ from: 'db-owners', count: 1 }],
    }),
  ],
  ['grant.injection', 'Nadia Rahman', 'HP-1039 orders-db read-only', on('orders-db', { state: 'removed' })],
  [
    'decision.recorded',
    'Priya Sharma',
    'HP-1041',
    on('staging-ledger', {
      decision: 'approve',
      ttlMs: HOUR_MS,
      countsFor: ['db-owners'],
      reason: 'Check the migration',
      statement,
      signature,
      digest: 'ab'.repeat(32),
      policyVersion: 12,
      rules: ['orders-write'],
    }),
  ],
  ['request.submitted', 'Femi Adeyemi', 'HP-1041', on('staging-ledger', { ttlMs: 2 * HOUR_MS, reason: 'x' })],
  ['grant.ending', 'Hallpass', 'HP-1031 reports-replica read-only', on('reports-replica', { reason: 'expired' })],
  [
    'grant.activated',
    'Hallpass',
    'HP-1037 staging-orders read-only',
    on('staging-orders', { expiresAt: fixtures.NOW + 8 * MINUTE_MS }),
  ],
  ['request.auto_approved', 'policy', 'HP-1037', on('staging-orders', { ttlMs: 15 * MINUTE_MS })],
  [
    'grant.extended',
    'Hallpass',
    'HP-1039 orders-db read-only',
    on('orders-db', { addedMs: 30 * MINUTE_MS, expiresAt: fixtures.NOW + 42 * MINUTE_MS }),
  ],
  ['request.denied', 'Lena Wolff', 'HP-1036', on('ledger-db', { because: 'Use the replica' })],
  ['grant.ended', 'Hallpass', 'HP-1029 orders-db read-only', on('orders-db', { proof: 'read_back' })],
  [
    'policy.changed',
    'Nadia Rahman',
    'policy version 12',
    { version: 12, note: 'Writes on orders need an owner.', rules: 14 },
  ],
  ['device.confirmed', 'Nadia Rahman', 'priya-mb2', { fingerprint: 'c41e 09d7 a3f0 51c2' }],
  ['person.joined', 'priya-mb2', 'Priya Sharma', { state: 'pending' }],
  ['invite.wrong_code', 'Hallpass', 'Priya Sharma', { attempts: 2 }],
  ['group.changed', 'Nadia Rahman', 'db-owners', { members: ['a', 'b'], before: ['a'] }],
  [
    'principal.orphan_ended',
    'Hallpass',
    'hp_01k6y on orders-db',
    on('orders-db', { principal: 'hp_01k6y…', result: 'ended' }),
  ],
  ['grant.paused_by_hand', 'Tomas Vesely', 'HP-1030 orders-db read-only', on('orders-db')],
];
const KINDS: Readonly<Record<string, AuditBody['actor']['kind']>> = {
  Hallpass: 'service',
  policy: 'policy',
  'priya-mb2': 'device',
};

export function entryOf(index: number): AuditEntry {
  const plain = fixtures.auditEntry(index);
  const [type, actor, name, data] = STEPS[(fixtures.LOG_SIZE - 1 - index) % STEPS.length] as Step;
  const kind = type.split('.')[0] === 'decision' ? 'request' : (type.split('.')[0] ?? '');
  const id = fixtures.fixtureId(kind === 'grant' ? 'grt' : kind === 'person' ? 'per' : 'req', index % 1000);
  const at = fixtures.ago((fixtures.LOG_SIZE - 1 - index) * 47 * SECOND_MS + 10 * SECOND_MS);
  if (index % 97 === 5) return { ...plain, at, type, salt: '', body: null };
  return {
    ...plain,
    at,
    type,
    body: {
      type,
      at,
      actor: { kind: KINDS[actor] ?? 'person', id: null, name: actor },
      subject: { kind, id, name },
      data,
    },
  };
}
export function page(before = fixtures.LOG_SIZE, limit = 100) {
  const entries = Array.from({ length: Math.min(limit, before) }, (_, i) => entryOf(before - 1 - i));
  return { entries, nextBefore: before > limit ? before - limit : null, size: fixtures.LOG_SIZE };
}

let levels: Uint8Array[][] | undefined;
function node(level: number, index: number): Uint8Array {
  if (levels === undefined) {
    let row = Array.from({ length: fixtures.LOG_SIZE }, (_, i) => fromHex(fixtures.auditEntry(i).leafHash));
    levels = [row];
    while (row.length > 1) {
      const above = row;
      row = Array.from({ length: Math.floor(above.length / 2) }, (_, i) =>
        nodeHash(above[2 * i] as Uint8Array, above[2 * i + 1] as Uint8Array),
      );
      levels.push(row);
    }
  }
  return levels[level]?.[index] as Uint8Array;
}
/** A proof that holds. */
export async function inclusion(index: number, size: number) {
  const path = (await inclusionPath(index, size, node)).map(toHex);
  const rootHash = toHex(await rootAt(size, node));
  return {
    index,
    size,
    leafHash: fixtures.auditEntry(index).leafHash,
    path,
    checkpoint: { ...fixtures.checkpoint, size, rootHash },
  };
}

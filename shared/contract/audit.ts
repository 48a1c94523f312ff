/** The audit log: leaves, checkpoints, proofs, export. RFC 6962 tree, C2SP signed notes. */
import { z } from 'zod';
import { At, Sha256Hex } from './fields';

export const AuditActor = z.object({
  kind: z.enum(['person', 'device', 'policy', 'service']),
  id: z.string().nullable(),
  name: z.string(),
});
export const AuditBody = z.object({
  type: z.string(),
  at: At,
  actor: AuditActor,
  subject: z.object({ kind: z.string(), id: z.string(), name: z.string() }),
  data: z.record(z.string(), z.unknown()),
});
export type AuditBody = z.infer<typeof AuditBody>;
/**
 * One entry. Leaf bytes are the canonical JSON of `{v:1,index,at,type,body}` where `body` is the hex SHA-256 of
 * salt ‖ canonical JSON of the body: a pruned body can not be guessed from the leaf.
 */
export const AuditEntry = z
  .object({
    index: z.int(),
    at: At,
    type: z.string().describe('as in the body; kept when the body is pruned, since the leaf commits to it'),
    leafHash: Sha256Hex,
    salt: z.string().describe('base64url; empty when the body is pruned'),
    body: AuditBody.nullable().describe('null when pruned'),
    bodyHash: Sha256Hex,
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof AuditEntry>;
export const Checkpoint = z
  .object({ size: z.int(), rootHash: Sha256Hex, note: z.string().describe('C2SP signed note'), at: At })
  .meta({ id: 'Checkpoint' });
export type Checkpoint = z.infer<typeof Checkpoint>;
export const InclusionProof = z
  .object({ index: z.int(), size: z.int(), leafHash: Sha256Hex, path: z.array(Sha256Hex), checkpoint: Checkpoint })
  .meta({ id: 'InclusionProof' });
export type InclusionProof = z.infer<typeof InclusionProof>;
export const ConsistencyProof = z
  .object({ from: z.int(), to: z.int(), path: z.array(Sha256Hex), checkpoint: Checkpoint })
  .meta({ id: 'ConsistencyProof' });
export type ConsistencyProof = z.infer<typeof ConsistencyProof>;
export const AuditQuery = z.object({
  before: z.coerce.number().int().min(0).optional().describe('entries with a smaller index, newest first'),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  type: z.string().max(64).optional(),
  person: z.string().max(64).optional(),
  resource: z.string().max(64).optional(),
  grant: z.string().max(64).optional(),
  text: z.string().max(100).optional(),
});
export const AuditPage = z
  .object({ entries: z.array(AuditEntry), nextBefore: z.int().nullable(), size: z.int() })
  .meta({ id: 'AuditPage' });
export type AuditPage = z.infer<typeof AuditPage>;
/** First line of an export or evidence file; then one `ExportEntry` a line. */
export const ExportHeader = z.object({
  format: z.enum(['hallpass-audit-v1', 'hallpass-evidence-v1']),
  logKey: z.string(),
  checkpoint: Checkpoint,
  exportedAt: At,
  from: z.int(),
  to: z.int().describe('exclusive'),
  count: z.int().optional().describe('entries in this file; evidence files leave out what is not of the grant'),
  grantId: z.string().optional(),
  devices: z.record(z.string(), z.string()).optional().describe('device id to signing key, to check decisions'),
});
export const ExportEntry = z.object({ ...AuditEntry.shape, proof: z.array(Sha256Hex) });
export type ExportHeader = z.infer<typeof ExportHeader>;
export type ExportEntry = z.infer<typeof ExportEntry>;
/** What a desktop can say of an entry. */
export const ProofState = z.enum(['proven', 'pending', 'failed']);
export type ProofState = z.infer<typeof ProofState>;

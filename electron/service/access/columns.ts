/** What each event of a grant means for its row. Pure. */
import { type Instant, plusMs } from '../../../shared/domain/instant';
import { PROVISIONING_TTL_MS } from '../../../shared/domain/limits';
import type { EndProof } from '../../../shared/domain/states';
import type { GrantTable } from '../store/schema';
import type { GrantEvent } from './grant';

/** The columns one event of a grant sets, and when the engine has to look at it again. */
export function grantColumns(
  row: GrantTable,
  event: GrantEvent,
  now: Instant,
  endedBy: string | null,
): Partial<GrantTable> {
  switch (event.type) {
    case 'provisioning':
      return { provisioning_since: now, due_at: now, attempts: 0, last_error: null };
    case 'credential_ready':
      return {
        target: 'present',
        due_at: plusMs((row.provisioning_since ?? now) as Instant, PROVISIONING_TTL_MS),
        last_error: null,
      };
    case 'activated':
      // Due at once: the target's own limit is moved to the exact deadline.
      return { activated_at: now, expires_at: event.expiresAt, due_at: now, attempts: 0, last_error: null };
    case 'extended':
      return {
        expires_at: event.expiresAt,
        ttl_ms: row.ttl_ms + event.addedMs,
        due_at: event.expiresAt,
        attempts: 0,
        last_error: null,
      };
    case 'ending':
      return {
        ending_since: now,
        end_reason: event.reason,
        ended_by: endedBy,
        due_at: now,
        attempts: 0,
        sealed: null,
      };
    case 'removal_delayed':
      return { alarmed_at: now };
    case 'ended':
      return endedColumns(event.proof, now);
  }
}
function endedColumns(proof: EndProof, now: Instant): Partial<GrantTable> {
  const ended = { ended_at: now, end_proof: proof, due_at: null, sealed: null, claimed_by: null, claimed_until: null };
  switch (proof) {
    case 'read_back':
      // What the principal left is worked off afterwards; it gives nobody access.
      return { ...ended, target: 'gone', residue_due_at: now, last_error: null };
    case 'holder_may_know':
    case 'ran_out':
      return { ...ended, target: 'unknown', residue_due_at: now, last_error: null };
    case 'never_created':
      return { ...ended, target: 'gone' };
    case 'attested_unverified':
      return { ...ended, target: 'unknown' };
  }
}

/** What one person held on one resource within the last day, and what is promised to them: for the day's budget (shared/domain/budget.ts). */
import type { Kysely } from 'kysely';
import type { PolicyAnswer, Preview } from '../../../shared/contract/policy';
import { BUDGET_WINDOW_MS, type BudgetFacts, budgetAt, type HeldSpan, wordBudget } from '../../../shared/domain/budget';
import type { Database } from '../store/schema';
import { isApproved } from './facts';

/** Null when the policy sets no budget. Read inside the transaction that writes the request: two asks at once can't both fit. */
export async function budgetFacts(
  db: Kysely<Database>,
  who: { readonly personId: string; readonly resourceId: string; readonly now: number },
  said: Pick<PolicyAnswer, 'maxPerDayMs'>,
): Promise<BudgetFacts | null> {
  if (said.maxPerDayMs === null) return null;
  const { personId, resourceId, now } = who;
  const grants = await db
    .selectFrom('grants')
    .select(['id', 'state', 'ttl_ms', 'activated_at', 'expires_at', 'ending_since', 'ended_at'])
    .where('person_id', '=', personId)
    .where('resource_id', '=', resourceId)
    .where((eb) => eb.or([eb('ended_at', 'is', null), eb('ended_at', '>', now - BUDGET_WINDOW_MS)]))
    .execute();
  const held: HeldSpan[] = [];
  let promisedMs = 0;
  for (const grant of grants) {
    if (grant.activated_at === null) {
      if (grant.state === 'ready' || grant.state === 'provisioning') promisedMs += grant.ttl_ms;
      continue;
    }
    // Time that the removal took is not the holder's.
    held.push({ from: grant.activated_at, to: Math.min(now, grant.ending_since ?? grant.ended_at ?? now) });
    if (grant.state === 'active') promisedMs += Math.max(0, (grant.expires_at ?? now) - now);
  }
  const requests = await db
    .selectFrom('requests')
    .select(['state', 'ttl_ms', 'extends_grant_id', 'applied_at'])
    .where('requester_id', '=', personId)
    .where('resource_id', '=', resourceId)
    .where('created_at', '>', now - BUDGET_WINDOW_MS)
    .where('state', 'in', ['pending', 'blocked', 'approved', 'auto_approved'])
    .execute();
  const running = new Set(grants.filter((grant) => grant.state === 'active').map((grant) => grant.id));
  for (const request of requests) {
    const onItsWay =
      isApproved(request.state) && request.applied_at === null && running.has(request.extends_grant_id ?? '');
    if (!isApproved(request.state) || onItsWay) promisedMs += request.ttl_ms;
  }
  return { maxMs: said.maxPerDayMs, held, promisedMs };
}

/** What keeps an ask of `ttlMs` from being sent; empty when it fits. */
export function budgetProblems(
  facts: BudgetFacts | null,
  ask: { readonly ttlMs: number; readonly resource: string; readonly now: number },
): PolicyAnswer['problems'] {
  if (facts === null || budgetAt(facts, ask.now).leftMs >= ask.ttlMs) return [];
  return [{ field: 'ttlMs', message: `On ${ask.resource}: ${wordBudget(facts, ask.ttlMs, ask.now)}` }];
}
export const budgetView = (facts: BudgetFacts | null, ttlMs: number, now: number): Preview['budget'] =>
  facts === null ? null : { ...budgetAt(facts, now), said: wordBudget(facts, ttlMs, now) };

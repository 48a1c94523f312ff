/** How a handled request ended, in the words of the list. Pure. */
import type { RequestView } from '../../../shared/contract/requests';
import { assertNever } from '../../../shared/domain/assert-never';

export interface Outcome {
  readonly text: string;
  readonly tone: 'good' | 'bad' | 'plain';
}
/** "approved" and "denied" when I did; "by Priya S." when somebody else was first. */
export function outcomeOf(request: RequestView, personId: string): Outcome {
  const mine = request.decisions.find((decision) => decision.approver.personId === personId);
  const other = request.decisions.findLast((decision) => decision.approver.personId !== personId);
  switch (request.state) {
    case 'approved':
    case 'auto_approved':
      return mine || !other
        ? { text: 'approved', tone: 'good' }
        : { text: `by ${other.approver.displayName}`, tone: 'plain' };
    case 'denied':
      return mine?.decision === 'deny' || !other
        ? { text: 'denied', tone: 'bad' }
        : { text: `denied by ${other.approver.displayName}`, tone: 'bad' };
    case 'denied_by_policy':
      return { text: 'denied by policy', tone: 'bad' };
    case 'withdrawn':
      return { text: 'withdrawn', tone: 'plain' };
    case 'expired':
      return { text: 'expired', tone: 'plain' };
    case 'pending':
    case 'blocked':
      return { text: 'waits for others', tone: 'plain' };
    default:
      return assertNever(request.state);
  }
}

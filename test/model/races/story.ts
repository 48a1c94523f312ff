/**
 * The small model: the audit log read as a story, entry by entry, by rules written down here a second time. It knows
 * nothing of the service's tables or code; whatever order two instances raced in, their log must be a story that it allows.
 */
import type { AuditBody } from '../../../shared/contract/audit';
import type { GrantState, RequestState } from '../../../shared/domain/states';

export interface Leaf {
  readonly idx: number;
  readonly type: string;
  readonly subject: string;
  readonly personId: string | null;
  readonly resourceId: string | null;
  readonly body: AuditBody;
}
/** Who may approve what: one person from each of these groups, none of them twice. */
export type Rules = ReadonlyMap<string, readonly ReadonlySet<string>[]>;

interface Asked {
  state: RequestState;
  readonly requesterId: string;
  readonly resourceId: string;
  /** What was asked for. */
  readonly ttlMs: number;
  readonly decided: Map<string, { decision: string; ttlMs: number }>;
  granted: boolean;
}
interface Given {
  state: GrantState;
  readonly holderId: string;
  readonly resourceId: string;
  readonly requestId: string;
  credential: boolean;
}
const GRANT_STEPS: Readonly<Record<string, { from: readonly GrantState[]; to: GrantState | null }>> = {
  'grant.provisioning': { from: ['ready'], to: 'provisioning' },
  'grant.credential_ready': { from: ['provisioning'], to: null },
  'grant.activated': { from: ['provisioning'], to: 'active' },
  'grant.extended': { from: ['active'], to: null },
  'grant.ending': { from: ['ready', 'provisioning', 'active'], to: 'ending' },
  'grant.removal_delayed': { from: ['ending'], to: null },
  'grant.ended': { from: ['ending'], to: 'ended' },
  'grant.injection': { from: ['ready', 'provisioning', 'active', 'ending', 'ended'], to: null },
};
const REQUEST_STEPS: Readonly<Record<string, RequestState>> = {
  'request.approved': 'approved',
  'request.auto_approved': 'auto_approved',
  'request.denied': 'denied',
  'request.denied_by_policy': 'denied_by_policy',
  'request.withdrawn': 'withdrawn',
  'request.expired': 'expired',
  'request.blocked': 'blocked',
};
/** These give or lengthen access: never to somebody or something locked or gone. */
const GIVING = new Set(['grant.ready', 'grant.provisioning', 'grant.activated', 'grant.extended']);

export class Story {
  readonly requests = new Map<string, Asked>();
  readonly grants = new Map<string, Given>();
  /** People and resources that are locked, removed or archived at this point. */
  private readonly locked = new Set<string>();
  private readonly gone = new Set<string>();
  /** What the next entry has to be. */
  private due: string | null = null;

  constructor(private readonly rules: Rules) {}

  tell(leaf: Leaf): void {
    const said = `${leaf.type} ${leaf.subject}`;
    if (this.due !== null && said !== this.due) throw this.wrong(leaf, `${this.due} had to come first`);
    this.due = null;
    if (leaf.type.startsWith('request.')) this.request(leaf);
    else if (leaf.type === 'decision.recorded') this.decision(leaf);
    else if (leaf.type.startsWith('grant.')) this.grant(leaf);
    else if (/^(person|resource)\.suspended$/.test(leaf.type)) this.locked.add(leaf.subject);
    else if (/^(person|resource)\.resumed$/.test(leaf.type)) this.locked.delete(leaf.subject);
    else if (leaf.type === 'person.removed' || leaf.type === 'resource.archived') this.gone.add(leaf.subject);
    else if (!leaf.type.startsWith('device.')) throw this.wrong(leaf, 'nobody did this');
  }
  /** After the last entry: nothing is half done, and nobody waits for what they have. */
  close(): void {
    if (this.due !== null) throw new Error(`the log ends where ${this.due} had to come`);
    for (const [id, request] of this.requests)
      if (isOpen(request.state) && this.complete(request)) throw new Error(`${id} has its approvals and is still open`);
  }

  private request(leaf: Leaf): void {
    const known = this.requests.get(leaf.subject);
    const to = leaf.type === 'request.submitted' ? 'pending' : REQUEST_STEPS[leaf.type];
    if (known === undefined) {
      if (to !== 'pending' && to !== 'auto_approved' && to !== 'denied_by_policy')
        throw this.wrong(leaf, 'it was never asked for');
      if (to !== 'denied_by_policy' && this.barred(leaf.personId, leaf.resourceId))
        throw this.wrong(leaf, 'asked by or for what is locked');
      this.requests.set(leaf.subject, {
        state: to,
        requesterId: leaf.personId ?? '',
        resourceId: leaf.resourceId ?? '',
        ttlMs: Number(leaf.body.data.ttlMs),
        decided: new Map(),
        granted: false,
      });
      if (to === 'auto_approved' && this.needs(leaf.resourceId).length > 0)
        throw this.wrong(leaf, 'the policy wants people to approve this');
      return;
    }
    if (!isOpen(known.state)) throw this.wrong(leaf, `it was ${known.state} already`);
    switch (leaf.type) {
      case 'request.submitted':
        throw this.wrong(leaf, 'it was asked for twice');
      case 'request.unblocked':
        if (known.state !== 'blocked') throw this.wrong(leaf, 'it was not blocked');
        known.state = 'pending';
        return;
      case 'request.blocked':
        if (known.state !== 'pending') throw this.wrong(leaf, 'it was blocked already');
        break;
      case 'request.rerouted':
        known.decided.clear();
        return;
      case 'request.approved':
        if (!this.complete(known))
          throw this.wrong(leaf, `approved by ${[...known.decided.keys()].join(' and ') || 'nobody'}`);
        break;
      case 'request.denied':
        if (![...known.decided.values()].some(({ decision }) => decision === 'deny'))
          throw this.wrong(leaf, 'nobody denied it');
        break;
    }
    if (to === undefined) throw this.wrong(leaf, 'no such step');
    known.state = to;
  }

  private decision(leaf: Leaf): void {
    const request = this.requests.get(leaf.subject);
    const by = leaf.body.actor.id ?? '';
    if (request === undefined || !isOpen(request.state))
      throw this.wrong(leaf, `it was ${request?.state ?? 'unknown'}`);
    if (by === request.requesterId) throw this.wrong(leaf, 'decided by its requester');
    if (request.decided.has(by)) throw this.wrong(leaf, 'the same person decided before');
    if (this.barred(by, request.resourceId)) throw this.wrong(leaf, 'decided by somebody or for something locked');
    if (!this.needs(request.resourceId).some((group) => group.has(by))) throw this.wrong(leaf, 'not an approver');
    const decision = String(leaf.body.data.decision);
    const ttlMs = Number(leaf.body.data.ttlMs);
    if (decision === 'approve' && ttlMs > request.ttlMs) throw this.wrong(leaf, 'approved for longer than was asked');
    request.decided.set(by, { decision, ttlMs });
    if (decision === 'deny') this.due = `request.denied ${leaf.subject}`;
    else if (this.complete(request)) this.due = `request.approved ${leaf.subject}`;
  }

  private grant(leaf: Leaf): void {
    if (GIVING.has(leaf.type) && this.barred(leaf.personId, leaf.resourceId))
      throw this.wrong(leaf, 'given to or for what is locked');
    const known = this.grants.get(leaf.subject);
    if (leaf.type === 'grant.ready') {
      this.ready(leaf);
      return;
    }
    const step = GRANT_STEPS[leaf.type];
    if (known === undefined || step === undefined) throw this.wrong(leaf, 'no such grant, or no such step');
    if (!step.from.includes(known.state)) throw this.wrong(leaf, `it was ${known.state}`);
    if (leaf.type === 'grant.credential_ready') {
      if (known.credential) throw this.wrong(leaf, 'a credential was made already');
      known.credential = true;
    }
    if (leaf.type === 'grant.activated' && !known.credential) throw this.wrong(leaf, 'no credential had been made');
    known.state = step.to ?? known.state;
  }
  private ready(leaf: Leaf): void {
    const requestId = String(leaf.body.data.requestId);
    const request = this.requests.get(requestId);
    if (this.grants.has(leaf.subject) || request?.granted !== false) throw this.wrong(leaf, 'one request, one grant');
    if (request.state !== 'approved' && request.state !== 'auto_approved')
      throw this.wrong(leaf, `its request is ${request.state}`);
    const agreed = Math.min(request.ttlMs, ...[...request.decided.values()].map(({ ttlMs }) => ttlMs));
    if (Number(leaf.body.data.ttlMs) !== agreed) throw this.wrong(leaf, `${agreed} ms were agreed`);
    request.granted = true;
    const { requesterId: holderId, resourceId } = request;
    this.grants.set(leaf.subject, { state: 'ready', holderId, resourceId, requestId, credential: false });
  }

  private needs(resourceId: string | null): readonly ReadonlySet<string>[] {
    return this.rules.get(resourceId ?? '') ?? [];
  }
  private barred(personId: string | null, resourceId: string | null): boolean {
    return [personId, resourceId].some((id) => id !== null && (this.locked.has(id) || this.gone.has(id)));
  }
  /** Each group has somebody of its own among those who approved and still may. */
  private complete(request: Asked): boolean {
    const standing = [...request.decided]
      .filter(([by, { decision }]) => decision === 'approve' && !this.barred(by, null))
      .map(([by]) => by);
    const seat = (groups: readonly ReadonlySet<string>[], left: readonly string[]): boolean => {
      const [first, ...others] = groups;
      if (first === undefined) return true;
      return left.some(
        (by) =>
          first.has(by) &&
          seat(
            others,
            left.filter((one) => one !== by),
          ),
      );
    };
    return seat(this.needs(request.resourceId), standing);
  }
  private wrong(leaf: Leaf, why: string): Error {
    return new Error(`entry ${leaf.idx}, ${leaf.type} ${leaf.subject}: ${why}`);
  }
}
const isOpen = (state: RequestState): boolean => state === 'pending' || state === 'blocked';

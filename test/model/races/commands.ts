/** What people, devices, engines and the clock do in a race; each at one instance, or at both at once. */
import fc, { type Arbitrary, type AsyncCommand } from 'fast-check';
import { signDecision } from '../../../shared/crypto/statements';
import { assertNever } from '../../../shared/domain/assert-never';
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { APPROVERS, type Instance, type Name, PEOPLE, RESOURCES, type Resource, type Team } from './team';

/** What the senders know without asking: the rest is told by the log (story.ts). */
export interface Sent {
  asked: number;
  locked: ReadonlySet<string>;
  removed: ReadonlySet<string>;
}
export const nothingSent = (): Sent => ({ asked: 0, locked: new Set(), removed: new Set() });

type Person = (typeof PEOPLE)[number];
/** `nth`: which of those there are when it arrives. */
export type Move =
  | {
      readonly kind: 'request';
      readonly by: Person;
      readonly resource: Resource;
      readonly level: string;
      readonly ttlMs: number;
      readonly startWhen: 'connected' | 'manual';
    }
  | {
      readonly kind: 'decide';
      readonly by: (typeof APPROVERS)[number];
      readonly nth: number;
      readonly decision: 'approve' | 'deny';
      readonly ttlMs: number;
      readonly to: 'one' | 'both';
    }
  | { readonly kind: 'withdraw' | 'start' | 'injected' | 'extend' | 'return' | 'revoke'; readonly nth: number }
  | { readonly kind: 'lock' | 'unlock'; readonly what: Person | Resource }
  | { readonly kind: 'archive'; readonly what: Resource }
  | { readonly kind: 'remove'; readonly what: Person }
  | { readonly kind: 'advance'; readonly lengthMs: number }
  | { readonly kind: 'turn' };

const LIVE = ['ready', 'provisioning', 'active'];
const isResource = (what: string): what is Resource => (RESOURCES as readonly string[]).includes(what);

export class Command implements AsyncCommand<Sent, Team> {
  constructor(
    readonly move: Move,
    readonly at: Name,
  ) {}
  toString(): string {
    const { kind, ...rest } = this.move;
    return `${kind}@${this.at}${JSON.stringify(rest)}`;
  }

  check(sent: Readonly<Sent>): boolean {
    const { move } = this;
    switch (move.kind) {
      case 'request':
        return !sent.removed.has(move.by);
      case 'unlock':
        return sent.locked.has(move.what);
      case 'lock':
        return !sent.locked.has(move.what) && !sent.removed.has(move.what);
      case 'archive':
      case 'remove':
        // Enough is left that things go on happening.
        return sent.asked >= 3 && !sent.removed.has(move.what) && sent.removed.size < 2;
      case 'advance':
      case 'turn':
        return true;
      default:
        return sent.asked > 0;
    }
  }
  /** Only sends: the answer comes when the scheduler lets it. */
  async run(sent: Sent, team: Team): Promise<void> {
    const { move } = this;
    if (move.kind === 'request') sent.asked++;
    else if (move.kind === 'lock') sent.locked = new Set([...sent.locked, move.what]);
    else if (move.kind === 'unlock') sent.locked = new Set([...sent.locked].filter((what) => what !== move.what));
    else if (move.kind === 'archive' || move.kind === 'remove') sent.removed = new Set([...sent.removed, move.what]);
    if (move.kind === 'advance') team.clock.advance(move.lengthMs);
    else team.send(this.toString(), () => perform(team, team.at(this.at), move));
  }
}

async function perform(team: Team, at: Instance, move: Exclude<Move, { kind: 'advance' }>): Promise<unknown> {
  const { world } = team.ground;
  const admin = world.who('dan');
  const none = { query: undefined, body: undefined };
  const of = (what: string) => ({ id: isResource(what) ? world.id(what) : world.who(what).personId });
  switch (move.kind) {
    case 'request': {
      const { ttlMs, startWhen } = move;
      const body = {
        resourceId: world.id(move.resource),
        level: move.level,
        ttlMs,
        reason: 'a look',
        ticketRef: '',
        startWhen,
      };
      return at.access['requests.submit'](world.who(move.by), { params: undefined, query: undefined, body });
    }
    case 'decide':
      return decide(team, at, move);
    case 'withdraw': {
      const request = await team.openRequest(at, move.nth, () => true);
      if (request === undefined) return;
      const by = world.who(team.nameOf(request.requester_id));
      return at.access['requests.withdraw'](by, { params: { id: request.id }, ...none });
    }
    case 'lock': {
      const call = { params: of(move.what), query: undefined, body: { reason: 'an alarm' } };
      return isResource(move.what)
        ? at.resources['resources.suspend'](admin, call)
        : at.people['people.suspend'](admin, call);
    }
    case 'unlock': {
      const call = { params: of(move.what), ...none };
      return isResource(move.what)
        ? at.resources['resources.resume'](admin, call)
        : at.people['people.resume'](admin, call);
    }
    case 'archive':
      return at.resources['resources.archive'](admin, { params: of(move.what), ...none });
    case 'remove':
      return at.people['people.remove'](admin, { params: of(move.what), ...none });
    case 'turn':
      return at.leases.drain();
    case 'start':
    case 'injected':
    case 'extend':
    case 'return':
    case 'revoke':
      return onGrant(team, at, move.kind, move.nth);
    default:
      return assertNever(move);
  }
}

const MEANT_FOR = { start: ['ready'], injected: ['provisioning'], extend: ['active'], return: LIVE, revoke: LIVE };
async function onGrant(team: Team, at: Instance, kind: keyof typeof MEANT_FOR, nth: number): Promise<void> {
  const { world } = team.ground;
  // A device waits until its credential is made.
  if (kind === 'injected') await at.leases.drain();
  const grant = await team.grant(at, nth, MEANT_FOR[kind]);
  if (grant === undefined) return;
  const holder = world.who(team.nameOf(grant.person_id));
  const call = { params: { id: grant.id }, query: undefined };
  switch (kind) {
    case 'start':
      await at.access['grants.start'](holder, { ...call, body: undefined });
      return;
    case 'injected':
      await at.access['grants.report'](holder, { ...call, body: { state: 'injected' } });
      team.target.logIn(grant.principal);
      return;
    case 'extend':
      await at.access['grants.extend'](holder, {
        ...call,
        body: { ttlMs: 10 * MINUTE_MS, reason: 'more', ticketRef: '' },
      });
      return;
    case 'return':
      await at.access['grants.return'](holder, { ...call, body: undefined });
      team.endings.push(grant.id);
      return;
    case 'revoke':
      await at.access['grants.revoke'](world.who('dan'), { ...call, body: { reason: '' } });
      team.endings.push(grant.id);
      return;
    default:
      assertNever(kind);
  }
}

/** Fetches the card, signs on the approver's device, sends: a double click reaches both instances with one statement. */
async function decide(team: Team, at: Instance, move: Extract<Move, { kind: 'decide' }>): Promise<void> {
  const { world } = team.ground;
  // Mostly what this approver is asked about; else what they must be refused.
  const asked = (row: { requester_id: string; resource_id: string }) =>
    row.requester_id !== world.who(move.by).personId &&
    (move.by !== 'dan' || row.resource_id === world.id('orders-prod'));
  const request = await team.openRequest(at, move.nth, asked);
  if (request === undefined) return;
  const by = world.member(move.by);
  const card = await at.access['requests.card'](by.caller, world.byId(request.id));
  const body = signDecision(by.secretKey, {
    v: 1,
    kind: 'decision',
    requestId: request.id,
    requestDigest: card.request.digest,
    decision: move.decision,
    stage: card.request.stage,
    ttlMs: move.decision === 'deny' ? 0 : Math.min(move.ttlMs, card.request.ttlMs),
    reason: '',
    policyVersion: card.answer.policyVersion,
    policyDigest: card.answer.policyDigest,
    nonce: card.nonce,
    via: 'card',
    deviceId: by.caller.deviceId,
    at: team.clock.now(),
  });
  const deliver = async (to: Instance) => {
    await to.access['requests.decide'](by.caller, { params: { id: request.id }, query: undefined, body });
    team.decided.push(`${request.id} ${move.by}`);
  };
  if (move.to === 'both')
    team.send(`again@${at.name === 'A' ? 'B' : 'A'}`, () => deliver(team.at(at.name === 'A' ? 'B' : 'A')));
  await deliver(at);
}

const nth = fc.nat({ max: 30 });
const ttlMs = fc.constantFrom(MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS);
const k = <K extends string>(kind: K) => fc.constant(kind);
const moves: readonly { readonly weight: number; readonly move: Arbitrary<Move> }[] = [
  {
    weight: 14,
    move: fc.record({
      kind: k('request'),
      by: fc.constantFrom<Person>('ann', 'zoe', 'ann', 'zoe', 'bea', 'cid'),
      level: fc.constantFrom('read-only', 'read-write'),
      resource: fc.constantFrom(...RESOURCES, 'orders-prod' as const),
      ttlMs,
      startWhen: fc.constantFrom('connected', 'connected', 'manual'),
    }),
  },
  {
    weight: 20,
    move: fc.record({
      kind: k('decide'),
      by: fc.constantFrom(...APPROVERS),
      nth,
      decision: fc.constantFrom('approve', 'approve', 'approve', 'approve', 'approve', 'deny'),
      ttlMs,
      to: fc.constantFrom('one', 'both'),
    }),
  },
  { weight: 2, move: fc.record({ kind: k('withdraw'), nth }) },
  { weight: 6, move: fc.record({ kind: k('start'), nth }) },
  { weight: 16, move: fc.record({ kind: k('injected'), nth }) },
  { weight: 6, move: fc.record({ kind: k('extend'), nth }) },
  { weight: 3, move: fc.record({ kind: k('return'), nth }) },
  { weight: 3, move: fc.record({ kind: k('revoke'), nth }) },
  { weight: 2, move: fc.record({ kind: k('lock'), what: fc.constantFrom(...PEOPLE, ...RESOURCES) }) },
  { weight: 6, move: fc.record({ kind: k('unlock'), what: fc.constantFrom(...PEOPLE, ...RESOURCES) }) },
  { weight: 1, move: fc.record({ kind: k('archive'), what: fc.constantFrom(...RESOURCES) }) },
  { weight: 1, move: fc.record({ kind: k('remove'), what: fc.constantFrom(...PEOPLE) }) },
  {
    weight: 5,
    move: fc.record({
      kind: k('advance'),
      lengthMs: fc.constantFrom(SECOND_MS, SECOND_MS, 20 * SECOND_MS, MINUTE_MS, 3 * MINUTE_MS, 10 * MINUTE_MS),
    }),
  },
  { weight: 10, move: fc.record({ kind: k('turn') }) },
];
/** One arbitrary for all, by weight: `fc.commands` itself picks evenly. */
export const command: Arbitrary<Command> = fc
  .tuple(fc.oneof(...moves.map(({ weight, move }) => ({ weight, arbitrary: move }))), fc.constantFrom<Name>('A', 'B'))
  .map(([move, at]) => new Command(move, at));

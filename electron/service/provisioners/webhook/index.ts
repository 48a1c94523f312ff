/**
 * The provisioner for targets that somebody else's program looks after: it calls a receiver (docs/webhook-protocol.md), which may
 * be written in any language, to create, end, read back and list. What is true of the target is the receiver's word; what is
 * made sure here is that it is the receiver's, said to this call.
 */
import type { WebhookCredential } from '../../../../shared/contract/credential';
import type { Level, LevelPlan } from '../../../../shared/contract/resources';
import type { WebhookSettings } from '../../../../shared/contract/webhook';
import { MINUTE_MS } from '../../../../shared/domain/instant';
import { isSameReceiver, receiverAddress } from '../../../../shared/domain/same-place';
import { checkShown, NOTHING_TO_RUN, planDigest } from '../level-plan';
import { checkDeadlineIn, checkPrincipalName, checkValidFor, isPrincipalName } from '../principal-name';
import { type Provisioner, type ReadBack, type Target, TargetError } from '../provisioner';
import { type Caller, type CallerDeps, createCaller } from './caller';
import { checkReceiver } from './check';
import {
  CleanUpAnswer,
  CreateAnswer,
  DescribeAnswer,
  DoneAnswer,
  EndAnswer,
  ListAnswer,
  ReadAnswer,
  type ReadBackAnswer,
} from './messages';
import { hostOf } from './transport';

export type WebhookProvisioner = Provisioner<WebhookSettings, WebhookCredential>;
type HookTarget = Target<WebhookSettings>;

/** What receivers said of themselves is asked again after this, by the way of another call. */
const DESCRIBE_AGAIN_MS = 5 * MINUTE_MS;
const MAX_DESCRIBED = 5_000;

export function createWebhookProvisioner(deps: CallerDeps): WebhookProvisioner {
  const caller = createCaller(deps);
  const described = createDescriptions(caller, deps.now);
  const about = ({ resourceId, resourceName }: HookTarget) => ({ resource: { id: resourceId, name: resourceName } });
  const ask = <T>(target: HookTarget, operation: string, answer: import('zod').ZodType<T>, more: object = {}) =>
    caller.call(target.settings, target.secret, { operation, body: { ...about(target), ...more }, answer });

  return {
    kind: 'webhook',
    extension: 'moves-deadline',
    deviceKey: null,
    serverOf,
    placeFacts: (settings) => ({ host: hostOf(settings) }),
    secretBarredBy: (stored, next) =>
      isSameReceiver(stored, next) ? null : 'Address, authority or pinned certificate',
    limits: (settings, level) => limitsOf(settings, level, described.of(settings)),
    proposedLevels: (_resourceName, settings) => levelsOf(settings && described.of(settings)),
    test: (target) => checkReceiver(caller, described, deps.now, target),
    plan: async (target) => planOf(await described.ask(target)),
    async apply(target, digest) {
      checkShown(planOf(await described.ask(target)), digest, 'The levels of the receiver have changed');
      return NOTHING_TO_RUN;
    },
    async create(target, { principal, level, validForMs }) {
      checkPrincipalName(principal);
      checkValidFor(validForMs);
      const order = { principal, level: { name: level.name, role: level.targetRole }, validForMs };
      const { values, readBack } = await ask(target, 'create', CreateAnswer, order);
      if (!readBack.canLogIn)
        throw new TargetError('conflict', `${hostOf(target.settings)} made it, but says that it does not work.`);
      return { kind: 'webhook', values };
    },
    async setDeadline(target, principal, validForMs) {
      checkPrincipalName(principal);
      checkDeadlineIn(validForMs);
      await ask(target, 'set-deadline', DoneAnswer, { principal, validForMs });
    },
    async end(target, principal) {
      checkPrincipalName(principal);
      const { readBack, sessionsCut } = await ask(target, 'end', EndAnswer, { principal });
      return { readBack: readBackOf(readBack), sessionsCut };
    },
    async readBack(target, principal) {
      checkPrincipalName(principal);
      return readBackOf((await ask(target, 'read-back', ReadAnswer, { principal })).readBack);
    },
    async cleanUp(target, principal) {
      checkPrincipalName(principal);
      return await ask(target, 'clean-up', CleanUpAnswer, { principal });
    },
    async list(target) {
      const { principals } = await ask(target, 'list', ListAnswer);
      await described.freshen(target);
      return principals.filter(isPrincipalName);
    },
    close: async () => undefined, // each call has a connection of its own
  };
}

/** Where principals live: another address may be another receiver. */
const serverOf: (settings: WebhookSettings) => string = receiverAddress;

const readBackOf = ({
  exists,
  canLogIn,
  sessionCount,
  proof,
}: import('zod').infer<typeof ReadBackAnswer>): ReadBack => ({
  ...{ exists, canLogIn, sessionCount },
  ...(proof === undefined ? {} : { proof }),
});

export interface Descriptions {
  /** What was said last; undefined before the first answer. */
  of(settings: WebhookSettings): DescribeAnswer | undefined;
  ask(target: HookTarget): Promise<DescribeAnswer>;
  /** Asks when the last answer is old. What fails now is asked at the next occasion. */
  freshen(target: HookTarget): Promise<void>;
}
function createDescriptions(caller: Caller, now: () => number): Descriptions {
  const known = new Map<string, { readonly said: DescribeAnswer; readonly at: number }>();
  const ask: Descriptions['ask'] = async ({ settings, secret, resourceId, resourceName }) => {
    const body = { resource: { id: resourceId, name: resourceName } };
    const said = await caller.call(settings, secret, { operation: 'describe', body, answer: DescribeAnswer });
    known.delete(serverOf(settings));
    for (const oldest of known.keys()) {
      if (known.size < MAX_DESCRIBED) break;
      known.delete(oldest);
    }
    known.set(serverOf(settings), { said, at: now() });
    return said;
  };
  return {
    of: (settings) => known.get(serverOf(settings))?.said,
    ask,
    async freshen(target) {
      const last = known.get(serverOf(target.settings));
      if (last === undefined || Math.abs(now() - last.at) > DESCRIBE_AGAIN_MS) await ask(target).catch(() => undefined);
    },
  };
}

const asSentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
/** The receiver's own sentences, and ours: that its word is all there is. */
function limitsOf(settings: WebhookSettings, level: Level, said: DescribeAnswer | undefined): readonly string[] {
  const host = hostOf(settings);
  const theirs =
    said === undefined
      ? [`${host} has not been asked yet what it can not do.`]
      : said.limits.filter((limit) => limit.level === undefined || limit.level === level.name).map((l) => l.sentence);
  const makes = level.createsAccess
    ? ['A holder of this level can make access of their own, which outlives the grant.']
    : [];
  return [
    ...theirs.map(asSentence),
    ...makes,
    `That access has ended is the word of ${host}; Hallpass can not look behind it.`,
  ];
}

const FALLBACK = [
  { name: 'read-only', description: 'Reads.', createsAccess: false },
  { name: 'read-write', description: 'Reads and changes.', createsAccess: false },
];
const levelsOf = (said: DescribeAnswer | undefined): Level[] =>
  (said?.levels ?? FALLBACK).map((level) => ({ ...level, targetRole: level.name }));

/** Nothing is run: the levels are the receiver's. The digest says that they are still the same. */
function planOf(said: DescribeAnswer): LevelPlan {
  const levels = levelsOf(said);
  return {
    digest: planDigest(levels),
    levels,
    steps: [],
    notes: [`The levels are those of ${said.name}; nothing has to be run on the target.`],
  };
}

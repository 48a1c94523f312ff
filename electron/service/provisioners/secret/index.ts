/**
 * The provisioner for a stored secret (an API key, a shared account): it is checked out by name, to one holder at a time or to
 * several, and changed when the last one is done, by a command or a webhook, where there is one. There is no principal on a
 * target: who holds it is kept with the secret itself (document.ts). Without a change, its end can't be proven and says so.
 */

import type { SecretCredential } from '../../../../shared/contract/credential';
import type { ConnectionReport, Level, LevelPlan } from '../../../../shared/contract/resources';
import type { SecretSettings } from '../../../../shared/contract/secret';
import { canonicalJson } from '../../../../shared/crypto/canonical-json';
import type { Random } from '../../../../shared/domain/instant';
import { fine, wrong } from '../checks';
import { checkShown, NOTHING_TO_RUN, planDigest } from '../level-plan';
import { checkDeadlineIn, checkPrincipalName, checkValidFor } from '../principal-name';
import { type Provisioner, type ReadBack, type StoredSecret, type Target, TargetError } from '../provisioner';
import { createCaller } from '../webhook/caller';
import { hostOf } from '../webhook/transport';
import { createRunCommand } from './command';
import {
  adopt,
  checkedIn,
  checkedOut,
  checkProposal,
  cleared,
  type Holder,
  holderOf,
  holding,
  proposed,
  readDocument,
  rotated,
  type SecretDocument,
  writeDocument,
} from './document';
import { type Rotator, rotatorOf } from './rotator';

export type SecretProvisioner = Provisioner<SecretSettings, SecretCredential>;
type SecretTarget = Target<SecretSettings>;
/** Somebody else changed it at the same moment, again and again: more than services there are. */
const MAX_ROUNDS = 20;
const GONE: ReadBack = { exists: false, canLogIn: false, sessionCount: 0 };

export interface SecretDeps {
  readonly random: Random;
  readonly now: () => number;
  /** The folder of allowed rotators on the service's machine; null: none. */
  readonly rotatorsDir: string | null;
  readonly commandLimitMs?: number;
}

export function createSecretProvisioner(deps: SecretDeps): SecretProvisioner {
  const tools = { caller: createCaller(deps), run: createRunCommand(deps.rotatorsDir, deps.commandLimitMs) };
  const inTurn = createTurns();
  const rotator = (target: SecretTarget, document: SecretDocument) => rotatorOf(target, document.rotationKey, tools);

  return {
    kind: 'secret',
    extension: 'moves-deadline',
    deviceKey: null,
    serverOf: placeOf,
    placeFacts: ({ opens }) => ({ opens }),
    secretBarredBy: (stored, next) => (placeOf(stored) === placeOf(next) ? null : 'What changes the secret'),
    limits: limitsOf,
    proposedLevels: () => LEVELS,
    adoptSecret: adopt,
    test: (target) => testSecret(target, rotator),
    plan: async (target) => planOf(readDocument(target.secret)),
    async apply(target, digest) {
      checkShown(planOf(readDocument(target.secret)), digest, 'The secret has changed');
      return NOTHING_TO_RUN;
    },
    async create(target, { principal, validForMs }) {
      checkPrincipalName(principal);
      checkValidFor(validForMs);
      // Who holds it is durable before they get it: a crash here leaves a holder without the secret, never the other way round.
      const { document } = await inTurn(target.resourceId, () =>
        change(target, 'giving', (now) => checkedOut(now, principal, target.settings.holders)),
      );
      return { kind: 'secret', values: document.values };
    },
    async setDeadline(target, principal, validForMs) {
      checkPrincipalName(principal);
      checkDeadlineIn(validForMs);
      const holder = holderOf(readDocument(await storedOf(target).read()), principal);
      if (holder?.over !== 'no') throw new TargetError('conflict', `${principal} does not hold the secret.`);
    },
    async end(target, principal) {
      checkPrincipalName(principal);
      const readBack = await inTurn(target.resourceId, () => end(target, principal, rotator));
      return { readBack, sessionsCut: 0 };
    },
    async readBack(target, principal) {
      checkPrincipalName(principal);
      return readBackOf(holderOf(readDocument(await storedOf(target).read()), principal));
    },
    async cleanUp(target, principal) {
      checkPrincipalName(principal);
      await inTurn(target.resourceId, () =>
        change(target, 'taking', (now) => {
          if (holderOf(now, principal)?.over === 'no')
            throw new TargetError('conflict', `${principal} still holds the secret: end it before cleaning up.`);
          return cleared(now, principal);
        }),
      );
      return { done: true, residue: [] };
    },
    list: async (target) => readDocument(await storedOf(target).read()).holders.map(({ principal }) => principal),
    close: async () => undefined,
  };
}

/** One after the other for each resource in this process; other services are kept out by compare-and-set. */
function createTurns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work, work);
    const settled = turn.catch(() => undefined).then(() => void (last.get(key) === settled && last.delete(key)));
    last.set(key, settled);
    return turn;
  };
}

function storedOf(target: SecretTarget): StoredSecret {
  if (target.stored === undefined) throw new Error('the secret of a target that is only tried is not worked on');
  return target.stored;
}

/** Changes the stored text by a pure step, again when somebody else was faster. Durable when it resolves. */
async function change(
  target: SecretTarget,
  purpose: 'giving' | 'taking',
  step: (now: SecretDocument) => SecretDocument,
): Promise<{ document: SecretDocument }> {
  const stored = storedOf(target);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const was = await stored.read();
    const document = step(readDocument(was));
    const now = writeDocument(document);
    if (now === was || (await stored.replace({ was, now, for: purpose })) === 'kept') return { document };
  }
  throw new TargetError('unreachable', 'The stored secret is being changed all the time.');
}

function readBackOf(holder: Holder | undefined): ReadBack {
  switch (holder?.over) {
    case undefined:
      return GONE;
    case 'no':
      return { exists: true, canLogIn: true, sessionCount: 0 };
    case 'refused':
      return { exists: true, canLogIn: false, sessionCount: 0 };
    case 'may_know':
      return { exists: true, canLogIn: false, sessionCount: 0, proof: 'holder_may_know' };
  }
}

type RotatorOf = (target: SecretTarget, document: SecretDocument) => Rotator | null;

/** Takes it back; changes it when this was the last who held it. Every step is durable before the next, and may be done again. */
async function end(target: SecretTarget, principal: string, rotator: RotatorOf): Promise<ReadBack> {
  const stored = storedOf(target);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const was = await stored.read();
    const document = readDocument(was);
    const holder = holderOf(document, principal);
    if (holder?.over !== 'no') return readBackOf(holder);
    const step = await nextStep(target, document, holder, rotator);
    const now = writeDocument(step.document);
    const isRotated = step.document.version > document.version;
    await stored.replace({ was, now, for: 'taking', ...(isRotated ? { rotated: { principal } } : {}) });
    // Overtaken or not: what is stored now says what comes next. A crash here does the same.
  }
  throw new TargetError('unreachable', 'The stored secret is being changed all the time.');
}

async function nextStep(
  target: SecretTarget,
  document: SecretDocument,
  holder: Holder,
  rotatorFor: RotatorOf,
): Promise<{ document: SecretDocument }> {
  const { principal } = holder;
  const rotator = rotatorFor(target, document);
  if (rotator === null) return { document: checkedIn(document, principal, 'may_know') };
  if (holder.version < document.version)
    return { document: checkedIn(document, principal, await replacedByHand(document, holder, rotator)) };
  const others = holding(document).filter((o) => o.principal !== principal && o.version === document.version);
  // They work with it: changing it now would end their access too. The last one's end changes it.
  if (others.length > 0) return { document: checkedIn(document, principal, 'may_know') };
  if (document.next === null) {
    const values = await rotator.propose(principal, document.values);
    checkProposal(document.values, values);
    return { document: proposed(document, principal, values) };
  }
  await makeValid(rotator, principal, document.values, document.next.values);
  return { document: rotated(document, principal) };
}

/** An administrator put another secret in its place meanwhile: what the holder was given has to be refused by now, or is given up here. */
async function replacedByHand(
  document: SecretDocument,
  holder: Holder,
  rotator: Rotator,
): Promise<'refused' | 'may_know'> {
  const { previous } = document;
  const values = document.next?.values ?? document.values;
  if (previous === null || previous.version !== holder.version) return 'may_know';
  if ((await rotator.check(previous.values)) === 'works')
    await makeValid(rotator, holder.principal, previous.values, values);
  return 'refused';
}

/** @throws TargetError unless the rotator's own check says that the new one works and the old one does not */
async function makeValid(
  rotator: Rotator,
  rotation: string,
  current: SecretDocument['values'],
  next: SecretDocument['values'],
) {
  await rotator.commit(rotation, current, next);
  if ((await rotator.check(next)) !== 'works')
    throw new TargetError('refused', 'The new secret does not work yet where it is used; the change is tried again.');
  if ((await rotator.check(current)) !== 'refused')
    throw new TargetError('refused', 'The old secret still works where it is used; the change is tried again.');
}

/** Grants end where they began: another rotator is another place, and gets no stored secret without being told. */
const placeOf = ({ rotation }: SecretSettings): string => canonicalJson(rotation);
const wordRotation = ({ rotation }: SecretSettings): string =>
  rotation.by === 'command' ? rotation.file : rotation.by === 'webhook' ? hostOf(rotation) : 'nobody';

const LEVELS: readonly Level[] = [
  {
    name: 'use',
    description: 'Holds the secret and can do what it opens.',
    targetRole: 'holder',
    createsAccess: false,
  },
];

function limitsOf(settings: SecretSettings, level: Level): readonly string[] {
  const { holders, rotation } = settings;
  const makes = level.createsAccess
    ? ['A holder of this level can make access of their own, which outlives the grant.']
    : [];
  if (rotation.by === 'nobody')
    return [
      'The secret itself is not changed at the end: whoever held it may still know it, and it goes on working.',
      ...makes,
    ];
  const shared = `Up to ${holders} may hold it at once, and it is changed when the last of them is done: until then, who left earlier may still know it.`;
  return [
    ...(holders > 1 ? [shared] : []),
    `It is changed at the end by ${wordRotation(settings)}; what was opened with it before then may stay open.`,
    'It has no end of its own: while this service is off, it goes on working.',
    ...makes,
  ];
}

function planOf(document: SecretDocument): LevelPlan {
  const names = Object.keys(document.values).sort();
  return {
    digest: planDigest([LEVELS, names]),
    levels: [...LEVELS],
    steps: [],
    notes: [`Handed out: ${names.join(', ')}. Nothing has to be run.`],
  };
}

/** Reads the secret, and asks the rotator whether it works; changes nothing. */
async function testSecret(target: SecretTarget, rotatorFor: RotatorOf): Promise<ConnectionReport> {
  const checks: ConnectionReport['checks'] = [];
  const attempt = async (name: string, remedy: string, work: () => Promise<string>) => {
    try {
      checks.push(fine(name, await work()));
    } catch (error) {
      if (!(error instanceof TargetError)) throw error;
      checks.push(wrong(name, error.message, remedy));
    }
  };
  await attempt('Secret', 'Write one value on a line: API_KEY=…', async () => {
    const names = Object.keys(readDocument(target.secret).values);
    return `Hands out ${names.join(', ')}.`;
  });
  const isRead = checks.every(({ ok }) => ok);
  if (isRead)
    await attempt('Change at the end', 'See docs/secret.md for what a rotator answers.', async () => {
      const document = readDocument(target.secret);
      const rotator = rotatorFor(target, document);
      if (rotator === null) return 'Nobody changes it: its holders may know it after the end, and are told so.';
      if ((await rotator.check(document.values)) === 'works')
        return `${wordRotation(target.settings)} says that the secret works.`;
      throw new TargetError('refused', `${wordRotation(target.settings)} says that this secret does not work.`);
    });
  const ok = checks.every((check) => check.ok);
  return { ok, targetLabel: 'Secret', serverVersion: isRead ? '1' : null, checks, recipe: RECIPE };
}
const RECIPE = [
  '# A rotator is a program in the folder "rotators" of the service’s data folder (0700), which gets its task on standard input:',
  './rotator check    {"values": …}                    → {"state": "works"} or {"state": "refused"}',
  './rotator propose  {"rotation": …, "current": …}    → {"next": {"API_KEY": "…"}}',
  './rotator commit   {"rotation": …, "current": …, "next": …} → {"ok": true}',
  '# docs/secret.md has it in full, with an example.',
].join('\n');

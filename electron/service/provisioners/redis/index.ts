/**
 * The provisioner for Redis 7 and newer, and Valkey: a temporary user per grant on every node of the settings, with the
 * digest of a fresh password, the level's commands, and the resource's patterns of keys and channels.
 * Here only the order of things; how each is done is in the files beside it.
 */
import type { RedisCredential, RedisSettings } from '../../../../shared/contract/redis';
import type { LevelPlan } from '../../../../shared/contract/resources';
import type { Random } from '../../../../shared/domain/instant';
import { areSameNodes } from '../../../../shared/domain/same-place';
import { checkShown, NOTHING_TO_RUN, planDigest } from '../level-plan';
import { checkDeadlineIn, checkPrincipalName, checkValidFor } from '../principal-name';
import type { Provisioner } from '../provisioner';
import { cleanUpUser, endUser } from './ending';
import { checkManager } from './manager';
import { onEveryNode, type RedisTarget, together, tryEveryNode } from './nodes';
import { limitsOf, proposedLevels, rulesFor } from './rules';
import { askFacts, checkPresent, createUser, listUsers, merged, readUser } from './users';

export type RedisProvisioner = Provisioner<RedisSettings, RedisCredential>;

export function createRedisProvisioner(deps: { readonly random: Random }): RedisProvisioner {
  const creations = createQueues();
  return {
    kind: 'redis',
    extension: 'moves-deadline', // Redis has none: the credential stays as it is, and ends when Hallpass ends it
    deviceKey: null,
    serverOf,
    placeFacts: ({ nodes }) => ({ nodes: nodes.join(', ') }),
    secretBarredBy: (stored, next) => (areSameNodes(stored, next) ? null : 'Nodes, user or TLS'),
    limits: limitsOf,
    proposedLevels,
    test: checkManager,
    plan: planLevels,
    async apply(target, digest) {
      const plan = await planLevels(target);
      checkShown(plan, digest, 'The settings have changed');
      return NOTHING_TO_RUN;
    },
    async create(target, order) {
      checkPrincipalName(order.principal);
      checkValidFor(order.validForMs);
      return await creations.run(order.principal, () => createUser(target, order, deps.random));
    },
    async setDeadline(target, principal, validForMs) {
      checkPrincipalName(principal);
      checkDeadlineIn(validForMs);
      await checkPresent(target, principal);
    },
    async end(target, principal) {
      checkPrincipalName(principal);
      return await endUser(target, principal);
    },
    async readBack(target, principal) {
      checkPrincipalName(principal);
      const outcomes = await tryEveryNode(target, (node) => readUser(node, principal));
      const said = merged(outcomes.flatMap((one) => (one.error === null ? [one.value] : [])));
      const failures = outcomes.flatMap((one) => (one.error === null ? [] : [one.error]));
      // "It works somewhere" needs no other node; "it is gone" needs all of them.
      if (failures.length > 0 && !said.canLogIn && said.sessionCount === 0) throw together(failures, outcomes.length);
      return said;
    },
    async cleanUp(target, principal) {
      checkPrincipalName(principal);
      return await cleanUpUser(target, principal);
    },
    list: listUsers,
    close: async () => undefined, // each call has its own connections and ends them
  };
}

/** One after the other for each key: two creations of one user at once could leave one password here and another there. */
function createQueues() {
  const last = new Map<string, Promise<unknown>>();
  return {
    async run<T>(key: string, work: () => Promise<T>): Promise<T> {
      const mine = (last.get(key) ?? Promise.resolve()).then(work, work);
      last.set(key, mine);
      try {
        return await mine;
      } finally {
        if (last.get(key) === mine) last.delete(key);
      }
    },
  };
}

/** Where users are made: with another set of nodes a user could stay behind on one that is not asked any more. */
const serverOf = ({ nodes }: RedisSettings): string => [...new Set(nodes)].sort().join(',');

/** A Redis level is a list of rules that each user gets: nothing has to be run on the target beforehand. */
async function planLevels(target: RedisTarget): Promise<LevelPlan> {
  await onEveryNode(target, askFacts);
  const levels = proposedLevels();
  const digest = planDigest(levels.map((level) => [level, rulesFor(level, target.settings)]));
  return { digest, levels, steps: [], notes: [] };
}

/**
 * What the manager user needs on each node, and whether it has it: asked of the server with ACL DRYRUN, which changes
 * nothing. Each failed check comes with the command that mends it.
 */

import type { RedisSettings } from '../../../../shared/contract/redis';
import type { ConnectionReport } from '../../../../shared/contract/resources';
import { type Check, fine, wrong } from '../checks';
import { TRIAL_PRINCIPAL } from '../principal-name';
import type { TargetError } from '../provisioner';
import { type Node, type RedisTarget, tryEveryNode } from './nodes';
import { askFacts, findUser, type NodeFacts } from './users';

/** Selectors, rights of reading apart from rights of writing, and ACL DRYRUN came with it. Every Valkey has them. */
export const FIRST_SUPPORTED_MAJOR = 7;

/** What the manager runs, as ACL rule and as a call to try. */
const NEEDED: readonly (readonly [rule: string, ...call: string[]])[] = [
  ['+acl|setuser', 'ACL', 'SETUSER', TRIAL_PRINCIPAL],
  ['+acl|deluser', 'ACL', 'DELUSER', TRIAL_PRINCIPAL],
  ['+acl|getuser', 'ACL', 'GETUSER', TRIAL_PRINCIPAL],
  ['+acl|users', 'ACL', 'USERS'],
  ['+acl|save', 'ACL', 'SAVE'],
  ['+client|list', 'CLIENT', 'LIST'],
  ['+client|kill', 'CLIENT', 'KILL', 'USER', TRIAL_PRINCIPAL],
];
const DRYRUN = '+acl|dryrun';

/** The least rights, as one command for each node. Shown by the connection test; docs/redis.md explains it. */
export const recipeFor = ({ managerUser }: Pick<RedisSettings, 'managerUser'>): string =>
  [
    '# On every node, replicas too, as a user that may change access control lists (redis-cli):',
    `ACL SETUSER ${managerUser} reset on ><a long random password> -@all ${[...NEEDED.map(([rule]) => rule), DRYRUN].join(' ')}`,
    '# Where the node has an ACL file:',
    'ACL SAVE',
    '# Who may run ACL SETUSER can give themselves every right: guard this password like that of the default user.',
  ].join('\n');

/** Tests every node; a node that is down is a check that failed. */
export async function checkManager(target: RedisTarget): Promise<ConnectionReport> {
  const outcomes = await tryEveryNode(target, (node) => checkNode(node, target));
  const checks = outcomes.flatMap((outcome, index) =>
    outcome.error === null ? outcome.value.checks : [notReached(target.settings.nodes[index] ?? '', outcome.error)],
  );
  const facts = outcomes.flatMap((outcome) => (outcome.error === null ? [outcome.value.facts] : []));
  const [first] = facts;
  const isWhole = facts.length === outcomes.length;
  return {
    ok: checks.every((check) => check.ok),
    targetLabel: first ? labelOf(first) : 'Redis',
    serverVersion: isWhole && first ? first.version : null, // what is not reached on every node is not reached
    checks,
    recipe: recipeFor(target.settings),
  };
}
const labelOf = ({ server, version }: NodeFacts): string =>
  `${server === 'valkey' ? 'Valkey' : 'Redis'} ${version.split('.').slice(0, 2).join('.')}`;

const notReached = (node: string, error: TargetError): Check =>
  wrong(
    `Connection to ${node}`,
    error.message,
    error.kind === 'unreachable'
      ? 'Check host and port, and that a firewall lets this service through.'
      : 'Check user, password and TLS; the recipe shows what the manager needs on each node.',
  );

async function checkNode(node: Node, target: RedisTarget): Promise<{ facts: NodeFacts; checks: Check[] }> {
  const { managerUser, tls } = target.settings;
  const facts = await askFacts(node);
  const at = (name: string) => (target.settings.nodes.length > 1 ? `${name} on ${node.name}` : name);
  const role = `${facts.role === 'master' ? 'primary' : 'replica'}${facts.mode === 'cluster' ? ' of a cluster' : ''}`;
  const checks = [
    fine(
      `Connection to ${node.name}`,
      `Signed in as ${managerUser}, ${tls === 'disable' ? 'without' : 'with'} TLS; ${role}.`,
    ),
    Number(facts.version.split('.')[0]) >= FIRST_SUPPORTED_MAJOR
      ? fine(at('Version'), labelOf(facts))
      : wrong(at('Version'), `${facts.version} is too old.`, `Use Redis ${FIRST_SUPPORTED_MAJOR} or newer, or Valkey.`),
  ];
  if (checks.every((check) => check.ok))
    checks.push(
      await checkRights(node, managerUser, at('Manager rights')),
      await checkDefaultUser(node, at('Default user')),
    );
  return { facts, checks };
}

/** Asks the server about each command; one that can't be asked about counts as missing. */
async function checkRights(node: Node, managerUser: string, name: string): Promise<Check> {
  const missing: string[] = [];
  let canAsk = true;
  for (const [rule, ...call] of NEEDED) {
    try {
      if ((await node.send('ACL', 'DRYRUN', managerUser, ...call)) !== 'OK') missing.push(rule);
    } catch (error) {
      if (!(error instanceof Error) || !/NOPERM/.test(error.message)) throw error;
      canAsk = false;
      break;
    }
  }
  if (!canAsk) missing.splice(0, missing.length, DRYRUN);
  if (missing.length === 0)
    return fine(name, 'May make, read, end and cut users, and run nothing else that is needed here.');
  return wrong(
    name,
    canAsk
      ? `${managerUser} lacks ${missing.join(' ')}.`
      : `${managerUser} may not run ACL DRYRUN, so nothing can be tried.`,
    null,
    `ACL SETUSER ${managerUser} ${missing.join(' ')}`,
  );
}

/** Who can come in without a password needs no Hallpass. */
async function checkDefaultUser(node: Node, name: string): Promise<Check> {
  let user: Awaited<ReturnType<typeof findUser>>;
  try {
    user = await findUser(node, 'default');
  } catch (error) {
    if (error instanceof Error && /NOPERM/.test(error.message))
      return fine(name, 'Not looked at: ACL GETUSER is missing.');
    throw error;
  }
  if (user?.isOn && user.takesAnyPassword)
    return wrong(
      name,
      'Everybody who reaches this node is let in without a password.',
      'Give it one, and its programs too:',
      'ACL SETUSER default resetpass ><a long random password>',
    );
  return fine(name, user?.isOn ? 'Asks for a password.' : 'Is off.');
}

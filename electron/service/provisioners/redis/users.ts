/**
 * One temporary user for one grant, on each node: made, read back, listed. How it ends is in ending.ts.
 * Our mark is a selector that allows no command at all and names a key pattern: `(~hallpass:1:<resource>)`. A user has no
 * room for a comment, and a name alone would not tell the users of two installations on one server apart.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RedisCredential } from '../../../../shared/contract/redis';
import type { Random } from '../../../../shared/domain/instant';
import { isPrincipalName } from '../principal-name';
import { type CreateOrder, type ReadBack, TargetError } from '../provisioner';
import { type Node, onEveryNode, type RedisTarget } from './nodes';
import { rulesFor } from './rules';

/** 192 bits of chance: Redis keeps a plain SHA-256, so nothing that could be guessed may be a password. */
const PASSWORD_BYTES = 24;

const markFor = (resourceId: string): string => `(~hallpass:1:${resourceId} resetchannels -@all)`;

export interface FoundUser {
  readonly isOn: boolean;
  /** SHA-256 of each password it takes. */
  readonly digests: readonly string[];
  readonly takesAnyPassword: boolean;
  /** The resource its mark names; undefined when it carries no mark of ours. */
  readonly markedFor: string | undefined;
}
const Pairs = z.array(z.unknown()).transform((flat) => {
  const pairs = new Map<string, unknown>();
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.set(String(flat[i]), flat[i + 1]);
  return pairs;
});
const Strings = z.array(z.string());

/** ACL GETUSER's answer. Throws TargetError when it is none that we know: nothing is concluded from half an answer. */
export function userIn(answer: unknown, node: string): FoundUser | undefined {
  if (answer === null) return undefined;
  const parsed = z
    .object({ flags: Strings, passwords: Strings, selectors: z.array(Pairs) })
    .safeParse(Object.fromEntries(Pairs.safeParse(answer).data ?? []));
  if (!parsed.success) throw new TargetError('refused', `${node} answered ACL GETUSER in a way that is not known.`);
  const { flags, passwords, selectors } = parsed.data;
  const marks = selectors.map((selector) => /^~hallpass:1:(res_[0-9a-z]{26})$/.exec(String(selector.get('keys')))?.[1]);
  return {
    isOn: flags.includes('on'),
    digests: passwords,
    takesAnyPassword: flags.includes('nopass'),
    markedFor: marks.find((mark) => mark !== undefined),
  };
}
export const findUser = async (node: Node, principal: string): Promise<FoundUser | undefined> =>
  userIn(await node.send('ACL', 'GETUSER', principal), node.name);

/** How many connections are signed in as this user, from CLIENT LIST. A name that a client gave itself counts for nothing. */
export async function countSessions(node: Node, principal: string): Promise<number> {
  const clients = z.string().safeParse(await node.send('CLIENT', 'LIST'));
  if (!clients.success)
    throw new TargetError('refused', `${node.name} answered CLIENT LIST in a way that is not known.`);
  return clients.data.split('\n').filter((line) => line.trimEnd().split(' ').includes(`user=${principal}`)).length;
}

/** What the node says now. */
export async function readUser(node: Node, principal: string): Promise<ReadBack> {
  const user = await findUser(node, principal);
  const canLogIn = user?.isOn === true && (user.takesAnyPassword || user.digests.length > 0);
  return { exists: user !== undefined, canLogIn, sessionCount: await countSessions(node, principal) };
}
/** The nodes' answers as one: what is true on any of them is true. */
export const merged = (all: readonly ReadBack[]): ReadBack => ({
  exists: all.some((one) => one.exists),
  canLogIn: all.some((one) => one.canLogIn),
  sessionCount: all.reduce((sum, one) => sum + one.sessionCount, 0),
});

/**
 * Makes the user on every node, or gives an existing one of this grant a new password. A node that fails leaves a user on
 * the others whose password nobody got; creating again replaces it, and an end takes it away.
 */
export async function createUser(target: RedisTarget, order: CreateOrder, random: Random): Promise<RedisCredential> {
  const { principal, level } = order;
  const { settings } = target;
  const password = Buffer.from(random.bytes(PASSWORD_BYTES)).toString('base64url');
  const digest = createHash('sha256').update(password).digest('hex');
  const rules = rulesFor(level, settings);
  await onEveryNode(target, (node) => refuseForeign(node, target, principal));
  const facts = await onEveryNode(target, async (node) => {
    // One command, so nobody ever sees a user with a password and without limits, or the other way round.
    await node.send('ACL', 'SETUSER', principal, 'reset', `#${digest}`, ...rules, markFor(target.resourceId), 'on');
    const made = await findUser(node, principal);
    if (!made?.isOn || made.digests.join() !== digest)
      throw new TargetError(
        'conflict',
        `The user was made on ${node.name}, but reading it back says it can not log in.`,
      );
    return { node: node.name, ...(await askFacts(node)) };
  });
  const primaryFirst = [...facts].sort((a, b) => Number(b.role === 'master') - Number(a.role === 'master'));
  const { tls, caCertificate, database } = settings;
  return {
    kind: 'redis',
    nodes: primaryFirst.map(({ node }) => node),
    topology: facts.some(({ mode }) => mode === 'cluster') ? 'cluster' : 'standalone',
    database,
    user: principal,
    password,
    tls,
    ...(caCertificate ? { caCertificate } : {}),
  };
}

async function refuseForeign(node: Node, target: RedisTarget, principal: string): Promise<void> {
  const user = await findUser(node, principal);
  if (user && user.markedFor !== target.resourceId)
    throw new TargetError('conflict', `A user ${principal} is on ${node.name} that was not made for this resource.`);
}

export interface NodeFacts {
  readonly server: string;
  readonly version: string;
  readonly mode: string;
  readonly role: string;
}
/** HELLO is open to every user, so the manager needs no right for it. */
export async function askFacts(node: Node): Promise<NodeFacts> {
  const pairs = Pairs.safeParse(await node.send('HELLO')).data;
  const text = (name: string) => String(pairs?.get(name) ?? '');
  return { server: text('server'), version: text('version'), mode: text('mode'), role: text('role') };
}

/** Principals of this resource on any node: the name has our form *and* the user carries the mark of this very resource. */
export async function listUsers(target: RedisTarget): Promise<string[]> {
  const lists = await onEveryNode(target, async (node) => {
    const names = Strings.safeParse(await node.send('ACL', 'USERS'));
    if (!names.success) throw new TargetError('refused', `${node.name} answered ACL USERS in a way that is not known.`);
    const alike = names.data.filter((name) => isPrincipalName(name));
    const users = await Promise.all(alike.map((name) => findUser(node, name)));
    return alike.filter((_, index) => users[index]?.markedFor === target.resourceId);
  });
  return [...new Set(lists.flat())].sort();
}

/** Redis has no end time to move. Throws TargetError `conflict` when the user is not on every node any more. */
export async function checkPresent(target: RedisTarget, principal: string): Promise<void> {
  await onEveryNode(target, async (node) => {
    if (!(await findUser(node, principal)))
      throw new TargetError('conflict', `The user ${principal} is not on ${node.name}.`);
  });
}

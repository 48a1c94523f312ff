/**
 * The manager's connections to the nodes of a Redis target, one short one per call: nothing is kept that could be stale
 * when access has to end. Every wait has a limit; errors carry the node's name and no secret.
 * Why all nodes each time: Redis hands its users on to no replica and no other part of a cluster.
 * A time-out is "unknown": it becomes TargetError `unreachable`, and the caller reads back.
 */
import type { ConnectionOptions } from 'node:tls';
import type { Redis } from 'ioredis';
import { type RedisSettings, redisNodeOf } from '../../../../shared/contract/redis';
import { type Target, TargetError } from '../provisioner';

export type RedisTarget = Target<RedisSettings>;
/** One node, signed in as the manager. */
export interface Node {
  readonly name: string;
  /** Sends one command. Throws what the server said (`ReplyError`) or what the connection ran into. */
  send(...words: readonly [string, ...string[]]): Promise<unknown>;
}

/** Below what the engine waits for a whole call, so that a node that hangs is named. */
const CONNECT_LIMIT_MS = 4_000;
const COMMAND_LIMIT_MS = 4_000;

/**
 * Runs `work` on every node at once and waits for all of them: what can be done is done, also when another node is down.
 * @throws {TargetError} that names each node that failed; `unreachable` when one of them was
 */
export async function onEveryNode<T>(target: RedisTarget, work: (node: Node) => Promise<T>): Promise<T[]> {
  const outcomes = await tryEveryNode(target, work);
  const failures = outcomes.flatMap((outcome) => (outcome.error === null ? [] : [outcome.error]));
  if (failures.length > 0) throw together(failures, outcomes.length);
  return outcomes.flatMap((outcome) => (outcome.error === null ? [outcome.value] : []));
}

export type Outcome<T> = { readonly error: null; readonly value: T } | { readonly error: TargetError };
/** The same, for whoever can use the answers of some nodes without the others. */
export async function tryEveryNode<T>(target: RedisTarget, work: (node: Node) => Promise<T>): Promise<Outcome<T>[]> {
  return await Promise.all(
    target.settings.nodes.map(async (name): Promise<Outcome<T>> => {
      try {
        return { error: null, value: await onNode(target, name, work) };
      } catch (error) {
        return { error: asTargetError(error, name, target.secret) };
      }
    }),
  );
}

/** One error for several nodes. The worst kind decides: while a node can't be asked, nothing is known of it. */
export function together(failures: readonly TargetError[], nodeCount: number): TargetError {
  const [first] = failures;
  if (first && nodeCount === 1) return first;
  const worst = (['unreachable', 'refused', 'conflict'] as const).find((kind) => failures.some((f) => f.kind === kind));
  const words = failures.map((failure) => failure.message).join(' ');
  return new TargetError(worst ?? 'unreachable', `On ${failures.length} of ${nodeCount} nodes: ${words}`);
}

async function onNode<T>(target: RedisTarget, name: string, work: (node: Node) => Promise<T>): Promise<T> {
  const client = await connect(target.settings, name);
  try {
    // Sent by us and not by the driver, which warns on the console and goes on when it thinks that no password is needed.
    await client.call('AUTH', target.settings.managerUser, target.secret);
    return await work({ name, send: (command, ...rest) => client.call(command, ...rest) });
  } finally {
    client.disconnect();
  }
}

async function connect(settings: RedisSettings, name: string): Promise<Redis> {
  const { Redis } = await import('ioredis'); // only a service that has Redis targets loads it
  const { host, port } = redisNodeOf(name);
  const tls = tlsOptions(settings);
  const client = new Redis({
    host,
    port,
    ...(tls ? { tls } : {}),
    protocol: 2, // answers as flat lists, the same on every version
    lazyConnect: true,
    connectTimeout: CONNECT_LIMIT_MS,
    commandTimeout: COMMAND_LIMIT_MS,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
    disableClientInfo: true,
    autoResendUnfulfilledCommands: false,
  });
  let cause: unknown;
  client.on('error', (error) => {
    cause ??= error;
  });
  try {
    await client.connect();
  } catch (error) {
    client.disconnect();
    throw cause ?? error; // the driver rejects with "closed" and tells why beside it
  }
  return client;
}

/** As everywhere: `require` checks the chain when an authority is given; only `verify-full` checks the name too. */
function tlsOptions({ tls, caCertificate: ca }: RedisSettings): ConnectionOptions | null {
  switch (tls) {
    case 'disable':
      return null;
    case 'require':
      return ca
        ? { ca, rejectUnauthorized: true, checkServerIdentity: () => undefined }
        : { rejectUnauthorized: false };
    case 'verify-full':
      return { ...(ca ? { ca } : {}), rejectUnauthorized: true };
  }
}

/** First words of answers after which the same thing may succeed later; all else from the server is a no. */
const ASK_AGAIN = /^(LOADING|BUSY|TRYAGAIN|MASTERDOWN|CLUSTERDOWN|OOM|ERR max number of clients)/;

const isReply = (error: unknown): error is Error => error instanceof Error && error.name === 'ReplyError';
/** What the server answered, when it did. */
export const replyOf = (error: unknown): string => (isReply(error) ? error.message : '');

/** What a caller may see and log: the server's own words, no secret and no digest of one. */
export function asTargetError(error: unknown, node: string, secret: string): TargetError {
  if (error instanceof TargetError) return error;
  const said = error instanceof Error ? error.message : 'unknown error';
  const code = (error as { code?: unknown } | null)?.code;
  const words = scrub(typeof code === 'string' && !said.includes(code) ? `${said} (${code})` : said, secret);
  if (isReply(error))
    return new TargetError(ASK_AGAIN.test(said) ? 'unreachable' : 'refused', `${node} answered: ${words}.`);
  const isRefusal = /certificate|altname|self.signed|wrong version number|packet length too long/i.test(words);
  return new TargetError(isRefusal ? 'refused' : 'unreachable', `${node} could not be used: ${words}.`);
}
function scrub(words: string, secret: string): string {
  const withoutSecret = secret.length > 0 ? words.replaceAll(secret, '[secret]') : words;
  return withoutSecret
    .replace(/[0-9a-f]{64}/gi, '[digest]')
    .replace(/\.$/, '')
    .slice(0, 300);
}

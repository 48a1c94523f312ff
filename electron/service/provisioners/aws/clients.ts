/**
 * How STS and IAM are asked: one pair of clients per account and manager, made when first needed (the SDK is large and most
 * services never need it), with a limit on everything, AWS's own clock, and errors without secrets.
 */
import type { IAMClient } from '@aws-sdk/client-iam';
import type { STSClient } from '@aws-sdk/client-sts';
import { type AwsKeys, type AwsSettings, readAwsKeys } from '../../../../shared/contract/aws';
import { poolKey } from '../pools';
import { type Target, TargetError } from '../provisioner';

export type AwsTarget = Target<AwsSettings>;

const CONNECT_LIMIT_MS = 5_000;
const REQUEST_LIMIT_MS = 5_000;
/**
 * What is done for a grant, all its requests and their repetitions: below the engine's own patience, so that nothing of it reaches
 * AWS after the engine gave it up and went on to the end.
 */
const CALL_LIMIT_MS = 9_000;
const MAX_ATTEMPTS = 3;
const MAX_CLIENTS = 50;

export interface Aws {
  readonly keys: AwsKeys;
  readonly sts: STSClient;
  readonly iam: IAMClient;
  readonly sdk: Sdk;
  /** AWS's time as of its last answer, epoch seconds. @throws before the first answer */
  nowSeconds(): number;
}
export interface Sdk {
  readonly sts: typeof import('@aws-sdk/client-sts');
  readonly iam: typeof import('@aws-sdk/client-iam');
}
export interface Clients {
  /** Runs `work` with the clients of a target, as long as it takes. Throws TargetError only. */
  on<T>(target: AwsTarget, work: (aws: Aws) => Promise<T>): Promise<T>;
  /** The same for a grant: no request goes out, again or anew, once its time is over. */
  inTime<T>(target: AwsTarget, work: (aws: Aws) => Promise<T>): Promise<T>;
  /** A client with the keys of a session instead of the manager's. The caller destroys it. */
  asSession(target: AwsTarget, keys: AwsKeys): Promise<STSClient>;
  close(): Promise<void>;
}

/** Regions of GovCloud and China belong to partitions of their own, with other ARNs. */
export const partitionOf = (region: string): string =>
  region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
export const roleArn = ({ region, accountId }: AwsSettings, role: string): string =>
  `arn:${partitionOf(region)}:iam::${accountId}:role/${role}`;
/** IAM's calls want the name alone. */
export const roleName = (role: string): string => role.slice(role.lastIndexOf('/') + 1);

let sdk: Promise<Sdk> | undefined;
const loadSdk = (): Promise<Sdk> => {
  // What ships is what was tested; its notice about coming versions is for who updates it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  sdk ??= Promise.all([import('@aws-sdk/client-sts'), import('@aws-sdk/client-iam')]).then(([sts, iam]) => ({
    sts,
    iam,
  }));
  return sdk;
};

const keyOf = ({ settings, secret }: AwsTarget): string => poolKey(settings.region, settings.endpointUrl, secret);

/** What both clients are made with. Retries and time-outs have limits; nothing is read from this machine's own AWS files. */
const optionsFor = ({ settings }: AwsTarget, keys: AwsKeys) => ({
  region: settings.region,
  credentials: keys,
  ...(settings.endpointUrl ? { endpoint: settings.endpointUrl } : {}),
  maxAttempts: MAX_ATTEMPTS,
  requestHandler: {
    connectionTimeout: CONNECT_LIMIT_MS,
    requestTimeout: REQUEST_LIMIT_MS,
    throwOnRequestTimeout: true, // else it is a line on the console, and a line that fell silent is waited for without end
  },
  profile: 'hallpass-reads-no-profile',
});

export function createClients(): Clients {
  const known = new Map<string, Aws>();
  const destroy = (aws: Aws) => {
    aws.sts.destroy();
    aws.iam.destroy();
  };
  const clientsFor = async (target: AwsTarget): Promise<Aws> => {
    const key = keyOf(target);
    const there = known.get(key);
    if (there) return there;
    const made = make(await loadSdk(), target);
    for (const [oldest, aws] of known) {
      if (known.size < MAX_CLIENTS) break;
      known.delete(oldest);
      destroy(aws);
    }
    const meanwhile = known.get(key);
    if (meanwhile) return meanwhile;
    known.set(key, made);
    return made;
  };
  return {
    async on(target, work) {
      try {
        return await work(await clientsFor(target));
      } catch (error) {
        throw asTargetError(error, target);
      }
    },
    async inTime(target, work) {
      const limit = AbortSignal.timeout(CALL_LIMIT_MS);
      try {
        return await work(boundTo(limit, await clientsFor(target)));
      } catch (error) {
        if (!limit.aborted || error instanceof TargetError) throw asTargetError(error, target);
        throw new TargetError('unreachable', `${placeOf(target)} gave no whole answer in time.`);
      }
    },
    async asSession(target, keys) {
      const { sts } = await loadSdk();
      return new sts.STSClient(optionsFor(target, keys));
    },
    async close() {
      for (const aws of known.values()) destroy(aws);
      known.clear();
    },
  };
}

/** The same clients, whose requests end with the limit. */
const boundTo = (limit: AbortSignal, aws: Aws): Aws => ({
  ...aws,
  sts: sendingWithin(limit, aws.sts),
  iam: sendingWithin(limit, aws.iam),
});
function sendingWithin<C extends STSClient | IAMClient>(abortSignal: AbortSignal, client: C): C {
  const send = (client.send as (command: unknown, options: object) => Promise<unknown>).bind(client);
  return Object.create(client, { send: { value: (command: unknown) => send(command, { abortSignal }) } });
}

/** The part of the SDK's middleware that both clients share. */
interface ClockStack {
  add(
    middleware: (
      next: (args: unknown) => Promise<{ response: unknown }>,
    ) => (args: unknown) => Promise<{ response: unknown }>,
    options: { step: 'deserialize'; name: string; priority: 'low' },
  ): void;
}

function make(sdk: Sdk, target: AwsTarget): Aws {
  const keys = readAwsKeys(target.secret);
  if (!keys)
    throw new TargetError(
      'refused',
      'The manager credential is no access key: it needs a key id and a secret access key (and a session token for temporary ones).',
    );
  const options = optionsFor(target, keys);
  const sts = new sdk.sts.STSClient(options);
  const iam = new sdk.iam.IAMClient(options);
  let seen: { readonly awsMs: number; readonly hereMs: number } | null = null;
  const note = (response: unknown) => {
    const headers = (response as { headers?: Record<string, string> } | undefined)?.headers ?? {};
    const awsMs = Date.parse(headers.date ?? headers.Date ?? '');
    if (Number.isFinite(awsMs)) seen = { awsMs, hereMs: performance.now() };
  };
  for (const { middlewareStack } of [sts, iam])
    (middlewareStack as ClockStack).add(
      (next) => async (args) => {
        const answer = await next(args);
        note(answer.response);
        return answer;
      },
      { step: 'deserialize', name: 'hallpassClock', priority: 'low' },
    );
  return {
    keys,
    sts,
    iam,
    sdk,
    nowSeconds() {
      if (!seen) throw new Error('AWS was not asked yet');
      return Math.floor((seen.awsMs + performance.now() - seen.hereMs) / 1_000);
    },
  };
}

export const errorName = (error: unknown): string =>
  ((error as { name?: unknown } | null)?.name as string | undefined)?.replace(/Exception$/, '') ?? '';
export const isMissing = (error: unknown): boolean => errorName(error) === 'NoSuchEntity';
export const isForbidden = (error: unknown): boolean => /^(AccessDenied|UnauthorizedOperation)$/.test(errorName(error));

const ASK_AGAIN = /Throttl|TooManyRequests|RequestLimitExceeded|ServiceUnavailable|ServiceFailure|InternalFailure/i;

const placeOf = ({ settings }: AwsTarget): string => settings.endpointUrl ?? `AWS account ${settings.accountId}`;

/** What a caller may see and log: AWS's own words, no secret. */
export function asTargetError(error: unknown, target: AwsTarget): TargetError {
  if (error instanceof TargetError) return error;
  const status = (error as { $metadata?: { httpStatusCode?: number } } | null)?.$metadata?.httpStatusCode;
  const name = errorName(error);
  const where = placeOf(target);
  const words = scrub(error instanceof Error ? error.message || name : 'unknown error', target.secret);
  if (status === undefined) {
    const isCertificate = /certificate|altname|self.signed/i.test(words);
    return new TargetError(isCertificate ? 'refused' : 'unreachable', `${where} could not be used: ${words}`);
  }
  if (status >= 500 || status === 429 || ASK_AGAIN.test(name))
    return new TargetError('unreachable', `${where} asks to come back later: ${words} (${name})`);
  return new TargetError('refused', `${where} answered: ${words} (${name})`);
}

/** AWS repeats no secret; a proxy in between might. */
function scrub(words: string, secret: string): string {
  const keys = readAwsKeys(secret);
  let clean = words;
  for (const part of [secret, keys?.secretAccessKey, keys?.sessionToken])
    if (part && part.length > 3) clean = clean.replaceAll(part, '***');
  return clean.slice(0, 500);
}

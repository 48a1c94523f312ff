/**
 * Calls to a Kubernetes API server over plain https, as the manager or with a token that was just made.
 * Why no client library: a handful of calls on four kinds of objects, against hundreds of thousands of generated lines that
 * read kubeconfig files, run exec plugins and follow proxies from the environment. None of that may happen in the service.
 * No redirect is followed; every call has one time limit and every answer one size limit; no token is ever in an error.
 */
import { Agent, request } from 'node:https';
import { z } from 'zod';
import type { KubernetesSettings } from '../../../../shared/contract/kubernetes';
import { poolKey } from '../pools';
import { type Target, TargetError } from '../provisioner';

export type KubernetesTarget = Target<KubernetesSettings>;

/** Below the engine's own patience, so that it hears why and not only that nothing came. */
const CALL_LIMIT_MS = 10_000;
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;
/** At once to one server; the rest waits for its turn. */
const MAX_CONNECTIONS = 6;
const MAX_SERVERS = 100;

export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Made of `pathOf`, so that no name can leave its place. */
  readonly path: string;
  readonly body?: unknown;
  /** Instead of the manager's. */
  readonly token?: string;
}
export interface Answer {
  readonly status: number;
  /** Parsed JSON; undefined when it was none. */
  readonly body: unknown;
}
export interface KubernetesApi {
  /** What the server says, whatever the status. @throws TargetError when there is no whole answer, or the token is not taken */
  ask(target: KubernetesTarget, call: Call): Promise<Answer>;
  close(): Promise<void>;
}

/** `/api/v1/namespaces/<encoded>/…` */
export const pathOf = (...segments: readonly string[]): string => `/${segments.map(encodeURIComponent).join('/')}`;

export function createApi(): KubernetesApi {
  const agents = new Map<string, Agent>();
  const agentFor = ({ settings }: KubernetesTarget): Agent => {
    const key = poolKey(settings.server, settings.caCertificate ?? null);
    const known = agents.get(key);
    if (known) return known;
    for (const [oldest, agent] of agents) {
      if (agents.size < MAX_SERVERS) break;
      agents.delete(oldest);
      agent.destroy();
    }
    const agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS, maxFreeSockets: 2, minVersion: 'TLSv1.2' });
    agents.set(key, agent);
    return agent;
  };
  return {
    async ask(target, call) {
      try {
        return checked(target, call, await exchange(target, call, agentFor(target)));
      } catch (error) {
        if (!(error instanceof StaleConnection)) throw error;
        // The server closed an idle connection just as we used it. All our calls can be repeated.
        return checked(target, call, await exchange(target, call, agentFor(target)));
      }
    },
    async close() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

class StaleConnection extends TargetError {}

export const hostOf = (target: KubernetesTarget): string => new URL(target.settings.server).host;

function exchange(target: KubernetesTarget, call: Call, agent: Agent): Promise<Answer> {
  const base = new URL(target.settings.server);
  const token = (call.token ?? target.secret).trim();
  // Node would throw for these too, but its error is not ours to pass on.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new TargetError('refused', 'The manager’s token is not one line of text.');
  const payload = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
  const limit = AbortSignal.timeout(CALL_LIMIT_MS);
  return new Promise((resolve, reject) => {
    const sent = request({
      agent,
      method: call.method,
      host: base.hostname.replace(/^\[|\]$/g, ''),
      port: base.port || 443,
      path: `${base.pathname.replace(/\/$/, '')}${call.path}`,
      ...(target.settings.caCertificate === undefined ? {} : { ca: target.settings.caCertificate }),
      signal: limit,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': 'hallpass',
        ...(payload
          ? {
              'content-type': call.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
              'content-length': payload.length,
            }
          : {}),
      },
    });
    const fail = (error: unknown) => reject(asTargetError(target, error, { limit, isReused: sent.reusedSocket }));
    sent.once('error', fail);
    sent.once('response', (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_ANSWER_BYTES) return void chunks.push(chunk);
        answer.destroy();
        reject(new TargetError('refused', `The answer of ${hostOf(target)} is too large.`));
      });
      answer.once('error', fail);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: parsed(Buffer.concat(chunks)) }));
    });
    sent.end(payload);
  });
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

const UNTRUSTED = /CERT|SIGNATURE|ERR_TLS|UNABLE_TO_|SELF_SIGNED|ALTNAME/;
function asTargetError(
  target: KubernetesTarget,
  error: unknown,
  facts: { readonly limit: AbortSignal; readonly isReused: boolean },
): TargetError {
  const host = hostOf(target);
  if (facts.limit.aborted) return new TargetError('unreachable', `${host} gave no whole answer in time.`);
  const code = String((error as NodeJS.ErrnoException | null)?.code ?? 'connection closed');
  if (UNTRUSTED.test(code))
    return new TargetError('refused', `The certificate of ${host} is not one to be trusted (${code}).`);
  if (facts.isReused && code === 'ECONNRESET') return new StaleConnection('unreachable', `${host} closed (${code}).`);
  return new TargetError('unreachable', `${host} does not answer (${code}).`);
}

/** What the API server says of a failure; `message` names objects and users, never a token. */
const Status = z.object({ message: z.string().max(4_000), reason: z.string().max(200).optional() });
export const wordsOf = ({ status, body }: Answer): string => {
  const said = Status.safeParse(body);
  return said.success ? `${said.data.message} (${status})` : `no words, only the status ${status}`;
};

/** 401, overload and server errors are the same for every call; what else is said, the caller knows what it means. */
function checked(target: KubernetesTarget, call: Call, answer: Answer): Answer {
  const { status } = answer;
  const host = hostOf(target);
  if (status === 401)
    throw new TargetError('refused', `${host} does not take the ${call.token ? 'new' : 'manager’s'} token (401).`);
  if (status === 429 || status >= 500)
    throw new TargetError('unreachable', `${host} can not answer now: ${scrub(target, wordsOf(answer))}`);
  if (status >= 300 && status < 400)
    throw new TargetError('refused', `${host} wants to send us elsewhere (${status}); name that address itself.`);
  return answer;
}
const scrub = (target: KubernetesTarget, words: string): string =>
  target.secret.trim() === '' ? words : words.replaceAll(target.secret.trim(), '[secret]');

/** The refusal of a call that should have worked. */
export function refusal(target: KubernetesTarget, what: string, answer: Answer): TargetError {
  const kind = answer.status === 409 ? 'conflict' : 'refused';
  return new TargetError(kind, `${what}: ${hostOf(target)} answered ${scrub(target, wordsOf(answer))}`);
}

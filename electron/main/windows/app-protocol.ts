/**
 * `app://hallpass`: the page's files, and `/api/*` passed on to the service with our authentication.
 * A page's abort is not seen here before the answer's headers (Chromium does not tell), so the bridge sends the request
 * id over IPC (`proxy.cancel`), and we abort the call to the service.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { MAX_BODY_BYTES } from '../../../shared/domain/limits';
import type { Log } from '../lifecycle/log';
import { ApiProblem } from '../session/api-problem';
import { APP_CSP, DATA_HEADERS } from './csp';
import { API_PREFIX, judgeCall, passDown, passUp, problemOf } from './proxy-rules';
import { serveFiles } from './static-files';

export interface Upstream {
  /** Rejects when the service can't be reached or the call was aborted. */
  send(call: {
    method: string;
    path: string;
    headers: Record<string, string>;
    body?: Buffer;
    signal: AbortSignal;
  }): Promise<{ status: number; headers: IncomingHttpHeaders | Record<string, unknown>; body: Readable }>;
}

export interface AppProtocol {
  handle(request: Request): Promise<Response>;
  /** Aborts the call with this `x-request-id`. */
  cancel(requestId: string): void;
}

const json = (status: number, body: unknown) =>
  new Response(JSON.stringify(body), {
    status,
    headers: { ...DATA_HEADERS, 'content-type': 'application/problem+json' },
  });

export function createAppProtocol(deps: { root: string; upstream: () => Upstream | null; log: Log }): AppProtocol {
  const files = serveFiles(deps.root, 'app/index.html', APP_CSP);
  const running = new Map<string, AbortController>();

  async function proxy(request: Request, url: URL): Promise<Response> {
    const verdict = judgeCall(request.method, url.pathname);
    if (verdict.kind === 'refuse') return json(verdict.problem.status, verdict.problem);
    const upstream = deps.upstream();
    if (upstream === null) return away('The service is still starting.');
    const body = await bodyOf(request);
    if (body === 'too-large')
      return json(413, problemOf(413, 'body-too-large', 'That is too much at once.', 'Send less than 512 KB.'));
    const id = request.headers.get('x-request-id')?.slice(0, 64) ?? randomUUID();
    const stop = new AbortController();
    running.set(id, stop);
    const headers = passUp(request.headers);
    if (request.method === 'POST') headers['idempotency-key'] ??= randomUUID();
    try {
      const answer = await upstream.send({
        method: request.method,
        path: verdict.path + url.search,
        headers,
        ...(body === undefined ? {} : { body }),
        signal: stop.signal,
      });
      answer.body.once('close', () => running.delete(id));
      const empty = answer.status === 204 || answer.status === 304;
      if (empty) answer.body.resume();
      return new Response(empty ? null : (Readable.toWeb(answer.body) as ReadableStream<Uint8Array>), {
        status: answer.status,
        headers: { ...passDown(answer.headers as Record<string, unknown>), ...DATA_HEADERS },
      });
    } catch (cause) {
      running.delete(id);
      if (cause instanceof ApiProblem) return json(cause.problem.status, cause.problem); // sign-in was refused
      if (!stop.signal.aborted) deps.log('warn', 'the service did not answer', { path: verdict.path, cause });
      return away(cause instanceof Error ? cause.message : undefined);
    }
  }

  return {
    async handle(request) {
      const url = new URL(request.url);
      if (url.host !== 'hallpass') return new Response(null, { status: 404 });
      if (url.pathname === API_PREFIX || url.pathname.startsWith(`${API_PREFIX}/`)) return proxy(request, url);
      if (request.method !== 'GET' && request.method !== 'HEAD') return new Response(null, { status: 405 });
      return files(url);
    },
    cancel(requestId) {
      running.get(requestId)?.abort();
      running.delete(requestId);
    },
  };
}

function away(detail?: string): Response {
  return json(
    503,
    problemOf(
      503,
      'unavailable',
      'The service can’t be reached.',
      'Live access still ends on time. Trying again by itself.',
      detail,
    ),
  );
}

async function bodyOf(request: Request): Promise<Buffer | undefined | 'too-large'> {
  if (request.body === null) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) return 'too-large';
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

/**
 * The typed client of the service, made from the one table of routes (shared/contract/api.ts).
 * Requests go to this page's own origin; the main process adds authentication. No token ever comes here.
 * What comes back is checked against its schema: an answer we do not understand is an error, not a blank page.
 */
import axios, { type AxiosError, type AxiosInstance } from 'axios';
import {
  API,
  type ApiBody,
  type ApiName,
  type ApiParams,
  type ApiQuery,
  type ApiReply,
  urlOf,
} from '../../shared/contract/api';
import type { UserError } from '../../shared/contract/ipc';
import { Problem } from '../../shared/contract/problem';
import { invoke } from './bridge';

const TIMEOUT_MS = 20_000;
/** Exported for the preview, which answers from fixtures. */
export const http: AxiosInstance = axios.create({
  baseURL: '/api',
  timeout: TIMEOUT_MS,
  headers: { Accept: 'application/json' },
});

/** An error of the service (or of the way to it), with the fields it complains about. */
export class ApiError extends Error implements UserError {
  override readonly name = 'ApiError';
  readonly what: string;
  constructor(
    readonly code: string,
    what: string,
    readonly safe: string | null,
    readonly next: string | null,
    readonly detail: string | null,
    /** Field path to message. */
    readonly fields: Readonly<Record<string, string>> = {},
    readonly status: number | null = null,
  ) {
    super(what);
    this.what = what;
  }
}

type Field<K extends string, V> = undefined extends V ? { readonly [P in K]?: V } : { readonly [P in K]: V };
export type ApiInput<N extends ApiName> = Field<'params', ApiParams<N>> &
  Partial<Field<'query', ApiQuery<N>>> &
  Field<'body', ApiBody<N>>;
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** The same for every retry of one wish, so that the service does it once. A fresh one when left out. */
  readonly idempotencyKey?: string;
}

/** Calls one route. Throws an `ApiError`, or the abort reason when `signal` was aborted. */
export async function api<N extends ApiName>(
  name: N,
  input: ApiInput<N>,
  { signal, idempotencyKey }: CallOptions = {},
): Promise<ApiReply<N>> {
  const route = API[name];
  const given = input as { params?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown };
  const requestId = crypto.randomUUID();
  const headers: Record<string, string> = { 'x-request-id': requestId };
  if (route.method === 'POST') headers['Idempotency-Key'] = idempotencyKey ?? crypto.randomUUID();
  // the main process never learns that a page gave up before the answer began: tell it
  const cancel = () => void invoke('proxy.cancel', requestId).catch(() => undefined);
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    const answer = await http.request<unknown>({
      method: route.method,
      url: urlOf(route, given.params, given.query),
      data: given.body,
      headers,
      ...(signal ? { signal } : {}),
    });
    const reply = route.reply.safeParse(answer.data ?? {});
    if (!reply.success) throw notUnderstood(name, reply.error.message);
    return reply.data as ApiReply<N>;
  } catch (error) {
    throw error instanceof ApiError || signal?.aborted ? error : explain(error as AxiosError);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

const notUnderstood = (name: string, detail: string) =>
  new ApiError(
    'not-understood',
    'The service answered in a way this app does not understand.',
    'Nothing was shown that might be wrong. Running access still ends on time.',
    'The app and the service may be of different versions: update the older one.',
    `${name}: ${detail}`,
  );

function explain(error: AxiosError): ApiError {
  const problem = Problem.safeParse(error.response?.data);
  if (problem.success) {
    const { code, title, safe, next, detail, errors, status } = problem.data;
    const fields = Object.fromEntries(
      (errors ?? []).map((one) => [one.path.replace(/^\/?(body[./])?/, ''), one.message]),
    );
    return new ApiError(code, title, safe ?? null, next ?? null, detail ?? null, fields, status);
  }
  const timedOut = error.code === 'ECONNABORTED' || error.code === 'ETIMEDOUT';
  return new ApiError(
    'unreachable',
    timedOut ? 'The service did not answer in time.' : 'The service can’t be reached.',
    'Whether it took note is unknown. Access on this machine still ends on time.',
    'The app keeps trying to connect. Try again when it says Connected.',
    error.message ?? null,
    {},
    error.response?.status ?? null,
  );
}

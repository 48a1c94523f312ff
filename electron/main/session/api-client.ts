/** Typed calls to the service: path, query and body by the route table, the reply checked by its schema. */
import { randomUUID } from 'node:crypto';
import {
  API,
  type ApiBody,
  type ApiName,
  type ApiParams,
  type ApiQuery,
  type ApiReply,
  type Route,
  urlOf,
} from '../../../shared/contract/api';
import { ApiProblem, problemIn, readJson } from './api-problem';
import type { Transport } from './transport';

export type CallOptions<N extends ApiName> = {
  readonly params?: ApiParams<N>;
  readonly query?: ApiQuery<N>;
  readonly body?: ApiBody<N>;
  /** Same key on a retry: the service does the thing once. Made here when left out. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
};
/** @throws ApiProblem when the service refuses, ServiceAway when it does not answer, ZodError when its reply is not what the contract says. */
export type CallApi = <N extends ApiName>(name: N, options?: CallOptions<N>) => Promise<ApiReply<N>>;

export function createCallApi(transport: () => Transport): CallApi {
  return async (name, options = {}) => {
    const route: Route = API[name];
    const path = urlOf(route, fields(options.params), fields(options.query));
    const headers: Record<string, string> = { accept: 'application/json' };
    if (route.method === 'POST') headers['idempotency-key'] = options.idempotencyKey ?? randomUUID();
    const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
    if (body !== undefined) headers['content-type'] = 'application/json';
    const answer = await transport().send({
      method: route.method,
      path,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (answer.status >= 400) throw new ApiProblem(await problemIn(answer));
    return route.reply.parse(await readJson(answer)) as never;
  };
}

const fields = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null ? { ...value } : undefined;

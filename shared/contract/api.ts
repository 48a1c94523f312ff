/**
 * Every HTTP route, once: server registration, typed client and OpenAPI are made from this table. One more route: its entry in the
 * file of its subject (routes/).
 * `access` says who may call it; `renderer: false` means the main process refuses to proxy it for a page.
 */
import { z } from 'zod';
import { At } from './fields';
import { AUDIT_ROUTES } from './routes/audit';
import { GRANTS_ROUTES } from './routes/grants';
import { HOOKS_ROUTES } from './routes/hooks';
import { PEOPLE_ROUTES } from './routes/people';
import { POLICY_ROUTES } from './routes/policy';
import { REQUESTS_ROUTES } from './routes/requests';
import { RESOURCES_ROUTES } from './routes/resources';
import type { Route } from './routes/route';

export type { Route } from './routes/route';

export const API = {
  ...PEOPLE_ROUTES,
  ...RESOURCES_ROUTES,
  ...REQUESTS_ROUTES,
  ...GRANTS_ROUTES,
  ...POLICY_ROUTES,
  ...HOOKS_ROUTES,
  ...AUDIT_ROUTES,
} as const satisfies Record<string, Route>;

export type ApiName = keyof typeof API;
type In<S> = S extends z.ZodType ? z.input<S> : undefined;
export type ApiParams<N extends ApiName> = (typeof API)[N] extends { params: infer S } ? In<S> : undefined;
export type ApiQuery<N extends ApiName> = (typeof API)[N] extends { query: infer S } ? In<S> : undefined;
export type ApiBody<N extends ApiName> = (typeof API)[N] extends { body: infer S } ? In<S> : undefined;
export type ApiReply<N extends ApiName> = z.output<(typeof API)[N]['reply']>;
/** `GET /v1/events` (SSE) and `GET /healthz`, `GET /openapi.json` stand beside this table. */
export const EVENTS_PATH = '/v1/events';
/** `Bearer <launch token>` on the local socket; `DPoP <access token>` on TCP. */
export const Health = z.object({
  ok: z.boolean(),
  mode: z.enum(['normal', 'revoke_only']),
  version: z.string(),
  at: At,
});

/** Fills a route's path and query. Throws when a parameter is missing. */
export function urlOf(r: Route, params?: Record<string, unknown>, query?: Record<string, unknown>): string {
  const path = r.path.replace(/:(\w+)/g, (_, key: string) => {
    const value = params?.[key];
    if (typeof value !== 'string' || value === '') throw new TypeError(`"${key}" is missing for ${r.path}`);
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== null) search.set(key, String(value));
  return search.size > 0 ? `${path}?${search}` : path;
}

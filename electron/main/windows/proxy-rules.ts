/**
 * Which calls of a page are passed on to the service. Made from the one table of routes: what is not marked
 * `renderer: true` there (credentials, decisions, tokens, the event stream) does not exist for a page. Pure.
 */
import { API, type Route } from '../../../shared/contract/api';
import type { Problem, ProblemType } from '../../../shared/contract/problem';

export const API_PREFIX = '/api';

interface Rule {
  readonly method: string;
  readonly pattern: RegExp;
}
const RULES: readonly Rule[] = Object.values(API)
  .filter((route: Route) => route.renderer)
  .map((route: Route) => ({
    method: route.method,
    pattern: new RegExp(`^${route.path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`),
  }));

export type ProxyVerdict =
  | { readonly kind: 'pass'; readonly path: string }
  | { readonly kind: 'refuse'; readonly problem: Problem };

/** Decides one call by method and path (with `/api` in front). Encoded slashes and dots never get through. */
export function judgeCall(method: string, pathname: string): ProxyVerdict {
  const path = pathname.slice(API_PREFIX.length);
  const clean = /^(\/[A-Za-z0-9._~-]+)+$/.test(path) && !path.split('/').some((part) => part === '.' || part === '..');
  if (clean && RULES.some((rule) => rule.method === method.toUpperCase() && rule.pattern.test(path)))
    return { kind: 'pass', path };
  return {
    kind: 'refuse',
    problem: problemOf(403, 'forbidden', 'A page may not call this.', 'This is done by the app itself, not by a page.'),
  };
}

export const problemOf = (
  status: number,
  code: ProblemType,
  title: string,
  next: string,
  detail?: string,
): Problem => ({
  type: `https://hallpass.example/problems/${code}`,
  title,
  status,
  code,
  next,
  ...(detail === undefined ? {} : { detail }),
});

const UP = ['content-type', 'accept', 'idempotency-key'] as const;
const DOWN = ['content-type', 'etag', 'retry-after', 'content-disposition'] as const;

/** The headers of a page's request that go on; never Authorization, Cookie, Host or Origin. */
export function passUp(headers: { get(name: string): string | null }): Record<string, string> {
  return pick(UP, (name) => headers.get(name));
}
/** What a service of ours answers with. Anything else (a page, a script) would be shown or run by nobody: it is bytes. */
const DATA_TYPE = /^application\/(problem\+json|json|x-ndjson)(;|$)/i;

/** The headers of the service's answer that reach the page. */
export function passDown(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const down = pick(DOWN, (name) => (typeof headers[name] === 'string' ? headers[name] : null));
  const type = down['content-type'];
  return type === undefined || DATA_TYPE.test(type) ? down : { ...down, 'content-type': 'application/octet-stream' };
}
function pick(names: readonly string[], read: (name: string) => string | null): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of names) {
    const value = read(name);
    if (value !== null) out[name] = value;
  }
  return out;
}

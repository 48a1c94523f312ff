/**
 * The HTTP API: every route of shared/contract/api.ts, registered from that table. A route that stands there is checked
 * (host, sign-in, role, rate, body, reply) without another line; a route that doesn't stand there does not exist.
 * Not here: what a route does (use cases), and where it listens (listeners.ts).
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { API, type ApiName, type Route } from '../../../shared/contract/api';
import { HOOK_SIGNATURE_HEADER, HOOK_TIMESTAMP_HEADER } from '../../../shared/crypto/hook-signature';
import type { Clock } from '../../../shared/domain/instant';
import { MAX_BODY_BYTES } from '../../../shared/domain/limits';
import type { HookCases } from '../access';
import type { Caller } from '../access/caller';
import { AppError } from '../errors';
import type { Logger } from '../log';
import type { OpenCases } from '../people';
import type { Store } from '../store/store';
import type { OpenRoute, StreamCases, UseCases } from '../use-cases';
import type { Authenticator } from './authenticate';
import type { DpopGuard } from './dpop-guard';
import type { EventHub } from './event-hub';
import { checkHost } from './hosts';
import { type Idempotency, IdempotencyKey } from './idempotency';
import { parseJsonBody } from './json-body';
import { openApiDocument } from './openapi';
import { PROBLEM_MEDIA_TYPE, problem, problemOf } from './problems';
import { addressKey, createRateLimiter, type RateLimits, TooManyRequests } from './rate-limit';
import { givesAccess, hasRole, replyKindOf } from './route-rules';

/** How a connection came in; listeners.ts tells. */
export interface Arrival {
  readonly via: Caller['via'];
  readonly scheme: 'http' | 'https';
}
export interface HttpDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  readonly authenticator: Authenticator;
  readonly dpop: DpopGuard;
  readonly idempotency: Idempotency;
  readonly hub: EventHub;
  readonly useCases: UseCases;
  readonly streams: StreamCases;
  readonly open: OpenCases;
  readonly hooks: Pick<HookCases, 'ticketClosed'>;
  readonly rateLimits: RateLimits;
  /** Host names of the TCP listener; asked at each call, since the port is known only after listening. */
  readonly allowedHosts: () => ReadonlySet<string>;
}
export interface HttpApp {
  /** Serves one request that arrived on one of our listeners. */
  handle(arrival: Arrival, request: IncomingMessage, response: ServerResponse): void;
  /** Resolves when no request is being served. */
  idle(): Promise<void>;
  close(): Promise<void>;
}
/** What the hooks learned about a request, for the handler. */
interface Visit {
  readonly arrival: Arrival;
  caller: Caller | null;
}

const HOOKS_PREFIX = '/v1/hooks/';
/** Bodies as they came, of calls whose signature is over them. */
const rawBodies = new WeakMap<IncomingMessage, string>();

export async function createHttpApp(deps: HttpDeps): Promise<HttpApp> {
  const arrivals = new WeakMap<IncomingMessage, Arrival>();
  const visits = new WeakMap<FastifyRequest, Visit>();
  const visitOf = (request: FastifyRequest): Visit => {
    const known = visits.get(request);
    if (known) return known;
    // A request that no listener of ours announced gets the strictest treatment.
    const visit: Visit = { arrival: arrivals.get(request.raw) ?? { via: 'tcp', scheme: 'http' }, caller: null };
    visits.set(request, visit);
    return visit;
  };
  const app = Fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 64 },
    frameworkErrors: (error, request, reply) => sendError(error, request, reply),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    async (request: FastifyRequest, text: string | Buffer) => {
      if (request.url.startsWith(HOOKS_PREFIX)) rawBodies.set(request.raw, String(text)); // what was signed
      return parseJsonBody(String(text));
    },
  );

  function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const answer = problemOf(error, `urn:uuid:${request.id}`);
    if (answer.status >= 500 && answer.problem.code === 'internal')
      deps.log.error({ err: error, requestId: request.id, route: request.routeOptions?.url }, 'request failed');
    if (error instanceof TooManyRequests) reply.header('retry-after', error.retryAfterSeconds);
    if (answer.status === 401)
      reply.header('www-authenticate', answer.problem.code === 'dpop-nonce' ? 'DPoP error="use_dpop_nonce"' : 'DPoP');
    void reply
      .code(answer.status)
      .header('content-type', PROBLEM_MEDIA_TYPE)
      .serializer((payload: unknown) => JSON.stringify(payload))
      .send(answer.problem);
  }
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const allow = methodsAt(path);
    const instance = `urn:uuid:${request.id}`;
    const answer =
      allow.length > 0
        ? problem('method-not-allowed', 'This address does not answer to that method.', {
            instance,
            next: `Use ${allow.join(', ')}.`,
          })
        : problem('not-found', 'There is nothing at this address.', { instance, next: 'See /openapi.json.' });
    if (allow.length > 0) reply.header('allow', allow.join(', '));
    void reply.code(answer.status).header('content-type', PROBLEM_MEDIA_TYPE).send(JSON.stringify(answer.problem));
  });

  addGuards(app, deps, visitOf);
  const guards = guardsFor(deps, visitOf);
  addApiRoutes(app, deps, visitOf, guards);
  addPlainRoutes(app, deps, visitOf, guards);
  await app.ready();
  let busy = 0;
  const waiting: (() => void)[] = [];
  return {
    handle(arrival, request, response) {
      arrivals.set(request, arrival);
      busy += 1;
      response.once('close', () => {
        busy -= 1;
        if (busy === 0) for (const resolve of waiting.splice(0)) resolve();
      });
      app.routing(request, response);
    },
    idle: () => (busy === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    close: () => app.close(),
  };
}

type VisitOf = (request: FastifyRequest) => Visit;
const EXTRA_ROUTES = [
  { method: 'GET', path: '/v1/events' },
  { method: 'GET', path: '/openapi.json' },
  { method: 'GET', path: '/healthz' },
];
const ROUTE_PATTERNS = [...Object.values<Route>(API), ...EXTRA_ROUTES].map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`),
}));
const methodsAt = (path: string): string[] => [
  ...new Set(ROUTE_PATTERNS.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)),
];

/** What every request passes before anything of it is read: where it came from, how often. */
function addGuards(app: FastifyInstance, deps: HttpDeps, visitOf: VisitOf): void {
  const perAddress = createRateLimiter(deps.rateLimits.address, deps.clock);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
    if (visitOf(request).arrival.via !== 'tcp') return;
    reply.header('dpop-nonce', deps.dpop.nonce());
    checkHost({ host: request.headers.host, origin: request.headers.origin }, deps.allowedHosts());
    perAddress.take(addressKey(request.raw.socket.remoteAddress));
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method } = request;
    const [route, status] = [request.routeOptions.url, reply.statusCode];
    deps.log.debug({ requestId: request.id, method, route, status, ms: Math.round(reply.elapsedTime) }, 'request');
  });
}

/** Signs the caller in and checks role, rate and mode, before the body is read. */
function guardsFor(deps: HttpDeps, visitOf: VisitOf) {
  const limiters = {
    tcp: createRateLimiter(deps.rateLimits.caller, deps.clock),
    socket: createRateLimiter(deps.rateLimits.local, deps.clock),
  };
  return (name: ApiName | 'events', access: Route['access']) =>
    async (request: FastifyRequest): Promise<void> => {
      const visit = visitOf(request);
      if (access === 'open') return;
      const { via } = visit.arrival;
      const caller = await deps.authenticator.authenticate({
        via,
        method: request.method,
        url: urlOf(request, visit.arrival),
        authorization: request.headers.authorization,
        dpop: oneHeader(request.headers.dpop),
      });
      visit.caller = caller;
      limiters[via].take(caller.personId);
      if (!hasRole(caller, access))
        throw new AppError('forbidden', 'Your roles do not allow this.', { next: 'Ask an administrator.' });
      if (name !== 'events' && givesAccess(name) && deps.store.mode().mode === 'revoke_only')
        throw new AppError(
          'revoke-only',
          'The service only takes access away now; it gives none and changes nothing else.',
          {
            safe: 'Access that exists ends on time and can be ended.',
            next: 'An administrator finds the reason in Settings and has to mend it.',
          },
        );
    };
}
type Guards = ReturnType<typeof guardsFor>;
const oneHeader = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' && !value.includes(',') ? value : undefined;
/** As the client called it: DPoP proofs are for exactly this. */
const urlOf = (request: FastifyRequest, arrival: Arrival): string =>
  `${arrival.scheme}://${arrival.via === 'socket' ? 'localhost' : (request.headers.host ?? '')}${request.url}`;

function addApiRoutes(app: FastifyInstance, deps: HttpDeps, visitOf: VisitOf, guards: Guards): void {
  const open = {
    signIn: createRateLimiter(deps.rateLimits.signIn, deps.clock),
    join: createRateLimiter(deps.rateLimits.join, deps.clock),
  };
  for (const name of Object.keys(API) as ApiName[]) {
    const route: Route = API[name];
    const stream = name === 'audit.export' || name === 'audit.evidence';
    app.route({
      method: route.method,
      url: route.path,
      schema: {
        ...(route.params && { params: route.params }),
        ...(route.query && { querystring: route.query }),
        ...(route.body && { body: route.body }),
        ...(!stream && { response: { 200: route.reply } }),
      },
      onRequest: guards(name, route.access),
      handler: async (request, reply) => {
        const visit = visitOf(request);
        const input = { params: request.params, query: request.query, body: request.body };
        if (isOpenRoute(name)) {
          const address = addressKey(request.raw.socket.remoteAddress);
          if (visit.arrival.via === 'tcp') open[name === 'join' ? 'join' : 'signIn'].take(address);
          return serveOpen(name, deps, request, visit, { parsed: input.body, raw: rawBodies.get(request.raw) ?? '' });
        }
        const caller = visit.caller;
        if (caller === null) throw new Error(`no caller on ${name}`);
        if (stream) return sendLines(reply, callStream(deps.streams, name, caller, input));
        const work = () => callUseCase(deps.useCases, name, caller, input);
        const key = request.headers['idempotency-key'];
        if (route.method !== 'POST' || key === undefined) return work();
        return replayOrRun(deps.idempotency, { name, caller, key, request, reply }, work);
      },
    });
  }
}

/** The table's types are exact per name; a loop over all names can't carry them, so they meet here, after the schemas. */
type AnyCase = (caller: Caller, input: unknown) => Promise<unknown>;
const callUseCase = (cases: UseCases, name: keyof UseCases, caller: Caller, input: unknown): Promise<unknown> =>
  (cases[name] as AnyCase)(caller, input);
const callStream = (cases: StreamCases, name: keyof StreamCases, caller: Caller, input: unknown) =>
  (cases[name] as (caller: Caller, input: unknown) => AsyncIterable<string>)(caller, input);

const OPEN_ROUTES: readonly ApiName[] = [
  'session.challenge',
  'session.token',
  'join',
  'hooks.ticketClosed',
] satisfies OpenRoute[];
const isOpenRoute = (name: ApiName): name is OpenRoute => OPEN_ROUTES.includes(name);

async function serveOpen(
  name: OpenRoute,
  deps: HttpDeps,
  request: FastifyRequest,
  visit: Visit,
  { parsed: body, raw }: { readonly parsed: unknown; readonly raw: string },
): Promise<unknown> {
  switch (name) {
    case 'session.challenge':
      return deps.open.challenge(API[name].body.parse(body));
    case 'session.token': {
      const [url, proof] = [urlOf(request, visit.arrival), oneHeader(request.headers.dpop)];
      const signed = await deps.dpop.check({ method: request.method, url, proof, accessToken: null });
      return deps.open.token(API[name].body.parse(body), signed.publicKey);
    }
    case 'join':
      return deps.open.join(API[name].body.parse(body));
    case 'hooks.ticketClosed':
      return deps.hooks.ticketClosed({
        timestamp: oneHeader(request.headers[HOOK_TIMESTAMP_HEADER]),
        signature: [request.headers[HOOK_SIGNATURE_HEADER] ?? []].flat().join(',') || undefined,
        rawBody: raw,
        ticket: API[name].body.parse(body).ticket,
      });
  }
}

async function replayOrRun(
  idempotency: Idempotency,
  call: { name: ApiName; caller: Caller; key: unknown; request: FastifyRequest; reply: FastifyReply },
  work: () => Promise<unknown>,
): Promise<unknown> {
  const key = IdempotencyKey.safeParse(call.key);
  if (!key.success)
    throw new AppError('invalid-input', 'The Idempotency-Key is not valid.', {
      next: 'Use 8 to 128 visible ASCII characters, such as a UUID.',
    });
  const { request, caller } = call;
  const done = await idempotency.run(
    {
      personId: caller.personId,
      key: key.data,
      method: request.method,
      path: request.url,
      body: request.body,
      replyKind: replyKindOf(call.name),
      effect: givesAccess(call.name) ? 'gives' : 'takes',
    },
    work,
  );
  if (done.replayed === 'yes') call.reply.header('idempotency-replayed', 'true');
  return done.reply;
}

/** JSON lines. The first is awaited before the status goes out, so that a refusal is still a problem. */
async function sendLines(reply: FastifyReply, lines: AsyncIterable<string>): Promise<FastifyReply> {
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  async function* all(): AsyncGenerator<string> {
    for (let next = first; !next.done; next = await iterator.next())
      yield next.value.endsWith('\n') ? next.value : `${next.value}\n`;
  }
  return reply.header('content-type', 'application/x-ndjson; charset=utf-8').send(Readable.from(all()));
}

const EventsQuery = z.object({ after: z.coerce.number().int().min(0).optional() });
const LastEventId = z.coerce.number().int().min(0);

function addPlainRoutes(app: FastifyInstance, deps: HttpDeps, visitOf: VisitOf, guards: Guards): void {
  app.get('/healthz', async () => ({ status: 'ok', mode: deps.store.mode().mode }));
  let document: string | undefined;
  app.get('/openapi.json', async (_request, reply) => {
    document ??= JSON.stringify(openApiDocument(deps.version));
    return reply.header('content-type', 'application/json; charset=utf-8').send(document);
  });
  app.get(
    '/v1/events',
    { schema: { querystring: EventsQuery }, onRequest: guards('events', 'member') },
    async (request, reply) => {
      const { caller } = visitOf(request);
      if (caller === null) throw new Error('no caller on events');
      const header = request.headers['last-event-id'];
      // A cursor we can't read is one we can't honour: the client is told to resync by the hub (nothing is newer than the end).
      const fromHeader =
        header === undefined ? undefined : (LastEventId.safeParse(header).data ?? Number.MAX_SAFE_INTEGER);
      const after = fromHeader ?? EventsQuery.parse(request.query).after ?? null;
      deps.hub.admit(caller);
      reply.hijack();
      await deps.hub.connect(caller, reply.raw, after);
    },
  );
}

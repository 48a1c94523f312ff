/** OpenAPI 3.1 of the API, made from the same table that the routes are made from. Built when somebody asks: a desktop never does. */
import { z } from 'zod';
import { API, type ApiName, type Route } from '../../../shared/contract/api';
import { EVENT_DATA } from '../../../shared/contract/events';
import { Problem } from '../../../shared/contract/problem';
import { MAX_BODY_BYTES } from '../../../shared/domain/limits';

type Json = { [key: string]: unknown };
type Io = 'input' | 'output';
const JSON_TYPE = 'application/json';

/** Collects named schemas on the way; a name that differs between what goes in and what comes out gets the suffix `Input`. */
function schemaWriter() {
  const components: Json = {};
  const nameOf = (id: string, io: Io): string => (io === 'output' ? id : `${id}Input`);
  function rename(value: unknown, io: Io): unknown {
    if (Array.isArray(value)) return value.map((item) => rename(item, io));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !['$schema', '$defs', 'id', '~standard'].includes(key) || isPropertyMap(value as Json))
        .map(([key, item]) =>
          key === '$ref' && typeof item === 'string'
            ? [key, item.replace(/^#\/\$defs\/(.+)$/, (_all, id: string) => `#/components/schemas/${nameOf(id, io)}`)]
            : [key, rename(item, io)],
        ),
    );
  }
  /** `properties` maps may hold a field that is called `id`; schemas hold their name there. */
  const isPropertyMap = (value: Json): boolean => typeof value.id === 'object';
  return {
    components,
    write(schema: z.ZodType, io: Io): Json {
      const made = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' }) as Json;
      for (const [id, definition] of Object.entries((made.$defs ?? {}) as Json))
        components[nameOf(id, io)] ??= rename(definition, io);
      const id = z.globalRegistry.get(schema)?.id;
      if (id === undefined) return rename(made, io) as Json;
      components[nameOf(id, io)] ??= rename(made, io);
      return { $ref: `#/components/schemas/${nameOf(id, io)}` };
    },
  };
}
type Writer = ReturnType<typeof schemaWriter>;

function parameters(writer: Writer, schema: z.ZodObject | undefined, where: 'path' | 'query'): Json[] {
  if (!schema) return [];
  const written = writer.write(schema, 'input') as { properties?: Json; required?: string[] };
  return Object.entries(written.properties ?? {}).map(([name, described]) => ({
    name,
    in: where,
    required: where === 'path' || (written.required ?? []).includes(name),
    schema: described,
  }));
}
const IDEMPOTENCY_KEY: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Kept 24 hours per person: the same key does the work once. Replies that hold a secret are not repeated.',
  schema: { type: 'string', minLength: 8, maxLength: 128 },
};
const problemReply = { $ref: '#/components/responses/Problem' };

function operation(name: ApiName, route: Route, writer: Writer): Json {
  const lines = name === 'audit.export' || name === 'audit.evidence';
  const content = lines
    ? { 'application/x-ndjson': { schema: { type: 'string' } } }
    : { [JSON_TYPE]: { schema: writer.write(route.reply, 'output') } };
  return {
    operationId: name,
    summary: route.summary,
    tags: [name.split('.')[0]],
    'x-access': route.access,
    security: route.access === 'open' ? [] : [{ dpop: [] }, { launchToken: [] }],
    parameters: [
      ...parameters(writer, route.params, 'path'),
      ...parameters(writer, route.query, 'query'),
      ...(route.method === 'POST' && route.access !== 'open' ? [IDEMPOTENCY_KEY] : []),
    ],
    ...(route.body && {
      requestBody: { required: true, content: { [JSON_TYPE]: { schema: writer.write(route.body, 'input') } } },
    }),
    responses: { '200': { description: 'Done', content }, default: problemReply },
  };
}

const eventsOperation = (writer: Writer): Json => ({
  operationId: 'events',
  summary: 'Live events (server-sent events). The id of each is its number; resume with Last-Event-ID.',
  tags: ['events'],
  'x-access': 'member',
  security: [{ dpop: [] }, { launchToken: [] }],
  parameters: [
    { name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'integer', minimum: 0 } },
    { name: 'after', in: 'query', required: false, schema: { type: 'integer', minimum: 0 } },
  ],
  responses: {
    '200': {
      description:
        'Events that the caller may see, once, in order. Besides them, without an id: `hello`, `beat` every 15 s, `presence`, and `resync` when the cursor is older than what is kept.',
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    },
    default: problemReply,
  },
  'x-events': Object.fromEntries(
    Object.entries(EVENT_DATA).map(([type, schema]) => [type, writer.write(schema, 'output')]),
  ),
});
const plainOperation = (id: string, summary: string): Json => ({
  operationId: id,
  summary,
  tags: ['service'],
  security: [],
  responses: {
    '200': { description: 'OK', content: { [JSON_TYPE]: { schema: { type: 'object' } } } },
    default: problemReply,
  },
});

/** The whole document. */
export function openApiDocument(version: string): Json {
  const writer = schemaWriter();
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries<Route>(API)) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name as ApiName, route, writer) };
  }
  paths['/v1/events'] = { get: eventsOperation(writer) };
  paths['/healthz'] = { get: plainOperation('healthz', 'Whether the service runs, and in which mode') };
  paths['/openapi.json'] = { get: plainOperation('openapi', 'This document') };
  const problemSchema = writer.write(Problem, 'output');
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hallpass',
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description: `Just-in-time access. Times are epoch milliseconds, UTC; bodies are JSON of at most ${MAX_BODY_BYTES / 1024} kB; errors are application/problem+json (RFC 9457).`,
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: writer.components,
      responses: {
        Problem: { description: 'A problem', content: { 'application/problem+json': { schema: problemSchema } } },
      },
      securitySchemes: {
        dpop: {
          type: 'http',
          scheme: 'DPoP',
          description:
            'On TCP: an access token of ten minutes bound to the device key, with a proof per call (RFC 9449).',
        },
        launchToken: { type: 'http', scheme: 'bearer', description: 'On the local socket only: the launch token.' },
      },
    },
  };
}

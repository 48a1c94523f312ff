/**
 * A thousand grants of one resource that end in the same second. Asked for, provisioned and acknowledged the real way, by a
 * team over the API; then each is extended by what is missing to one common deadline. The target lets the manager have only a few connections,
 * so a service that took more would be refused. From outside, a superuser sees the last login go.
 */
import pg from 'pg';
import { type RunningSampleTarget, startSampleTarget } from '../../../electron/dev/sample/target';
import type { GrantView } from '../../../shared/contract/grants';
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { MIN_TTL_MS } from '../../../shared/domain/limits';
import { until } from '../../bed';
import type { EventStream } from '../../integration/service/harness';
import { type Figure, figure } from '../figure';
import { type Member, must, startTeam, type Team } from '../parts/team';
import type { Measure } from '.';

const LEVELS = ['read-only', 'read-write'] as const;
const MEMBER_COUNT = 20;
/** What the target grants the manager: the service's own pool, and as many for looking into other databases. */
const CONNECTION_LIMIT = 12;
const PATIENCE_MS = 3 * MINUTE_MS;
const LOOK_EVERY_MS = 50;
const WARM_UP_PER_LANE = 2;
/** What each is asked for at first; the extension adds the rest. */
const FIRST_TTL_MS = 90 * SECOND_MS;
const WARM_UP_MS = 10 * MINUTE_MS;
/** How much slower than in the warm-up making all of them may turn out. */
const MARGIN = 3;

const POLICY = `version: 1
rules:
  - name: at-once
    effect: auto
    max_duration: 2h
`;

interface Lane {
  readonly member: Member;
  /** Told, not asked: polling by forty lanes over TLS would be most of the load. */
  readonly stream: EventStream;
  readonly level: (typeof LEVELS)[number];
}
interface Stage {
  readonly team: Team;
  readonly target: RunningSampleTarget;
  readonly resourceId: string;
  readonly lanes: readonly Lane[];
}
interface Ended {
  readonly grants: readonly GrantView[];
  readonly lastLoginGoneAt: number;
  readonly mostConnections: number;
}

export const measureDrain: Measure = async ({ quick }) => {
  const target = await startSampleTarget({ settings: { max_connections: '100' } });
  const team = await startTeam(MEMBER_COUNT);
  try {
    const resourceId = await addResource(team, target);
    const lanes: Lane[] = [];
    for (const member of team.members) {
      const stream = await member.client.events();
      await stream.until((message) => message.event === 'hello'); // a grant is started when its holder's device is connected
      lanes.push(...LEVELS.map((level) => ({ member, level, stream })));
    }
    const stage: Stage = { team, target, resourceId, lanes };
    const count = quick ? 100 : 1_000;
    const taken = await takeAll(stage, count, await plan(stage, count));
    const ended = await watchThemEnd(stage, taken);
    return sumUp(ended);
  } finally {
    await team.stop();
    await target.stop();
  }
};

async function addResource({ owner }: Team, { target, server }: RunningSampleTarget): Promise<string> {
  const { host, port, managerUser, secret } = target;
  const settings = {
    ...{ kind: 'postgres', tls: 'disable', schemas: ['sales', 'inventory'], database: 'orders' },
    ...{ host, port, managerUser },
  };
  const address = { settings, secret, name: 'orders-db' };
  const { digest } = must(await owner.call('POST', '/v1/targets/plan', address));
  must(await owner.call('POST', '/v1/targets/apply', { target: address, digest }));
  const body = { name: 'orders-db', environment: 'development', risk: 'low', settings, secret };
  const { id } = must(await owner.call('POST', '/v1/resources', body));
  const { version } = must(await owner.call('GET', '/v1/policy'));
  must(await owner.call('PUT', '/v1/policy', { yaml: POLICY, baseVersion: version }));
  await server.query('postgres', `ALTER ROLE "${managerUser}" CONNECTION LIMIT ${CONNECTION_LIMIT}`);
  return id;
}

interface Taken {
  readonly id: string;
  readonly lane: Lane;
}

/** Takes a few first, to learn the pace: the instant (epoch milliseconds) at which all of them can end together. */
async function plan(stage: Stage, count: number): Promise<number> {
  const startedAt = Date.now();
  const warmUpCount = stage.lanes.length * WARM_UP_PER_LANE;
  const taken = await takeAll(stage, warmUpCount, startedAt + WARM_UP_MS);
  const eachMs = (Date.now() - startedAt) / warmUpCount;
  for (const { id, lane } of taken) must(await lane.member.client.call('POST', `/v1/grants/${id}/return`));
  await until('the warm-up to be over', async () => (await loginsLeft(stage.target)) === 0, PATIENCE_MS);
  return Date.now() + eachMs * count * MARGIN + FIRST_TTL_MS + MIN_TTL_MS;
}

/** Each lane (a person and a level) takes one after the other; a person can wait for one of a level at a time. */
async function takeAll(stage: Stage, count: number, deadline: number): Promise<Taken[]> {
  const taken: Taken[] = [];
  let left = count;
  await Promise.all(
    stage.lanes.map(async (lane) => {
      while (left > 0) {
        left -= 1;
        taken.push(await take(stage, lane, deadline));
      }
    }),
  );
  return taken;
}

async function take({ resourceId }: Stage, lane: Lane, deadline: number): Promise<Taken> {
  const { client } = lane.member;
  const ttlMs = Math.max(FIRST_TTL_MS, deadline - Date.now() - FIRST_TTL_MS);
  const body = { resourceId, level: lane.level, ttlMs: Math.round(ttlMs), reason: 'bench' };
  const { grantId: id } = must(await client.call('POST', '/v1/requests', body));
  await told(lane.stream, id, 'grant.credential_ready');
  must(await client.call('GET', `/v1/grants/${id}/credential`));
  const { expiresAt } = must(await client.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' }));
  const missingMs = Math.round(deadline - expiresAt);
  if (missingMs < MIN_TTL_MS) throw new Error(`making them took longer than planned: ${missingMs} ms are left to add`);
  must(await client.call('POST', `/v1/grants/${id}/extend`, { ttlMs: missingMs, reason: 'bench' }));
  await told(lane.stream, id, 'grant.extended');
  return { id, lane };
}

/** @throws when the grant ends instead */
async function told(stream: EventStream, id: string, wanted: string): Promise<void> {
  const { event, data } = await stream.until(
    (message) => message.data?.subject === id && [wanted, 'grant.ending', 'grant.ended'].includes(message.event),
  );
  if (event !== wanted) throw new Error(`${id} ended too early: ${JSON.stringify(data.data)}`);
}

async function watchThemEnd({ target, team }: Stage, taken: readonly Taken[]): Promise<Ended> {
  const outside = new pg.Client({ connectionString: target.server.url() });
  await outside.connect();
  let mostConnections = 0;
  try {
    await until(
      'the last login to be gone',
      async () => {
        const { rows } = await outside.query<{ logins: number; connections: number }>(
          `SELECT (SELECT count(*)::int FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'hp\\_%') AS logins,
                  (SELECT count(*)::int FROM pg_stat_activity WHERE usename = $1) AS connections`,
          [target.target.managerUser],
        );
        const [row] = rows;
        mostConnections = Math.max(mostConnections, row?.connections ?? 0);
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
        return row?.logins === 0;
      },
      30 * MINUTE_MS,
    );
  } finally {
    await outside.end();
  }
  const lastLoginGoneAt = Date.now();
  const wanted = new Set(taken.map(({ id }) => id));
  const grants = await until('every grant to be ended', async () => {
    const mine = await Promise.all(
      team.members.map(({ client }) => client.call('GET', '/v1/grants?scope=mine&limit=200')),
    );
    const all: GrantView[] = mine.flatMap((reply) => must(reply).items);
    const ended = all.filter((grant) => wanted.has(grant.id) && grant.state === 'ended');
    return ended.length === wanted.size ? ended : undefined;
  });
  return { grants, lastLoginGoneAt, mostConnections };
}

function sumUp({ grants, lastLoginGoneAt, mostConnections }: Ended): Figure[] {
  const unproven = grants.filter((grant) => grant.endProof !== 'read_back' || grant.endReason !== 'expired');
  if (unproven.length > 0) throw new Error(`${unproven.length} grants ended otherwise than by expiry, read back`);
  const deadlines = grants.map((grant) => grant.expiresAt as number);
  const first = Math.min(...deadlines);
  const spreadMs = Math.max(...deadlines) - first;
  const retried = grants.filter((grant) => grant.removal.attempts > 1).length;
  const count = grants.length;
  return [
    figure(
      `${count} grants ending together, from the first deadline to each read back`,
      's',
      grants.map((grant) => ((grant.endedAt as number) - first) / SECOND_MS),
      {
        ...{ statistic: 'max', goal: 60 },
        note: `their deadlines lie within ${spreadMs} ms; ${retried} needed more than one try`,
      },
    ),
    figure(`${count} grants ending together, last login seen gone`, 's', [(lastLoginGoneAt - first) / SECOND_MS], {
      ...{ statistic: 'max', goal: 60 },
    }),
    figure('connections of the manager while draining', 'count', [mostConnections], {
      ...{ statistic: 'max', goal: CONNECTION_LIMIT },
      note: `the target refuses more than ${CONNECTION_LIMIT}`,
    }),
  ];
}

async function loginsLeft({ server }: RunningSampleTarget): Promise<number> {
  const [row] = await server.query<{ n: number }>(
    'postgres',
    "SELECT count(*)::int AS n FROM pg_roles WHERE rolcanlogin AND rolname LIKE 'hp\\_%'",
  );
  return row?.n ?? 0;
}

/**
 * What one grant's life costs on PostgreSQL: made, its exact deadline set, ended with everything read back, cleared away. Beside
 * it the same work by hand: what somebody types into psql to give a login for an hour and to take it away again, without reading
 * back and without looking for what the login left. Counted on the wire, by a relay; no goal is set, the numbers are for looking at.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { startSampleTarget } from '../../../electron/dev/sample/target';
import { systemRandom } from '../../../electron/service/clock';
import { createPostgresProvisioner } from '../../../electron/service/provisioners/postgres';
import type { PgTarget } from '../../../electron/service/provisioners/postgres/connections';
import { PostgresSettings } from '../../../shared/contract/resources';
import { newId, principalName } from '../../../shared/domain/ids';
import { asInstant, HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { figure } from '../figure';
import { startCountingRelay } from '../parts/round-trips';
import type { Measure } from '.';

const run = promisify(execFile);

export const measureLife: Measure = async ({ quick }) => {
  const { target: sample, server, stop } = await startSampleTarget();
  const relay = await startCountingRelay(sample);
  const provisioner = createPostgresProvisioner({ random: systemRandom });
  try {
    const settings = PostgresSettings.parse({
      ...{ kind: 'postgres', host: '127.0.0.1', port: relay.port, database: 'orders', tls: 'disable' },
      ...{ managerUser: sample.managerUser, schemas: ['sales', 'inventory'] },
    });
    const id = newId('resource', asInstant(Date.now()), systemRandom);
    const target: PgTarget = { resourceId: id, resourceName: 'orders-db', settings, secret: sample.secret };
    await provisioner.apply(target, (await provisioner.plan(target)).digest);
    const [level] = provisioner.proposedLevels('orders-db');
    if (level === undefined) throw new Error('no level is proposed');
    const runs = quick ? 5 : 40;
    const ours = { ms: [] as number[], trips: [] as number[], connections: [] as number[] };
    const hand = { ms: [] as number[], trips: [] as number[], connections: [] as number[] };
    const note = (into: typeof ours, startedAt: number) => {
      into.ms.push(performance.now() - startedAt);
      const counted = relay.take();
      into.trips.push(counted.roundTrips);
      into.connections.push(counted.connections);
    };
    for (let turn = -1; turn < runs; turn += 1) {
      const principal = principalName(newId('grant', asInstant(Date.now()), systemRandom));
      relay.take();
      let startedAt = performance.now();
      await provisioner.create(target, { principal, level, validForMs: 2 * MINUTE_MS });
      await provisioner.setDeadline(target, principal, HOUR_MS);
      const { readBack } = await provisioner.end(target, principal);
      await provisioner.cleanUp(target, principal);
      if (readBack.canLogIn) throw new Error('the login still works');
      if (turn >= 0) note(ours, startedAt); // the first one opens the pool and is left out
      relay.take();
      startedAt = performance.now();
      await byHand(relay.port, sample, `by_hand_${turn + 1}`, level.targetRole);
      if (turn >= 0) note(hand, startedAt);
    }
    const nothing = { goal: null, statistic: 'p50' } as const;
    return [
      figure('one grant’s life on PostgreSQL', 'ms', ours.ms, {
        ...nothing,
        note: 'made, deadline set, ended, sessions looked for, read back, memberships and left-overs looked for in every database, dropped; on the pooled connection',
      }),
      figure('one grant’s life on PostgreSQL: round trips', 'count', ours.trips, nothing),
      figure('one grant’s life on PostgreSQL: connections opened', 'count', ours.connections, nothing),
      figure('the same by hand in psql', 'ms', hand.ms, {
        ...nothing,
        note: 'two psql sessions, their start included; nothing read back, no trial log-in, nothing looked for in other databases',
      }),
      figure('the same by hand in psql: round trips', 'count', hand.trips, nothing),
      figure('the same by hand in psql: connections opened', 'count', hand.connections, nothing),
    ];
  } finally {
    await provisioner.close();
    await relay.stop();
    await server.stop();
    await stop().catch(() => undefined);
  }
};

async function byHand(
  port: number,
  { managerUser, secret }: { readonly managerUser: string; readonly secret: string },
  name: string,
  role: string,
): Promise<void> {
  const env = { ...process.env, PGPASSWORD: secret, PGSSLMODE: 'disable' };
  const place = [
    '-X',
    '-q',
    '-w',
    '-h',
    '127.0.0.1',
    '-p',
    String(port),
    '-U',
    managerUser,
    '-d',
    'orders',
    '-v',
    'ON_ERROR_STOP=1',
  ];
  const say = (...statements: string[]) =>
    run('psql', [...place, ...statements.flatMap((sql) => ['-c', sql])], { env });
  const until = new Date(Date.now() + HOUR_MS).toISOString();
  await say(
    `CREATE ROLE "${name}" LOGIN PASSWORD '${randomBytes(18).toString('hex')}' VALID UNTIL '${until}'`,
    `GRANT "${role}" TO "${name}"`,
  );
  await say(
    `ALTER ROLE "${name}" NOLOGIN PASSWORD NULL`,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${name}'`,
    `REVOKE "${role}" FROM "${name}"`,
    `DROP ROLE "${name}"`,
  );
}

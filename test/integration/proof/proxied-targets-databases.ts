/** Databases that the fault proxy is put before, without TLS: their words can be heard on the line. */
import { createMysqlProvisioner } from '../../../electron/service/provisioners/mysql';
import { createPostgresProvisioner } from '../../../electron/service/provisioners/postgres';
import { createRedisProvisioner } from '../../../electron/service/provisioners/redis';
import type { PostgresCredential } from '../../../shared/contract/credential';
import type { MysqlCredential } from '../../../shared/contract/mysql';
import type { RedisCredential } from '../../../shared/contract/redis';
import { startPostgres } from '../../bed/postgres';
import { levelNamed, logIn, makeTarget, systemRandom, whenCut } from '../../bed/postgres-target';
import { logInMysql, makeMysqlTarget, startMariaDb } from '../../bed/targets/mysql';
import { makeRedisTarget, redisLogIn, startRedisNodes, whenRedisCut } from '../../bed/targets/redis';
import { droppedBy, type Moment, type ProxiedTarget, passwordOf, saying } from './proxied-targets';

const COMMON = {
  sessions: 'seen',
  attacks: 'at once',
  // A line that was kept falls silent too; waited for on one kind only, for it takes each driver its longest limit.
  silence: 'on a fresh line',
  secretsOf: passwordOf,
} as const;
const moments = (words: { create: RegExp; extend: RegExp; end: RegExp }): readonly Moment[] => [
  saying('create', words.create),
  saying('extend', words.extend),
  saying('end', words.end),
];

export async function proxiedPostgres(): Promise<ProxiedTarget> {
  const server = await startPostgres();
  const provisioner = createPostgresProvisioner({ random: systemRandom });
  const made = await makeTarget(server);
  const target = { ...made, settings: { ...made.settings, tls: 'disable' as const } };
  const plan = await provisioner.plan(target);
  await provisioner.apply(target, plan.digest);
  return {
    ...COMMON,
    silence: 'also on a kept line',
    provisioner,
    target,
    port: server.port,
    through: (port) => ({ ...target, settings: { ...target.settings, port } }),
    level: levelNamed(plan.levels, 'read-only'),
    moments: moments({ create: /CREATE ROLE/, extend: /ALTER ROLE .* VALID UNTIL/, end: /NOLOGIN/ }),
    async logIn(credential) {
      const client = await logIn({ ...(credential as PostgresCredential), port: server.port });
      return { cut: whenCut(client) };
    },
    async look(principal) {
      const [row] = await server.query(
        'postgres',
        `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND rolcanlogin) AS can,
                (SELECT count(*)::int FROM pg_stat_activity WHERE usename = $1) AS sessions`,
        [principal],
      );
      return { canLogIn: row?.can === true, sessions: Number(row?.sessions) };
    },
    settled: droppedBy(async () => {
      const rows = await server.query('postgres', 'SELECT client_port AS port FROM pg_stat_activity');
      return new Set(rows.map(({ port }) => Number(port)));
    }),
    async stop() {
      await provisioner.close();
      await server.stop();
    },
  };
}

export async function proxiedMariaDb(): Promise<ProxiedTarget> {
  const server = await startMariaDb({ settings: { 'event-scheduler': 'ON' } });
  const provisioner = createMysqlProvisioner({ random: systemRandom });
  const made = await makeMysqlTarget(server);
  // With a schema for events the deadline is a thing on the server, which a fault can hit.
  const settings = { ...made.settings, tls: 'disable' as const, deadlineSchema: 'orders' };
  await server.query(`GRANT EVENT ON orders.* TO ${made.settings.managerUser}@'%'`);
  const target = { ...made, settings };
  const plan = await provisioner.plan(target);
  await provisioner.apply(target, plan.digest);
  return {
    ...COMMON,
    provisioner,
    target,
    port: server.port,
    through: (port) => ({ ...target, settings: { ...settings, port } }),
    level: levelNamed(plan.levels, 'read-only'),
    moments: moments({ create: /ACCOUNT UNLOCK/, extend: /CREATE EVENT/, end: /DROP USER/ }),
    async logIn(credential) {
      const { cut } = await logInMysql({ ...(credential as MysqlCredential), port: server.port });
      return { cut };
    },
    async look(principal) {
      const accounts = await server.query<{ open: unknown }>(
        "SELECT COALESCE(JSON_VALUE(Priv, '$.account_locked'), 0) = 0 AS open FROM mysql.global_priv WHERE User = ?",
        [principal],
      );
      const sessions = await server.query('SELECT ID FROM information_schema.PROCESSLIST WHERE USER = ?', [principal]);
      return { canLogIn: accounts.some(({ open }) => Number(open) === 1), sessions: sessions.length };
    },
    settled: droppedBy(async () => {
      const rows = await server.query<{ host: string }>('SELECT HOST AS host FROM information_schema.PROCESSLIST');
      return new Set(rows.map(({ host }) => Number(host.split(':').at(-1))));
    }),
    async stop() {
      await provisioner.close();
      await server.stop();
    },
  };
}

export async function proxiedRedis(): Promise<ProxiedTarget> {
  const redis = await startRedisNodes([{ acl: 'file' }]);
  const [node] = redis.nodes;
  const provisioner = createRedisProvisioner({ random: systemRandom });
  const target = await makeRedisTarget(redis);
  const clients = async () => String(await node.command('CLIENT', 'LIST')).split('\n');
  return {
    ...COMMON,
    provisioner,
    target,
    port: node.port,
    through: (port) => ({ ...target, settings: { ...target.settings, nodes: [`127.0.0.1:${port}`] } }),
    level: levelNamed(provisioner.proposedLevels(target.resourceName), 'read-only'),
    // Nothing is moved on Redis: its deadline is the service's, and moving it looks whether the user is there.
    moments: moments({ create: /SETUSER/i, extend: /GETUSER/i, end: /DELUSER/i }),
    async logIn(credential) {
      const client = await redisLogIn({ ...(credential as RedisCredential), nodes: [node.name] });
      const cut = whenRedisCut(client);
      await client.get('orders:1'); // signed in, and not only connected
      return { cut };
    },
    async look(principal) {
      const user = await node.command('ACL', 'GETUSER', principal);
      const words = Array.isArray(user) ? user.flat() : [];
      const sessions = (await clients()).filter((line) => line.split(' ').includes(`user=${principal}`));
      return { canLogIn: words.includes('on'), sessions: sessions.length };
    },
    settled: droppedBy(
      async () => new Set((await clients()).map((line) => Number(/ addr=\S*:(\d+) /.exec(line)?.[1]))),
    ),
    async stop() {
      await provisioner.close();
      await redis.stop();
    },
  };
}

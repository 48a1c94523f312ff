/**
 * Real targets that the fault proxy is put before: what they are told there, and what their own superuser sees, over a way
 * that no fault touches.
 */
import { createMysqlProvisioner } from '../../../electron/service/provisioners/mysql';
import { createPostgresProvisioner } from '../../../electron/service/provisioners/postgres';
import type { Provisioner, Target } from '../../../electron/service/provisioners/provisioner';
import { createRedisProvisioner } from '../../../electron/service/provisioners/redis';
import type { Credential, PostgresCredential } from '../../../shared/contract/credential';
import type { MysqlCredential } from '../../../shared/contract/mysql';
import type { RedisCredential } from '../../../shared/contract/redis';
import type { Level } from '../../../shared/contract/resources';
import { startPostgres } from '../../bed/postgres';
import { levelNamed, logIn, makeTarget, systemRandom, whenCut } from '../../bed/postgres-target';
import { logInMysql, makeMysqlTarget, startMariaDb } from '../../bed/targets/mysql';
import { makeRedisTarget, redisLogIn, startRedisNodes, whenRedisCut } from '../../bed/targets/redis';

export type ProxiedOperation = 'create' | 'setDeadline' | 'end';
export interface ProxiedTarget {
  readonly provisioner: Provisioner;
  /** Straight to the server. */
  readonly target: Target;
  readonly port: number;
  /** The same server by way of another port of this machine. */
  through(port: number): Target;
  readonly level: Level;
  /** What is said in the very middle of each operation. */
  readonly words: Readonly<Record<ProxiedOperation, RegExp>>;
  /** Logs in straight to the server, wherever the credential points to. Rejects when the server says no. */
  logIn(credential: Credential): Promise<{ readonly cut: Promise<void> }>;
  /** As the superuser sees it. */
  look(principal: string): Promise<{ readonly canLogIn: boolean; readonly sessions: number }>;
  /** The other ends' ports of all connections that the server has. */
  ports(): Promise<ReadonlySet<number>>;
  stop(): Promise<void>;
}

export async function proxiedPostgres(): Promise<ProxiedTarget> {
  const server = await startPostgres();
  const provisioner = createPostgresProvisioner({ random: systemRandom });
  const made = await makeTarget(server);
  const target = { ...made, settings: { ...made.settings, tls: 'disable' as const } };
  const plan = await provisioner.plan(target);
  await provisioner.apply(target, plan.digest);
  return {
    provisioner,
    target,
    port: server.port,
    through: (port) => ({ ...target, settings: { ...target.settings, port } }),
    level: levelNamed(plan.levels, 'read-only'),
    words: { create: /CREATE ROLE/, setDeadline: /ALTER ROLE .* VALID UNTIL/, end: /NOLOGIN/ },
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
    async ports() {
      const rows = await server.query('postgres', 'SELECT client_port AS port FROM pg_stat_activity');
      return new Set(rows.map(({ port }) => Number(port)));
    },
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
    provisioner,
    target,
    port: server.port,
    through: (port) => ({ ...target, settings: { ...settings, port } }),
    level: levelNamed(plan.levels, 'read-only'),
    words: { create: /ACCOUNT UNLOCK/, setDeadline: /CREATE EVENT/, end: /DROP USER/ },
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
    async ports() {
      const rows = await server.query<{ host: string }>('SELECT HOST AS host FROM information_schema.PROCESSLIST');
      return new Set(rows.map(({ host }) => Number(host.split(':').at(-1))));
    },
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
    provisioner,
    target,
    port: node.port,
    through: (port) => ({ ...target, settings: { ...target.settings, nodes: [`127.0.0.1:${port}`] } }),
    level: levelNamed(provisioner.proposedLevels(target.resourceName), 'read-only'),
    // Nothing is moved on Redis: its deadline is the service's, and moving it looks whether the user is there.
    words: { create: /SETUSER/i, setDeadline: /GETUSER/i, end: /DELUSER/i },
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
    ports: async () => new Set((await clients()).map((line) => Number(/ addr=\S*:(\d+) /.exec(line)?.[1]))),
    async stop() {
      await provisioner.close();
      await redis.stop();
    },
  };
}

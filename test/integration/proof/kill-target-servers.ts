/**
 * Real servers that can be killed and started again on the same data, and what their own superuser sees there. The databases
 * keep what they have answered when their process dies (not when their machine loses power).
 */
import type { Target } from '../../../electron/service/provisioners/provisioner';
import type { Credential, PostgresCredential } from '../../../shared/contract/credential';
import type { MysqlCredential } from '../../../shared/contract/mysql';
import type { RedisCredential } from '../../../shared/contract/redis';
import { startPostgres } from '../../bed/postgres';
import { logIn, makeTarget } from '../../bed/postgres-target';
import {
  logInMysql,
  type MysqlTestTarget,
  makeMysqlTarget,
  mariaDbMissing,
  startMariaDb,
} from '../../bed/targets/mysql';
import { makeRedisTarget, redisLogIn, redisMissing, startRedisNodes } from '../../bed/targets/redis';
import type { SeededRandom } from '../../model/world';

export interface OnTarget {
  readonly principal: string;
  readonly works: boolean;
  readonly sessions: number;
}
export interface KillableTarget {
  /** Whether a login that was made is there after a kill. */
  readonly logins: 'kept' | 'forgotten';
  /** What is given access to; the plan is not applied yet. */
  readonly target: Pick<Target, 'settings' | 'secret'>;
  /** SIGKILL; says to what. Resolves when the server answers again. */
  killAndRestart(chance: SeededRandom): Promise<string>;
  look(): Promise<OnTarget[]>;
  /** Rejects when the server says no. */
  logIn(credential: Credential): Promise<{ close(): Promise<void> }>;
  stop(): Promise<void>;
}
export interface KillableKind {
  readonly name: string;
  /** Why it can't be run here; null when it can. */
  missing(): string | null;
  start(): Promise<KillableTarget>;
}

async function postgres(): Promise<KillableTarget> {
  const server = await startPostgres({ settings: { synchronous_commit: 'on' } });
  const target = await makeTarget(server);
  const backends = () =>
    server.query<{ pid: number }>(
      'postgres',
      `SELECT pid FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY backend_start`,
    );
  /** Killing one session makes the server end all of them and recover. */
  const killBackend = async (chance: SeededRandom): Promise<boolean> => {
    const pids = (await backends()).map(({ pid }) => pid);
    if (pids.length === 0) return false;
    process.kill(chance.pick(pids), 'SIGKILL');
    return true;
  };
  return {
    target,
    logins: 'kept',
    async killAndRestart(chance) {
      if (chance.next() < 0.4 && (await killBackend(chance).catch(() => false))) {
        while (!(await server.query('postgres', 'SELECT 1').then(Boolean, () => false)));
        return 'a backend';
      }
      await server.killAndRestart();
      return 'the postmaster';
    },
    look: () =>
      server.query<OnTarget>(
        'postgres',
        `SELECT rolname AS principal, rolcanlogin AND (rolvaliduntil IS NULL OR rolvaliduntil > now()) AS works,
                (SELECT count(*)::int FROM pg_stat_activity a WHERE a.usesysid = r.oid) AS sessions
           FROM pg_roles r WHERE rolname LIKE 'hp\\_%'`,
      ),
    async logIn(credential) {
      const client = await logIn(credential as PostgresCredential);
      return { close: () => client.end() };
    },
    stop: () => server.stop(),
  };
}

async function mariaDb(): Promise<KillableTarget> {
  // 2: a commit is with the system before it is answered, so it outlives the process
  const server = await startMariaDb({
    settings: { 'innodb-flush-log-at-trx-commit': '2', 'aria-checkpoint-interval': '1' },
  });
  const target: MysqlTestTarget = await makeMysqlTarget(server);
  return {
    target,
    logins: 'kept',
    async killAndRestart() {
      await server.killAndRestart();
      return 'mariadbd';
    },
    async look() {
      const users = await server.query<{ principal: string; open: unknown }>(
        `SELECT User AS principal, COALESCE(JSON_VALUE(Priv, '$.account_locked'), 0) = 0 AS open
           FROM mysql.global_priv WHERE User LIKE 'hp\\_%'`,
      );
      const sessions = await server.query<{ principal: string }>(
        "SELECT USER AS principal FROM information_schema.PROCESSLIST WHERE USER LIKE 'hp\\_%'",
      );
      return users.map(({ principal, open }) => ({
        principal,
        works: Number(open) === 1,
        sessions: sessions.filter((one) => one.principal === principal).length,
      }));
    },
    async logIn(credential) {
      const session = await logInMysql(credential as MysqlCredential);
      return { close: () => session.end().catch(() => undefined) };
    },
    stop: () => server.stop(),
  };
}

/** A node with an ACL file: users that end are written there, users that are made are not, and go with the process. */
async function redis(): Promise<KillableTarget> {
  const nodes = await startRedisNodes([{ acl: 'file' }]);
  const [node] = nodes.nodes;
  const target = await makeRedisTarget(nodes);
  return {
    target,
    logins: 'forgotten',
    async killAndRestart() {
      await node.halt('killed');
      await node.start();
      return 'redis-server';
    },
    async look() {
      const names = ((await node.command('ACL', 'USERS')) as string[]).filter((name) => name.startsWith('hp_'));
      const clients = String(await node.command('CLIENT', 'LIST')).split('\n');
      const found: OnTarget[] = [];
      for (const principal of names) {
        const user = await node.command('ACL', 'GETUSER', principal);
        const words = Array.isArray(user) ? user.flat() : [];
        const sessions = clients.filter((line) => line.split(' ').includes(`user=${principal}`)).length;
        if (words.length > 0) found.push({ principal, works: words.includes('on'), sessions });
      }
      return found;
    },
    async logIn(credential) {
      const client = await redisLogIn(credential as RedisCredential);
      await client.get('orders:1'); // signed in, and not only connected
      return { close: async () => client.disconnect() };
    },
    stop: () => nodes.stop(),
  };
}

export const KILLABLE: readonly KillableKind[] = [
  { name: 'PostgreSQL 18', missing: () => null, start: postgres },
  { name: 'MariaDB', missing: mariaDbMissing, start: mariaDb },
  { name: 'Redis', missing: redisMissing, start: redis },
];

/** MariaDB against what holds for every provisioner. What is particular to it: mysql.test.ts. */
import { describe, test } from 'vitest';
import { createMysqlProvisioner } from '../../../electron/service/provisioners/mysql';
import { levelNamed, systemRandom } from '../../bed/postgres-target';
import { logInMysql, makeMysqlTarget, mariaDbMissing, startMariaDb, text } from '../../bed/targets/mysql';
import { describeProvisionerContract } from './contract';

const missing = mariaDbMissing();
if (missing !== null) describe('MariaDB', () => test.skipIf(true)(missing, () => undefined));

const USER_HOSTS = { 'holders from everywhere': '%', 'holders from one network': '127.0.%' };
for (const [title, userHost] of missing === null ? Object.entries(USER_HOSTS) : [])
  describeProvisionerContract({
    name: `MariaDB, ${title}`,
    sessions: 'cut',
    ended: 'refused',
    repeated: 'replaces',
    async start() {
      // By address: with name resolution on, 127.0.0.1 is `localhost`, and no pattern of addresses matches.
      const server = await startMariaDb({ settings: { 'skip-name-resolve': '1' } });
      const provisioner = createMysqlProvisioner({ random: systemRandom });
      const made = await makeMysqlTarget(server);
      const target = { ...made, settings: { ...made.settings, userHost } };
      const plan = await provisioner.plan(target);
      await provisioner.apply(target, plan.digest);
      return {
        provisioner,
        target,
        level: levelNamed(plan.levels, 'read-only'),
        wrongSecret: 'not-the-password-1234',
        at: (port) => ({ ...target, settings: { ...target.settings, port } }),
        async logIn(credential) {
          const session = await logInMysql(credential);
          return {
            use: () => session.query('SELECT item FROM orders'),
            forbidden: [
              "INSERT INTO orders (item) VALUES ('lamp')",
              "UPDATE orders SET item = 'x'",
              'DELETE FROM orders',
              'CREATE TABLE mine (id INT)',
              'CREATE VIEW mine AS SELECT 1',
              'CREATE USER another',
              'SELECT * FROM mysql.global_priv',
            ].map((sql) => ({ what: sql, attempt: () => session.query(sql) })),
            cut: session.cut,
            close: () => session.end(),
          };
        },
        foreign: {
          make: async (name) => void (await server.query(`CREATE USER ${text(name)}@'%' IDENTIFIED BY 'theirs'`)),
          isWhole: async (name) =>
            (
              await server.query(
                "SELECT 1 FROM mysql.global_priv WHERE User = ? AND COALESCE(JSON_VALUE(Priv, '$.account_locked'), 0) = 0",
                [name],
              )
            ).length === 1,
          remove: async (name) => void (await server.query(`DROP USER ${text(name)}@'%'`)),
        },
        async stop() {
          await provisioner.close();
          await server.stop();
        },
      };
    },
  });

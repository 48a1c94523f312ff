/**
 * PostgreSQL against what holds for every provisioner, on every supported major, and on Debian's own servers where they are
 * installed (other build options, other libraries). What is particular to it: postgres.test.ts.
 */
import { createPostgresProvisioner } from '../../../electron/service/provisioners/postgres';
import { debianPostgresMajors, POSTGRES_MAJORS, startPostgres } from '../../bed/postgres';
import { levelNamed, logIn, makeTarget, quote, systemRandom, whenCut } from '../../bed/postgres-target';
import { describeProvisionerContract } from './contract';

const builds = [
  ...POSTGRES_MAJORS.map((major) => ({ major, build: 'embedded' as const, name: `PostgreSQL ${major}` })),
  ...debianPostgresMajors().map((major) => ({ major, build: 'debian' as const, name: `Debian’s PostgreSQL ${major}` })),
];
if (debianPostgresMajors().length === 0)
  console.warn('Not run against Debian’s own PostgreSQL: its server package (postgresql-15) is not installed here.');

for (const { major, build, name } of builds)
  describeProvisionerContract({
    name,
    sessions: 'cut',
    ended: 'refused',
    repeated: 'replaces',
    async start() {
      const server = await startPostgres({ major, build });
      const provisioner = createPostgresProvisioner({ random: systemRandom });
      const target = await makeTarget(server);
      const plan = await provisioner.plan(target);
      await provisioner.apply(target, plan.digest);
      return {
        provisioner,
        target,
        level: levelNamed(plan.levels, 'read-only'),
        wrongSecret: 'not-the-password-1234',
        at: (port) => ({ ...target, settings: { ...target.settings, port } }),
        async logIn(credential) {
          const client = await logIn(credential);
          return {
            use: () => client.query('SELECT item FROM app.orders'),
            forbidden: [
              "INSERT INTO app.orders (item) VALUES ('lamp')",
              "UPDATE app.orders SET item = 'x'",
              'DELETE FROM app.orders',
              'CREATE TABLE public.mine ()',
              'CREATE ROLE another',
            ].map((sql) => ({ what: sql, attempt: () => client.query(sql) })),
            cut: whenCut(client),
            close: () => client.end(),
          };
        },
        foreign: {
          make: async (name) => void (await server.query('postgres', `CREATE ROLE ${quote(name)} LOGIN`)),
          isWhole: async (name) =>
            (await server.query('postgres', 'SELECT 1 FROM pg_roles WHERE rolname = $1 AND rolcanlogin', [name]))
              .length === 1,
          remove: async (name) => void (await server.query('postgres', `DROP ROLE ${quote(name)}`)),
        },
        async stop() {
          await provisioner.close();
          await server.stop();
        },
      };
    },
  });

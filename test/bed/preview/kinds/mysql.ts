/** Pictures of a MySQL or MariaDB resource: its form, tested with a manager that lacks rights, its plan, and its facts. */
import { fine, wrong } from '../../../../electron/service/provisioners/checks';
import type { ConnectionReport, LevelPlan } from '../../../../shared/contract/resources';
import * as fixtures from '../fixtures';
import type { KindPictures } from './pictures';

const MANAGER = "'hallpass_manager'@'%'";
const RECIPE = `CREATE USER ${MANAGER} IDENTIFIED BY '<a long password>';
GRANT CREATE USER, PROCESS, CONNECTION ADMIN ON *.* TO ${MANAGER};
-- To read back what is there:
GRANT SELECT ON mysql.global_priv TO ${MANAGER};
GRANT SELECT ON mysql.roles_mapping TO ${MANAGER};
GRANT SELECT ON mysql.db TO ${MANAGER};
GRANT SELECT ON mysql.tables_priv TO ${MANAGER};
-- So that it can apply the plan (may be revoked afterwards; or run the plan by hand):
GRANT SELECT, INSERT, UPDATE, DELETE ON \`shop\`.* TO ${MANAGER} WITH GRANT OPTION;`;
const report: ConnectionReport = {
  ok: false,
  targetLabel: 'MariaDB 10.11',
  serverVersion: '10.11.19-MariaDB',
  checks: [
    fine('Connection', 'Signed in as hallpass_manager@%, with TLS.'),
    fine('Version', 'MariaDB 10.11.19-MariaDB'),
    fine('Primary', 'The server takes changes.'),
    wrong(
      'Manager’s rights',
      'The manager lacks PROCESS, CONNECTION ADMIN.',
      null,
      `GRANT PROCESS, CONNECTION ADMIN ON *.* TO ${MANAGER};`,
    ),
    fine('Reading back', 'Users, roles and their rights can be read.'),
  ],
  recipe: RECIPE,
};
const levels: LevelPlan['levels'] = [
  {
    name: 'read-only',
    description: 'Read every table of the named schemas.',
    targetRole: 'hallpass_shop-db_ro',
    createsAccess: false,
  },
  {
    name: 'read-write',
    description: 'Read and change rows in every table of the named schemas; no changes to their structure.',
    targetRole: 'hallpass_shop-db_rw',
    createsAccess: false,
  },
];
const rights = { ro: 'SELECT', rw: 'SELECT, INSERT, UPDATE, DELETE' } as const;
const steps: LevelPlan['steps'] = (['ro', 'rw'] as const).flatMap((purpose) => [
  {
    database: null,
    sql: `CREATE ROLE IF NOT EXISTS \`hallpass_shop-db_${purpose}\``,
    why: `Carries the level ${purpose === 'ro' ? 'read-only' : 'read-write'}.`,
    done: purpose === 'ro',
  },
  {
    database: null,
    sql: `GRANT \`hallpass_shop-db_${purpose}\` TO ${MANAGER} WITH ADMIN OPTION`,
    why: 'Lets the manager give the level to temporary users.',
    done: purpose === 'ro',
  },
  {
    database: 'shop',
    sql: `GRANT ${rights[purpose]} ON \`shop\`.* TO \`hallpass_shop-db_${purpose}\``,
    why: 'Today’s tables and later ones; needs these rights with the grant option.',
    done: false,
  },
]);
const shop = {
  ...fixtures.ordersDb,
  id: fixtures.ordersDb.id.replace(/.$/, 'm'),
  name: 'shop-db',
  kind: 'mysql',
  description: 'Catalogue and baskets of the shop.',
  targetLabel: 'MariaDB 10.11',
  levels,
  settings: {
    kind: 'mysql' as const,
    host: 'shop-1.internal',
    port: 3306,
    managerUser: 'hallpass_manager',
    tls: 'verify-full' as const,
    schemas: ['shop', 'shop_archive'],
    userHost: '10.1.%',
    connectionLimit: 5,
  },
};

export const mysql: KindPictures = {
  resource: shop,
  field: 'input[name="settings.userHost"]',
  async fill({ type, press }) {
    await type('input[name="settings.host"]', 'shop-1.internal');
    await type('input[name=secret]', 'not shown again');
    await type('input[aria-label=Schemas]', 'shop');
    await press('Enter');
  },
  report,
  plan: { digest: 'd1', levels, steps, notes: [] },
  limits: [
    'MySQL and MariaDB know no end time for a user: while the Hallpass service is down, the log-in works past its deadline, until the service is back.',
  ],
  command: 'mysql --defaults-group-suffix=_shop-db',
  files: ['/home/nadia/.my.cnf'],
  lastError: 'connect ETIMEDOUT shop-1.internal:3306',
};

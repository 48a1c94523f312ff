/** A fuller policy, its history, and what drafts of it would change; for the pictures of Policy and Resources. */
import { fine, wrong } from '../../../electron/service/provisioners/checks';
import type { PolicyCheck, PolicyVersion } from '../../../shared/contract/policy';
import type { ConnectionReport, LevelPlan } from '../../../shared/contract/resources';
import { HOUR_MS } from '../../../shared/domain/instant';
import { ago, nadia, policy, priya, tomas } from './fixtures';

const HEAD = `# Payments: who may ask for what.
version: 1
rules:
`;
const AUTOMATIC = `  # Nobody waits for a playground.
  - name: outside-production
    match:
      resource: { environment: [development, staging] }
      requester: { groups: [engineering, platform] }
    effect: auto
    max_duration: 8h
`;
const READ = `
  - name: production-read
    match:
      resource: { environment: production, level: read-only }
      requester: { groups: engineering }
    effect: approve
    approvals: [{ from: db-owners, count: 1 }]
    max_duration: 1h
    reason: required
    confirm: notification
`;
const WRITE = `
  - name: production-write
    description: A change in production belongs to an incident.
    match:
      resource: { environment: production, level: read-write }
    effect: approve
    approvals: [{ from: owners, count: 1 }]
    max_duration: 30m
    reason: required
    ticket: INC-#
    confirm: card
`;
const CRITICAL = `
  - name: ledger
    match:
      resource: { tags: [financial, regulated], risk: critical }
    effect: approve
    approvals: [{ from: security, count: 2 }, { from: owners, count: 1 }]
    max_duration: 30m
    reason: required
    ticket: required
    priority: 20
`;
const DENIED = `
  - name: contractors-and-personal-data
    match:
      resource: { tags: [personal-data] }
      requester: { groups: contractors }
    effect: deny
    message: Contractors work on the staging copy.
`;
const OWN = `
  - name: reports
    match:
      resource: { name: "reports-*", level: read-only }
    effect: auto
    max_duration: 2h
    reason: required
    priority: 10
`;
const version = (n: number, yaml: string, author: string, days: number, note: string): PolicyVersion => ({
  ...policy,
  version: n,
  yaml,
  author,
  note,
  at: ago(days * 24 * HOUR_MS + 3 * HOUR_MS),
  digest: n.toString(16).padStart(2, '0').repeat(32),
});
export const fullPolicy = version(
  12,
  HEAD + AUTOMATIC + READ + WRITE + CRITICAL + OWN + DENIED,
  nadia.displayName,
  5,
  'Two of security for the ledger',
);
export const newerPolicy = version(
  13,
  fullPolicy.yaml.replace('max_duration: 8h', 'max_duration: 4h'),
  priya.displayName,
  0,
  'Four hours are enough outside production',
);
export const policyVersions: PolicyVersion[] = [
  fullPolicy,
  version(
    11,
    HEAD +
      AUTOMATIC +
      READ +
      WRITE +
      CRITICAL.replace('security, count: 2', 'security, count: 1').replace(', { from: owners, count: 1 }', '') +
      OWN +
      DENIED,
    nadia.displayName,
    19,
    'Reports without waiting',
  ),
  version(10, HEAD + AUTOMATIC + READ + WRITE + CRITICAL + DENIED, tomas.displayName, 33, ''),
  version(9, HEAD + AUTOMATIC + READ + WRITE, priya.displayName, 60, 'Writing needs an incident'),
  version(8, HEAD + AUTOMATIC + READ, nadia.displayName, 61, 'Reading production: one of db-owners'),
  version(7, HEAD + AUTOMATIC, 'Hallpass', 90, 'The first policy'),
];
const named = (resource: string, level: string, before: string, after: string, people: readonly string[]) =>
  people.map((person) => ({ resource, level, before, after, person }));
const some = ['Aiko Mori', 'Jonas Lind', 'Lena Wolff', 'Priya Sharma', 'Tomas Vesely'];
export const loudCheck: PolicyCheck = {
  ok: true,
  errors: [],
  warnings: [{ path: 'rules[5].match.requester.groups', message: 'There is no group "contractors".' }],
  changes: [
    ...named(
      'orders-db',
      'read-only',
      '1 from db-owners, up to 1 h (reason, notification)',
      'automatic up to 8 h',
      some,
    ),
    ...named('payments-db', 'read-only', '1 from db-owners, up to 1 h (reason, notification)', 'automatic up to 8 h', [
      ...some,
      'Femi Adeyemi',
    ]),
    ...named('ledger-db', 'admin', 'not requestable', '2 from security, up to 30 m (reason, ticket, card)', [
      'Priya Sharma',
    ]),
    ...named('staging-orders', 'read-write', 'automatic up to 8 h', 'automatic up to 4 h', some),
    ...named('dev-sandbox', 'admin', 'automatic up to 8 h', 'denied', some),
  ],
};
export const brokenCheck: PolicyCheck = {
  ok: false,
  errors: [
    { line: 9, path: 'rules[0].effect', message: 'Invalid option: expected one of "auto"|"approve"|"deny"' },
    { line: 10, path: 'rules[0].max_duration', message: '"8 hors" is not a duration. Write "30m", "1h30m" or "2d".' },
  ],
  warnings: [],
  changes: [],
};

const RECIPE = `-- PostgreSQL 18: run once as a superuser, then give the manager a password with psql's \\password
CREATE ROLE "hallpass_manager" LOGIN CREATEROLE;
GRANT CONNECT ON DATABASE "inventory" TO "hallpass_manager";
-- So that it can apply the plan (may be revoked afterwards; or the owner runs the plan by hand):
GRANT "inventory_owner" TO "hallpass_manager" WITH INHERIT TRUE, SET FALSE;
-- Optional: lets it also cut sessions of a role that somebody dropped by hand.
-- GRANT pg_signal_backend TO "hallpass_manager";`;
export const goodReport: ConnectionReport = {
  ok: true,
  targetLabel: 'PostgreSQL 18',
  serverVersion: '18.4',
  checks: [
    fine('Connection', 'Signed in as hallpass_manager to inventory, with TLS.'),
    fine('Version', 'PostgreSQL 18.4'),
    fine('Primary', 'The server takes changes.'),
    fine('Manager', 'Not a superuser; may make roles.'),
    fine('Trial', 'A role was made, given a password and dropped (rolled back).'),
    fine('Schemas', 'public'),
  ],
  recipe: RECIPE,
};
export const badReport: ConnectionReport = {
  ...goodReport,
  ok: false,
  checks: [
    ...goodReport.checks.slice(0, 3),
    wrong('Manager', 'hallpass_manager may not make roles.', null, 'ALTER ROLE "hallpass_manager" CREATEROLE;'),
    wrong('Schemas', 'There is no schema "stock" in this database.', null, 'CREATE SCHEMA "stock";'),
  ],
};
const step = (sql: string, why: string, done = false) => ({ database: 'inventory', sql, why, done });
export const levelPlan: LevelPlan = {
  digest: 'd1',
  levels: [
    {
      name: 'read-only',
      description: 'Read every table of the named schemas.',
      targetRole: 'hallpass_inventory_read_only',
      createsAccess: false,
    },
    {
      name: 'read-write',
      description: 'Read and change rows in every table of the named schemas; no changes to their structure.',
      targetRole: 'hallpass_inventory_read_write',
      createsAccess: false,
    },
  ],
  steps: [
    step('CREATE ROLE "hallpass_inventory_read_only" NOLOGIN', 'Carries the level read-only.', true),
    step('CREATE ROLE "hallpass_inventory_read_write" NOLOGIN', 'Carries the level read-write.'),
    step(
      'CREATE ROLE "hallpass_inventory_owner" NOLOGIN',
      'Takes over tables that a temporary role leaves behind; has no rights itself.',
    ),
    step(
      'GRANT CONNECT ON DATABASE "inventory" TO "hallpass_inventory_read_only"',
      'Opens the database to the level.',
      true,
    ),
    step(
      'GRANT CONNECT ON DATABASE "inventory" TO "hallpass_inventory_read_write"',
      'Opens the database to the level.',
    ),
    step(
      'GRANT USAGE ON SCHEMA "public" TO "hallpass_inventory_read_only"',
      'Lets the level see what is in the schema.',
    ),
    step(
      'GRANT SELECT ON ALL TABLES IN SCHEMA "public" TO "hallpass_inventory_read_only"',
      "Today's tables; needs the right to grant on each (owners: inventory_owner).",
    ),
    step(
      'ALTER DEFAULT PRIVILEGES FOR ROLE "inventory_owner" IN SCHEMA "public" GRANT SELECT ON TABLES TO "hallpass_inventory_read_only"',
      'Tables that inventory_owner makes later.',
    ),
    step(
      'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "public" TO "hallpass_inventory_read_write"',
      "Today's tables; needs the right to grant on each (owners: inventory_owner).",
    ),
  ],
  notes: [
    'Everybody may create objects in schema "legacy". Whoever may create a function here can leave a way in behind. postgres (or a superuser) should run: REVOKE CREATE ON SCHEMA "legacy" FROM PUBLIC;',
  ],
};

/** Pictures of an AWS resource: its form, tested with a role that allows too short a session, its plan, and its facts. */
import { fine, wrong } from '../../../../electron/service/provisioners/checks';
import type { ConnectionReport, LevelPlan } from '../../../../shared/contract/resources';
import * as fixtures from '../fixtures';
import type { Scene } from '../scene';
import { ADD, type KindPictures, toFormOf } from './pictures';

const ACCOUNT = '123456789012';
const arn = (role: string): string => `arn:aws:iam::${ACCOUNT}:role/${role}`;
const ROLES = ['hallpass-billing-read-only', 'teams/finance/operator'] as const;
const report: ConnectionReport = {
  ok: false,
  targetLabel: 'AWS',
  serverVersion: ACCOUNT,
  checks: [
    fine('Connection', `Signed in as arn:aws:iam::${ACCOUNT}:user/hallpass.`),
    fine('Account', ACCOUNT),
    fine(`Making a session of ${ROLES[0]}`, 'Tried as hallpass-connection-test; the keys were dropped.'),
    fine(`Ending a session of ${ROLES[0]}`, 'A deny was written, read and taken away.'),
    wrong(
      `Role ${ROLES[1]}`,
      'It allows sessions of 60 minutes at most.',
      null,
      'aws iam update-role --role-name operator --max-session-duration 14400',
    ),
  ],
  recipe: `# The manager’s policy: a user of its own with this and nothing else (now: arn:aws:iam::${ACCOUNT}:user/hallpass).
{
  "Version": "2012-10-17",
  "Statement": [
    { "Sid": "MakeSessions", "Effect": "Allow", "Action": "sts:AssumeRole",
      "Resource": ["${arn(ROLES[0])}", "${arn(ROLES[1])}"] },
    …
  ]
}`,
};
const levels: LevelPlan['levels'] = [
  {
    name: 'read-only',
    description: 'Look at everything the role may see; change nothing.',
    targetRole: ROLES[0],
    createsAccess: false,
  },
  {
    name: 'operator',
    description: `What the role ${ROLES[1]} may do. Narrowed by a session policy.`,
    targetRole: ROLES[1],
    createsAccess: true,
  },
];
const trust = `'{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::${ACCOUNT}:user/hallpass"},"Action":"sts:AssumeRole"}}'`;
const plan: LevelPlan = {
  digest: 'd1',
  levels,
  steps: [
    {
      database: ACCOUNT,
      sql: `aws iam create-role --role-name ${ROLES[0]} --path / --max-session-duration 14400 --assume-role-policy-document ${trust}`,
      why: 'The level read-only is a session of this role; only the manager may assume it.',
      done: false,
    },
    {
      database: ACCOUNT,
      sql: `aws iam attach-role-policy --role-name ${ROLES[0]} --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess`,
      why: 'What the level opens: AWS keeps ReadOnlyAccess up to date. A role that has policies already is left as it is.',
      done: false,
    },
    {
      database: ACCOUNT,
      sql: `aws iam create-role --role-name operator --path /teams/finance/ --max-session-duration 14400 --assume-role-policy-document ${trust}`,
      why: 'The level operator is a session of this role; only the manager may assume it.',
      done: true,
    },
  ],
  notes: [
    `What ${ROLES[1]} may do is for the account’s owner to attach.`,
    'Give the roles a permissions boundary: the manager may write policies into them, and a boundary is what it can’t exceed.',
  ],
};
const billing = {
  ...fixtures.ordersDb,
  id: fixtures.ordersDb.id.replace(/.$/, 'w'),
  name: 'billing-account',
  kind: 'aws',
  description: 'Invoices, cost reports and the billing jobs.',
  targetLabel: 'AWS',
  levels,
  settings: {
    kind: 'aws' as const,
    accountId: ACCOUNT,
    region: 'eu-central-1',
    maxSessionMinutes: 240,
    roles: [
      { level: 'read-only', role: ROLES[0], createsAccess: false },
      { level: 'operator', role: ROLES[1], createsAccess: true },
    ],
  },
};

const ROLE = 'input[placeholder="hallpass-orders-read-only"]';
export const aws: KindPictures = {
  resource: billing,
  field: 'input[name="settings.accountId"]',
  async fill({ type }) {
    await type('input[name="settings.accountId"]', ACCOUNT);
    await type('input[name="settings.region"]', 'eu-central-1');
    await type('input[name=secret]', 'not shown again');
    await type(ROLE, ROLES[0]);
  },
  report,
  plan,
  limits: [
    'AWS makes no session shorter than 15 minutes: in a shorter grant the keys stay valid, but the role refuses them from the deadline on.',
    'An early end is a deny on the role. AWS spreads it within seconds as a rule, at times minutes; until then the keys still work.',
    'AWS knows no open sessions to cut: a call that is running is not stopped, and what the holder started or assumed from here goes on.',
    'The keys are good for 240 minutes at most, also in a longer grant: ask for an extension, or again, when they are over.',
  ],
  command: 'aws --profile billing-account sts get-caller-identity',
  files: ['/home/nadia/.aws/config'],
  lastError: 'AccessDenied: not authorized to perform iam:PutRolePolicy on role hallpass-billing-read-only',
};
/** Two levels that leave something to be said. */
export const awsWrong: Scene = {
  route: ADD,
  act: async (tools) => {
    await toFormOf(aws)(tools);
    await tools.type('input[name="settings.accountId"]', '12');
    await tools.click('.hp-button:has(svg.lucide-plus)');
    await tools.click('[data-test]');
  },
};

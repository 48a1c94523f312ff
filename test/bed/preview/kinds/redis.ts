/** Pictures of a Redis resource: its form as it begins, tested with a node that is down, its plan, and its facts. */
import { fine, wrong } from '../../../../electron/service/provisioners/checks';
import type { ConnectionReport, LevelPlan } from '../../../../shared/contract/resources';
import * as fixtures from '../fixtures';
import type { KindPictures } from './pictures';

const RECIPE = `# On every node, replicas too, as a user that may change access control lists (redis-cli):
ACL SETUSER hallpass_manager reset on ><a long random password> -@all +acl|setuser +acl|deluser +acl|getuser +acl|users +acl|save +client|list +client|kill +acl|dryrun
# Where the node has an ACL file:
ACL SAVE
# Who may run ACL SETUSER can give themselves every right: guard this password like that of the default user.`;
const report: ConnectionReport = {
  ok: false,
  targetLabel: 'Redis 7.0',
  serverVersion: null,
  checks: [
    fine('Connection to cache-1.internal:6379', 'Signed in as hallpass_manager, with TLS; primary.'),
    fine('Version on cache-1.internal:6379', 'Redis 7.0'),
    wrong(
      'Manager rights on cache-1.internal:6379',
      'hallpass_manager lacks +acl|save +client|kill.',
      null,
      'ACL SETUSER hallpass_manager +acl|save +client|kill',
    ),
    fine('Default user on cache-1.internal:6379', 'Asks for a password.'),
    wrong(
      'Connection to cache-2.internal:6379',
      'cache-2.internal:6379 could not be used: connect ECONNREFUSED 10.0.4.18:6379.',
      'Check host and port, and that a firewall lets this service through.',
    ),
  ],
  recipe: RECIPE,
};
const levels: LevelPlan['levels'] = [
  {
    name: 'read-only',
    description: 'Read keys that match the patterns, listen on the channels.',
    targetRole: '+@read',
    createsAccess: false,
  },
  {
    name: 'read-write',
    description: 'Read and change keys that match the patterns, listen and publish on the channels.',
    targetRole: '+@read +@write',
    createsAccess: false,
  },
];
const cache = {
  ...fixtures.ordersDb,
  id: fixtures.ordersDb.id.replace(/.$/, 'r'),
  name: 'orders-cache',
  kind: 'redis',
  description: 'Baskets and sessions of the shop.',
  targetLabel: 'Redis 7.0',
  levels,
  settings: {
    kind: 'redis' as const,
    nodes: ['cache-1.internal:6379', 'cache-2.internal:6379', 'cache-3.internal:6379'],
    managerUser: 'hallpass_manager',
    tls: 'verify-full' as const,
    database: 0,
    keyPatterns: ['basket:*', 'session:*'],
    channelPatterns: ['orders:*'],
  },
};

export const redis: KindPictures = {
  resource: cache,
  field: 'input[aria-label=Nodes]',
  async fill({ type, press }) {
    for (const node of ['cache-1.internal:6379', 'cache-2.internal:6379']) {
      await type('input[aria-label=Nodes]', node);
      await press('Enter');
    }
    await type('input[name=secret]', 'not shown again');
  },
  report,
  plan: { digest: 'd1', levels, steps: [], notes: [] },
  limits: [
    'Redis knows no end time for a user: while Hallpass is down or can not reach a node, the log-in goes on working there.',
    'Names of all keys can be listed (SCAN), also of those that can not be read.',
  ],
  command:
    'sh -c \'set -a; . /run/user/1000/hallpass/leases/3k/env; exec redis-cli --user hp_01k6y -h cache-1.internal -p 6379 --tls "$@"\' redis-cli',
  files: ['/run/user/1000/hallpass/leases/3k/env'],
  lastError: 'cache-2.internal:6379 could not be used: connect ECONNREFUSED 10.0.4.18:6379.',
};

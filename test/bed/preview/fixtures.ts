/**
 * Ready-made values of every contract type, for looking at screens. Not for tests of behaviour: those use real parts.
 * All times hang on `NOW`, Tuesday 7 October 2025, 09:42, so that two pictures of one screen are alike.
 */

import type { AuditEntry, AuditPage, Checkpoint } from '../../../shared/contract/audit';
import type { GrantView } from '../../../shared/contract/grants';
import type { AppInfo, LocalInjection, SessionState } from '../../../shared/contract/ipc';
import type { Device, Group, Invite, Me, Person } from '../../../shared/contract/people';
import type { PolicyAnswer, PolicyVersion, Preview } from '../../../shared/contract/policy';
import type { CardFacts, RequestView } from '../../../shared/contract/requests';
import type { CatalogEntry, Level, Resource } from '../../../shared/contract/resources';
import { Settings } from '../../../shared/contract/settings';
import { NOTHING_ENDS } from '../../../shared/domain/end-signals';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';

export const NOW = new Date(2025, 9, 7, 9, 42, 0).getTime();
export const ago = (lengthMs: number): number => NOW - lengthMs;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** A well-formed id from a few letters: `fixtureId('res', 3)`. */
export const fixtureId = (prefix: string, n: number): string =>
  `${prefix}_01k6y${'0'.repeat(18)}${ALPHABET[Math.floor(n / 1024) % 32]}${ALPHABET[Math.floor(n / 32) % 32]}${ALPHABET[n % 32]}`;
const hex64 = (n: number): string => n.toString(16).padStart(2, '0').repeat(32);
const KEYS = ['Q2hlY2sgdGhlIGZpbmdlcnByaW50LCBub3QgdGhl', 'VGhlIHNlYWwgaXMgZm9yIGV5ZXMgYWxvbmUsIG5v'];
const key = (n: number): string => `${(KEYS[n % 2] ?? '').padEnd(41, 'k')}${ALPHABET[n % 32]}${ALPHABET[(n * 7) % 32]}`;

// people
const person = (n: number, displayName: string, more: Partial<Person> = {}): Person => ({
  id: fixtureId('per', n),
  displayName,
  roles: ['member'],
  owner: false,
  groups: ['engineering'],
  state: 'active',
  joinedAt: ago(90 * 24 * HOUR_MS),
  invitedBy: { personId: fixtureId('per', 1), displayName: 'Nadia Rahman' },
  online: true,
  suspended: null,
  ...more,
});
export const nadia = person(1, 'Nadia Rahman', {
  roles: ['member', 'admin'],
  owner: true,
  invitedBy: null,
  groups: ['engineering', 'payments', 'db-owners'],
});
export const priya = person(2, 'Priya Sharma', { groups: ['engineering', 'db-owners', 'security'] });
export const tomas = person(3, 'Tomas Vesely', { groups: ['engineering', 'payments', 'db-owners'] });
export const jonas = person(4, 'Jonas Lind', { groups: ['engineering', 'db-owners'], online: false });
export const aiko = person(5, 'Aiko Mori', { groups: ['analytics'] });
export const femi = person(6, 'Femi Adeyemi', { groups: ['platform', 'security'], roles: ['member', 'auditor'] });
export const lena = person(7, 'Lena Wolff', { groups: ['platform', 'security'], online: false });
export const people: Person[] = [nadia, priya, tomas, jonas, aiko, femi, lena];
export const groups: Group[] = ['analytics', 'db-owners', 'engineering', 'payments', 'platform', 'security'].map(
  (name) => ({
    name,
    members: people.filter((one) => one.groups.includes(name)).map((one) => one.id),
  }),
);
const device = (n: number, owner: Person, name: string, more: Partial<Device> = {}): Device => ({
  id: fixtureId('dev', n),
  personId: owner.id,
  personName: owner.displayName,
  name,
  state: 'active',
  signingKey: key(n),
  sealingKey: key(n + 9),
  fingerprint:
    ['8f3a 61c0 2be4 97d1', 'c41e 09d7 a3f0 51c2', 'e7b8 08fd b916 71d4', '9be1 40d7 c25a e80f'][n % 4] ?? '',
  createdAt: ago(80 * 24 * HOUR_MS),
  confirmedBy: nadia.displayName,
  lastSeenAt: ago(2 * MINUTE_MS),
  ...more,
});
export const devices: Device[] = [
  device(0, nadia, 'nadia-t14', { confirmedBy: null }),
  device(1, priya, 'priya-mb2'),
  device(2, tomas, 'tomas-x1'),
  device(3, aiko, 'aiko-desktop', { lastSeenAt: ago(26 * HOUR_MS) }),
  device(4, femi, 'femi-new-laptop', {
    state: 'pending',
    confirmedBy: null,
    lastSeenAt: null,
    createdAt: ago(4 * MINUTE_MS),
  }),
];
export const invites: Invite[] = [
  {
    id: fixtureId('inv', 1),
    displayName: 'Sofie Andersen',
    roles: ['member'],
    groups: ['engineering'],
    createdAt: ago(3 * HOUR_MS),
    expiresAt: NOW + 45 * HOUR_MS,
    state: 'open',
  },
];
export const me: Me = {
  person: nadia,
  device: devices[0] as Device,
  service: {
    id: 'svc-payments',
    name: 'Acme payments',
    version: '0.1.0',
    mode: 'normal',
    modeReason: null,
    logKey: 'hallpass.acme+8f3a61c0+AQ2hlY2sgdGhlIGZpbmdlcnByaW50',
    shared: true,
    peopleCount: people.length,
    secretStorage: 'wrapped',
  },
  serverTime: NOW,
};

// resources
const LEVELS: Record<string, Level> = {
  'read-only': { name: 'read-only', description: 'look at rows', targetRole: 'hp_read', createsAccess: false },
  'read-write': { name: 'read-write', description: 'change rows', targetRole: 'hp_write', createsAccess: false },
  admin: { name: 'admin', description: 'schema, sessions', targetRole: 'hp_admin', createsAccess: true },
};
const resource = (n: number, name: string, more: Partial<Resource> = {}): Resource => ({
  id: fixtureId('res', n),
  name,
  kind: 'postgres',
  description: '',
  environment: 'production',
  risk: 'moderate',
  tags: [],
  owners: ['db-owners'],
  dependsOn: [],
  levels: Object.values(LEVELS),
  state: 'active',
  suspended: null,
  concurrency: 8,
  createdAt: ago(60 * 24 * HOUR_MS),
  targetLabel: 'PostgreSQL 18',
  health: 'reachable',
  healthAt: ago(30 * SECOND_MS),
  settings: {
    kind: 'postgres',
    host: `${name}.internal`,
    port: 5432,
    database: name.replaceAll('-', '_'),
    managerUser: 'hallpass_manager',
    tls: 'verify-full',
    schemas: ['public'],
    connectionLimit: 5,
  },
  ...more,
});
export const ordersDb = resource(1, 'orders-db', { description: 'Orders and their lines.', tags: ['personal-data'] });
export const ledgerDb = resource(2, 'ledger-db', {
  risk: 'critical',
  tags: ['financial', 'regulated'],
  owners: ['security'],
});
export const paymentsDb = resource(3, 'payments-db', {
  risk: 'high',
  tags: ['financial'],
  targetLabel: 'PostgreSQL 16',
});
export const reportsReplica = resource(4, 'reports-replica', {
  risk: 'high',
  owners: ['analytics'],
  dependsOn: ['orders-db'],
  health: 'unreachable',
});
export const ordersArchive = resource(5, 'orders-db-archive', { risk: 'low' });
export const stagingOrders = resource(6, 'staging-orders', {
  environment: 'staging',
  risk: 'moderate',
  owners: ['engineering'],
});
export const stagingLedger = resource(7, 'staging-ledger', {
  environment: 'staging',
  risk: 'moderate',
  owners: ['engineering'],
});
export const devSandbox = resource(8, 'dev-sandbox', {
  environment: 'development',
  risk: 'low',
  owners: ['engineering'],
  health: 'unknown',
  healthAt: null,
});
export const resources: Resource[] = [
  ordersDb,
  paymentsDb,
  ledgerDb,
  reportsReplica,
  ordersArchive,
  stagingOrders,
  stagingLedger,
  devSandbox,
];

type CatalogLevel = CatalogEntry['levels'][number];
const levelAnswer = (name: string, more: Partial<CatalogLevel> = {}): CatalogLevel => ({
  level: LEVELS[name] as Level,
  effect: 'approve',
  maxDurationMs: 2 * HOUR_MS,
  approvals: [{ from: 'db-owners', count: 1 }],
  message: null,
  reasonRequired: true,
  ticketRequired: false,
  maxPerDayMs: null,
  endOn: NOTHING_ENDS,
  ...more,
});
const auto: Partial<CatalogLevel> = {
  effect: 'auto',
  approvals: [],
  reasonRequired: false,
  maxDurationMs: 4 * HOUR_MS,
};
const barred: Partial<CatalogLevel> = {
  effect: 'deny',
  approvals: [],
  maxDurationMs: null,
  message: 'Only for people on call.',
};
export const catalog: CatalogEntry[] = resources.map((one) => ({
  resource: { ...one, settings: null },
  levels:
    one.environment === 'production'
      ? [
          levelAnswer('read-only', one.risk === 'critical' ? { ticketRequired: true } : auto),
          levelAnswer(
            'read-write',
            one.risk === 'critical'
              ? { approvals: [{ from: 'security', count: 2 }], ticketRequired: true, maxDurationMs: HOUR_MS }
              : {},
          ),
          levelAnswer('admin', barred),
        ]
      : [levelAnswer('read-only', auto), levelAnswer('read-write', auto), levelAnswer('admin', {})],
}));

// policy
export const answer: PolicyAnswer = {
  effect: 'approve',
  rules: ['orders-write'],
  maxDurationMs: 2 * HOUR_MS,
  approvals: [{ from: 'db-owners', count: 1 }],
  reasonRequired: true,
  ticket: { required: false, patterns: ['INC-#'] },
  confirm: 'card',
  message: null,
  maxPerDayMs: null,
  endOn: NOTHING_ENDS,
  policyVersion: 12,
  policyDigest: hex64(171),
  problems: [],
};
export const previewApprove: Preview = {
  answer,
  approvers: [
    {
      group: 'db-owners',
      count: 1,
      people: [priya, tomas, jonas].map((one) => ({
        personId: one.id,
        displayName: one.displayName,
        online: one.online,
      })),
    },
  ],
  limits: ['Open sessions are cut at the end.'],
  budget: null,
};
export const previewAuto: Preview = {
  answer: {
    ...answer,
    effect: 'auto',
    rules: ['orders-read'],
    approvals: [],
    reasonRequired: false,
    maxDurationMs: 4 * HOUR_MS,
  },
  approvers: [],
  limits: ['Open sessions are cut at the end.'],
  budget: null,
};
export const previewDeny: Preview = {
  answer: {
    ...answer,
    effect: 'deny',
    rules: ['no-admin'],
    approvals: [],
    maxDurationMs: null,
    message: 'Only for people on call.',
    problems: [{ field: 'level', message: 'Only for people on call.' }],
  },
  approvers: [],
  limits: [],
  budget: null,
};
export const policy: PolicyVersion = {
  version: 12,
  yaml: `version: 1
rules:
  - name: orders-read
    match: { resource: { name: "orders-*", level: read-only } }
    effect: auto
    max_duration: 4h
  - name: orders-write
    match: { resource: { name: orders-db, level: read-write } }
    effect: approve
    max_duration: 2h
    approvals: [{ from: db-owners, count: 1 }]
    reason: required
  - name: no-admin
    match: { resource: { environment: production, level: admin } }
    effect: deny
    message: Only for people on call.
`,
  digest: hex64(171),
  author: nadia.displayName,
  at: ago(5 * 24 * HOUR_MS),
  note: 'Writes on orders need an owner.',
};

// requests
const resourceFacts = (one: Resource) => ({
  id: one.id,
  name: one.name,
  kind: one.kind,
  environment: one.environment,
  risk: one.risk,
  tags: one.tags,
  targetLabel: one.targetLabel,
});
const asks = (who: Person, deviceName = 'nadia-t14') => ({
  personId: who.id,
  displayName: who.displayName,
  deviceId: fixtureId('dev', 0),
  deviceName,
});
export const requestOf = (n: number, more: Partial<RequestView> = {}): RequestView => ({
  id: fixtureId('req', n),
  ticket: `HP-${1000 + n}`,
  state: 'pending',
  requester: asks(nadia),
  resource: resourceFacts(ordersDb),
  level: 'read-write',
  ttlMs: HOUR_MS,
  reason: 'Release orders stuck in “reserved” after the broker restart',
  ticketRef: 'INC-12',
  extendsGrantId: null,
  stage: 0,
  approvals: [{ from: 'db-owners', count: 1, given: 0 }],
  confirm: 'card',
  decisions: [],
  waitingFor: [
    { personId: priya.id, displayName: priya.displayName, online: true, seenAt: ago(MINUTE_MS) },
    { personId: tomas.id, displayName: tomas.displayName, online: true, seenAt: null },
    { personId: jonas.id, displayName: jonas.displayName, online: false, seenAt: null },
  ],
  blockedBecause: null,
  deniedBecause: null,
  rules: ['orders-write'],
  policyVersion: 12,
  grantId: null,
  createdAt: ago(2 * MINUTE_MS),
  expiresAt: NOW + 24 * HOUR_MS,
  decidedAt: null,
  digest: hex64(n % 256),
  can: { decide: false, withdraw: true },
  ...more,
});
const incoming = {
  can: { decide: true, withdraw: false },
  waitingFor: [{ personId: nadia.id, displayName: nadia.displayName, online: true, seenAt: null }],
};
export const inbox: RequestView[] = [
  requestOf(44, {
    ...incoming,
    requester: asks(tomas, 'tomas-x1'),
    resource: resourceFacts(ledgerDb),
    reason: 'Settlement batch 0711 holds a lock, need to terminate its backend',
    ticketRef: 'INC-14',
    createdAt: ago(40 * SECOND_MS),
    approvals: [{ from: 'security', count: 2, given: 0 }],
  }),
  requestOf(43, {
    ...incoming,
    requester: asks(aiko, 'aiko-desktop'),
    level: 'read-only',
    ttlMs: 30 * MINUTE_MS,
    reason: 'Compare order counts with the warehouse',
    ticketRef: 'INC-15',
    createdAt: ago(3 * MINUTE_MS),
    confirm: 'notification',
  }),
  requestOf(40, {
    ...incoming,
    requester: asks(femi, 'femi-mb'),
    resource: resourceFacts(paymentsDb),
    ttlMs: 30 * MINUTE_MS,
    reason: 'Still moving the queue',
    ticketRef: '',
    extendsGrantId: fixtureId('grt', 40),
    createdAt: ago(8 * MINUTE_MS),
  }),
];
export const handled: RequestView[] = [
  requestOf(38, {
    state: 'approved',
    requester: asks(lena),
    level: 'read-only',
    decidedAt: ago(HOUR_MS),
    can: { decide: false, withdraw: false },
  }),
  requestOf(36, {
    state: 'denied',
    requester: asks(aiko),
    resource: resourceFacts(ledgerDb),
    deniedBecause: 'Use the replica',
    decidedAt: ago(2 * HOUR_MS),
    can: { decide: false, withdraw: false },
  }),
];
const past = (
  n: number,
  level: string,
  ttlMs: number,
  reason: string,
  ticketRef: string,
  createdAt: number,
  more: Partial<RequestView> = {},
): RequestView =>
  requestOf(n, {
    state: 'approved',
    level,
    ttlMs,
    reason,
    ticketRef,
    createdAt,
    decidedAt: createdAt + MINUTE_MS,
    can: { decide: false, withdraw: false },
    waitingFor: [],
    ...more,
  });
export const waiting = requestOf(42);
export const mine: RequestView[] = [
  waiting,
  past(39, 'read-only', 30 * MINUTE_MS, 'Check stuck orders', 'INC-12', ago(18 * MINUTE_MS), {
    state: 'auto_approved',
    approvals: [],
  }),
  past(30, 'read-write', 30 * MINUTE_MS, 'Requeue one batch by hand', 'OPS-81', ago(7 * 24 * HOUR_MS), {
    decisions: [
      {
        id: fixtureId('dec', 1),
        approver: { personId: tomas.id, displayName: tomas.displayName },
        decision: 'approve',
        stage: 0,
        ttlMs: 30 * MINUTE_MS,
        reason: '',
        via: 'card',
        at: ago(7 * 24 * HOUR_MS) + 2 * MINUTE_MS,
      },
    ],
    decidedAt: ago(7 * 24 * HOUR_MS) + 2 * MINUTE_MS,
  }),
  past(28, 'read-only', 2 * HOUR_MS, 'Month-end counts', 'FIN-20', ago(8 * 24 * HOUR_MS)),
];

// grants
export const grantOf = (n: number, on: Resource, more: Partial<GrantView> = {}): GrantView => ({
  id: fixtureId('grt', n),
  requestId: fixtureId('req', n),
  ticket: `HP-${1000 + n}`,
  state: 'active',
  holder: { personId: nadia.id, displayName: nadia.displayName, deviceId: fixtureId('dev', 0) },
  resource: resourceFacts(on),
  level: 'read-only',
  createsAccess: false,
  reason: 'Check stuck orders',
  ticketRef: 'INC-12',
  ttlMs: HOUR_MS,
  expiresAt: NOW + 42 * MINUTE_MS + 10 * SECOND_MS,
  readyUntil: null,
  activatedAt: ago(18 * MINUTE_MS),
  endedAt: null,
  credentialReady: true,
  endReason: null,
  endedBy: null,
  endProof: null,
  endedBecause: null,
  endOn: NOTHING_ENDS,
  issue: 1,
  deviceKeyWanted: null,
  extensionNeedsReason: false,
  removal: {
    machine: 'present',
    target: 'present',
    since: null,
    attempts: 0,
    nextTryAt: null,
    lastError: null,
    alarmed: false,
    sessionsCut: 0,
  },
  residue: [],
  pendingExtension: null,
  can: { start: false, extend: true, end: true, revoke: true, attest: false },
  ...more,
});
const noMore = { start: false, extend: false, end: false, revoke: false, attest: false };
export const activeGrant = grantOf(39, ordersDb);
export const soonGrant = grantOf(35, paymentsDb, {
  level: 'read-write',
  ttlMs: 30 * MINUTE_MS,
  expiresAt: NOW + 5 * MINUTE_MS + 21 * SECOND_MS,
  reason: 'Restart stuck settlement worker',
  ticketRef: 'INC-9',
});
export const lastGrant = grantOf(37, stagingOrders, {
  level: 'admin',
  createsAccess: true,
  ttlMs: 15 * MINUTE_MS,
  expiresAt: NOW + 48 * SECOND_MS,
  reason: '',
  ticketRef: '',
});
export const readyGrant = grantOf(41, stagingLedger, {
  state: 'ready',
  level: 'read-write',
  expiresAt: null,
  activatedAt: null,
  readyUntil: NOW + 7 * HOUR_MS,
  credentialReady: false,
  reason: 'Try the new posting rules',
  ticketRef: '',
  can: { ...noMore, start: true, end: true },
});
export const startingGrant = grantOf(45, devSandbox, {
  state: 'provisioning',
  level: 'read-write',
  expiresAt: null,
  activatedAt: null,
  credentialReady: false,
  can: { ...noMore, end: true },
});
export const endingGrant = grantOf(31, reportsReplica, {
  state: 'ending',
  level: 'read-write',
  reason: 'Rebuild the weekly report',
  expiresAt: ago(10 * MINUTE_MS + 56 * SECOND_MS),
  endReason: 'expired',
  removal: {
    machine: 'removed',
    target: 'unknown',
    since: ago(10 * MINUTE_MS + 56 * SECOND_MS),
    attempts: 13,
    nextTryAt: NOW + 12 * SECOND_MS,
    lastError: 'connect ECONNREFUSED reports-replica.internal:5432',
    alarmed: true,
    sessionsCut: 0,
  },
  can: { ...noMore, attest: true },
});
const endedOf = (n: number, on: Resource, level: string, endedAt: number, more: Partial<GrantView> = {}): GrantView =>
  grantOf(n, on, {
    state: 'ended',
    level,
    endedAt,
    expiresAt: endedAt,
    endReason: 'expired',
    endProof: 'read_back',
    can: noMore,
    removal: {
      machine: 'removed',
      target: 'gone',
      since: null,
      attempts: 1,
      nextTryAt: null,
      lastError: null,
      alarmed: false,
      sessionsCut: 0,
    },
    ...more,
  });
export const endedGrants: GrantView[] = [
  endedOf(29, ordersDb, 'read-only', ago(29 * MINUTE_MS + 16 * SECOND_MS)),
  endedOf(27, stagingLedger, 'read-only', ago(45 * MINUTE_MS), {
    endReason: 'returned',
    expiresAt: ago(27 * MINUTE_MS),
  }),
  endedOf(26, paymentsDb, 'read-write', ago(71 * MINUTE_MS), { endReason: 'revoked', endedBy: priya.displayName }),
  endedOf(24, stagingOrders, 'admin', ago(20 * HOUR_MS), {
    removal: {
      machine: 'removed',
      target: 'gone',
      since: null,
      attempts: 1,
      nextTryAt: null,
      lastError: null,
      alarmed: false,
      sessionsCut: 1,
    },
  }),
  endedOf(21, ordersArchive, 'read-only', ago(22 * HOUR_MS), { endReason: 'policy_changed' }),
  endedOf(18, ledgerDb, 'read-write', ago(4 * 24 * HOUR_MS), { endProof: 'attested_unverified', endReason: 'failed' }),
];
export const myGrants: GrantView[] = [lastGrant, soonGrant, activeGrant, endingGrant, ...endedGrants];
const heldBy = (who: Person) => ({ personId: who.id, displayName: who.displayName, deviceId: fixtureId('dev', 3) });
export const colleagueGrants: GrantView[] = [
  grantOf(34, ordersDb, { holder: heldBy(aiko), expiresAt: NOW + 21 * MINUTE_MS, can: { ...noMore, revoke: true } }),
  grantOf(33, ledgerDb, {
    holder: heldBy(tomas),
    level: 'read-write',
    expiresAt: NOW + 7 * MINUTE_MS,
    reason: 'Close the settlement batch',
    can: { ...noMore, revoke: true },
  }),
  grantOf(32, stagingLedger, {
    holder: heldBy(femi),
    level: 'admin',
    expiresAt: NOW + 96 * MINUTE_MS,
    ttlMs: 2 * HOUR_MS,
    can: { ...noMore, revoke: true },
  }),
];

/** The facts an approver sees of a request. */
export const cardFacts: CardFacts = {
  request: inbox[0] as RequestView,
  requesterGroups: ['payments', 'db-owners'],
  requesterJoined: 'Invited by Nadia Rahman; device confirmed by Nadia Rahman on 12 July',
  does: [
    { tone: 'danger', text: 'Can change and delete rows' },
    { tone: 'warn', text: 'Tagged financial and regulated' },
    { tone: 'good', text: 'Open sessions are cut at the end' },
    { tone: 'good', text: 'Removal is read back from the target' },
  ],
  differs: ['First time read-write here; before: read-only', '1 h, usually 15 to 30 m'],
  history: [12, 33, 61, 66, 87].map((days, index) => ({
    at: ago(days * 24 * HOUR_MS),
    level: 'read-only',
    ttlMs: (index % 2 === 0 ? 30 : 15) * MINUTE_MS,
    usedMs: (index % 2 === 0 ? 18 : 12) * MINUTE_MS,
  })),
  otherActive: [{ displayName: aiko.displayName, level: 'read-only', expiresAt: NOW + 21 * MINUTE_MS }],
  answer: { ...answer, rules: ['ledger-write'], approvals: [{ from: 'security', count: 2 }], confirm: 'card' },
  nonce: key(5),
  nonceExpiresAt: NOW + 5 * MINUTE_MS,
  durations: [15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS],
};

// audit
const LOG: readonly [type: string, actor: string, subject: string, resource: string][] = [
  ['grant.removal_delayed', 'Hallpass', 'HP-1031', 'reports-replica'],
  ['request.submitted', nadia.displayName, 'HP-1042', 'orders-db'],
  ['grant.activated', 'Hallpass', 'HP-1039', 'orders-db'],
  ['request.auto_approved', 'policy', 'HP-1039', 'orders-db'],
  ['decision.recorded', priya.displayName, 'HP-1041', 'staging-ledger'],
  ['grant.ended', 'Hallpass', 'HP-1029', 'orders-db'],
  ['policy.changed', nadia.displayName, 'policy 12', ''],
  ['device.confirmed', nadia.displayName, 'priya-mb2', ''],
];
export const LOG_SIZE = 18_205;
export const auditEntry = (index: number): AuditEntry => {
  const [type, actor, name, on] = LOG[(LOG_SIZE - 1 - index) % LOG.length] ?? ['', '', '', ''];
  const at = ago((LOG_SIZE - 1 - index) * 47 * SECOND_MS + 10 * SECOND_MS);
  return {
    index,
    at,
    type,
    leafHash: hex64(index % 256),
    salt: hex64(7).slice(0, 32),
    bodyHash: hex64((index * 3) % 256),
    body: {
      type,
      at,
      actor: {
        kind: actor === 'Hallpass' ? 'service' : actor === 'policy' ? 'policy' : 'person',
        id: null,
        name: actor,
      },
      subject: { kind: type.split('.')[0] ?? '', id: fixtureId('req', index % 1000), name },
      data: on === '' ? {} : { resource: on, level: 'read-only', ttlMs: HOUR_MS },
    },
  };
};
export const auditPage = (before = LOG_SIZE, limit = 100): AuditPage => {
  const newest = Math.min(before, LOG_SIZE) - 1;
  const entries = Array.from({ length: Math.min(limit, newest + 1) }, (_, i) => auditEntry(newest - i));
  const oldest = newest - entries.length + 1;
  return { entries, nextBefore: oldest > 0 ? oldest : null, size: LOG_SIZE };
};
export const checkpoint: Checkpoint = {
  size: LOG_SIZE - 1,
  rootHash: hex64(113),
  note: 'hallpass.acme\n18204\n…',
  at: ago(105 * SECOND_MS),
};

// what the main process says
export const readySession: Extract<SessionState, { phase: 'ready' }> = {
  phase: 'ready',
  mode: 'host',
  online: true,
  offlineSince: null,
  reason: null,
  personId: nadia.id,
  deviceId: fixtureId('dev', 0),
  deviceName: 'nadia-t14',
  fingerprint: '8f3a 61c0 2be4 97d1',
  keyStorage: 'system',
  serviceAddress: 'https://10.0.4.12:7443',
  clockOffsetMs: 0,
  clockTrusted: true,
  witness: { size: LOG_SIZE - 1, state: 'verified', detail: null },
};
export const settings: Settings = Settings.parse({
  favourites: [
    { resourceId: ordersDb.id, level: 'read-only' },
    { resourceId: paymentsDb.id, level: 'read-write' },
    { resourceId: stagingOrders.id, level: 'read-write' },
    { resourceId: ordersArchive.id, level: 'read-only' },
  ],
  recent: [{ resourceId: ordersDb.id, level: 'read-only', ttlMs: 30 * MINUTE_MS, reason: 'Check stuck orders' }],
});
export const injectionOf = (grant: GrantView, more: Partial<LocalInjection> = {}): LocalInjection => ({
  grantId: grant.id,
  resource: grant.resource.name,
  level: grant.level,
  state: 'injected',
  files: ['/run/user/1000/hallpass/pass', '/home/nadia/.pg_service.conf'],
  command: `psql service=${grant.resource.name}`,
  warnings: [],
  expiresAt: grant.expiresAt,
  error: null,
  issue: 1,
  endOn: NOTHING_ENDS,
  ...more,
});
export const injections: LocalInjection[] = [activeGrant, soonGrant, lastGrant].map((grant) => injectionOf(grant));
export const appInfo: AppInfo = {
  version: '0.1.0',
  platform: 'linux',
  electron: '33.2.1',
  sample: false,
  trayAvailable: true,
  notifications: { available: true, actions: true, reason: null },
  notices: [],
  unwatched: [],
  shortcuts: { palette: 'CommandOrControl+Shift+Space' },
  dataDir: '/home/nadia/.config/hallpass',
  logFile: '/home/nadia/.config/hallpass/logs/main.log',
};

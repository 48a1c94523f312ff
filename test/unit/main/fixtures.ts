/** Views as the service would send them. */
import { GrantView } from '../../../shared/contract/grants';
import { RequestView } from '../../../shared/contract/requests';

const id = (prefix: string, n: number) => `${prefix}_${String(n).padStart(26, '0')}`;
export const ME = id('per', 1);
export const MY_DEVICE = id('dev', 1);
export const requestId = (n: number) => id('req', n);
export const grantId = (n: number) => id('grt', n);

export const request = (change: Partial<RequestView> = {}): RequestView =>
  RequestView.parse({
    id: requestId(1),
    ticket: 'HP-1042',
    state: 'pending',
    requester: { personId: id('per', 2), displayName: 'Grace', deviceId: id('dev', 2), deviceName: 'lap' },
    resource: {
      id: id('res', 1),
      name: 'orders-db',
      kind: 'postgres',
      environment: 'staging',
      risk: 'low',
      tags: [],
      targetLabel: 'PostgreSQL 18',
    },
    level: 'read-only',
    ttlMs: 1_800_000,
    reason: 'look at orders',
    ticketRef: '',
    extendsGrantId: null,
    stage: 0,
    approvals: [{ from: 'dba', count: 1, given: 0 }],
    confirm: 'notification',
    decisions: [],
    waitingFor: [{ personId: ME, displayName: 'Ada', online: true, seenAt: null }],
    blockedBecause: null,
    deniedBecause: null,
    rules: ['r'],
    policyVersion: 1,
    grantId: null,
    createdAt: 1,
    expiresAt: 2,
    decidedAt: null,
    digest: 'a'.repeat(64),
    can: { decide: false, withdraw: false },
    ...change,
  });
export const grant = (change: Partial<GrantView> = {}): GrantView =>
  GrantView.parse({
    id: grantId(1),
    requestId: requestId(1),
    ticket: 'HP-1042',
    state: 'active',
    holder: { personId: ME, displayName: 'Ada', deviceId: MY_DEVICE },
    resource: {
      id: id('res', 1),
      name: 'orders-db',
      kind: 'postgres',
      environment: 'staging',
      risk: 'low',
      targetLabel: 'PostgreSQL 18',
    },
    level: 'read-only',
    createsAccess: false,
    reason: 'look',
    ticketRef: '',
    ttlMs: 3_600_000,
    expiresAt: 3_600_000,
    readyUntil: null,
    activatedAt: 0,
    endedAt: null,
    credentialReady: false,
    endReason: null,
    endedBy: null,
    endProof: null,
    removal: {
      machine: 'present',
      target: 'present',
      attempts: 0,
      nextTryAt: null,
      lastError: null,
      alarmed: false,
      sessionsCut: 0,
    },
    residue: [],
    pendingExtension: null,
    can: { start: false, extend: false, end: false, revoke: false, attest: false },
    ...change,
  });

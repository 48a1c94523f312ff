import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { factsOf } from '../../../renderer/features/activity/facts';
import { filterCount, filtersFrom, NO_FILTERS, queryOf, searchOf } from '../../../renderer/features/activity/filters';
import { mergePages } from '../../../renderer/features/activity/merge';
import { proofSteps } from '../../../renderer/features/activity/proof-path';
import { createBatcher, type Proof } from '../../../renderer/features/activity/proofs';
import {
  AUDIT_TYPES,
  type AuditType,
  readRow,
  resourceIn,
  STEP_NAMES,
  sayEntry,
  ticketIn,
  whoDid,
  wordType,
} from '../../../renderer/features/activity/wording';
import { API } from '../../../shared/contract/api';
import type { AuditEntry } from '../../../shared/contract/audit';
import { EVENT_TYPES } from '../../../shared/contract/events';
import { toHex, utf8 } from '../../../shared/crypto/bytes';
import { inclusionPath, leafHash, nodeHash, rootAt } from '../../../shared/crypto/merkle';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';

const at = new Date(2025, 9, 7, 9, 42, 7).getTime();
const entry = (type: string, data: Record<string, unknown> = {}, more: Partial<AuditEntry> = {}): AuditEntry => ({
  index: 18_204,
  at,
  type,
  leafHash: 'a'.repeat(64),
  bodyHash: 'b'.repeat(64),
  salt: 's',
  body: {
    type,
    at,
    actor: { kind: 'person', id: 'per_1', name: 'Nadia Rahman' },
    subject: { kind: 'request', id: 'req_1', name: 'HP-1042 orders-db read-only' },
    data: { resource: 'orders-db', level: 'read-only', ...data },
  },
  ...more,
});
const said = (type: string, data: Record<string, unknown> = {}) => {
  const { what, aside } = sayEntry(entry(type, data));
  return aside === undefined ? what : `${what} | ${aside}`;
};

/** Said with what the service writes; one more type does not compile until it stands here. */
const SENTENCES: Record<AuditType, readonly (readonly [data: Record<string, unknown>, sentence: string])[]> = {
  'request.submitted': [
    [
      { ttlMs: HOUR_MS, approvals: [{ from: 'security', count: 2 }] },
      'Request sent | read-only, 1 h, needs 2 of security',
    ],
  ],
  'decision.recorded': [
    [
      { decision: 'approve', ttlMs: 30 * MINUTE_MS, countsFor: ['owners'], statement: { ttlMs: 30 * MINUTE_MS } },
      'Approved for 30 m | as owners',
    ],
    [{ decision: 'deny', statement: { reason: 'Use the replica' } }, 'Denied | “Use the replica”'],
    [{}, 'Approved'],
  ],
  'request.approved': [[{ ttlMs: HOUR_MS }, 'Request approved | read-only, 1 h']],
  'request.auto_approved': [[{ ttlMs: HOUR_MS }, 'Auto-approved | read-only, 1 h']],
  'request.denied': [[{ because: 'No' }, 'Request denied | “No”']],
  'request.denied_by_policy': [[{ because: 'Only on call.' }, 'Denied by policy | “Only on call.”']],
  'request.withdrawn': [[{}, 'Request withdrawn | read-only']],
  'request.expired': [
    [{ why: 'unanswered' }, 'Request expired | nobody answered'],
    [{ why: 'grant_ended' }, 'Request expired | the access it would extend ended'],
  ],
  'request.blocked': [[{ because: 'db-owners is empty' }, 'Nobody can approve it | db-owners is empty']],
  'request.unblocked': [[{}, 'Can be approved again | read-only']],
  'request.rerouted': [[{}, 'Approvals asked anew | policy or people changed']],
  'request.nudged': [[{}, 'Approvers reminded']],
  'grant.ready': [[{ ttlMs: HOUR_MS }, 'Access granted | 1 h, waits to start']],
  'grant.provisioning': [[{}, 'Login being made | read-only']],
  'grant.credential_ready': [[{}, 'Login made | sealed to the device']],
  'grant.activated': [[{ expiresAt: at + HOUR_MS }, 'Access works | read-only, ends 10:42:07']],
  'grant.extended': [[{ addedMs: 30 * MINUTE_MS, expiresAt: at }, 'Extended by 30 m | ends 09:42:07']],
  'grant.ending': [
    [{ reason: 'expired' }, 'Grant ending, time is up'],
    [{ reason: 'revoked', because: 'Wrong database' }, 'Grant ending, revoked | “Wrong database”'],
    [{ reason: 'failed', error: 'disk full' }, 'Grant ending, it could not be made | disk full'],
  ],
  'grant.removal_delayed': [
    [{ attempts: 1, lastError: 'refused' }, 'Removal not confirmed, still trying | 1 try, refused'],
  ],
  'grant.ended': [
    [{ proof: 'read_back' }, 'Read back, grant ended | read-only'],
    [{ proof: 'never_created' }, 'Ended, nothing had been made | read-only'],
    [
      { proof: 'attested_unverified', attested: 'Server scrapped' },
      'Closed by hand, not read back | “Server scrapped”',
    ],
  ],
  'grant.residue': [
    [{ done: true, residue: [] }, 'Left-overs cleared away'],
    [{ done: false, residue: [{}, {}] }, '2 left-overs on the target'],
  ],
  'grant.injection': [
    [{ state: 'removed', error: null }, 'Credential removed from the device'],
    [{ state: 'removal_failed', error: 'read-only' }, 'Removal on the device failed | read-only'],
  ],
  'grant.device_key': [[{ fingerprint: 'SHA256:abc' }, 'The device made a key for it | SHA256:abc']],
  'principal.orphan_ended': [
    [{ result: 'ended', principal: 'hp_1' }, 'Stray login found and ended | hp_1'],
    [{ result: 'still there', principal: 'hp_1' }, 'Stray login found, still there | hp_1'],
  ],
  'person.joined': [
    [{ owner: true }, 'HP-1042 orders-db read-only joined | made this service'],
    [{ state: 'pending' }, 'HP-1042 orders-db read-only joined | device to be confirmed'],
  ],
  'person.changed': [
    [
      { displayName: 'Ana B', roles: ['admin', 'member'], before: { displayName: 'Ana', roles: ['member'] } },
      'Ana B changed | was called Ana, now administrator and member',
    ],
  ],
  'principal.orphan_found': [
    [{ principal: 'hp_1', error: 'connection refused' }, 'Stray login found, still there | hp_1, connection refused'],
  ],
  'ticket.closed': [
    [{ ended: ['grt_1', 'grt_2'] }, 'Ticket HP-1042 orders-db read-only closed | 2 grants ended with it'],
    [{ ended: [] }, 'Ticket HP-1042 orders-db read-only closed | no access hung on it'],
  ],
  'hook.secret_made': [[{}, 'Ticket system connected | a new secret was made']],
  'hook.removed': [[{}, 'Ticket system cut off']],
  'person.suspended': [[{ because: 'lost laptop' }, 'HP-1042 orders-db read-only locked | “lost laptop”']],
  'person.resumed': [[{}, 'HP-1042 orders-db read-only unlocked | what ended stays ended']],
  'person.removed': [[{ devices: ['dev_1'] }, 'HP-1042 orders-db read-only removed | 1 device revoked']],
  'device.confirmed': [[{ fingerprint: '8f3a' }, 'Device HP-1042 orders-db read-only confirmed | 8f3a']],
  'device.revoked': [[{ fingerprint: '8f3a' }, 'Device HP-1042 orders-db read-only revoked | 8f3a']],
  'group.changed': [
    [{ members: ['a'], before: null }, 'Group HP-1042 orders-db read-only made | 1 member'],
    [{ members: ['a', 'c'], before: ['a', 'b'] }, 'Group HP-1042 orders-db read-only changed | 1 added, 1 removed'],
  ],
  'group.removed': [[{ members: [] }, 'Group HP-1042 orders-db read-only removed | 0 members']],
  'invite.created': [
    [
      { roles: ['member', 'admin'], groups: ['x'] },
      'HP-1042 orders-db read-only invited | member and administrator, x',
    ],
  ],
  'invite.withdrawn': [[{}, 'Invite of HP-1042 orders-db read-only withdrawn']],
  'invite.wrong_code': [[{ attempts: 2 }, 'Wrong code for the invite of HP-1042 orders-db read-only | try 2']],
  'invite.locked': [[{ attempts: 5 }, 'Invite of HP-1042 orders-db read-only locked | too many wrong codes']],
  'resource.created': [
    [{ environment: 'production', risk: 'high' }, 'Resource HP-1042 orders-db read-only added | production, high risk'],
  ],
  'resource.changed': [[{}, 'Resource HP-1042 orders-db read-only changed']],
  'resource.suspended': [[{ because: 'incident 12' }, 'Resource HP-1042 orders-db read-only locked | “incident 12”']],
  'resource.resumed': [[{}, 'Resource HP-1042 orders-db read-only unlocked | what ended stays ended']],
  'resource.archived': [[{}, 'Resource HP-1042 orders-db read-only archived | its access ends']],
  'resource.plan_started': [[{ host: 'db.internal' }, 'Set-up of the target started | db.internal']],
  'resource.plan_applied': [
    [{ ok: true, ran: 12 }, 'Target set up | 12 statements'],
    [{ ok: false, ran: 1 }, 'Set-up of the target stopped | after 1 statement'],
  ],
  'resource.plan_failed': [[{ kind: 'unreachable' }, 'Set-up of the target failed | unreachable']],
  'resource.secret_rotated': [
    [{ principal: 'hp_x' }, 'Secret of HP-1042 orders-db read-only changed | read back: the old one is refused'],
  ],
  'policy.changed': [
    [{ version: 12, note: 'Tighter', rules: 3 }, 'Policy 12 published | “Tighter”'],
    [{ version: 1, note: '', rules: 1 }, 'Policy 1 published | 1 rule'],
  ],
};

describe('the log in words', () => {
  test.each(AUDIT_TYPES)('%s', (type) => {
    for (const [data, sentence] of SENTENCES[type]) expect(said(type, data)).toBe(sentence);
    expect(STEP_NAMES[type]).not.toBe('');
  });
  test.each(AUDIT_TYPES)('%s can be read without any data, with nonsense in it, and pruned', (type) => {
    const nonsense = Object.fromEntries(
      ['ttlMs', 'reason', 'statement', 'before', 'members', 'approvals', 'residue', 'roles', 'devices', 'proof'].map(
        (key) => [key, key === 'ttlMs' ? 'x' : 7],
      ),
    );
    for (const data of [{}, nonsense]) {
      const { what, aside } = sayEntry(entry(type, data));
      expect(what).not.toBe('');
      expect(`${what} ${aside ?? ''}`).not.toMatch(/undefined|null|NaN|\[object/);
    }
    expect(sayEntry(entry(type, {}, { body: null })).what).toBe(STEP_NAMES[type]);
  });
  test('knows every type of entry that the service writes', () => {
    const found = new Set<string>();
    const root = path.resolve(import.meta.dirname, '../../../electron/service');
    for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('.ts')))
      for (const [, type] of readFileSync(path.join(root, file), 'utf8').matchAll(
        /'((?:request|decision|grant|principal|person|device|group|invite|resource|policy)\.[a-z_]+)'/g,
      ))
        found.add(type ?? '');
    // events that are no entries, and routes that share their form
    const notEntries = new Set<string>(['request.seen', 'device.pending', 'invite.changed', ...Object.keys(API)]);
    const written = [...found].filter((type) => !notEntries.has(type));
    expect(written.filter((type) => !(AUDIT_TYPES as readonly string[]).includes(type))).toEqual([]);
    expect(EVENT_TYPES.filter((type) => /^(request|grant)\./.test(type) && type !== 'request.seen')).toEqual(
      AUDIT_TYPES.filter((type) => /^(request|grant)\./.test(type)).sort(
        (a, b) => EVENT_TYPES.indexOf(a as never) - EVENT_TYPES.indexOf(b as never),
      ),
    );
  });
  test('a step of a newer service is still read', () => {
    expect(wordType('grant.paused_by_hand')).toBe('Grant: paused by hand');
    expect(said('grant.paused_by_hand')).toBe('Grant: paused by hand | HP-1042 orders-db read-only');
    expect(wordType('')).toBe('Unnamed step');
  });
  test('a row says who, what, where and how it is proven', () => {
    const one = entry('request.withdrawn');
    expect(ticketIn(one)).toBe('HP-1042');
    expect(resourceIn(one)).toBe('orders-db');
    expect(whoDid(one)).toEqual({ name: 'Nadia Rahman', kind: 'person' });
    expect(readRow(one, 'proof: in tree')).toBe(
      'Entry 18,204, 09:42:07, Nadia Rahman, Request withdrawn, read-only, orders-db, HP-1042, proof: in tree',
    );
    expect(ticketIn(entry('grant.ended', {}, { body: null }))).toBeUndefined();
  });
  test('facts name what a person gave, and leave our own words for reasons out', () => {
    expect(factsOf(entry('request.submitted', { reason: 'Stuck orders', ttlMs: HOUR_MS }))).toContainEqual({
      name: 'Why',
      value: 'Stuck orders',
      figures: 'text',
    });
    expect(factsOf(entry('grant.ending', { reason: 'expired' })).map((one) => one.name)).toEqual(['Level']);
    expect(factsOf(entry('grant.ending', {}, { body: null }))).toEqual([]);
  });
});

describe('filters', () => {
  test('stand in the address and come back from it', () => {
    const filters = { ...NO_FILTERS, grant: 'grt_1', text: ' stuck ' };
    expect(searchOf(filters)).toEqual({ grant: 'grt_1', text: 'stuck' });
    expect(filtersFrom({ grant: 'grt_1', text: 'stuck', other: 'x' })).toEqual({ ...filters, text: 'stuck' });
    expect(filterCount(filters)).toBe(2);
    expect(queryOf(NO_FILTERS, 100)).toEqual({ limit: 100 });
  });
  test('are never longer than the service takes', () => {
    expect(filtersFrom({ text: 'x'.repeat(500) }).text).toHaveLength(100);
  });
});

describe('pages', () => {
  const pageOf = (from: number, to: number, nextBefore: number | null = to) => ({
    entries: Array.from({ length: from - to + 1 }, (_, i) => entry('request.nudged', {}, { index: from - i })),
    nextBefore,
    size: from + 1,
  });
  test('new entries join on top, each once', () => {
    const merged = mergePages(pageOf(12, 5), [pageOf(10, 5), pageOf(4, 0, null)]);
    expect(merged.entries.map((one) => one.index)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    expect(merged.seam).toBe('closed');
  });
  test('a newest page that does not reach down to what is known leaves a gap', () => {
    expect(mergePages(pageOf(30, 20), [pageOf(10, 5)]).seam).toBe('gap');
    expect(mergePages(undefined, [pageOf(10, 5)]).seam).toBe('closed');
    expect(mergePages(pageOf(3, 0, null), [{ entries: [], nextBefore: null, size: 0 }]).seam).toBe('closed');
  });
});

describe('proofs', () => {
  const leaves = Array.from({ length: 41 }, (_, i) => leafHash(utf8(`leaf ${i}`)));
  const node = (level: number, index: number): Uint8Array =>
    level === 0 ? (leaves[index] as Uint8Array) : nodeHash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1));
  test('the steps drawn lead to the root, for every leaf of every size', async () => {
    for (let size = 1; size <= leaves.length; size++)
      for (let index = 0; index < size; index++) {
        const proof = {
          index,
          size,
          leafHash: toHex(node(0, index)),
          path: (await inclusionPath(index, size, node)).map(toHex),
        };
        const steps = proofSteps(proof);
        expect(steps?.at(-1)?.result ?? proof.leafHash).toBe(toHex(await rootAt(size, node)));
      }
  });
  test('a path of the wrong length is no proof', async () => {
    const path = (await inclusionPath(3, 8, node)).map(toHex);
    const proof = { index: 3, size: 8, leafHash: toHex(node(0, 3)), path };
    expect(proofSteps({ ...proof, path: path.slice(1) })).toBeNull();
    expect(proofSteps({ ...proof, path: [...path, ...path] })).toBeNull();
    expect(proofSteps({ ...proof, index: 8 })).toBeNull();
  });
  test('rows that ask together are asked for in one call, at most 200 at once', async () => {
    const calls: number[][] = [];
    let send = () => {};
    const proofOf = createBatcher(
      async (indexes) => {
        calls.push(indexes);
        return indexes.map((index): Proof => ({ index, state: 'proven', detail: null }));
      },
      (run) => {
        send = run;
      },
    );
    const asked = Array.from({ length: 250 }, (_, index) => proofOf(index));
    expect(proofOf(3)).toBe(asked[3]);
    send();
    expect((await Promise.all(asked)).map((one) => one.index)).toEqual(Array.from({ length: 250 }, (_, i) => i));
    expect(calls.map((one) => one.length)).toEqual([200, 50]);
  });
});

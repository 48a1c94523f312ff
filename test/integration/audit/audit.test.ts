/** What the service says about its log, checked the way a stranger would: from the answers alone. */
import { createHash } from 'node:crypto';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../../electron/service/access/caller';
import { createAuditCases, createAuditStreams } from '../../../electron/service/audit';
import type { Store } from '../../../electron/service/store/store';
import { ExportEntry, ExportHeader } from '../../../shared/contract/audit';
import { fromHex } from '../../../shared/crypto/bytes';
import { newSigningKeys } from '../../../shared/crypto/keys';
import { verifyConsistency, verifyInclusion } from '../../../shared/crypto/merkle';
import { openCheckpoint, parseVerifierKey } from '../../../shared/crypto/note';
import { signDecision } from '../../../shared/crypto/statements';
import { verifyExport } from '../../../shared/crypto/verify-export';
import { newId } from '../../../shared/domain/ids';
import { asInstant } from '../../../shared/domain/instant';
import type { Role } from '../../../shared/domain/states';
import { draft, type Home, newHome, random, seedGrant, stopPostgres } from '../store/helpers';

const homes: Home[] = [];
async function open(dialect: 'sqlite' | 'postgres') {
  const home = await newHome(dialect);
  homes.push(home);
  const store = await home.open();
  return { home, store, cases: createAuditCases({ store }), streams: createAuditStreams({ store, clock: home.clock }) };
}
afterEach(async () => {
  for (const home of homes.splice(0)) await home.remove();
});
afterAll(stopPostgres);

const at = asInstant(1_800_000_000_000);
const callerOf = (personId: string, ...roles: Role[]): Caller => ({
  personId,
  deviceId: newId('device', at, random),
  displayName: 'Somebody',
  roles: new Set(roles),
  via: 'socket',
});
const auditor = callerOf(newId('person', at, random), 'member', 'auditor');
const none = { params: undefined, query: undefined, body: undefined } as const;
const query = <Q>(values: Q) => ({ params: undefined, query: values, body: undefined }) as never;
/** `count` entries, `perWrite` at a time, of several people. */
async function fill(store: Store, count: number, perWrite = 100, personIds: readonly string[] = []): Promise<void> {
  for (let n = 0; n < count; n += perWrite)
    await store.write(async (tx) => {
      for (let i = n; i < Math.min(count, n + perWrite); i++)
        tx.audit(draft(i, personIds.length === 0 ? {} : { personId: personIds[i % personIds.length] as string }));
    });
}
async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

describe.each(['sqlite', 'postgres'] as const)('the log on %s', (dialect) => {
  test('an empty log has a signed checkpoint and a sound export', async () => {
    const { store, cases, streams } = await open(dialect);
    const key = parseVerifierKey(store.logKey) as NonNullable<ReturnType<typeof parseVerifierKey>>;
    const checkpoint = await cases['audit.checkpoint'](auditor, none as never);
    expect(openCheckpoint(checkpoint.note, key)?.size).toBe(0);
    expect(await verifyExport(streams['audit.export'](auditor, query({ from: 0 })))).toMatchObject({
      ok: true,
      complete: true,
    });
  });

  test('proves inclusion and growth for any two checkpoints', async () => {
    const { cases, store } = await open(dialect);
    await fill(store, 70, 7);
    const sizes = [7, 14, 35, 70];
    for (const size of sizes) {
      const proof = await cases['audit.inclusion'](auditor, query({ index: 5, size }));
      const root = fromHex(proof.checkpoint.rootHash);
      expect(verifyInclusion(fromHex(proof.leafHash), 5, size, proof.path.map(fromHex), root)).toBe(true);
      for (const from of [0, ...sizes.filter((other) => other <= size)]) {
        const grown = await cases['audit.consistency'](auditor, query({ from, to: size }));
        const older =
          from === 0
            ? createHash('sha256').digest('hex')
            : (await cases['audit.inclusion'](auditor, query({ index: 0, size: from }))).checkpoint.rootHash;
        expect(verifyConsistency(from, size, fromHex(older), root, grown.path.map(fromHex))).toBe(true);
      }
    }
    await expect(cases['audit.inclusion'](auditor, query({ index: 70 }))).rejects.toMatchObject({ code: 'not-found' });
    await expect(cases['audit.inclusion'](auditor, query({ index: 1, size: 8 }))).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(cases['audit.consistency'](auditor, query({ from: 71 }))).rejects.toMatchObject({
      code: 'invalid-input',
    });
  });

  test('shows a member what concerns them and proves only that; an auditor sees all', async () => {
    const { cases, store, streams } = await open(dialect);
    const [mine, theirs] = [newId('person', at, random), newId('person', at, random)];
    await fill(store, 20, 20, [mine, theirs]);
    const member = callerOf(mine, 'member');
    const page = await cases['audit.entries'](member, query({ limit: 100 }));
    expect(page.entries.map((entry) => entry.index)).toEqual([18, 16, 14, 12, 10, 8, 6, 4, 2, 0]);
    expect(page.size).toBe(20);
    await cases['audit.inclusion'](member, query({ index: 4 }));
    await expect(cases['audit.inclusion'](member, query({ index: 5 }))).rejects.toMatchObject({ code: 'not-found' });
    await expect(collect(streams['audit.export'](member, query({ from: 0 })))).rejects.toMatchObject({
      code: 'forbidden',
    });
    expect((await cases['audit.entries'](auditor, query({ limit: 100 }))).entries).toHaveLength(20);
  });

  test('pages, filters and finds text, whatever characters are in it', async () => {
    const { cases, store } = await open(dialect);
    await fill(store, 25, 25);
    const grantId = newId('grant', at, random);
    await store.write(async (tx) =>
      tx.audit(draft(99, { type: 'grant.ended', grantId, data: { because: '100%_Done!' } })),
    );
    const seen: number[] = [];
    for (let before: number | undefined; ; ) {
      const page = await cases['audit.entries'](auditor, query({ limit: 10, before }));
      seen.push(...page.entries.map((entry) => entry.index));
      if (page.nextBefore === null) break;
      before = page.nextBefore;
    }
    expect(seen).toEqual(Array.from({ length: 26 }, (_, i) => 25 - i));
    const found = async (values: object) =>
      (await cases['audit.entries'](auditor, query({ limit: 100, ...values }))).entries.map((entry) => entry.index);
    expect(await found({ type: 'grant.ended' })).toEqual([25]);
    expect(await found({ grant: grantId })).toEqual([25]);
    expect(await found({ text: '100%_done!' })).toEqual([25]);
    expect(await found({ text: 'test 7' })).toEqual([7]);
    expect(await found({ text: "'; drop table audit_leaves --" })).toEqual([]);
    expect(await found({ text: '%' })).toEqual([25]);
  });

  test('exports whole or in part, every proof for one checkpoint, while others write', async () => {
    const { store, streams } = await open(dialect);
    await fill(store, 1_300, 130);
    const lines: string[] = [];
    for await (const line of streams['audit.export'](auditor, query({ from: 0 }))) {
      if (lines.length % 400 === 0) await fill(store, 3, 3);
      lines.push(line);
    }
    const report = await verifyExport(lines, { logKey: store.logKey });
    expect(report.sentences[0]).toBe('Sound: the whole log, 1300 entries, each proven to be in the log of 1300.');
    for (const [from, to] of [
      [0, 512],
      [500, 530],
      [1_100, 1_300],
      [1_299, 1_300],
      [7, 7],
    ] as const) {
      const part = await verifyExport(streams['audit.export'](auditor, query({ from, to })));
      expect([part.ok, part.entryCount]).toEqual([true, to - from]);
    }
    await expect(collect(streams['audit.export'](auditor, query({ from: 0, to: 99_999 })))).rejects.toMatchObject({
      code: 'invalid-input',
    });
  });

  test('a row changed or removed in the database is named by its export', async () => {
    const { home, store, streams } = await open(dialect);
    await fill(store, 600, 100);
    await home.tamper(`update audit_leaves set body = replace(body, '"n":300}', '"n":301}') where idx = 300`);
    await home.tamper('delete from audit_leaves where idx = 17');
    const report = await verifyExport(streams['audit.export'](auditor, query({ from: 0 })));
    expect(report.findings.map(({ kind, index }) => [kind, index])).toEqual([
      ['changed', 300],
      ['removed', 17],
    ]);
  });

  test('evidence holds all about one grant, with decisions that verify offline, for those who may see it', async () => {
    const { home, store, streams } = await open(dialect);
    await fill(store, 40, 40);
    const ids = await seedGrant(store, home.clock.now());
    await seedGrant(store, home.clock.now());
    const approver = {
      personId: newId('person', at, random),
      deviceId: newId('device', at, random),
      keys: newSigningKeys(random),
    };
    const signed = signDecision(approver.keys.secretKey, {
      ...{
        v: 1,
        kind: 'decision',
        requestId: ids.requestId,
        requestDigest: 'a'.repeat(64),
        decision: 'approve',
        stage: 0,
        ttlMs: 900_000,
      },
      ...{
        reason: '',
        policyVersion: 1,
        policyDigest: 'b'.repeat(64),
        nonce: 'A'.repeat(43),
        via: 'card',
        deviceId: approver.deviceId,
        at,
      },
    });
    await store.write(async (tx) => {
      const person = {
        id: approver.personId,
        display_name: 'Grace',
        roles: '["member"]',
        owner: 0,
        state: 'active' as const,
        joined_at: at,
        invited_by: null,
      };
      await tx.db.insertInto('people').values(person).execute();
      const device = {
        id: approver.deviceId,
        person_id: approver.personId,
        name: 'desk',
        signing_key: approver.keys.publicKey,
        sealing_key: 'k',
      };
      await tx.db
        .insertInto('devices')
        .values({ ...device, state: 'active', created_at: at, confirmed_by: null, last_seen_at: null })
        .execute();
      const row = {
        id: newId('decision', at, random),
        request_id: ids.requestId,
        stage: 0,
        approver_id: approver.personId,
        device_id: approver.deviceId,
      };
      const said = {
        decision: 'approve',
        ttl_ms: 900_000,
        reason: '',
        via: 'card',
        statement: JSON.stringify(signed.statement),
        signature: signed.signature,
        counts_for: '[]',
        at,
      };
      await tx.db
        .insertInto('decisions')
        .values({ ...row, ...said })
        .execute();
      tx.audit(
        draft(1, {
          type: 'decision.recorded',
          subject: { kind: 'request', id: ids.requestId, name: 'HP-1001' },
          data: { ...signed },
          personId: ids.personId,
        }),
      );
    });
    const holder = callerOf(ids.personId, 'member');
    const input = { params: { id: ids.grantId }, query: undefined, body: undefined } as never;
    const lines = await collect(streams['audit.evidence'](holder, input));
    const header = ExportHeader.parse(JSON.parse(lines[0] as string));
    expect(header).toMatchObject({
      format: 'hallpass-evidence-v1',
      grantId: ids.grantId,
      count: 2,
      devices: { [approver.deviceId]: approver.keys.publicKey },
    });
    expect(lines.slice(1).map((line) => ExportEntry.parse(JSON.parse(line)).type)).toEqual([
      'grant.activated',
      'decision.recorded',
    ]);
    expect(await verifyExport(lines, { logKey: store.logKey })).toMatchObject({
      ok: true,
      decisions: { valid: 1, invalid: 0, unchecked: 0 },
    });
    const stranger = callerOf(newId('person', at, random), 'member');
    await expect(collect(streams['audit.evidence'](stranger, input))).rejects.toMatchObject({ code: 'not-found' });
  });
});

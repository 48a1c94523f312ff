/** Every way to tamper with a file that we know of, done to a real export of a real tree; each must be found and named. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AuditBody, ExportEntry, ExportHeader } from '../../../shared/contract/audit';
import { fromHex, toHex } from '../../../shared/crypto/bytes';
import { canonicalJson } from '../../../shared/crypto/canonical-json';
import { newSigningKeys } from '../../../shared/crypto/keys';
import { bodyHashOf, leafHashOf, newLeaf } from '../../../shared/crypto/leaf';
import { Frontier, inclusionPath } from '../../../shared/crypto/merkle';
import { signCheckpoint, verifierKey } from '../../../shared/crypto/note';
import { signDecision } from '../../../shared/crypto/statements';
import { verifyExport } from '../../../shared/crypto/verify-export';
import { newId } from '../../../shared/domain/ids';
import { asInstant } from '../../../shared/domain/instant';
import { seededRandom } from './helpers';

const random = seededRandom('export');
const signer = { name: 'example.com/log', ...newSigningKeys(random) };
const approver = newSigningKeys(random);
const at = asInstant(1_800_000_000_000);
const deviceId = newId('device', at, random);
const requestId = newId('request', at, random);

const plainBody = (n: number): AuditBody => ({
  type: 'test.happened',
  at: at + n,
  actor: { kind: 'service', id: null, name: 'Test' },
  subject: { kind: 'test', id: `t${n}`, name: 'Test' },
  data: { n },
});
function decisionBody(n: number): AuditBody {
  const signed = signDecision(approver.secretKey, {
    ...{
      v: 1,
      kind: 'decision',
      requestId,
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
      deviceId,
      at: at + n,
    },
  });
  return {
    ...plainBody(n),
    type: 'decision.recorded',
    subject: { kind: 'request', id: requestId, name: 'HP-1001' },
    data: { statement: signed.statement, signature: signed.signature },
  };
}

interface Log {
  readonly bodies: AuditBody[];
  readonly entries: Omit<ExportEntry, 'proof'>[];
  root(size: number): string;
  note(size: number): string;
  /** The honest file for a checkpoint of `size`. */
  file(size?: number): Promise<{ header: ExportHeader; entries: ExportEntry[] }>;
}
function makeLog(bodies: AuditBody[], by = signer): Log {
  const entries = bodies.map((body, index) => {
    const { salt, bodyHash, leafHash } = newLeaf(index, body, seededRandom(`salt ${index}`));
    return { index, at: body.at, type: body.type, salt, body, bodyHash, leafHash };
  });
  const nodes = new Map<string, Uint8Array>();
  const roots = [new Frontier().root()];
  const frontier = new Frontier();
  for (const entry of entries) {
    for (const node of frontier.append(fromHex(entry.leafHash))) nodes.set(`${node.level}/${node.index}`, node.hash);
    roots.push(frontier.root());
  }
  const rootAt = (size: number) => roots[size] as Uint8Array;
  const note = (size: number) => signCheckpoint(size, rootAt(size), by);
  return {
    bodies,
    entries,
    root: (size) => toHex(rootAt(size)),
    note,
    async file(size = entries.length) {
      const get = (level: number, index: number) => nodes.get(`${level}/${index}`) as Uint8Array;
      const proven = await Promise.all(
        entries
          .slice(0, size)
          .map(async (entry) => ({ ...entry, proof: (await inclusionPath(entry.index, size, get)).map(toHex) })),
      );
      const header: ExportHeader = {
        format: 'hallpass-audit-v1',
        logKey: verifierKey(by),
        checkpoint: { size, rootHash: toHex(rootAt(size)), note: note(size), at },
        ...{ exportedAt: at, from: 0, to: size, count: size, devices: { [deviceId]: approver.publicKey } },
      };
      return { header, entries: proven };
    },
  };
}
const SIZE = 21;
const log = makeLog(Array.from({ length: SIZE }, (_, n) => (n === 4 ? decisionBody(n) : plainBody(n))));
const linesOf = (file: { header: unknown; entries: unknown[] }) =>
  [file.header, ...file.entries].map((line) => `${JSON.stringify(line)}\n`);
async function check(change: (file: { header: ExportHeader; entries: ExportEntry[] }) => unknown, options = {}) {
  const file = structuredClone(await log.file());
  change(file);
  return verifyExport(linesOf(file), options);
}
const kinds = (report: Awaited<ReturnType<typeof verifyExport>>) =>
  report.findings.map(({ kind, index }) => [kind, index]);
/** What a forger with the format at hand does: body, body hash and leaf hash fit again. */
function rehash(entry: ExportEntry): void {
  if (entry.body !== null) entry.bodyHash = bodyHashOf(entry.salt, canonicalJson(entry.body));
  entry.leafHash = leafHashOf(entry);
}

describe('an honest export', () => {
  test('is sound, complete, and its decision checked', async () => {
    const report = await check(() => undefined, { logKey: verifierKey(signer), checkpoint: log.note(SIZE) });
    expect(report).toMatchObject({
      ok: true,
      complete: true,
      entryCount: SIZE,
      decisions: { valid: 1, invalid: 0, unchecked: 0 },
    });
    expect(report.log).toEqual({ name: signer.name, key: verifierKey(signer), keyFrom: 'given' });
    expect(report.sentences[0]).toMatch(/^Sound: the whole log, 21 entries/);
  });
  test('of any length is sound', async () => {
    for (let size = 0; size <= SIZE; size++) {
      const report = await verifyExport(linesOf(await log.file(size)));
      expect([size, report.ok, report.complete]).toEqual([size, true, true]);
    }
  });
  test('of a part is sound, and says that it is a part', async () => {
    const report = await check((file) => {
      Object.assign(file.header, { from: 5, to: 12, count: 7 });
      file.entries = file.entries.slice(5, 12);
    });
    expect(report).toMatchObject({ ok: true, complete: false, entryCount: 7 });
    expect(report.sentences.join(' ')).toMatch(/entries 5 to 11 of a log of 21/);
  });
  test('with an erased body is sound', async () => {
    const report = await check((file) => Object.assign(file.entries[3] as ExportEntry, { body: null, salt: '' }));
    expect(report).toMatchObject({ ok: true, complete: true });
  });
  test('read from an endless number of pieces is not held in memory: it streams', async () => {
    const lines = linesOf(await log.file());
    let held = 0;
    async function* streamed() {
      for (const line of lines) {
        held++;
        yield line;
        held--;
      }
    }
    expect((await verifyExport(streamed())).ok).toBe(true);
    expect(held).toBe(0);
  });
});

describe('a tampered export', () => {
  test('a changed body is named', async () => {
    const report = await check((file) => Object.assign(file.entries[7]?.body?.data ?? {}, { n: 8 }));
    expect(kinds(report)).toEqual([['changed', 7]]);
    expect(report.sentences).toContain('Entry 7 was changed: its body is not what the log committed to.');
  });
  test('a changed body with all hashes made anew is named', async () => {
    const report = await check((file) => {
      const entry = file.entries[7] as ExportEntry;
      (entry.body as AuditBody).data = { n: 99 };
      rehash(entry);
    });
    expect(kinds(report)).toEqual([['changed', 7]]);
  });
  test.each([['at'], ['type'], ['bodyHash'], ['leafHash'], ['salt'], ['proof']] as const)(
    'a changed %s is named',
    async (field) => {
      const report = await check((file) => {
        const entry = file.entries[9] as ExportEntry;
        const other = file.entries[10] as ExportEntry;
        Object.assign(entry, { [field]: field === 'type' ? 'x' : other[field] });
      });
      expect(kinds(report)).toEqual([['changed', 9]]);
    },
  );
  test('a removed entry is named', async () => {
    expect(kinds(await check((file) => file.entries.splice(6, 1)))).toEqual([['removed', 6]]);
    expect(kinds(await check((file) => file.entries.splice(0, 2)))).toEqual([['removed', 0]]);
  });
  test('a removed entry is named when the rest was renumbered', async () => {
    const report = await check((file) => {
      file.entries.splice(6, 1);
      for (const entry of file.entries.slice(6)) {
        entry.index--;
        rehash(entry);
      }
    });
    expect(report.findings[0]).toMatchObject({ kind: 'removed', index: 6 });
    expect(report.findings[0]?.sentence).toMatch(
      /^Entry 6 of the log was removed, and the entries after were renumbered/,
    );
    expect(kinds(report)).toEqual([
      ['removed', 6],
      ['truncated', 20],
    ]);
  });
  test('an inserted entry is named', async () => {
    const report = await check((file) => {
      const forged = structuredClone(file.entries[6] as ExportEntry);
      (forged.body as AuditBody).data = { n: 'forged' };
      rehash(forged);
      file.entries.splice(7, 0, forged);
    });
    expect(kinds(report)).toEqual([['inserted', 6]]);
  });
  test('an inserted entry is named when the rest was renumbered', async () => {
    const report = await check((file) => {
      const forged = structuredClone(file.entries[6] as ExportEntry);
      (forged.body as AuditBody).data = { n: 'forged' };
      file.entries.splice(6, 0, forged);
      for (const entry of file.entries.slice(7)) entry.index++;
      for (const entry of file.entries.slice(6)) rehash(entry);
      file.header.to++;
    });
    expect(report.findings[0]).toMatchObject({ kind: 'inserted', index: 6 });
    expect(report.findings.filter((finding) => finding.kind === 'changed')).toEqual([]);
  });
  test('an entry appended past the checkpoint is named', async () => {
    const report = await check((file) => {
      const forged = { ...structuredClone(file.entries[20] as ExportEntry), index: 21 };
      rehash(forged);
      file.entries.push(forged);
    });
    expect(kinds(report)).toEqual([['inserted', 21]]);
  });
  test('two entries that changed places are named', async () => {
    const report = await check((file) => {
      const [a, b] = [file.entries[3], file.entries[8]] as [ExportEntry, ExportEntry];
      file.entries[3] = b;
      file.entries[8] = a;
    });
    expect(report.ok).toBe(false);
    expect(report.findings.every((finding) => finding.kind === 'reordered')).toBe(true);
    expect(kinds(report)).toContainEqual(['reordered', 3]);
  });
  test('an entry that is there twice is named', async () => {
    expect(kinds(await check((file) => file.entries.splice(6, 0, file.entries[5] as ExportEntry)))).toEqual([
      ['duplicate', 5],
    ]);
  });
  test('a cut file is named, by lines or in the middle of one', async () => {
    expect(kinds(await check((file) => file.entries.splice(15)))).toEqual([['truncated', 15]]);
    const text = linesOf(await log.file())
      .join('')
      .slice(0, -40);
    const report = await verifyExport(text.split('\n'));
    expect(kinds(report)).toEqual([
      ['unreadable', null],
      ['truncated', 20],
    ]);
  });
  test('a checkpoint that the log did not sign is named', async () => {
    const stranger = { name: signer.name, ...newSigningKeys(random) };
    const forged = await check((file) => {
      file.header.checkpoint.note = signCheckpoint(SIZE, fromHex(log.root(SIZE)), stranger);
    });
    expect(kinds(forged)).toEqual([['checkpoint-invalid', null]]);
    const misstated = await check((file) => Object.assign(file.header.checkpoint, { size: 20 }));
    expect(kinds(misstated)).toContainEqual(['checkpoint-invalid', null]);
  });
  test('a whole log made anew with another key is told by the key', async () => {
    const stranger = { name: signer.name, ...newSigningKeys(random) };
    const forged = makeLog(log.bodies, stranger);
    expect((await verifyExport(linesOf(await forged.file()))).ok).toBe(true);
    const report = await verifyExport(linesOf(await forged.file()), { logKey: verifierKey(signer) });
    expect(kinds(report)).toEqual([
      ['wrong-key', null],
      ['checkpoint-invalid', null],
    ]);
    const byCheckpoint = await verifyExport(linesOf(await forged.file()), { checkpoint: log.note(SIZE) });
    expect(kinds(byCheckpoint)).toEqual([['checkpoint-invalid', null]]);
  });
  test('a decision that its device did not sign is named', async () => {
    const stranger = newSigningKeys(random).publicKey;
    const report = await check((file) => Object.assign(file.header, { devices: { [deviceId]: stranger } }));
    expect(kinds(report)).toEqual([['decision-invalid', 4]]);
    const unknown = await check((file) => Object.assign(file.header, { devices: {} }));
    expect(unknown).toMatchObject({ ok: true, decisions: { valid: 0, invalid: 0, unchecked: 1 } });
  });
  test('what is no export at all is said to be none', async () => {
    for (const lines of [[], ['hello'], ['{}'], ['null'], ['[]', '[]']]) {
      const report = await verifyExport(lines);
      expect([report.ok, report.findings[0]?.kind]).toEqual([false, 'unreadable']);
    }
  });
  test('no single change of a line passes', async () => {
    const honest = linesOf(await log.file());
    await fc.assert(
      fc.asyncProperty(
        fc.nat(honest.length - 1),
        fc.nat(),
        fc.constantFrom('0', '1', 'f', 'Z', ' ', '"'),
        async (lineNumber, pick, char) => {
          const line = honest[lineNumber] as string;
          const place = pick % (line.length - 1);
          const changed = line.slice(0, place) + char + line.slice(place + 1);
          const before = JSON.parse(line);
          let after: unknown;
          try {
            after = JSON.parse(changed);
          } catch {
            after = undefined;
          }
          fc.pre(canonicalJson(after ?? null) !== canonicalJson(before));
          // What a header says beside the log (its time, its key list) is not proven by the log, and not counted as such.
          fc.pre(lineNumber > 0 || !/exportedAt|"at"|count/.test(line.slice(Math.max(0, place - 24), place + 12)));
          const report = await verifyExport(honest.with(lineNumber, changed));
          expect(report.ok && report.decisions.valid === 1).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('against a checkpoint from elsewhere', () => {
  test('an older one: the log only grew', async () => {
    const report = await check(() => undefined, { checkpoint: log.note(9) });
    expect(report.ok).toBe(true);
    expect(report.sentences.join(' ')).toMatch(/its first 9 entries are unchanged/);
  });
  test('a newer one: the file was cut, and what can’t be proven is said', async () => {
    const report = await verifyExport(linesOf(await log.file(12)), { checkpoint: log.note(SIZE) });
    expect(kinds(report)).toEqual([['truncated', 12]]);
    expect(report.sentences.join(' ')).toMatch(/entries 12 to 20 are not in it/);
    expect(report.sentences.join(' ')).toMatch(/can’t be proven from the file/);
  });
  test('a log rewritten and signed again by its own key is a fork', async () => {
    const forged = makeLog(log.bodies.with(2, plainBody(77)));
    for (const size of [9, SIZE]) {
      const report = await verifyExport(linesOf(await forged.file()), { checkpoint: log.note(size) });
      expect(kinds(report)).toEqual([['forked', null]]);
    }
    expect((await verifyExport(linesOf(await forged.file()), { checkpoint: log.note(2) })).ok).toBe(true);
  });
  test('of a part that does not begin at 0, nothing can be said and that is said', async () => {
    const report = await check(
      (file) => {
        Object.assign(file.header, { from: 5, count: 16 });
        file.entries = file.entries.slice(5);
      },
      { checkpoint: log.note(9) },
    );
    expect(report.ok).toBe(true);
    expect(report.sentences.join(' ')).toMatch(/can’t be proven: that takes an export of all entries/);
  });
});

describe('an evidence file', () => {
  const evidence = async (
    change: (file: { header: ExportHeader; entries: ExportEntry[] }) => unknown = () => undefined,
  ) =>
    check((file) => {
      file.entries = [4, 9, 13].map((index) => file.entries[index] as ExportEntry);
      Object.assign(file.header, {
        format: 'hallpass-evidence-v1',
        grantId: newId('grant', at, random),
        from: 4,
        to: 14,
        count: 3,
      });
      change(file);
    });
  test('is sound with gaps, and says what it can’t prove', async () => {
    const report = await evidence();
    expect(report).toMatchObject({ ok: true, complete: false, entryCount: 3, decisions: { valid: 1 } });
    expect(report.sentences.join(' ')).toMatch(/left out takes an export of the whole log/);
  });
  test('cut, swapped, doubled or changed is named', async () => {
    expect(kinds(await evidence((file) => file.entries.pop()))).toEqual([['truncated', null]]);
    expect(kinds(await evidence((file) => file.entries.reverse()))).toContainEqual(['reordered', 4]);
    expect(kinds(await evidence((file) => file.entries.push(file.entries[1] as ExportEntry)))).toContainEqual([
      'duplicate',
      9,
    ]);
    expect(kinds(await evidence((file) => Object.assign(file.entries[1]?.body?.data ?? {}, { n: 0 })))).toEqual([
      ['changed', 9],
    ]);
  });
});

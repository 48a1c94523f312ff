/**
 * A sealed file beside the database with what is needed to end live leases: should the database be lost, access can still be
 * taken away. Written after commits that change live grants, whole and atomically (temp file, fsync, rename, fsync of the folder): a crash
 * leaves the file before or the file after, never half of one. Sealed with the data key, since it carries the targets' (themselves sealed) secrets.
 * Why page by page: with a hundred thousand live leases it is hundreds of megabytes, and a service that gathered them in one piece would
 * answer nobody meanwhile and never give the memory back. Each page is a sealed line, bound to its file and its place in it.
 * Why a large one is not waited for, and rests between renewals: written after each of a thousand commits, it made such a service spend its
 * time on nothing else. Renewals go one at a time and share what came meanwhile; a crash leaves the file one renewal behind.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Kysely } from 'kysely';
import { z } from 'zod';
import { toHex } from '../../../shared/crypto/bytes';
import { canonicalJson } from '../../../shared/crypto/canonical-json';
import type { Random } from '../../../shared/domain/instant';
import type { StoreLog } from './connections';
import type { Database, GrantTable } from './schema';
import type { SecretBox } from './secret-box';
import { secretContext } from './secret-context';

/** In the order in which rows can be put back (what others refer to comes first). */
const VAULT_TABLES = ['meta', 'people', 'devices', 'resources', 'requests', 'grants'] as const;
const TableName = z.enum(VAULT_TABLES);
type VaultTable = z.infer<typeof TableName>;
const Row = z.record(z.string(), z.union([z.string(), z.number(), z.null()]));
type Row = z.infer<typeof Row>;
/** One line: rows of one table, or the end with the number of lines before it (a file that was cut has none). */
const Line = z.union([z.object({ table: TableName, rows: z.array(Row) }), z.object({ end: z.int() })]);
type Line = z.infer<typeof Line>;
/** How the file was before it had lines. */
const WholeContent = z.object({ v: z.literal(1), tables: z.record(TableName, z.array(Row)) });

const FIRST_LINE = /^hallpass-vault 2 ([0-9a-f]{32})$/;
/** How the name of a draft ends, behind the file's own. */
const DRAFT_END = /^[0-9a-f]{12}\.tmp$/;
const PAGE_ROWS = 500;
/** A vault of up to this many characters is on disk before the write that changed it is answered. */
const SMALL_VAULT_CHARS = 256 * 1024;
/** A large one rests this many times as long as its renewal took. */
const REST_FACTOR = 10;

export interface LeaseVault {
  /**
   * Writes the file if what it should hold has changed and `sound()` still says that the database may be believed. A small vault is
   * written when this resolves, a large one soon after (`settled`). A failure is logged: the database is still there.
   */
  renew(db: Kysely<Database>, log: StoreLog, sound?: () => boolean): Promise<void>;
  /** Resolves when no renewal is under way; one that rests begins at once. */
  settled(): Promise<void>;
  /** Puts the rows into an empty database; how many grants came back, or null when there is no file. Throws when it can't be opened. */
  restore(db: Kysely<Database>): Promise<number | null>;
}
const contextOf = (fileId: string, place: number) => `${secretContext.leaseVault}:${fileId}:${place}`;

/** For the only service that uses the folder of `file`: what it left half-written when it was killed goes first. */
export function createLeaseVault(file: string, box: SecretBox, random: Random): LeaseVault {
  dropLeftDrafts(file);
  let written: { readonly digest: string | null; readonly size: 'small' | 'large' } = {
    digest: null,
    size: sizeOf(file),
  };
  let running: Promise<void> | null = null;
  let wantedAgain = false;
  let endRest: () => void = () => undefined;
  /** How many wait for it to be settled; nobody rests meanwhile. */
  let hurrying = 0;

  async function renewOnce(db: Kysely<Database>, log: StoreLog, sound: () => boolean): Promise<void> {
    const draft = createDraft(file, box, random);
    try {
      for await (const page of pages(db)) await draft.add(page);
      const digest = draft.digest();
      if (digest === written.digest || !sound()) return;
      await draft.publish();
      written = { digest, size: draft.size() };
    } catch (error) {
      log.error({ err: error }, 'the list of live leases beside the database could not be renewed');
    } finally {
      await draft.drop();
    }
  }
  async function renewUntilNothingIsNew(db: Kysely<Database>, log: StoreLog, sound: () => boolean): Promise<void> {
    for (;;) {
      wantedAgain = false;
      const startedAt = performance.now();
      await renewOnce(db, log, sound);
      if (!wantedAgain) break;
      if (written.size === 'large' && hurrying === 0) await rest(REST_FACTOR * (performance.now() - startedAt));
    }
    running = null;
  }
  const rest = (lengthMs: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, lengthMs);
      endRest = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  return {
    async renew(db, log, sound = () => true) {
      if (running === null) running = renewUntilNothingIsNew(db, log, sound);
      else wantedAgain = true;
      if (written.size === 'small') await running;
    },
    async settled() {
      hurrying += 1;
      endRest();
      await running;
      hurrying -= 1;
    },
    async restore(db) {
      let text: string;
      try {
        text = await readFile(file, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
      return putBack(db, readLines(text, box));
    },
  };
}

function dropLeftDrafts(file: string): void {
  const start = `${basename(file)}.`;
  const isDraft = (name: string) => name.startsWith(start) && DRAFT_END.test(name.slice(start.length));
  let names: string[];
  try {
    names = readdirSync(dirname(file)).filter(isDraft);
  } catch {
    return; // no folder yet
  }
  for (const name of names) rmSync(join(dirname(file), name), { force: true });
}

/** As the last service left it: a start does not wait for a large one either. */
function sizeOf(file: string): 'small' | 'large' {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > SMALL_VAULT_CHARS ? 'large' : 'small';
}

/** The next file, in memory while it is small, in a temporary file from then on. */
function createDraft(file: string, box: SecretBox, random: Random) {
  const fileId = toHex(random.bytes(16));
  const temporary = `${file}.${toHex(random.bytes(6))}.tmp`;
  const digest = createHash('sha256');
  let text = `hallpass-vault 2 ${fileId}\n`;
  let lineCount = 0;
  let handle: FileHandle | null = null;
  const put = async (line: Line): Promise<void> => {
    const content = canonicalJson(line);
    digest.update(content);
    text += `${box.seal(content, contextOf(fileId, lineCount))}\n`;
    lineCount += 1;
    if (text.length > SMALL_VAULT_CHARS) await spill();
  };
  const spill = async (): Promise<void> => {
    if (handle === null) {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      handle = await open(temporary, 'wx', 0o600);
    }
    await handle.writeFile(text);
    text = '';
  };
  let wasLarge = false;
  return {
    async add(page: { readonly table: VaultTable; readonly rows: readonly object[] }): Promise<void> {
      await put({ table: page.table, rows: page.rows as Row[] });
      wasLarge = handle !== null;
    },
    digest: () => digest.copy().digest('hex'),
    size: () => (wasLarge ? ('large' as const) : ('small' as const)),
    async publish(): Promise<void> {
      await put({ end: lineCount });
      await spill();
      await handle?.sync();
      await handle?.close();
      handle = null;
      await rename(temporary, file);
      await syncFolder(dirname(file));
    },
    /** Takes away what was not published. */
    async drop(): Promise<void> {
      if (handle === null) return;
      await handle.close().catch(() => undefined);
      await rm(temporary, { force: true });
    },
  };
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

type Page = { readonly table: VaultTable; readonly rows: readonly object[] };
/**
 * Live grants, what they refer to, and who may sign in to end them: their holders and the administrators. Grants come first, and what
 * they refer to is read after them, so that nothing is missing that a grant of this file needs.
 */
async function* pages(db: Kysely<Database>): AsyncGenerator<Page> {
  let after = '';
  for (;;) {
    const live = await db
      .selectFrom('grants')
      .selectAll()
      .where('id', '>', after)
      .where((e) => e.or([e('state', '!=', 'ended'), e('residue_due_at', 'is not', null)]))
      .orderBy('id')
      .limit(PAGE_ROWS)
      .execute();
    if (live.length === 0) break;
    after = live.at(-1)?.id ?? '';
    const requestIds = live.map((grant) => grant.request_id);
    const requests = await db.selectFrom('requests').selectAll().where('id', 'in', requestIds).orderBy('id').execute();
    yield { table: 'requests', rows: requests };
    yield { table: 'grants', rows: live.map(withoutWork) };
    await turnOfTheLoop();
  }
  yield* referred(db);
}
const turnOfTheLoop = () => new Promise<void>((resolve) => void setImmediate(resolve));
/** Who works on a grant, and when next, says nothing once the database is gone; leaving it out keeps the file from being rewritten. */
const withoutWork = (grant: GrantTable) => ({
  ...grant,
  ...{ claimed_by: null, claimed_until: null, attempts: 0, epoch: 0, last_error: null, due_at: 0 },
  residue_due_at: grant.residue_due_at === null ? null : 0,
});

async function* referred(db: Kysely<Database>): AsyncGenerator<Page> {
  const live = db
    .selectFrom('grants')
    .where((e) => e.or([e('state', '!=', 'ended'), e('residue_due_at', 'is not', null)]));
  const resources = await db
    .selectFrom('resources')
    .selectAll()
    .where('id', 'in', live.select('resource_id'))
    .orderBy('id')
    .execute();
  // When a target was last reached says nothing later, and would have the file rewritten every few minutes.
  yield* paged(
    'resources',
    resources.map((resource) => ({ ...resource, health: 'unknown', health_at: null })),
  );
  const people = await db
    .selectFrom('people')
    .selectAll()
    .where((e) => e.or([e('id', 'in', live.select('person_id')), e('owner', '=', 1), e('roles', 'like', '%"admin"%')]))
    .orderBy('id')
    .execute();
  yield* paged('people', people);
  const known = new Set(people.map((person) => person.id));
  const devices = await db.selectFrom('devices').selectAll().orderBy('id').execute();
  yield* paged(
    'devices',
    devices.filter((device) => known.has(device.person_id)).map((device) => ({ ...device, last_seen_at: null })),
  );
  yield { table: 'meta', rows: await db.selectFrom('meta').selectAll().orderBy('key').execute() };
}
function* paged(table: VaultTable, rows: readonly object[]): Generator<Page> {
  for (let from = 0; from < rows.length; from += PAGE_ROWS) yield { table, rows: rows.slice(from, from + PAGE_ROWS) };
}

/** Throws when it was cut, or a line is not where it was written. */
function readLines(text: string, box: SecretBox): Record<VaultTable, Row[]> {
  const tables: Record<VaultTable, Row[]> = {
    meta: [],
    people: [],
    devices: [],
    resources: [],
    requests: [],
    grants: [],
  };
  const [first = '', ...lines] = text.split('\n');
  const fileId = FIRST_LINE.exec(first)?.[1];
  if (fileId === undefined) {
    const whole = WholeContent.parse(JSON.parse(box.open(text, secretContext.leaseVault)));
    return { ...tables, ...whole.tables };
  }
  let ended = false;
  for (const [place, sealed] of lines.entries()) {
    if (sealed === '') continue;
    const line = Line.parse(JSON.parse(box.open(sealed, contextOf(fileId, place))));
    if ('end' in line) ended = line.end === place;
    else tables[line.table].push(...line.rows);
  }
  if (!ended) throw new Error('the list of live leases was cut');
  return tables;
}

async function putBack(db: Kysely<Database>, tables: Record<VaultTable, Row[]>): Promise<number> {
  await db.transaction().execute(async (trx) => {
    for (const table of VAULT_TABLES)
      for (const row of tables[table])
        await trx
          .insertInto(table)
          .values(row as never)
          .onConflict((c) => c.doNothing())
          .execute();
  });
  return tables.grants.length;
}

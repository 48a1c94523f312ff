/**
 * A sealed file beside the database with what is needed to end live leases: should the database be lost, access can still be
 * taken away. Written after commits that change live grants, whole and atomically (temp file, fsync, rename, fsync of the folder): a crash
 * leaves the file before or the file after, never half of one. Sealed with the data key, since it carries the targets' (themselves sealed) secrets.
 * Why a large one is not waited for: written whole after each of a thousand commits, it made a service with a thousand live leases
 * spend its time on nothing else. Renewals go one at a time and share what came meanwhile; a crash leaves the file one renewal behind.
 */
import { mkdirSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Kysely } from 'kysely';
import { z } from 'zod';
import { toHex } from '../../../shared/crypto/bytes';
import { canonicalJson } from '../../../shared/crypto/canonical-json';
import type { Random } from '../../../shared/domain/instant';
import type { StoreLog } from './connections';
import type { Database } from './schema';
import type { SecretBox } from './secret-box';
import { secretContext } from './secret-context';

/** In the order in which rows can be put back (what others refer to comes first). */
const VAULT_TABLES = ['meta', 'people', 'devices', 'resources', 'requests', 'grants'] as const;
type VaultTable = (typeof VAULT_TABLES)[number];
const Row = z.record(z.string(), z.union([z.string(), z.number(), z.null()]));
const VaultContent = z.object({
  v: z.literal(1),
  tables: z.record(z.enum(VAULT_TABLES), z.array(Row)),
});
type VaultContent = z.infer<typeof VaultContent>;

/** A vault of up to this many characters is on disk before the write that changed it is answered. */
const SMALL_VAULT_CHARS = 256 * 1024;

export interface LeaseVault {
  /**
   * Writes the file if what it should hold has changed and `sound()` still says that the database may be believed. A small vault is
   * written when this resolves, a large one soon after (`settled`). A failure is logged: the database is still there.
   */
  renew(db: Kysely<Database>, log: StoreLog, sound?: () => boolean): Promise<void>;
  /** Resolves when no renewal is under way. */
  settled(): Promise<void>;
  /** Puts the rows into an empty database; how many grants came back, or null when there is no file. Throws when it can't be opened. */
  restore(db: Kysely<Database>): Promise<number | null>;
}

export function createLeaseVault(file: string, box: SecretBox, random: Random): LeaseVault {
  let written: string | undefined;
  let running: Promise<void> | null = null;
  let wantedAgain = false;
  async function renewOnce(db: Kysely<Database>, log: StoreLog, sound: () => boolean): Promise<void> {
    try {
      const content = canonicalJson(await gather(db));
      if (content === written || !sound()) return;
      await replaceFile(file, box.seal(content, secretContext.leaseVault), random);
      written = content;
    } catch (error) {
      log.error({ err: error }, 'the list of live leases beside the database could not be renewed');
    }
  }
  async function renewUntilNothingIsNew(db: Kysely<Database>, log: StoreLog, sound: () => boolean): Promise<void> {
    do {
      wantedAgain = false;
      await renewOnce(db, log, sound);
    } while (wantedAgain);
    running = null;
  }
  return {
    async renew(db, log, sound = () => true) {
      if (running === null) running = renewUntilNothingIsNew(db, log, sound);
      else wantedAgain = true;
      if ((written?.length ?? 0) <= SMALL_VAULT_CHARS) await running;
    },
    settled: async () => void (await running),
    async restore(db) {
      let sealed: string;
      try {
        sealed = await readFile(file, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }
      const content = VaultContent.parse(JSON.parse(box.open(sealed, secretContext.leaseVault)));
      await putBack(db, content);
      return content.tables.grants.length;
    },
  };
}

/** Live grants, what they refer to, and who may sign in to end them: their holders and the administrators. */
async function gather(db: Kysely<Database>): Promise<VaultContent> {
  const live = await db
    .selectFrom('grants')
    .selectAll()
    .where((e) => e.or([e('state', '!=', 'ended'), e('residue_due_at', 'is not', null)]))
    .orderBy('id')
    .execute();
  // Who works on a grant, and when next, says nothing once the database is gone; leaving it out keeps the file from being rewritten.
  const grants = live.map((grant) => ({
    ...grant,
    ...{ claimed_by: null, claimed_until: null, attempts: 0, epoch: 0, last_error: null, due_at: 0 },
    residue_due_at: grant.residue_due_at === null ? null : 0,
  }));
  const ids = (values: readonly string[]) => (values.length === 0 ? [''] : [...new Set(values)]);
  const requests = await db
    .selectFrom('requests')
    .selectAll()
    .where('id', 'in', ids(grants.map((g) => g.request_id)))
    .orderBy('id')
    .execute();
  const resources = await db
    .selectFrom('resources')
    .selectAll()
    .where('id', 'in', ids(grants.map((g) => g.resource_id)))
    .orderBy('id')
    .execute();
  // When a target was last reached says nothing later, and would have the file rewritten every few minutes.
  const places = resources.map((resource) => ({ ...resource, health: 'unknown', health_at: null }));
  const holders = ids([...grants.map((g) => g.person_id), ...requests.map((r) => r.requester_id)]);
  const people = await db
    .selectFrom('people')
    .selectAll()
    .where((e) => e.or([e('id', 'in', holders), e('owner', '=', 1), e('roles', 'like', '%"admin"%')]))
    .orderBy('id')
    .execute();
  const devices = await db
    .selectFrom('devices')
    .selectAll()
    .where('person_id', 'in', ids(people.map((p) => p.id)))
    .orderBy('id')
    .execute();
  const meta = await db.selectFrom('meta').selectAll().orderBy('key').execute();
  const seenless = devices.map((device) => ({ ...device, last_seen_at: null }));
  return {
    v: 1,
    tables: {
      meta,
      people: rows(people),
      devices: rows(seenless),
      resources: rows(places),
      requests: rows(requests),
      grants: rows(grants),
    },
  };
}
const rows = (list: readonly object[]) => list as z.infer<typeof Row>[];

async function putBack(db: Kysely<Database>, content: VaultContent): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (const table of VAULT_TABLES)
      for (const row of content.tables[table as VaultTable])
        await trx
          .insertInto(table)
          .values(row as never)
          .onConflict((c) => c.doNothing())
          .execute();
  });
}

async function replaceFile(file: string, text: string, random: Random): Promise<void> {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${toHex(random.bytes(6))}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Opens the store. Whatever is wrong with the database or the log, the service starts: then in revoke_only mode, with the
 * reason said (but see ForeignDataKey). Reads top to bottom as what happens at a start.
 */
import type { Kysely } from 'kysely';
import { toHex } from '../../../shared/crypto/bytes';
import { newSigningKeys } from '../../../shared/crypto/keys';
import { emptyRoot } from '../../../shared/crypto/merkle';
import { type LogSigner, signCheckpoint, verifierKey } from '../../../shared/crypto/note';
import type { Clock, Instant, Random } from '../../../shared/domain/instant';
import { plusMs } from '../../../shared/domain/instant';
import { EVENT_RETENTION_MS, IDEMPOTENCY_TTL_MS } from '../../../shared/domain/limits';
import type { Connections, StoreLog } from './connections';
import { createLeaseVault, type LeaseVault } from './lease-vault';
import { checkLogHead, checkWholeLog } from './log-check';
import { migrate } from './migrations';
import type { Database } from './schema';
import { SealError, type SecretBox } from './secret-box';
import { secretContext } from './secret-context';
import { createSequencer } from './sequencer';
import { openSqlite, type SqliteOpened } from './sqlite';
import type { Store } from './store';
import { createWriter } from './writer';

export type StoreLocation =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres'; readonly url: string };
export type StoreConfig = StoreLocation & {
  /** `notBefore` is told the time of the newest entry: a wall clock that was set back while nothing ran must not prolong access. */
  readonly clock: Clock & { notBefore?(at: number): void };
  readonly random: Random;
  readonly log: StoreLog;
  /** Seals the log's signing key in `meta`, and the vault of live leases. */
  readonly secretBox: SecretBox;
  /** Given: used as it is. Else the store keeps its own in `meta`, made at the first start. */
  readonly logSigner?: LogSigner;
  /** The log's name when it is made here; lower case letters, digits, dots, dashes and slashes. */
  readonly logName?: string;
  /** Where what is needed to end live leases is kept beside the database. Null: nowhere. */
  readonly vaultFile: string | null;
};

const POLL_MS = 1_000;
const DEFAULT_LOG_NAME = 'hallpass.local/audit';
/** Meta rows of the store's own. */
const META = { signer: 'store.log_signer_enc', signerName: 'store.log_name', revokeOnly: 'store.revoke_only' } as const;

/**
 * The team's store was made under another data key. The one case in which a service doesn't start: it could open no manager's
 * secret, so it could end nothing, and would take the turns of those that can.
 */
export class ForeignDataKey extends Error {
  constructor() {
    super('the store was made under another data key');
    this.name = 'ForeignDataKey';
  }
}

export async function openStore(config: StoreConfig): Promise<Store> {
  const stamp = new Date(config.clock.now()).toISOString().replace(/[:.]/g, '-');
  const opened =
    config.kind === 'sqlite'
      ? openSqlite(config.file, stamp, config.log)
      : (await import('./postgres')).openPostgres(config.url, config.log); // its client is not loaded where nobody needs it
  const faults: string[] = opened.fault === null ? [] : [opened.fault];
  await migrate(opened.writer, opened.dialect, config.clock.now()).catch((error: Error) => {
    if (opened.classify(error) !== 'other') throw error;
    faults.push(`Its tables could not be brought up to date: ${error.message}.`);
  });
  config.clock.notBefore?.((await newestEntryAt(opened).catch(() => null)) ?? 0);
  const vault = config.vaultFile === null ? null : createLeaseVault(config.vaultFile, config.secretBox, config.random);
  const keptAside = 'keptAside' in opened ? (opened as SqliteOpened).keptAside : null;
  if (keptAside !== null) faults.push(await rebuild(opened, vault, keptAside, config));
  const remembered = await meta(opened, META.revokeOnly).catch(() => undefined);
  if (remembered !== undefined && !faults.includes(remembered)) faults.push(remembered);
  const signer =
    config.logSigner ??
    (await ownSigner(opened, config).catch(async (error: Error) => {
      if (opened.dialect === 'postgres' && error instanceof SealError && error.kind === 'wrong-key') {
        await opened.close();
        throw new ForeignDataKey();
      }
      return faultySigner(error, faults, config);
    }));
  if (faults.length === 0) {
    const fault = await atOneInstant(opened, (db) => checkLogHead(db, signer)).catch(
      (error: Error) => `The audit log could not be read: ${error.message}.`,
    );
    if (fault !== null) faults.push(fault);
  }
  if (faults.length === 0) {
    await firstCheckpoint(opened, signer, config.clock.now());
    await vault?.renew(opened.reader, config.log);
  }
  return assemble(opened, signer, vault, faults[0] ?? null, config);
}

async function newestEntryAt({ reader }: Connections): Promise<number | null> {
  const newest = await reader
    .selectFrom('checkpoints')
    .select('at')
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst();
  return newest === undefined ? null : Number(newest.at);
}

/** After the database had to be kept aside: what the vault knows goes into the new one, which then only serves to end access. */
async function rebuild(
  opened: Connections,
  vault: LeaseVault | null,
  aside: { path: string; because: string },
  config: StoreConfig,
): Promise<string> {
  let known = 'No list of live access was found beside it.';
  try {
    const restored = await vault?.restore(opened.writer);
    if (restored !== undefined && restored !== null)
      known = `${restored} live grants were taken from the list beside it and are being ended as they run out.`;
  } catch (error) {
    config.log.error({ err: error }, 'the list of live leases could not be used');
    known = 'The list of live access beside it could not be read.';
  }
  const reason = `The database could not be opened (${aside.because}); it was kept as ${aside.path}. ${known}`;
  await opened.writer
    .insertInto('meta')
    .values({ key: META.revokeOnly, value: reason })
    .onConflict((c) => c.column('key').doUpdateSet({ value: reason }))
    .execute();
  return reason;
}

/** What `look` reads belongs together, also while other instances write. (On SQLite nobody else does yet.) */
function atOneInstant<T>({ dialect, reader }: Connections, look: (db: Kysely<Database>) => Promise<T>): Promise<T> {
  switch (dialect) {
    case 'sqlite':
      return look(reader);
    case 'postgres':
      return reader.transaction().setIsolationLevel('repeatable read').execute(look);
  }
}

async function meta(connections: Connections, key: string): Promise<string | undefined> {
  return (await connections.reader.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst())?.value;
}

/** The log's key of this store, made at the first start. Two instances that start at once end up with the same one. */
async function ownSigner(connections: Connections, config: StoreConfig): Promise<LogSigner> {
  if ((await meta(connections, META.signer)) === undefined) {
    const keys = newSigningKeys(config.random);
    const sealed = config.secretBox.seal(JSON.stringify(keys), secretContext.logSigner);
    const rows = [
      { key: META.signer, value: sealed },
      { key: META.signerName, value: config.logName ?? DEFAULT_LOG_NAME },
    ];
    await connections.writer
      .insertInto('meta')
      .values(rows)
      .onConflict((c) => c.column('key').doNothing())
      .execute();
  }
  const [sealed, name] = [await meta(connections, META.signer), await meta(connections, META.signerName)];
  const keys = JSON.parse(config.secretBox.open(sealed ?? '', secretContext.logSigner)) as {
    publicKey: string;
    secretKey: string;
  };
  return { name: name ?? DEFAULT_LOG_NAME, ...keys };
}

/** So that there always is one: the empty log is signed too, and every later checkpoint is consistent with it. */
async function firstCheckpoint(connections: Connections, signer: LogSigner, at: number): Promise<void> {
  const root = emptyRoot();
  const checkpoint = { size: 0, root_hash: toHex(root), note: signCheckpoint(0, root, signer), at };
  const any = await connections.reader.selectFrom('checkpoints').select('size').limit(1).executeTakeFirst();
  if (any === undefined)
    await connections.writer
      .insertInto('checkpoints')
      .values(checkpoint)
      .onConflict((c) => c.column('size').doNothing())
      .execute();
}

/** Without its key the log can't go on; removal can. The stand-in never signs anything that is kept. */
function faultySigner(error: Error, faults: string[], config: StoreConfig): LogSigner {
  faults.push(`The key of the audit log could not be opened (${error.message}).`);
  return { name: config.logName ?? DEFAULT_LOG_NAME, ...newSigningKeys(config.random) };
}

function assemble(
  connections: Connections,
  signer: LogSigner,
  vault: LeaseVault | null,
  fault: string | null,
  config: StoreConfig,
): Store {
  const { clock, random, log } = config;
  let reason = fault;
  if (reason !== null) log.error({ reason }, 'the store is in revoke-only mode');
  const listeners = new Set<(seq: number) => void>();
  let newestSeq = 0;
  const announce = (seq: number) => {
    if (seq <= newestSeq) return;
    newestSeq = seq;
    for (const listener of listeners) {
      try {
        listener(seq);
      } catch (error) {
        log.error({ err: error }, 'a listener for commits failed');
      }
    }
  };
  const writer = createWriter({
    connections,
    clock,
    log,
    sequencer: createSequencer({ random, signer, now: () => clock.now() }),
    newDeferredId: () => `${String(clock.now()).padStart(15, '0')}-${toHex(random.bytes(8))}`,
    revokeOnlyReason: () => reason,
    enterRevokeOnly(why) {
      reason ??= why;
      log.error({ reason: why }, 'the store went into revoke-only mode');
    },
    async committed({ seq, vaultTouched }) {
      // From a database in doubt nothing is taken over: ending once more what has ended is harmless, forgetting a live grant is not.
      if (vaultTouched && reason === null) await vault?.renew(connections.reader, log, () => reason === null);
      if (seq === null) return;
      announce(seq);
      connections.neighbours?.tell();
    },
  });
  const stopWatching = watchNeighbours(connections, clock, log, announce);
  return {
    dialect: connections.dialect,
    mode: () => ({ mode: reason === null ? 'normal' : 'revoke_only', reason }),
    db: connections.reader,
    logKey: verifierKey(signer),
    write: writer.write,
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    prune: (now) => writer.write((tx) => prune(tx.db, now), { purpose: 'upkeep' }),
    async checkWholeLog() {
      const found = await checkWholeLog(connections.reader, signer);
      if (found !== null) reason ??= found;
      return found;
    },
    async close() {
      stopWatching();
      await writer.drain();
      await vault?.settled();
      await connections.close();
    },
  };
}

/** Other instances' commits: told by the database, and looked for every second in case a word was lost. */
function watchNeighbours(
  connections: Connections,
  clock: Clock,
  log: StoreLog,
  announce: (seq: number) => void,
): () => void {
  const { neighbours, reader } = connections;
  if (neighbours === null) return () => undefined;
  let stopped = false;
  let looking = false;
  let timer: { cancel(): void } | undefined;
  const look = async () => {
    if (looking || stopped) return;
    looking = true;
    try {
      const head = await reader.selectFrom('log_head').select('next_seq').where('id', '=', 1).executeTakeFirst();
      if (head !== undefined && !stopped) announce(head.next_seq - 1);
    } catch (error) {
      if (!stopped) log.warn({ err: error }, 'could not look for commits of other instances');
    } finally {
      looking = false;
    }
  };
  const tick = () => {
    void look();
    if (!stopped) timer = clock.wakeAt(plusMs(clock.now(), POLL_MS), tick);
  };
  neighbours.onTold(() => void look());
  tick();
  return () => {
    stopped = true;
    timer?.cancel();
  };
}

async function prune(db: Parameters<Parameters<Store['write']>[0]>[0]['db'], now: Instant): Promise<void> {
  await db
    .deleteFrom('outbox')
    .where('at', '<', now - EVENT_RETENTION_MS)
    .execute();
  await db
    .deleteFrom('idempotency')
    .where('at', '<', now - IDEMPOTENCY_TTL_MS)
    .execute();
  await db.deleteFrom('nonces').where('expires_at', '<', now).execute();
  await db.deleteFrom('dpop_jtis').where('expires_at', '<', now).execute();
}

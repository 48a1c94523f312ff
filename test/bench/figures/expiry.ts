/**
 * From the deadline to the end: the login shut and its sessions gone on the target, read back by the service, and nothing left
 * in the requester's files. Looked at from outside: by a superuser on the target every few milliseconds, and by the kernel's
 * word on the requester's folders. Grants of one minute run side by side, each with a session open, ending one after the other.
 */
import { existsSync, type FSWatcher, watch } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import type { GrantView } from '../../../shared/contract/grants';
import { principalName } from '../../../shared/domain/ids';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { until } from '../../bed';
import { type Figure, figure } from '../figure';
import { logIn, nextCredential, serviceFileText } from '../parts/credentials';
import { type Desktops, RESOURCE, startDesktops } from '../parts/desktops';
import type { Measure } from '.';

const LEVEL = 'read-write';
const PATIENCE_MS = 20_000;
/** From one grant's start to the next: all are active before the first one ends. */
const STAGGER_MS = 700;
const LOOK_EVERY_MS = 20;
/** After the last deadline; what is not gone by then counts as this late. */
const LATEST_MS = 30_000;

interface Held {
  readonly grantId: string;
  readonly principal: string;
  readonly passfile: string;
  readonly expiresAt: number;
  readonly session: pg.Client;
  /** Epoch milliseconds of the first look that found it gone. */
  sessionCutAt: number | null;
  targetGoneAt: number | null;
  fileGoneAt: number | null;
}

export const measureExpiry: Measure = async ({ quick }) => {
  const desktops = await startDesktops();
  try {
    const held: Held[] = [];
    const count = quick ? 6 : 40;
    for (let turn = 0; turn < count; turn += 1) {
      const startedAt = performance.now();
      held.push(await take(desktops, held));
      const restMs = STAGGER_MS - (performance.now() - startedAt);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, restMs)));
    }
    const stop = await watchAll(desktops, held);
    const last = Math.max(...held.map((each) => each.expiresAt));
    await until(
      'every grant to be gone',
      () => held.every((each) => each.targetGoneAt !== null && each.fileGoneAt !== null && each.sessionCutAt !== null),
      last - Date.now() + LATEST_MS,
    ).catch(() => undefined); // what is left counts as late, below
    await stop();
    return await sumUp(desktops, held);
  } finally {
    await desktops.stop();
  }
};

/** Asks, waits for the credential in the files, opens a session and leaves it open. */
async function take({ requester, resourceId }: Desktops, held: readonly Held[]): Promise<Held> {
  const known = new Set(held.map((each) => each.passfile));
  const home = requester.app.home;
  const coming = nextCredential(home, `${RESOURCE}.${LEVEL}`, (passfile) => !known.has(passfile), PATIENCE_MS);
  const [credential, request] = await Promise.all([
    coming,
    requester.call('requests.submit', { body: { resourceId, level: LEVEL, ttlMs: MINUTE_MS, reason: 'expiry' } }),
  ]);
  const session = await logIn(credential);
  const grant = await until('active', async () => {
    const { items } = await requester.call('grants.list', { query: { scope: 'mine' } });
    return items.find((each) => each.requestId === request.id && each.state === 'active');
  });
  const taken: Held = {
    ...{ grantId: grant.id, principal: principalName(grant.id), passfile: credential.passfile, session },
    expiresAt: grant.expiresAt as number,
    ...{ sessionCutAt: null, targetGoneAt: null, fileGoneAt: null },
  };
  session.once('end', () => {
    taken.sessionCutAt = Date.now();
  });
  return taken;
}

async function watchAll({ target, requester }: Desktops, held: readonly Held[]): Promise<() => Promise<void>> {
  const watchers: FSWatcher[] = [];
  const home = requester.app.home;
  const look = () => {
    const text = serviceFileText(home);
    for (const each of held)
      if (each.fileGoneAt === null && !text.includes(each.grantId) && !existsSync(each.passfile))
        each.fileGoneAt = Date.now();
  };
  const folders = [home, ...new Set(held.map((each) => path.dirname(path.dirname(each.passfile))))];
  for (const folder of folders) watchers.push(watch(folder, look));
  const outside = new pg.Client({ connectionString: target.server.url() });
  outside.on('error', () => undefined);
  await outside.connect();
  const open = { looking: true };
  const looking = lookAtTarget(outside, held, open);
  return async () => {
    open.looking = false;
    await looking;
    await outside.end();
    for (const watcher of watchers) watcher.close();
  };
}

/** One question for all: which of ours can log in, and which has a session. By role id: a dropped role's session keeps it. */
async function lookAtTarget(outside: pg.Client, held: readonly Held[], open: { looking: boolean }): Promise<void> {
  const { rows: ids } = await outside.query<{ rolname: string; oid: number }>(
    "SELECT rolname, oid::int FROM pg_roles WHERE rolname LIKE 'hp\\_%'",
  );
  const oidOf = new Map(ids.map((row) => [row.rolname, row.oid]));
  while (open.looking) {
    const { rows } = await outside.query<{ oid: number }>(
      'SELECT oid::int FROM pg_roles WHERE rolcanlogin UNION SELECT usesysid::int FROM pg_stat_activity WHERE usesysid IS NOT NULL',
    );
    const at = Date.now();
    const alive = new Set(rows.map((row) => row.oid));
    for (const each of held)
      if (each.targetGoneAt === null && !alive.has(oidOf.get(each.principal) ?? 0)) each.targetGoneAt = at;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function sumUp({ requester }: Desktops, held: readonly Held[]): Promise<Figure[]> {
  const ended = await Promise.all(
    held.map(async ({ grantId }): Promise<GrantView> => {
      const look = () => requester.call('grants.get', { params: { id: grantId } });
      return until('ended', async () => ((await look()).state === 'ended' ? look() : undefined), PATIENCE_MS);
    }),
  );
  const unproven = ended.filter((grant) => grant.endProof !== 'read_back' || grant.endReason !== 'expired');
  if (unproven.length > 0) throw new Error(`${unproven.length} grants ended otherwise than by expiry, read back`);
  const late = (at: (each: Held) => number | null) => held.map((each) => (at(each) ?? Date.now()) - each.expiresAt);
  const gone = late((each) => each.targetGoneAt);
  const cut = late((each) => each.sessionCutAt);
  const file = late((each) => each.fileGoneAt);
  const readBack = ended.map((grant, index) => (grant.endedAt as number) - (held[index] as Held).expiresAt);
  const early = { statistic: 'min', goal: -1_000, goalIs: 'at least' } as const;
  return [
    figure('expiry → role and sessions gone, seen on the target', 'ms', gone, { statistic: 'p99', goal: 1_500 }),
    figure('expiry → read back by the service', 'ms', readBack, { statistic: 'p99', goal: 1_500 }),
    figure('expiry → the open session is told', 'ms', cut, { statistic: 'p99', goal: 1_500 }),
    figure('expiry on the target: earliest', 'ms', [...gone, ...cut], early),
    figure('expiry → file clean', 'ms', file, { statistic: 'p99', goal: 1_200 }),
    figure('expiry in the files: earliest', 'ms', file, early),
  ];
}

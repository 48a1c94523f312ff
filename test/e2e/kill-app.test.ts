/**
 * The real app is killed again and again, its main process alone or with all it started, at each moment of a grant's life: while
 * it starts, while something is asked for, while the credential is on its way, is being written, is used, is taken away, and
 * just before its deadline. The dead machine is read from outside; then the app starts again, and everything has to agree:
 * files, journal, keepers, the service's database, the roles on the real server.
 * `HALLPASS_KILLS` sets how often, `HALLPASS_SEED` which way.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRaw } from '../../electron/service/store/sqlite-binding';
import type { GrantView } from '../../shared/contract/grants';
import { MINUTE_MS, SECOND_MS } from '../../shared/domain/instant';
import { type Bed, type BedApp, startBed, until } from '../bed';
import { type PostgresServer, startPostgres } from '../bed/postgres';
import { Person } from '../demo/person';
import { type OpenSession, openSession, psql } from '../demo/psql';
import { SeededRandom } from '../model/world';
import { dataOf, type LeftBehind, lookAt, serviceFileOf } from './left-behind';
import { addResource, obtain, RESOURCE } from './scene';

const KILLS = Number(process.env.HALLPASS_KILLS ?? 10);
const SEED = Number(process.env.HALLPASS_SEED ?? 1);
/** No line end after the last line, and others' line ends: what is easiest to spoil. */
const ORIGINAL = '# mine\r\n[mine]\r\nhost=x';
/** In every round of kills each of them comes once; the last one waits for the minute that the round began with. */
const MOMENTS = ['starting', 'requesting', 'on its way', 'injecting', 'active', 'removing'] as const;
type Moment = (typeof MOMENTS)[number] | 'near the deadline';
const ROUND = MOMENTS.length + 1;
/** With more than this many, some are given back. */
const MANY = 3;
/** For hangs only. */
const PATIENCE_MS = 60_000;
const chance = new SeededRandom(SEED);

interface Row {
  readonly id: string;
  readonly request_id: string;
  readonly state: string;
  readonly principal: string;
  readonly principal_recorded: number;
  readonly last_error: string | null;
  readonly claimed_by: string | null;
  readonly sealed: number;
}
interface OnTarget {
  readonly role: string;
  readonly works: boolean;
  readonly sessions: number;
}

/** The order of one round. */
function round(): Moment[] {
  const left = [...MOMENTS];
  const order: Moment[] = [];
  while (left.length > 0) order.push(...left.splice(Math.floor(chance.next() * left.length), 1));
  return [...order, 'near the deadline'];
}
/** Live processes of a group; zombies are none. */
const groupOf = (group: number): string[] =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(pgrp) === group && state !== 'Z';
    } catch {
      return false; // it ended meanwhile
    }
  });
/** Its removal had begun: the secret was there, and is not any more. */
const isTakenAway = ({ journal, secrets }: LeftBehind, id: string): boolean =>
  journal[id] === 'removing' || (journal[id] === 'injected' && !secrets.includes(id));
/** Looks as often as it can: between two steps of an injection lie microseconds. */
async function whenSeen(isThere: () => boolean): Promise<void> {
  const limitAt = performance.now() + PATIENCE_MS;
  while (!isThere()) {
    if (performance.now() > limitAt) throw new Error('the moment never came');
    await new Promise((next) => setImmediate(next));
  }
}

describe('the app is killed', () => {
  let bed: Bed;
  let server: PostgresServer;
  let resourceId: string;
  let app: BedApp;
  let ada: Person;
  /** Ends a minute after the round began. */
  let minute: GrantView;
  const sessions: OpenSession[] = [];
  const seen: Record<string, number> = {};

  const disk = (): LeftBehind => lookAt(app);
  const start = async (): Promise<void> => {
    app = await bed.launchApp({ person: 'ada' });
  };
  const open = async (): Promise<void> => {
    ada = await Person.at('Ada', app);
    await ada.ready();
  };
  const ask = (): Promise<unknown> =>
    ada.call('requests.submit', {
      body: {
        resourceId,
        level: chance.pick(['read-only', 'read-write']),
        ttlMs: 15 * MINUTE_MS,
        reason: 'look',
        ticketRef: '',
        startWhen: 'connected',
      },
    });
  const inFile = (): Row[] => {
    const raw = openRaw(join(dataOf(app), 'service', 'hallpass.db'), 5_000);
    try {
      const sql = `select id, request_id, state, principal, principal_recorded, last_error, claimed_by,
                          sealed is not null as sealed from grants order by id`;
      return raw.prepare(sql).all() as unknown as Row[];
    } finally {
      raw.close();
    }
  };
  const onTarget = (): Promise<OnTarget[]> =>
    server.query<OnTarget>(
      'postgres',
      `SELECT rolname AS role, rolcanlogin AND (rolvaliduntil IS NULL OR rolvaliduntil > now()) AS works,
              (SELECT count(*)::int FROM pg_stat_activity a WHERE a.usesysid = r.oid) AS sessions
         FROM pg_roles r WHERE rolname LIKE 'hp\\_%' ORDER BY 1`,
    );

  /** SIGKILL, and nothing of it runs any more (but keepers, which are their own). */
  const kill = async (): Promise<void> => {
    const { processId } = app;
    process.kill(chance.next() < 0.5 ? -processId : processId, 'SIGKILL');
    await app.kill();
    await until('its processes gone', () => groupOf(processId).length === 0, PATIENCE_MS);
  };

  /** The machine with the app dead. A sweep that a keeper started may be at work: rows are read before and after the target. */
  const expectSound = async (when: string): Promise<LeftBehind> => {
    const before = new Map(inFile().map((row) => [row.principal, row]));
    const target = await onTarget();
    const rows = inFile();
    const after = new Map(rows.map((row) => [row.principal, row]));
    expect(new Set(rows.map((row) => row.request_id)).size, `${when}: I4`).toBe(rows.length);
    for (const { role, works, sessions: cut } of target) {
      expect(after.get(role)?.principal_recorded, `${when}: I3, ${role} is in no grant`).toBe(1);
      if (before.get(role)?.state === 'ended')
        expect({ role, works, cut }, `${when}: I12`).toEqual({ role, works: false, cut: 0 });
    }
    const left = disk();
    expect(left.tooWide, when).toEqual([]);
    const lineEnd = left.blocks.length > 0 ? '\r\n' : '';
    expect(left.foreign, `${when}: I11`).toBe(ORIGINAL + lineEnd);
    for (const id of left.secrets) {
      expect(Object.keys(left.journal), `${when}: a secret that the journal does not know`).toContain(id);
      expect(left.kept, `${when}: a secret without a keeper`).toContain(id);
      if (left.journal[id] === 'injected') expect(left.whole, `${when}: half a secret`).toContain(id);
    }
    for (const state of Object.values(left.journal)) count(`journal: ${state}`);
    for (const { state } of rows) if (state !== 'ended') count(`grant: ${state}`);
    return left;
  };
  const count = (what: string): void => {
    seen[what] = (seen[what] ?? 0) + 1;
  };

  /** After a start: what is live is live everywhere, and nothing else is anywhere. */
  const expectAgreement = async (when: string): Promise<readonly Row[]> =>
    until(
      `${when}: files, journal, keepers, grants and roles agree`,
      async () => {
        const rows = inFile().filter(({ state }) => state !== 'ended');
        expect(rows.filter(({ state }) => state !== 'active')).toEqual([]);
        const live = rows.map(({ id }) => id);
        const { secrets, whole, kept, journal, blocks, unfinished, foreign } = disk();
        expect({ secrets, whole, kept, journal, blocks, unfinished, foreign }).toEqual({
          ...{ secrets: live, whole: live, kept: live, blocks: live },
          journal: Object.fromEntries(live.map((id) => [id, 'injected'])),
          unfinished: [],
          foreign: ORIGINAL + (live.length > 0 ? '\r\n' : ''),
        });
        expect((await onTarget()).map(({ role, works }) => [role, works])).toEqual(
          rows.map(({ principal }) => [principal, true]).sort(),
        );
        return rows;
      },
      PATIENCE_MS,
    ).catch((cause: Error) => {
      throw new Error(`${cause.message}; the app's last words:\n${lastWords()}`, { cause: cause.cause });
    });
  const lastWords = (): string => {
    const log = join(dataOf(app), 'log', 'hallpass.log');
    return existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(-20).join('\n') : '';
  };
  /** What the files are for. */
  const expectUsable = async (live: readonly Row[], when: string): Promise<void> => {
    if (othersIn(live).length === 0) return;
    await until(
      `${when}: psql finds what is live`,
      async () => {
        const answer = await psql(app.env, RESOURCE, 'SELECT count(*) FROM app.orders');
        expect(answer).toMatchObject({ code: 0, out: '2' });
        return true;
      },
      PATIENCE_MS,
    );
  };
  /** Those that do not end by themselves while we look. */
  const othersIn = (live: readonly Row[]) => live.filter(({ id }) => id !== minute?.id);
  const giveBack = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) await ada.invoke('grant.return', id);
  };

  /** Brings the app to that moment. What is asked of it may never be answered. */
  const reach: Record<Moment, (live: readonly Row[]) => Promise<void>> = {
    async starting() {},
    async requesting() {
      void ask().catch(() => undefined);
      if (chance.next() < 0.5) void ask().catch(() => undefined);
      await pause(chance.next() * 40); // a random point is what this is about, here and below
    },
    async 'on its way'() {
      await ask();
      await pause(chance.next() * 60);
    },
    async injecting() {
      const before = disk();
      void ask().catch(() => undefined);
      const step = chance.pick<(now: LeftBehind) => boolean>([
        (now) => Object.keys(now.journal).length > Object.keys(before.journal).length,
        (now) => now.kept.length > before.kept.length,
        (now) => now.secrets.length > before.secrets.length,
        (now) => now.unfinished.length > 0 || now.blocks.length > before.blocks.length,
      ]);
      await whenSeen(() => step(disk()));
      if (chance.next() < 0.5) await pause(chance.next() * 15);
    },
    async active(live) {
      if (othersIn(live).length === 0) await obtain(ada, resourceId, 15 * MINUTE_MS);
      sessions.push(await openSession(app.env, RESOURCE));
      await pause(chance.next() * 500);
    },
    async removing(live) {
      const id = othersIn(live)[0]?.id ?? (await obtain(ada, resourceId, 15 * MINUTE_MS)).id;
      void ada.invoke('grant.return', id).catch(() => undefined);
      const step = chance.pick<(now: LeftBehind) => boolean>([
        (now) => !now.secrets.includes(id),
        (now) => now.journal[id] !== 'injected',
        (now) => now.unfinished.length > 0 || !now.blocks.includes(id),
      ]);
      await whenSeen(() => step(disk()));
      if (chance.next() < 0.5) await pause(chance.next() * 15);
    },
    async 'near the deadline'() {
      const leftMs = Number(minute.expiresAt) - Date.now() - chance.next() * 2 * SECOND_MS;
      await pause(Math.max(0, leftMs));
    },
  };

  /** A removal that had taken the secret goes on to its end; a secret that should be there still is; a deadline is kept. */
  const expectAftermath = async (moment: Moment, left: LeftBehind, when: string): Promise<void> => {
    if (moment !== 'near the deadline') return;
    if (Date.now() < Number(minute.expiresAt) - SECOND_MS)
      expect(left.secrets, `${when}: taken too early`).toContain(minute.id);
    await until(`${when}: the keeper took it`, () => !disk().secrets.includes(minute.id), PATIENCE_MS);
    const { principal } = inFile().find((row) => row.id === minute.id) ?? {};
    await until(
      `${when}: the sweep that the keeper started ended it`,
      async () => (await onTarget()).every(({ role }) => role !== principal),
      PATIENCE_MS,
    );
    await expectSound(`${when}, swept`);
  };

  beforeAll(async () => {
    [bed, server] = await Promise.all([startBed(), startPostgres()]);
    const machine = await bed.folders('ada');
    writeFileSync(serviceFileOf(machine), ORIGINAL, 'latin1');
    chmodSync(serviceFileOf(machine), 0o600);
    await start();
    ada = await Person.at('Ada', app);
    await ada.waitFor('first-run');
    await ada.invoke('setup.choose', { mode: 'alone', displayName: 'Ada' });
    await ada.ready();
    resourceId = await addResource(ada, server);
  }, 150_000);
  afterAll(async () => {
    for (const session of sessions) session.close();
    await bed?.stop();
    await server?.stop();
  }, 90_000);

  test(`${KILLS} times (seed ${SEED}): nothing is half done, nothing is left, and what was given goes on`, {
    timeout: 300_000 + KILLS * 90_000,
  }, async () => {
    let order: Moment[] = [];
    let dead: LeftBehind | null = null;
    for (let killed = 0; killed < KILLS; killed++) {
      if (killed % ROUND === 0) order = round();
      const moment = order[killed % ROUND] as Moment;
      const when = `kill ${killed + 1}, ${moment}`;
      if (killed > 0) await start();
      const hasMinute = killed % ROUND !== 0;
      if (moment === 'starting' && hasMinute) await pause(chance.next() * 1_500);
      else {
        await open();
        let live = await expectAgreement(when);
        for (const { id } of live) if (dead) expect(isTakenAway(dead, id), `${when}: ${id} came back`).toBe(false);
        await expectUsable(live, when);
        const isDue = moment === 'near the deadline' && Number(minute?.expiresAt) < Date.now();
        if (!hasMinute || isDue) minute = await obtain(ada, resourceId, MINUTE_MS);
        if (live.length > MANY) {
          await giveBack(othersIn(live).flatMap(({ id }) => (chance.next() < 0.5 ? [id] : [])));
          live = await expectAgreement(`${when}, some given back`);
        }
        if (moment === 'starting') await pause(chance.next() * 200);
        await reach[moment](live);
      }
      await kill();
      dead = await expectSound(when);
      await expectAftermath(moment, dead, when);
    }

    // In calm: all of it is given back, and there is nothing left of any of it, here and there.
    await start();
    await open();
    await giveBack((await expectAgreement('at the end')).map(({ id }) => id));
    await expectAgreement('given back');
    const rows = inFile();
    expect(new Set(rows.map(({ state }) => state))).toEqual(new Set(['ended']));
    expect(await onTarget()).toEqual([]);
    expect(disk()).toEqual({
      ...{ secrets: [], whole: [], kept: [], journal: {}, blocks: [], unfinished: [], tooWide: [] },
      foreign: ORIGINAL,
    });
    for (const session of sessions) await session.cut;
    await app.close();
    expect(readFileSync(serviceFileOf(app), 'latin1')).toBe(ORIGINAL);
    console.info(`${KILLS} kills, ${rows.length} grants; found at the kills: ${JSON.stringify(seen)}`);
  });
});

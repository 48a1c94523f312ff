/**
 * The real service is killed again and again while people ask, use, give back and extend; after each kill the real target is
 * read, and what is there is compared with what the database file says. `HALLPASS_KILLS` sets how often.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRaw } from '../../../electron/service/store/sqlite-binding';
import { PostgresCredential } from '../../../shared/contract/credential';
import { openCredential } from '../../../shared/crypto/seal';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { type PostgresServer, startPostgres } from '../../bed/postgres';
import { logIn, makeTarget } from '../../bed/postgres-target';
import { SeededRandom } from '../../model/world';
import { type Client, type EventStream, newDevice, publicKeys, socketClient } from '../service/harness';
import { type Bundle, bundle } from './bundle';

const KILLS = Number(process.env.HALLPASS_KILLS ?? 150);
const SEED = Number(process.env.HALLPASS_SEED ?? 1);
/** A life is killed at one of so many moments (an answer, an event, a log-in), and up to this long after it; some are killed while they start. */
const MOMENTS = 9;
const AFTER_MOMENT_MS = 25;
/** Nothing more is going to happen in this life. */
const LONGEST_LIFE_MS = 1_200;
const chance = new SeededRandom(SEED);

let program: Bundle;
let server: PostgresServer;
let dataDir: string;
let resourceId: string;
const device = newDevice('laptop');
const launchToken = randomBytes(32).toString('base64url');
const dataKey = randomBytes(32).toString('base64');
let socketPath: string;
const sessions: pg.Client[] = [];

interface Life {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
  readonly ready: Promise<boolean>;
}
function live(): Life {
  const child = spawn(process.execPath, [program.file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const owner = { displayName: 'Ann', ...publicKeys(device) };
  child.stdin?.on('error', () => undefined); // killed before it has read
  child.stdin?.end(JSON.stringify({ dataDir, dataKey, socketPath, launchToken, owner }));
  const gone = new Promise<void>((done) => child.once('close', () => done()));
  const ready = new Promise<boolean>((resolve) => {
    child.stdout?.once('data', () => resolve(true));
    void gone.then(() => resolve(false));
  });
  return { child, gone, ready };
}
const people = (): Client => socketClient(socketPath, launchToken);
const ok = async (reply: ReturnType<Client['call']>) => {
  const { status, json, text } = await reply;
  if (status >= 300) throw new Error(`${status} ${text}`);
  return json;
};

beforeAll(async () => {
  [program, server] = await Promise.all([bundle(join(import.meta.dirname, 'fixtures/service.ts')), startPostgres()]);
  dataDir = mkdtempSync(join(tmpdir(), 'hp-kill-'));
  socketPath = join(dataDir, 's', 'hallpass.sock');
  const target = await makeTarget(server);
  const first = live();
  expect(await first.ready).toBe(true);
  const owner = people();
  const address = { settings: target.settings, secret: target.secret, name: 'orders-db' };
  const plan = await ok(owner.call('POST', '/v1/targets/plan', address));
  await ok(owner.call('POST', '/v1/targets/apply', { target: address, digest: plan.digest }));
  const body = {
    name: 'orders-db',
    environment: 'development',
    risk: 'low',
    settings: target.settings,
    secret: target.secret,
  };
  resourceId = (await ok(owner.call('POST', '/v1/resources', body))).id;
  first.child.kill('SIGKILL');
  await first.gone;
}, 120_000);
afterAll(async () => {
  for (const session of sessions) await session.end().catch(() => undefined);
  await server?.stop();
  rmSync(dataDir, { recursive: true, force: true });
  program?.remove();
});

/** Counts what was seen to happen, and calls when it was enough. */
let moments = { left: 0, reached: () => {} };
function moment<T>(value: T): T {
  if (--moments.left === 0) moments.reached();
  return value;
}

/** What the desktop and its person do until the service is gone. Every refusal and every broken line is part of the game. */
async function use(client: Client): Promise<void> {
  const stream = moment(await client.events());
  const ask = (level: string) =>
    client.call('POST', '/v1/requests', { resourceId, level, ttlMs: MINUTE_MS, reason: 'a look' });
  const { items } = moment(await client.call('GET', '/v1/grants?scope=mine&limit=50')).json as {
    items: { id: string; state: string; credentialReady: boolean }[];
  };
  for (const { id, state } of items)
    if (state === 'active' && chance.next() < 0.6)
      await client.call('POST', `/v1/grants/${id}/return`).then(moment, ignore);
  // Made in an earlier life, and nobody was told: it waits for the desktop, which looks through its list.
  const waiting = items.filter(({ state, credentialReady }) => state === 'provisioning' && credentialReady);
  await Promise.all(waiting.map(({ id }) => receive(client, id).catch(ignore)));
  await Promise.all([ask('read-only').then(moment, ignore), ask('read-write').then(moment, ignore)]);
  await follow(client, stream);
}
async function follow(client: Client, stream: EventStream): Promise<void> {
  const done = new Set<string>();
  for (;;) {
    const { data } = await stream.until(
      ({ id, event }) => id !== null && event === 'grant.credential_ready' && !done.has(id),
    );
    done.add(stream.messages.find((message) => message.data === data)?.id ?? '');
    await receive(client, moment(data.data.grant.id));
  }
}
async function receive(client: Client, id: string): Promise<void> {
  const sealed = await ok(client.call('GET', `/v1/grants/${id}/credential`));
  const me = (await ok(client.call('GET', '/v1/me'))).device.id;
  const opened = openCredential(sealed, { grantId: id, deviceId: me, sealingSecretKey: device.sealing.secretKey });
  sessions.push(moment(await logIn(PostgresCredential.parse(opened))));
  moment(await ok(client.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' })));
  const next = chance.next();
  if (next < 0.4) await client.call('POST', `/v1/grants/${id}/return`);
  else if (next < 0.6) await client.call('POST', `/v1/grants/${id}/extend`, { ttlMs: MINUTE_MS, reason: 'more' });
}
const ignore = () => undefined;

interface OnTarget {
  readonly role: string;
  readonly works: boolean;
  readonly sessions: number;
}
const onTarget = (): Promise<OnTarget[]> =>
  server.query<OnTarget>(
    'postgres',
    `SELECT rolname AS role, rolcanlogin AND (rolvaliduntil IS NULL OR rolvaliduntil > now()) AS works,
            (SELECT count(*)::int FROM pg_stat_activity a WHERE a.usesysid = r.oid) AS sessions
       FROM pg_roles r WHERE rolname LIKE 'hp\\_%'`,
  );
interface Row {
  readonly id: string;
  readonly request_id: string;
  readonly state: string;
  readonly principal: string;
  readonly principal_recorded: number;
  readonly end_proof: string | null;
}
/** Nobody has the file open now. */
function inFile(): Row[] {
  const raw = openRaw(join(dataDir, 'hallpass.db'), 1_000);
  try {
    return raw
      .prepare('select id, request_id, state, principal, principal_recorded, end_proof from grants')
      .all() as unknown as Row[];
  } finally {
    raw.close();
  }
}
function expectSound(target: readonly OnTarget[], rows: readonly Row[], when: string): void {
  const byPrincipal = new Map(rows.map((row) => [row.principal, row]));
  expect(new Set(rows.map((row) => row.request_id)).size, `${when}: I4`).toBe(rows.length);
  for (const { role, works, sessions: open } of target) {
    const row = byPrincipal.get(role);
    expect(row, `${when}: I3, ${role} belongs to no grant`).toBeDefined();
    expect(row?.principal_recorded, `${when}: ${role} was made before it was recorded`).toBe(1);
    if (row?.state === 'ended') expect({ role, works, open }, `${when}: I12`).toEqual({ role, works: false, open: 0 });
  }
}

test(`killed ${KILLS} times (seed ${SEED}), nothing works that no live grant owns, and all of it ends`, {
  timeout: 300_000 + KILLS * 5_000,
}, async () => {
  let most = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    const life = live();
    if (chance.next() < 0.05)
      await new Promise((go) => setImmediate(go)); // while it starts
    else if (await life.ready) {
      const at = new Promise<void>((reached) => {
        moments = { left: 1 + Math.floor(chance.next() * MOMENTS), reached };
      });
      void use(people()).catch(ignore);
      // Random points in a run are what this test is about: these waits are for nothing else.
      await Promise.race([at, new Promise((go) => setTimeout(go, LONGEST_LIFE_MS))]);
      await new Promise((go) => setTimeout(go, chance.next() * AFTER_MOMENT_MS));
    }
    life.child.kill('SIGKILL');
    await life.gone;
    const target = await onTarget();
    most = Math.max(most, target.length);
    expectSound(target, inFile(), `kill ${kill}`);
  }
  const rows = inFile();
  const reached = new Set(rows.map((row) => row.state));
  expect(most).toBeGreaterThan(0);
  expect(rows.length).toBeGreaterThan(Math.max(3, KILLS / 10)); // how many more is the machine's pace
  expect(reached.has('ended')).toBe(true);

  // In calm: every grant ends, and the target holds nothing of ours.
  const last = live();
  expect(await last.ready).toBe(true);
  const owner = people();
  const { items } = await ok(owner.call('GET', '/v1/grants?scope=mine&limit=200'));
  for (const grant of items as { id: string; state: string }[])
    if (grant.state !== 'ended') await owner.call('POST', `/v1/grants/${grant.id}/return`);
  await expect.poll(onTarget, { timeout: 120_000, interval: 250 }).toEqual([]);
  await expect
    .poll(
      async () =>
        (await ok(owner.call('GET', '/v1/grants?scope=mine&limit=200'))).items
          .map((g: { state: string }) => g.state)
          .filter((s: string) => s !== 'ended'),
      { timeout: 60_000, interval: 250 },
    )
    .toEqual([]);
  last.child.kill('SIGKILL');
  await last.gone;
  expectSound(await onTarget(), inFile(), 'the end');
  console.info(`${KILLS} kills, ${rows.length} grants, ${most} roles at once`);
});

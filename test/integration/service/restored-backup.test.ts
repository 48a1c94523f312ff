/**
 * Backups put back. The service's own store: what was given since is found on the real target and ended, what ended since is
 * not given once more. The target's: roles of grants that ended since are back with their passwords, and go again.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { type Service, startService } from '../../../electron/service/service';
import { openRaw } from '../../../electron/service/store/sqlite-binding';
import type { AuditEntry } from '../../../shared/contract/audit';
import { PostgresCredential } from '../../../shared/contract/credential';
import type { GrantView } from '../../../shared/contract/grants';
import { openCredential } from '../../../shared/crypto/seal';
import { principalName } from '../../../shared/domain/ids';
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { type POSTGRES_MAJORS, type PostgresServer, startPostgres } from '../../bed/postgres';
import { logIn, makeTarget, sqlStateOf, whenCut } from '../../bed/postgres-target';
import { until } from '../../bed/until';
import { rolesOn } from '../security/workspace';
import { startTestService, type TestService } from './harness';

/** Debian's own, of the major whose server it is run against. */
const PG_DUMPALL = '/usr/lib/postgresql/15/bin/pg_dumpall';
const INVALID_PASSWORD = '28P01';
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Given {
  readonly id: string;
  readonly credential: PostgresCredential;
  readonly session: pg.Client;
  readonly cut: Promise<void>;
}
/** A service whose owner asks for a real database that needs nobody's word. */
class Place {
  private constructor(
    readonly it: TestService,
    readonly server: PostgresServer,
    readonly resourceId: string,
    private service: Service,
  ) {}
  static async open(major: (typeof POSTGRES_MAJORS)[number] = 18): Promise<Place> {
    const server = await startPostgres({ major });
    cleanUps.push(() => server.stop());
    const it = await startTestService({ tcp: null });
    cleanUps.push(async () => rmSync(it.dataDir, { recursive: true, force: true }));
    const { settings, secret } = await makeTarget(server);
    const address = { settings, secret, name: 'orders-db' };
    const { digest } = await called(it, 'POST', '/v1/targets/plan', address);
    await called(it, 'POST', '/v1/targets/apply', { target: address, digest });
    const body = { ...address, environment: 'development', risk: 'low' };
    const { id } = await called(it, 'POST', '/v1/resources', body);
    const place = new Place(it, server, id, it.service);
    cleanUps.push(() => place.stop());
    return place;
  }
  call(method: string, path: string, body?: unknown) {
    return called(this.it, method, path, body);
  }
  grant(id: string): Promise<GrantView> {
    return this.call('GET', `/v1/grants/${id}`);
  }
  mode() {
    return this.service.mode();
  }
  stop(): Promise<void> {
    return this.service.stop();
  }
  async start(): Promise<void> {
    this.service = await startService(this.it.config);
  }
  get database(): string {
    return join(this.it.dataDir, 'hallpass.db');
  }
  /** The data folder as it is while nothing runs. */
  copy(): string {
    const to = `${this.it.dataDir}-copy`;
    cpSync(this.it.dataDir, to, { recursive: true });
    cleanUps.push(async () => rmSync(to, { recursive: true, force: true }));
    return to;
  }
  putBack(copy: string): void {
    rmSync(this.it.dataDir, { recursive: true });
    cpSync(copy, this.it.dataDir, { recursive: true });
  }
  async give(level: string): Promise<Given> {
    const asked = { resourceId: this.resourceId, level, ttlMs: 30 * MINUTE_MS, reason: 'a look' };
    const { grantId: id } = await this.call('POST', '/v1/requests', asked);
    await this.call('POST', `/v1/grants/${id}/start`).catch(() => undefined); // begun by itself where the device is there
    await until('its credential', async () => (await this.grant(id)).credentialReady);
    const sealed = await this.call('GET', `/v1/grants/${id}/credential`);
    const { device } = await this.call('GET', '/v1/me');
    const keys = { grantId: id, deviceId: device.id, sealingSecretKey: this.it.ownerDevice.sealing.secretKey };
    const credential = PostgresCredential.parse(openCredential(sealed, keys));
    await this.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' });
    const session = await logIn(credential);
    return { id, credential, session, cut: whenCut(session) };
  }
  async takeBack({ id }: Given): Promise<void> {
    await this.call('POST', `/v1/grants/${id}/return`);
    await this.call('POST', `/v1/grants/${id}/injection`, { state: 'removed' });
    expect(await this.ended(id)).toMatchObject({ endReason: 'returned', endProof: 'read_back' });
  }
  ended(id: string): Promise<GrantView> {
    return until('its end', async () => {
      const grant = await this.grant(id);
      return grant.state === 'ended' ? grant : null;
    });
  }
  /** The log has an entry of that type about the login of a grant. */
  async saidOf(id: string, wanted: string): Promise<void> {
    await until(`${wanted} in the log`, async () => {
      const { entries } = await this.call('GET', '/v1/audit/entries?limit=500');
      return (entries as AuditEntry[]).some(
        ({ type, body }) => type === wanted && JSON.stringify(body).includes(principalName(id)),
      );
    });
  }
}
async function called(it: TestService, method: string, path: string, body?: unknown) {
  const { status, json, text } = await it.owner.call(method, path, body);
  if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
  return json;
}
const works = async ({ session }: Given): Promise<void> =>
  void expect((await session.query('SELECT count(*)::int AS n FROM app.orders')).rows).toEqual([{ n: 2 }]);
const principalsOf = (...given: Given[]): string[] => given.map(({ id }) => principalName(id)).sort();

/** Also those that nobody can use. */
const rolesAtAll = (server: PostgresServer) =>
  server.query('postgres', "SELECT rolname FROM pg_roles WHERE rolname LIKE 'hp\\_%'");

describe('an older copy of the service’s store is put back', { timeout: 120_000 }, () => {
  test('what was given since is ended on the target, what ended since stays ended, what lives in both goes on', async () => {
    const place = await Place.open();
    const [kept, returned] = [await place.give('read-only'), await place.give('read-write')];
    await place.stop();
    const copy = place.copy();
    await place.start();
    await place.takeBack(returned);
    const since = await place.give('read-write');
    const newestSeen = (await place.it.owner.events({ after: 0 })).messages;
    await until('all events', () => newestSeen.length > 20);
    const cursor = Math.max(...newestSeen.map(({ id }) => Number(id ?? 0)));
    await place.stop();
    place.putBack(copy);
    await place.start();

    expect(place.mode().mode).toBe('normal'); // a sound copy is no reason to give nothing
    await since.cut;
    expect(await sqlStateOf(logIn(since.credential))).toBe(INVALID_PASSWORD);
    expect(await place.ended(returned.id)).toMatchObject({ endReason: 'failed', endProof: 'read_back' });
    await until('only what both know', async () => (await rolesOn(place.server)).length === 1);
    expect(await rolesOn(place.server)).toEqual(principalsOf(kept));
    await works(kept);
    expect((await place.grant(kept.id)).state).toBe('active');
    await place.saidOf(since.id, 'principal.orphan_ended');
    // A desktop that has seen more than there is now starts afresh, and misses nothing of what comes.
    const stream = await place.it.owner.events({ after: cursor });
    await until('resync', () => stream.messages.some(({ event }) => event === 'resync'));
    const next = await place.give('read-write');
    await works(next);
    await place.takeBack(next);
    await place.takeBack(kept);
    expect(await rolesOn(place.server)).toEqual([]);
  });

  test('a file that is half the copy and half what came later gives nothing, and ends all the same', async () => {
    const place = await Place.open();
    const kept = await place.give('read-only');
    await place.stop();
    const copy = place.copy();
    await place.start();
    const before = await place.give('read-write');
    const raw = openRaw(place.database, 5_000);
    raw.exec('PRAGMA wal_checkpoint(TRUNCATE)'); // what was written so far is in the newer file alone
    await place.takeBack(before);
    const since = await place.give('read-write');
    const newer = `${copy}/newer-wal`;
    copyFileSync(`${place.database}-wal`, newer);
    raw.close();
    await place.stop();
    place.putBack(copy);
    copyFileSync(newer, `${place.database}-wal`); // somebody put back the file and forgot what lies beside it
    await place.start();

    expect(place.mode().mode).toBe('revoke_only');
    const asked = { resourceId: place.resourceId, level: 'read-only', ttlMs: MINUTE_MS, reason: 'x' };
    expect((await place.it.owner.call('POST', '/v1/requests', asked)).json.type).toContain('revoke-only');
    for (const { id } of [kept, since]) {
      const grant = await place.it.owner.call('GET', `/v1/grants/${id}`);
      if (grant.status === 200 && grant.json.state !== 'ended') await place.call('POST', `/v1/grants/${id}/return`);
    }
    await Promise.all([kept.cut, since.cut]);
    await until('no role', async () => (await rolesAtAll(place.server)).length === 0, 60 * SECOND_MS);

    await place.stop();
    place.putBack(copy); // whole, this time
    await place.start();
    expect(place.mode().mode).toBe('normal');
    expect(await place.ended(kept.id)).toMatchObject({ endProof: 'read_back' });
    await works(await place.give('read-only'));
  });
});

/** What `pg_dumpall --roles-only` writes of one role, from a server for whose major there is no such program here. */
async function dumpOf(server: PostgresServer, role: string): Promise<string> {
  const [facts] = await server.query<{ create: string; comment: string }>(
    'postgres',
    `SELECT format('CREATE ROLE %I; ALTER ROLE %I WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN CONNECTION LIMIT %s PASSWORD %L VALID UNTIL %L',
              rolname, rolname, rolconnlimit, rolpassword, rolvaliduntil) AS create,
            format('COMMENT ON ROLE %I IS %L', rolname, shobj_description(oid, 'pg_authid')) AS comment
       FROM pg_authid WHERE rolname = $1`,
    [role],
  );
  const members = await server.query<{ grant: string }>(
    'postgres',
    `SELECT format('GRANT %I TO %I WITH %s INHERIT %s, SET %s', r.rolname, m.rolname,
              CASE WHEN a.admin_option THEN 'ADMIN OPTION,' ELSE '' END, a.inherit_option::text, a.set_option::text) AS grant
       FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
      WHERE $1 IN (r.rolname, m.rolname) ORDER BY a.admin_option DESC`,
    [role],
  );
  return [facts?.create, facts?.comment, ...members.map(({ grant }) => grant)].join(';\n');
}
/** What Debian's own program writes of it. */
async function realDumpOf(server: PostgresServer, role: string): Promise<string> {
  const env = { PGPASSWORD: server.superPassword, PATH: process.env.PATH };
  const at = ['-h', server.host, '-p', String(server.port), '-U', server.superUser];
  const said = execFileSync(PG_DUMPALL, [...at, '--roles-only', '--no-password'], { env, encoding: 'utf8' });
  return said
    .split('\n')
    .filter((line) => line.includes(role))
    .join('\n');
}

const dumps = [
  { major: 18, by: 'from its catalogs', dump: dumpOf, missing: null },
  {
    major: 15,
    by: 'by pg_dumpall',
    dump: realDumpOf,
    missing: existsSync(PG_DUMPALL) ? null : `${PG_DUMPALL} not found: apt-get install postgresql-15`,
  },
] as const;
for (const { major, by, dump, missing } of dumps)
  describe.skipIf(missing !== null)(
    `PostgreSQL ${major} is put back to a backup made ${by}${missing === null ? '' : ` (${missing})`}`,
    { timeout: 120_000 },
    () => {
      /** Two grants; the first has ended since, and its role is back, with the password of then, as an administrator would bring it. */
      const putBack = async (place: Place) => {
        const [ended, live] = [await place.give('read-only'), await place.give('read-write')];
        const backup = await dump(place.server, principalName(ended.id));
        await place.takeBack(ended);
        await until('dropped', async () => (await rolesAtAll(place.server)).length === 1);
        expect(await rolesOn(place.server)).toEqual(principalsOf(live));
        return {
          ended,
          live,
          async restore() {
            await place.server.query('postgres', backup);
            const session = await logIn(ended.credential);
            return { cut: whenCut(session) };
          },
        };
      };

      test('while the service runs: the next look ends it, its session too, and nobody else’s', async () => {
        const place = await Place.open(major);
        const { ended, live, restore } = await putBack(place);
        const { cut } = await restore();
        place.it.clock.move(5 * MINUTE_MS + SECOND_MS);
        await cut;
        await until('gone', async () => (await rolesOn(place.server)).length === 1);
        expect(await sqlStateOf(logIn(ended.credential))).toBe(INVALID_PASSWORD);
        await place.saidOf(ended.id, 'principal.orphan_ended');
        await works(live);
        expect((await place.grant(live.id)).state).toBe('active');
      });

      test('while the service was away: its start ends it', async () => {
        const place = await Place.open(major);
        const { ended, live, restore } = await putBack(place);
        await place.stop();
        const { cut } = await restore();
        await place.start();
        await cut;
        expect(await sqlStateOf(logIn(ended.credential))).toBe(INVALID_PASSWORD);
        await until('gone', async () => (await rolesOn(place.server)).length === 1);
        expect(await rolesOn(place.server)).toEqual(principalsOf(live));
        expect((await place.grant(ended.id)).state).toBe('ended');
        await works(live);
      });
    },
  );

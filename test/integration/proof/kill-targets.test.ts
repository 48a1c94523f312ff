/**
 * Real targets are killed while grants on them are made, used, prolonged, given back and looked through; they start again on
 * the same data. After each kill the target is read over its superuser's own way and compared with the service's database.
 * Only by flag, since most of the time goes into waiting for servers: `HALLPASS_KILL_TARGETS=100` kills each of them so often.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRaw } from '../../../electron/service/store/sqlite-binding';
import type { Credential } from '../../../shared/contract/credential';
import { Credential as CredentialShape } from '../../../shared/contract/credential';
import { openCredential } from '../../../shared/crypto/seal';
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { SeededRandom } from '../../model/world';
import { type EventStream, startTestService, type TestService } from '../service/harness';
import { KILLABLE, type KillableTarget, type OnTarget } from './kill-target-servers';

const KILLS = Number(process.env.HALLPASS_KILL_TARGETS ?? 0);
const SEED = Number(process.env.HALLPASS_SEED ?? 1);
const WHY_NOT = 'only by flag: HALLPASS_KILL_TARGETS=20 npm test -- integration';
/** A kill comes at one of so many moments (an answer, an event, a log-in), and up to this long after it. */
const MOMENTS = 8;
const AFTER_MOMENT_MS = 40;
/** Nothing more is going to happen before this kill. */
const LONGEST_ROUND_MS = 1_500;
/** Longer than the pauses in which a target that is away is asked. */
const PATIENCE_MS = 90_000;

interface Row {
  readonly id: string;
  readonly state: string;
  readonly principal: string;
  readonly principal_recorded: number;
}

for (const kind of KILLABLE) {
  const why = KILLS > 0 ? kind.missing() : WHY_NOT;
  describe.skipIf(why !== null)(`${kind.name} is killed${why === null ? '' : ` (${why})`}`, () => {
    const chance = new SeededRandom(SEED);
    let server: KillableTarget;
    let it: TestService;
    let stream: EventStream;
    let resourceId: string;
    let levels: string[];
    let deviceId: string;
    const credentials = new Map<string, Credential>();
    const sessions: { close(): Promise<void> }[] = [];
    const seen: Record<string, number> = {};

    const call = async (method: string, path: string, body?: unknown) => {
      const { status, json, text } = await it.owner.call(method, path, body);
      if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
      return json;
    };
    const rows = (): Row[] => {
      const raw = openRaw(join(it.dataDir, 'hallpass.db'), 5_000);
      try {
        return raw
          .prepare('select id, state, principal, principal_recorded from grants order by id')
          .all() as unknown as Row[];
      } finally {
        raw.close();
      }
    };

    beforeAll(async () => {
      [server, it] = await Promise.all([kind.start(), startTestService({ tcp: null })]);
      const { settings, secret } = server.target;
      const address = { settings, secret, name: 'orders' };
      const plan = await call('POST', '/v1/targets/plan', address);
      await call('POST', '/v1/targets/apply', { target: address, digest: plan.digest });
      const resource = await call('POST', '/v1/resources', { ...address, environment: 'development', risk: 'low' });
      resourceId = resource.id;
      levels = resource.levels.map(({ name }: { name: string }) => name).slice(0, 2);
      deviceId = (await call('GET', '/v1/me')).device.id;
      stream = await it.owner.events({ after: 0 });
      void follow().catch(() => undefined); // until the stream is closed
    }, 180_000);
    afterAll(async () => {
      stream?.close();
      for (const session of sessions) await session.close().catch(() => undefined);
      await it?.service.stop();
      await server?.stop();
      rmSync(it?.dataDir ?? '', { recursive: true, force: true });
    }, 120_000);

    let moments = { left: 0, reached: () => {} };
    const moment = <T>(value: T): T => {
      if (--moments.left === 0) moments.reached();
      return value;
    };
    /** The desktop's part, all the time: every credential is fetched, tried and reported. */
    async function follow(): Promise<void> {
      for (const done = new Set<string>(); ; ) {
        const { id: seq, data } = await stream.until(
          ({ id, event }) => id !== null && event === 'grant.credential_ready' && !done.has(String(id)),
        );
        done.add(String(seq));
        await receive(moment(data.data.grant.id)).catch(() => undefined); // it ended meanwhile
      }
    }
    async function receive(id: string): Promise<void> {
      const sealed = await call('GET', `/v1/grants/${id}/credential`);
      const keys = { grantId: id, deviceId, sealingSecretKey: it.ownerDevice.sealing.secretKey };
      const credential = CredentialShape.parse(openCredential(sealed, keys));
      credentials.set(id, credential);
      await server.logIn(credential).then((session) => sessions.push(moment(session)), moment);
      moment(await call('POST', `/v1/grants/${id}/injection`, { state: 'injected' }));
    }
    /** The person's. Every refusal is part of the game. */
    async function use(): Promise<void> {
      const act = (method: string, path: string, body?: unknown) => call(method, path, body).then(moment, moment);
      const live = rows().filter(({ state }) => state === 'active');
      await Promise.all([
        ...live.map(({ id }) => {
          const next = chance.next();
          if (next < 0.6) return act('POST', `/v1/grants/${id}/return`);
          return next < 0.8
            ? act('POST', `/v1/grants/${id}/extend`, { ttlMs: MINUTE_MS, reason: 'more' })
            : Promise.resolve();
        }),
        ...levels.map((level) =>
          act('POST', '/v1/requests', { resourceId, level, ttlMs: 15 * MINUTE_MS, reason: 'a look' }),
        ),
        ...(chance.next() < 0.3 ? [it.service.sweep().then(moment, moment)] : []),
      ]);
    }

    /** Rows are read before and after the target, which the service works on all the time. */
    async function expectSound(when: string): Promise<{ before: Row[]; found: OnTarget[]; after: Row[] }> {
      const before = rows();
      const found = await server.look();
      const after = rows();
      const [ended, known] = [
        new Set(before.filter(({ state }) => state === 'ended').map(({ principal }) => principal)),
        new Map(after.map((row) => [row.principal, row])),
      ];
      for (const one of found) {
        expect(known.get(one.principal)?.principal_recorded, `${when}: I3, ${one.principal}`).toBe(1);
        if (ended.has(one.principal)) expect(one, `${when}: I12`).toMatchObject({ works: false, sessions: 0 });
      }
      return { before, found, after };
    }
    /** What was given before the kill and is still active works, with the very credential that was given. */
    async function expectLivingToWork(when: string): Promise<void> {
      if (server.logins === 'forgotten') await expectForgottenToEnd(when);
      for (const { id } of rows().filter(({ state }) => state === 'active')) {
        const credential = credentials.get(id);
        const refused = await (credential ? server.logIn(credential) : Promise.reject(new Error('never seen'))).then(
          (session) => session.close(),
          (error: unknown) => error,
        );
        const state = rows().find((row) => row.id === id)?.state;
        if (state === 'active') expect(refused, `${when}: ${id} is active and does not work`).toBeUndefined();
      }
    }
    /** The next look finds that they are gone: nobody is told that they still have what they have not. */
    async function expectForgottenToEnd(when: string): Promise<void> {
      it.clock.move(5 * MINUTE_MS + SECOND_MS);
      await expect
        .poll(
          async () => {
            const there = new Set((await server.look()).map(({ principal }) => principal));
            return rows().filter(({ state, principal }) => state !== 'ended' && !there.has(principal));
          },
          { timeout: PATIENCE_MS, interval: 100, message: `${when}: what is gone has ended` },
        )
        .toEqual([]);
    }
    const settled = (when: string) =>
      expect
        .poll(() => rows().filter(({ state }) => !['active', 'ended'].includes(state)), {
          timeout: PATIENCE_MS,
          interval: 100,
          message: `${when}: nothing is under way`,
        })
        .toEqual([]);

    test(`${KILLS > 0 ? `${KILLS} times` : 'again and again'} (seed ${SEED}): what it still knows belongs to a live grant, what lives works, and all of it ends`, {
      timeout: 300_000 + KILLS * 120_000,
    }, async () => {
      for (let kill = 1; kill <= KILLS; kill++) {
        const when = `kill ${kill}`;
        const at = new Promise<void>((reached) => {
          moments = { left: 1 + Math.floor(chance.next() * MOMENTS), reached };
        });
        const using = use();
        // Random points in a run are what this test is about: these waits are for nothing else.
        await Promise.race([at, pause(LONGEST_ROUND_MS)]);
        await pause(chance.next() * AFTER_MOMENT_MS);
        for (const { state } of rows()) if (state !== 'ended') seen[state] = (seen[state] ?? 0) + 1;
        const what = await server.killAndRestart(chance);
        seen[what] = (seen[what] ?? 0) + 1;
        await expectSound(when);
        await using;
        await settled(when);
        await expectSound(`${when}, settled`);
        await expectLivingToWork(when);
      }
      for (const { id, state } of rows()) if (state === 'active') await call('POST', `/v1/grants/${id}/return`);
      await settled('at the end');
      expect(new Set(rows().map(({ state }) => state))).toEqual(new Set(['ended']));
      await expect.poll(() => server.look(), { timeout: PATIENCE_MS, interval: 250 }).toEqual([]);
      for (const [id, credential] of credentials)
        await expect(server.logIn(credential), `${id} has ended`).rejects.toThrow();
      console.info(`${kind.name}: ${KILLS} kills, ${rows().length} grants; ${JSON.stringify(seen)}`);
    });
  });
}

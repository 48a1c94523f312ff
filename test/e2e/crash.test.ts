/**
 * What holds when things die: the service, the app that hosts it, both at the deadline. Two desktops, a real PostgreSQL, real
 * psql sessions, SIGKILL. The minute that is waited for is the shortest that can be asked for.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GrantView } from '../../shared/contract/grants';
import { principalName } from '../../shared/domain/ids';
import { MINUTE_MS, SECOND_MS } from '../../shared/domain/instant';
import { type Bed, startBed, until } from '../bed';
import { type PostgresServer, startPostgres } from '../bed/postgres';
import { Person } from '../demo/person';
import { type OpenSession, openSession, psql } from '../demo/psql';
import {
  addResource,
  grantOf,
  hostTeam,
  injections,
  joinTeam,
  lastLogin,
  mine,
  obtain,
  RESOURCE,
  servicePid,
} from './scene';

/** Invariant I1: nothing works later than this after the deadline. */
const LATE_MS = 5 * SECOND_MS;

describe('when things die', { timeout: 150_000 }, () => {
  let bed: Bed;
  let server: PostgresServer;
  let ada: Person;
  let grace: Person;
  let resourceId: string;
  const secretFile = async (person: Person, grantId: string): Promise<string> => {
    const local = (await injections(person)).find((one) => one.grantId === grantId);
    return local?.files.find((file) => !file.endsWith('.pg_service.conf')) ?? '';
  };
  const roleExists = async (grantId: string): Promise<boolean> => {
    const sql = 'SELECT count(*)::int AS n FROM pg_roles WHERE rolname = $1';
    const [row] = await server.query<{ n: number }>('postgres', sql, [principalName(grantId)]);
    return row?.n === 1;
  };

  beforeAll(async () => {
    [bed, server] = await Promise.all([startBed(), startPostgres()]);
    ada = await Person.start(bed, 'Ada', 'ada');
    await hostTeam(ada);
    resourceId = await addResource(ada, server);
    grace = await joinTeam(bed, ada, 'Grace');
  }, 150_000);
  afterAll(async () => {
    await bed?.stop();
    await server?.stop();
  }, 90_000);

  test('the service is killed under an active grant: it goes on, and so does the session', async () => {
    const grant = await obtain(grace, resourceId, 15 * MINUTE_MS);
    const session = await openSession(grace.env, RESOURCE);
    process.kill(await servicePid(ada), 'SIGKILL');
    await until('the guest notices', async () => {
      const state = await grace.session();
      return state.phase === 'ready' && !state.online;
    });
    expect((await injections(grace)).find((one) => one.grantId === grant.id)?.state).toBe('injected');
    await grace.ready();
    expect((await grantOf(grace, grant.id)).state).toBe('active');
    const [row] = await server.query<{ n: number }>(
      'postgres',
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1',
      [session.backend],
    );
    expect(row?.n).toBe(1);
    await grace.invoke('grant.return', grant.id);
    await session.cut;
    await until('ended', async () => (await grantOf(grace, grant.id)).endProof === 'read_back', 20_000);
  });

  test('the app is killed with a live grant: the next start takes it up, with its countdown', async () => {
    const grant = await obtain(ada, resourceId, 15 * MINUTE_MS);
    await ada.app.kill();
    expect((await psql(ada.env, RESOURCE, 'SELECT 1')).code).toBe(0); // the time that was given is still theirs
    ada = await Person.start(bed, 'Ada', 'ada');
    await ada.ready();
    const local = (await injections(ada)).find((one) => one.grantId === grant.id);
    expect(local).toMatchObject({ state: 'injected', expiresAt: grant.expiresAt });
    const tray = await ada.app.tray();
    const line = await until('its line in the tray', async () =>
      (await tray.menu()).find((item) => /^orders-db read-only: 1[45] min left$/.test(item.label)),
    );
    await tray.click(line.label, 'Return');
    await until('ended', async () => (await grantOf(ada, grant.id)).endProof === 'read_back', 20_000);
    await grace.ready();
  });

  describe('the desktop that hosts is killed, and the minute runs out', () => {
    let theirs: GrantView;
    let own: GrantView;
    let session: OpenSession;
    let passfile = '';

    test('both are in', async () => {
      theirs = await obtain(grace, resourceId, MINUTE_MS);
      own = await obtain(ada, resourceId, MINUTE_MS + 5 * SECOND_MS);
      passfile = await secretFile(ada, own.id);
      expect(existsSync(passfile)).toBe(true);
      session = await openSession(ada.env, RESOURCE);
      await bed.notifications.waitFor(
        'the warning before the end',
        ({ summary, actions }) =>
          summary === `${RESOURCE} ends in 1 minute` && actions.some(({ key }) => key === 'extend'),
        20_000,
      );
      await ada.app.kill();
    });

    test('the guest’s files go on time, and the window says what is known', async () => {
      const deadline = theirs.expiresAt as number;
      const working = lastLogin(grace.env, RESOURCE, deadline + LATE_MS);
      const gone = await until(
        'removed',
        async () => (await injections(grace)).find((one) => one.grantId === theirs.id)?.state === 'removed',
        90_000,
      ).then(() => Date.now());
      expect(gone - deadline).toBeLessThan(LATE_MS);
      const ticket = grace.page.locator(`[data-grant="${theirs.id}"]`);
      await ticket.getByText('Gone from this machine.').waitFor();
      await ticket.getByText('The target has not confirmed.').waitFor();
      expect(await working).toBeLessThan(deadline + LATE_MS);
    });

    test('the keeper takes the credential away, and the sweep it starts ends the grant on the target', async () => {
      const deadline = own.expiresAt as number;
      const working = lastLogin(ada.env, RESOURCE, deadline + LATE_MS);
      await until('the passfile gone', () => !existsSync(passfile), 30_000);
      expect(Date.now() - deadline).toBeLessThan(LATE_MS);
      await session.cut;
      await until('the roles gone', async () => !(await roleExists(own.id)) && !(await roleExists(theirs.id)), 20_000);
      expect(await working).toBeLessThan(deadline + LATE_MS);
      const conf = join(ada.app.home, '.pg_service.conf');
      await until(
        'the user’s own file clean',
        () => !existsSync(conf) || !readFileSync(conf, 'utf8').includes('allpass'),
      );
    });

    test('started again, both desktops know that it ended', async () => {
      ada = await Person.start(bed, 'Ada', 'ada');
      await ada.ready();
      for (const [person, grant] of [
        [ada, own],
        [grace, theirs],
      ] as const) {
        await person.ready();
        const ended = await until(
          'ended',
          async () => (await mine(person)).find((one) => one.id === grant.id && one.state === 'ended'),
          20_000,
        );
        expect(ended).toMatchObject({ endReason: 'expired', endProof: 'read_back' });
      }
      await grace.page.locator(`[data-grant="${theirs.id}"]`).waitFor({ state: 'detached' });
    });
  });
});

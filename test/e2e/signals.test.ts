/**
 * What ends access before its time, and what is said when it does not end: two desktops, a real PostgreSQL behind a line that can
 * go down, a logind that speaks over a system bus of its own, which the app finds where every program does.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GrantView } from '../../shared/contract/grants';
import type { LocalInjection } from '../../shared/contract/ipc';
import { NOTHING_ENDS } from '../../shared/domain/end-signals';
import { principalName } from '../../shared/domain/ids';
import { MINUTE_MS } from '../../shared/domain/instant';
import { REMOVAL_ALARM_MS } from '../../shared/domain/limits';
import { type Bed, startBed, until } from '../bed';
import { type FaultProxy, startFaultProxy } from '../bed/fault-proxy';
import { type PostgresServer, startPostgres } from '../bed/postgres';
import { Person } from '../demo/person';
import { openSession } from '../demo/psql';
import { addResource, grantOf, hostTeam, injections, joinTeam, mine, RESOURCE, servicePid } from './scene';

const POLICY = `version: 1
rules:
  - name: bound
    match: { resource: { level: read-only } }
    effect: auto
    max_duration: 1h
    end_on: [screen_lock]
  - name: free
    match: { resource: { level: read-write } }
    effect: auto
    max_duration: 1h
`;
const PATIENCE_MS = 60_000;

describe('what ends access early', { timeout: 180_000 }, () => {
  let bed: Bed;
  let server: PostgresServer;
  let line: FaultProxy;
  let ada: Person;
  let grace: Person;
  let resourceId: string;

  const ask = (level: 'read-only' | 'read-write') =>
    grace.call('requests.submit', {
      body: { resourceId, level, ttlMs: 30 * MINUTE_MS, reason: 'look', ticketRef: '', startWhen: 'connected' },
    });
  const localOf = async (id: string): Promise<LocalInjection | undefined> =>
    (await injections(grace)).find((one) => one.grantId === id);
  /** Asks, and waits until it is active and its files are there. */
  async function obtain(level: 'read-only' | 'read-write'): Promise<GrantView> {
    const { grantId } = await ask(level);
    const id = grantId ?? '';
    await until('active', async () => (await grantOf(grace, id)).state === 'active', PATIENCE_MS);
    await until('injected', async () => (await localOf(id))?.state === 'injected', PATIENCE_MS);
    return grantOf(grace, id);
  }
  const ended = (id: string) =>
    until(
      'ended',
      async () => {
        const grant = await grantOf(grace, id);
        return grant.state === 'ended' ? grant : null;
      },
      PATIENCE_MS,
    );
  /** `works`: it can log in. Once nobody can, the grant is ended, and the rest of the role is cleared away right after. */
  const roleOf = async (id: string): Promise<'works' | 'disabled' | 'gone'> => {
    const sql = 'SELECT rolcanlogin AS works FROM pg_roles WHERE rolname = $1';
    const [row] = await server.query<{ works: boolean }>('postgres', sql, [principalName(id)]);
    return row === undefined ? 'gone' : row.works ? 'works' : 'disabled';
  };
  async function expectNoRole(id: string): Promise<void> {
    expect(await roleOf(id)).not.toBe('works');
    await until('the role is gone', async () => (await roleOf(id)) === 'gone', PATIENCE_MS);
  }
  /** Gone from the files and from the database, and on the log as ended by the lock. */
  async function expectLockedOut(grant: GrantView, files: readonly string[]): Promise<void> {
    await until('removed', async () => (await localOf(grant.id))?.state === 'removed', PATIENCE_MS);
    for (const file of files.filter((each) => !each.endsWith('.pg_service.conf')))
      expect(existsSync(file), file).toBe(false);
    const after = await ended(grant.id);
    expect(after).toMatchObject({
      endReason: 'returned',
      endedBecause: 'The screen was locked.',
      endProof: 'read_back',
    });
    await expectNoRole(grant.id);
  }

  beforeAll(async () => {
    [bed, server] = await Promise.all([startBed(), startPostgres()]);
    line = await startFaultProxy(server.port);
    ada = await Person.start(bed, 'Ada', 'ada');
    await hostTeam(ada);
    resourceId = await addResource(ada, server, { port: line.port, policy: POLICY });
    grace = await joinTeam(bed, ada, 'Grace');
  }, 150_000);
  afterAll(async () => {
    await bed?.stop();
    await line?.stop();
    await server?.stop();
  }, 90_000);

  test('a lock that logind tells ends what the policy binds to the screen, with its session, and nothing else', async () => {
    const free = await obtain('read-write');
    const bound = await obtain('read-only');
    const local = await localOf(bound.id);
    const service = /service=(\S+)/.exec(local?.command ?? '')?.[1] ?? '';
    const session = await openSession(grace.env, service);
    expect(await roleOf(bound.id)).toBe('works');
    bed.logind.lock();
    await expectLockedOut(bound, local?.files ?? []);
    await session.cut;
    expect((await grantOf(grace, free.id)).state).toBe('active');
    expect((await localOf(free.id))?.state).toBe('injected');
  });

  test('the desktop’s own setting ends the rest, when the session says that its screen is locked', async () => {
    const free = (await mine(grace)).find(({ state }) => state === 'active') as GrantView;
    const { files } = (await localOf(free.id)) as LocalInjection;
    await grace.invoke('settings.set', { endOn: { ...NOTHING_ENDS, screenLock: true } });
    bed.logind.hint('locked');
    await expectLockedOut(free, files);
    await grace.invoke('settings.set', { endOn: NOTHING_ENDS });
  });

  test('behind a screen that is locked already it does not begin: nothing is written, and the person is told', async () => {
    const { grantId } = await ask('read-only');
    const refused = 'This access has to end when the screen is locked, and that is so now.';
    await bed.notifications.waitFor('the refusal', ({ summary }) => summary === refused, PATIENCE_MS);
    const grant = await ended(grantId ?? '');
    expect(grant).toMatchObject({ endReason: 'failed', endProof: 'read_back' });
    expect(await localOf(grant.id)).toBeUndefined();
    await expectNoRole(grant.id);
    bed.logind.hint('open');
    await grace.invoke('grant.return', (await obtain('read-only')).id);
  });

  describe('a removal that hangs', () => {
    let grant: GrantView;

    test('is an alarm to the administrator after two minutes: on the desktop, and over every page', async () => {
      grant = await obtain('read-only');
      line.play({ kind: 'down' });
      await grace.invoke('grant.return', grant.id);
      await until(
        'a try that failed',
        async () => {
          const { state, removal } = await grantOf(grace, grant.id);
          return state === 'ending' && removal.attempts > 0 && removal.lastError !== null;
        },
        PATIENCE_MS,
      );
      expect((await localOf(grant.id))?.state).toBe('removed'); // here it is gone all the same
      expect((await grantOf(ada, grant.id)).removal.alarmed).toBe(false);
      const isAlarm = (summary: string) => summary === `Still not removed: Grace, read-only on ${RESOURCE}`;
      expect(bed.notifications.all().some(({ summary }) => isAlarm(summary))).toBe(false);
      await twoMinutesLater(ada);
      const notice = await bed.notifications.waitFor('the alarm', ({ summary }) => isAlarm(summary), PATIENCE_MS);
      expect(notice).toMatchObject({ expireMs: 0, hints: { urgency: 2 } }); // it stays until somebody looks
      expect((await bed.notifications.of(ada.app.processId)).some(({ id }) => id === notice.id)).toBe(true);
      expect((await grantOf(ada, grant.id)).removal).toMatchObject({ alarmed: true, target: 'unknown' });
      for (const route of ['/', '/resources', '/activity']) {
        await ada.goTo(route);
        await ada.page
          .getByText(`Grace’s access to ${RESOURCE} could not be removed`)
          .waitFor({ timeout: PATIENCE_MS });
      }
      expect(await roleOf(grant.id)).toBe('works');
    });

    test('once the target answers it ends, and banner and notification go', async () => {
      line.lift();
      expect(await ended(grant.id)).toMatchObject({ endReason: 'returned', endProof: 'read_back' });
      await expectNoRole(grant.id);
      await ada.page
        .getByText(`Grace’s access to ${RESOURCE} could not be removed`)
        .waitFor({ state: 'detached', timeout: PATIENCE_MS });
      await until(
        'the alarm is closed',
        () => bed.notifications.open().every(({ summary }) => !summary.startsWith('Still not removed')),
        PATIENCE_MS,
      );
    });
  });

  /** The clock of the service's machine is set forward while it is down: it begins again with the removal it had not finished. */
  async function twoMinutesLater(host: Person): Promise<void> {
    const ahead = fileURLToPath(new URL('fixtures/clock-ahead.cjs', import.meta.url));
    await host.app.inMain(
      ({ utilityProcess }, [program, aheadMs]) => {
        const { fork } = utilityProcess;
        utilityProcess.fork = (entry, args = [], options) => fork(program, [entry, aheadMs, ...args], options);
      },
      [ahead, String(REMOVAL_ALARM_MS)] as const,
    );
    process.kill(await servicePid(host), 'SIGKILL');
    await until('the service is away', async () => {
      const state = await host.session();
      return state.phase !== 'ready' || !state.online;
    });
    await host.ready();
  }
});

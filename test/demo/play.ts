/** The story, in the order it happens. Each act is a function; what the acts share is the `Stage`. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type RunningSampleTarget, startSampleTarget } from '../../electron/dev/sample/target';
import type { GrantView } from '../../shared/contract/grants';
import { principalName } from '../../shared/domain/ids';
import { type Bed, startBed, until } from '../bed';
import { Person } from './person';
import { DEMO_POLICY } from './policy';
import { type OpenSession, openSession, psql } from './psql';
import { must, type Timeline } from './timeline';
import { checkLog } from './verify-log';

const STAGING = 'orders-db-staging';
const PRODUCTION = 'orders-db';
/** How late a removal may be and still be on time (invariant I1). */
const LATE_MS = 5_000;
const EARLY_MS = 1_000;

type Shown = Awaited<ReturnType<Bed['notifications']['of']>>[number];
const offers = (shown: Shown, key: string): boolean => shown.actions.some((action) => action.key === key);
const buttons = (shown: Shown): string => shown.actions.map((action) => action.label).join(', ');

interface Stage {
  readonly timeline: Timeline;
  readonly folder: string;
  readonly bed: Bed;
  readonly target: RunningSampleTarget;
  readonly approver: Person;
  readonly requester: Person;
}

export async function playDemo(timeline: Timeline, folder: string): Promise<void> {
  const closers: (() => Promise<void>)[] = [];
  try {
    let target: RunningSampleTarget | undefined;
    let bed: Bed | undefined;
    await timeline.step('a real PostgreSQL 18 is the target', async () => {
      target = await startSampleTarget();
      closers.push(target.stop);
      const [row] = await target.server.query<{ version: string }>('postgres', 'SELECT version()');
      const version = row?.version ?? '';
      must(version.startsWith('PostgreSQL 18'), `expected PostgreSQL 18, got ${version}`);
      return version.split(',')[0] ?? '';
    });
    await timeline.step('a desktop with tray, notifications and keyring', async () => {
      bed = await startBed({ screen: { width: 1440, height: 900 } });
      closers.push(() => (bed as Bed).stop());
      return `display ${bed.display}`;
    });
    must(target && bed, 'nothing to play on');
    const stage = await gather(timeline, folder, bed, target);
    await prepare(stage);
    const staging = await askFromTray(stage);
    await approveFromNotification(stage, staging.requestId);
    const first = await readAndWatch(stage, staging.requestId);
    await productionOnTheCard(stage);
    await expire(stage, first);
    await lookBack(stage);
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** Two people, two apps, two homes. One hosts, the other joins by invite. */
async function gather(timeline: Timeline, folder: string, bed: Bed, target: RunningSampleTarget): Promise<Stage> {
  let approver: Person | undefined;
  let requester: Person | undefined;
  await timeline.step('Priya starts the app and hosts for her team', async () => {
    approver = await Person.start(bed, 'Priya Sharma', 'priya');
    await approver.host('Acme payments', '127.0.0.1', 0);
    const session = await approver.ready();
    return `service at ${session.serviceAddress}, device ${session.fingerprint}, key kept by: ${session.keyStorage}`;
  });
  must(approver, 'no approver');
  const host = approver;
  await timeline.step('Nadia joins with a link and a code; Priya compares and confirms her key', async () => {
    const issued = await host.call('invites.create', {
      body: { displayName: 'Nadia Rahman', roles: ['member'], groups: [] },
    });
    must(!issued.link.includes(issued.code), 'the link holds the code');
    requester = await Person.start(bed, 'Nadia Rahman', 'nadia');
    const shown = await requester.join(issued.link, issued.code);
    const waiting = (await host.call('devices.list')).items.find((device) => device.state === 'pending');
    must(waiting && waiting.fingerprint === shown, 'both screens must show the same fingerprint');
    await host.call('devices.confirm', { params: { id: waiting.id }, body: { fingerprint: shown } });
    await requester.ready();
    return `fingerprint ${shown} on both screens`;
  });
  must(requester, 'no requester');
  return { timeline, folder, bed, target, approver, requester };
}

/** Resources with their level roles on the target, groups, the policy; a favourite for the tray. */
async function prepare({ timeline, approver, requester, target }: Stage): Promise<void> {
  const { host, port, managerUser, secret } = target.target;
  const add = async (name: string, environment: 'staging' | 'production', database: string) => {
    const settings = {
      kind: 'postgres' as const,
      host,
      port,
      database,
      managerUser,
      tls: 'disable' as const,
      schemas: ['sales', 'inventory'],
    };
    const address = { settings, secret, name };
    const test = await approver.call('resources.test', { body: address });
    must(
      test.ok,
      `connection test: ${test.checks
        .filter((check) => !check.ok)
        .map((check) => check.detail)
        .join('; ')}`,
    );
    const plan = await approver.call('resources.plan', { body: address });
    const applied = await approver.call('resources.apply', { body: { target: address, digest: plan.digest } });
    must(applied.ok, `plan: ${applied.error}`);
    await approver.call('resources.create', {
      body: {
        name,
        description: 'Orders, customers and stock',
        environment,
        risk: environment === 'production' ? 'high' : 'low',
        tags: ['personal-data'],
        owners: ['dba'],
        dependsOn: [],
        settings,
        secret,
      },
    });
    return `${name}: ${test.checks.length} checks, ${plan.steps.length} statements`;
  };
  await timeline.step('resources are tested, planned and added; the policy is published', async () => {
    const [priya, nadia] = [await approver.ready(), await requester.ready()];
    await approver.call('groups.put', { params: { name: 'dba' }, body: { members: [priya.personId] } });
    await approver.call('groups.put', { params: { name: 'engineering' }, body: { members: [nadia.personId] } });
    const added = [await add(STAGING, 'staging', 'orders_staging'), await add(PRODUCTION, 'production', 'orders')];
    const { version } = await approver.call('policy.get');
    const published = await approver.call('policy.put', {
      body: { yaml: DEMO_POLICY, baseVersion: version, note: 'For the demo' },
    });
    const staging = (await requester.call('catalog.list')).items.find(({ resource }) => resource.name === STAGING);
    must(staging, `${STAGING} is not in Nadia’s catalog`);
    await requester.invoke('settings.set', { favourites: [{ resourceId: staging.resource.id, level: 'read-only' }] });
    return `${added.join('; ')}; policy version ${published.version}`;
  });
}

async function askFromTray(stage: Stage): Promise<{ requestId: string }> {
  const { timeline, bed, requester, approver, folder } = stage;
  let requestId = '';
  await timeline.step('Nadia asks from the tray: two actions', async () => {
    const tray = await requester.app.tray();
    const label = `${STAGING} · read-only`;
    await until('the favourite in the tray menu', async () => JSON.stringify(await tray.menu()).includes(label));
    const menu = await bed.pictures.trayMenu(requester.app, path.join(folder, 'tray-menu.png'), [
      'Request access',
      label,
    ]);
    timeline.take('tray menu', menu);
    await tray.click('Request access', label, '1 m');
    const asked = await until(
      'the request',
      async () => (await requester.call('requests.list', { query: { scope: 'mine' } })).items[0],
    );
    requestId = asked.id;
    return `${asked.ticket}: ${asked.level} on ${asked.resource.name} for 1 minute, ${asked.state}`;
  });
  await timeline.step('Priya gets a desktop notification with the facts', async () => {
    const shown = await until('the notification', async () =>
      (await bed.notifications.of(approver.app.processId)).find((each) => each.summary.includes('Nadia')),
    );
    must(offers(shown, 'approve') && offers(shown, 'deny'), `its buttons are ${buttons(shown)}`);
    const picture = await bed.pictures.notification(path.join(folder, 'notification.png'), shown);
    timeline.take('notification', picture);
    return `“${shown.summary}” / “${shown.body}” with ${buttons(shown)}`;
  });
  return { requestId };
}

async function approveFromNotification(
  { timeline, bed, approver, requester }: Stage,
  requestId: string,
): Promise<void> {
  await timeline.step('she approves on the notification; Nadia can log in', async () => {
    const shown = (await bed.notifications.of(approver.app.processId)).find((each) => offers(each, 'approve'));
    must(shown, 'no notification to press');
    const pressedAt = performance.now();
    bed.notifications.invoke(shown.id, 'approve');
    const answer = await until('a login that works', async () => {
      const tried = await psql(requester.env, STAGING, 'SELECT current_user');
      return tried.code === 0 ? tried : undefined;
    });
    const usableMs = performance.now() - pressedAt;
    timeline.record(
      'from Approve to a login that works, psql’s own start included',
      true,
      usableMs,
      `logged in as ${answer.out}`,
    );
    const [grant] = (await requester.call('grants.list', { query: { scope: 'mine' } })).items;
    must(grant?.requestId === requestId, 'the grant is not of this request');
    must(answer.out === principalName(grant.id), `logged in as ${answer.out}`);
    return `psql service=${STAGING}`;
  });
}

interface Watched {
  readonly grant: GrantView;
  readonly session: OpenSession;
}

async function readAndWatch({ timeline, requester, folder, target }: Stage, requestId: string): Promise<Watched> {
  let watched: Watched | undefined;
  await timeline.step('she can read, and can not write', async () => {
    const read = await psql(requester.env, STAGING, 'SELECT count(*) FROM sales.orders');
    must(read.code === 0 && Number(read.out) > 0, `reading: ${read.err}`);
    const write = await psql(requester.env, STAGING, "UPDATE sales.orders SET status = 'lost'");
    must(
      write.code !== 0 && write.err.includes('permission denied'),
      `writing was answered: ${write.out} ${write.err}`,
    );
    return `${read.out} orders read; writing: ${write.err.split('\n')[0]}`;
  });
  await timeline.step('the countdown runs in window and tray', async () => {
    const grant = await until('the grant to be active', async () =>
      (await requester.call('grants.list', { query: { scope: 'mine' } })).items.find(
        (each) => each.requestId === requestId && each.state === 'active',
      ),
    );
    const session = await openSession(requester.env, STAGING);
    const [row] = await target.server.query<{ n: number }>(
      'postgres',
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1',
      [session.backend],
    );
    must(row?.n === 1, 'the open session is not on the server');
    watched = { grant, session };
    await requester.goTo('#/');
    await requester.page.locator(`[data-grant="${grant.id}"]`).waitFor();
    await requester.page.screenshot({ path: path.join(folder, 'countdown.png') });
    timeline.picture('countdown', path.join(folder, 'countdown.png'));
    const tray = await requester.app.tray();
    return `tray: “${(await tray.tooltip()).replace(/\n/g, ' / ')}”; a session is open (backend ${session.backend})`;
  });
  must(watched, 'nothing to watch');
  return watched;
}

/** The second request needs the card; Nadia gives this one back early. */
async function productionOnTheCard(stage: Stage): Promise<void> {
  const { timeline, bed, approver, requester, folder, target } = stage;
  let grant: GrantView | undefined;
  await timeline.step('production needs the card: no Approve on its notification', async () => {
    await requester.page.keyboard.press('Control+k');
    await requester.page
      .getByRole('combobox', { name: 'Find or ask' })
      .fill(`${PRODUCTION} rw 15m INC-12 release stuck orders`);
    await requester.page.getByText(`Request read-write on ${PRODUCTION} for 15 m`).waitFor();
    await requester.page.screenshot({ path: path.join(folder, 'palette.png') });
    timeline.picture('palette', path.join(folder, 'palette.png'));
    await requester.page.keyboard.press('Enter');
    const shown = await until('the notification', async () =>
      (await bed.notifications.of(approver.app.processId)).find(
        (each) => each.closed === null && each.summary.includes(PRODUCTION),
      ),
    );
    must(!offers(shown, 'approve'), 'the notification offers Approve for production');
    bed.notifications.invoke(shown.id, offers(shown, 'default') ? 'default' : 'open');
    return `“${shown.summary}” with ${buttons(shown)}`;
  });
  await timeline.step('Priya approves on the consent card', async () => {
    const card = await until('the consent card', () =>
      approver.app.electron.windows().find((page) => page.url().startsWith('consent:')),
    );
    await card.locator('#approve:enabled').waitFor();
    await bed.pictures.desktop(path.join(folder, 'consent-desktop.png'));
    await card.screenshot({ path: path.join(folder, 'consent-card.png') });
    timeline.picture('consent card', path.join(folder, 'consent-card.png'));
    const said = (await card.locator('h1').textContent()) ?? '';
    await card.locator('#approve').click();
    grant = await until('the grant to be active', async () =>
      (await requester.call('grants.list', { query: { scope: 'mine' } })).items.find(
        (each) => each.resource.name === PRODUCTION && each.state === 'active',
      ),
    );
    return said;
  });
  must(grant, 'no grant');
  const held = grant;
  await timeline.step('Nadia writes, then says “I’m done”: session cut, role gone, file clean', async () => {
    const wrote = await psql(
      requester.env,
      PRODUCTION,
      "BEGIN; UPDATE sales.orders SET status = 'packed' WHERE id = 1; COMMIT",
    );
    must(wrote.code === 0, `writing: ${wrote.err}`);
    const session = await openSession(requester.env, PRODUCTION);
    await requester.goTo('#/');
    await requester.page.locator(`[data-grant="${held.id}"]`).getByRole('button', { name: /done/i }).click();
    const { said } = await session.cut;
    const ended = await until('the grant to be ended', async () => {
      const now = await requester.call('grants.get', { params: { id: held.id } });
      return now.state === 'ended' ? now : undefined;
    });
    must(ended.endProof === 'read_back', `proof: ${ended.endProof}`);
    await roleIsGone(stage, held.id);
    const again = await psql(requester.env, PRODUCTION, 'SELECT 1');
    must(again.code !== 0, 'psql still logs in');
    const [row] = await target.server.query<{ n: number }>(
      'postgres',
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1',
      [session.backend],
    );
    must(row?.n === 0, 'the session is still on the server');
    return `psql was told: “${said.split('\n')[0]}”; ${ended.removal.sessionsCut} session cut, removal ${ended.endProof?.replace('_', ' ')}`;
  });
}

/** The first grant ends by the clock, while a session is open. */
async function expire(stage: Stage, { grant, session }: Watched): Promise<void> {
  const { timeline, requester, folder, target } = stage;
  await timeline.step('the minute is over: session cut, role gone, file clean', async () => {
    const deadline = grant.expiresAt as number;
    const cut = await Promise.race([
      session.cut,
      new Promise<never>((_, reject) =>
        setTimeout(() => reject(new Error('the session was not cut')), deadline - Date.now() + 2 * LATE_MS),
      ),
    ]);
    const ended = await until(
      'the grant to be ended',
      async () => {
        const now = await requester.call('grants.get', { params: { id: grant.id } });
        return now.state === 'ended' ? now : undefined;
      },
      15_000,
    );
    const cutMs = cut.at - deadline;
    must(cutMs > -EARLY_MS && cutMs < LATE_MS, `the session was cut ${cutMs} ms after the deadline`);
    timeline.record(
      'from the deadline to the session cut',
      true,
      Math.max(0, cutMs),
      `psql was told: “${cut.said.split('\n')[0]}”`,
    );
    timeline.record(
      'from the deadline to the removal read back',
      true,
      Math.max(0, (ended.endedAt as number) - deadline),
      `proof: ${ended.endProof}`,
    );
    must(ended.endProof === 'read_back' && ended.endReason === 'expired', `${ended.endReason}, ${ended.endProof}`);
    await roleIsGone(stage, grant.id);
    const [row] = await target.server.query<{ n: number }>(
      'postgres',
      'SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1',
      [session.backend],
    );
    must(row?.n === 0, 'the session is still on the server');
    const again = await psql(requester.env, STAGING, 'SELECT 1');
    must(again.code !== 0, 'psql still logs in');
    return again.err.split('\n')[0] ?? '';
  });
  await timeline.step('nothing of ours is left in the files', async () => {
    const file = path.join(requester.app.home, '.pg_service.conf');
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    must(
      !text.includes('orders-db') && !text.toLowerCase().includes('hallpass'),
      `the service file still says: ${text}`,
    );
    await requester.page.screenshot({ path: path.join(folder, 'ended.png') });
    timeline.picture('ended', path.join(folder, 'ended.png'));
    return text === '' ? 'the service file is as it was: not there' : 'the service file has only what was there before';
  });
}

async function roleIsGone({ target }: Stage, grantId: string): Promise<void> {
  await until(`the role of ${grantId} to be gone`, async () => {
    const [row] = await target.server.query<{ n: number }>(
      'postgres',
      'SELECT count(*)::int AS n FROM pg_roles WHERE rolname = $1',
      [principalName(grantId)],
    );
    return row?.n === 0;
  });
}

async function lookBack({ timeline, approver }: Stage): Promise<void> {
  await timeline.step('the log holds every step, and its proofs check out', async () => checkLog(approver));
}

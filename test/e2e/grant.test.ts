/** Two desktops and a real PostgreSQL: join, ask, approve from the notification, use, return. What the desktop promises, on the real thing. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LocalInjection, SessionState } from '../../shared/contract/ipc';
import { MINUTE_MS } from '../../shared/domain/instant';
import { type Bed, type BedApp, startBed, until } from '../bed';
import { type PostgresServer, startPostgres } from '../bed/postgres';
import { makeTarget } from '../bed/postgres-target';

const POLICY = `version: 1
rules:
  - name: quick
    effect: approve
    max_duration: 1h
    approvals: [{ from: approvers, count: 1 }]
    confirm: notification
`;

describe('a grant on two desktops', { timeout: 120_000 }, () => {
  let bed: Bed;
  let server: PostgresServer;
  let host: BedApp;
  let guest: BedApp;

  const invoke = async <T>(app: BedApp, channel: string, ...args: unknown[]): Promise<T> => {
    const page: Page = await app.window();
    return (await page.evaluate(
      ([name, list]) =>
        (window as never as { hallpass: { invoke(c: string, ...a: unknown[]): Promise<unknown> } }).hallpass
          .invoke(name, ...list)
          .catch((error) => {
            throw new Error(JSON.stringify(error)); // plain objects come through as "Object"
          }),
      [channel, args] as const,
    )) as T;
  };
  const api = async <T>(app: BedApp, method: string, path: string, body?: unknown): Promise<T> => {
    const page = await app.window();
    const answer = (await page.evaluate(
      async ([verb, url, data]) => {
        const reply = await fetch(`/api${url}`, {
          method: verb,
          ...(data === null ? {} : { body: data, headers: { 'content-type': 'application/json' } }),
        });
        return { status: reply.status, body: await reply.json() };
      },
      [method, path, body === undefined ? null : JSON.stringify(body)] as const,
    )) as { status: number; body: T };
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const phase = async (app: BedApp, wanted: SessionState['phase']): Promise<SessionState> =>
    until(
      `${wanted}`,
      async () => {
        const state = await invoke<SessionState>(app, 'session.state');
        return state.phase === wanted && (state.phase !== 'ready' || state.online) ? state : null;
      },
      30_000,
    );
  const injections = (app: BedApp) => invoke<LocalInjection[]>(app, 'injection.list');

  beforeAll(async () => {
    [bed, server] = await Promise.all([startBed(), startPostgres()]);
    host = await bed.launchApp({ person: 'ada' });
    await phase(host, 'first-run');
    await invoke(host, 'setup.choose', {
      mode: 'host',
      displayName: 'Ada',
      teamName: 'Team',
      address: '127.0.0.1',
      port: 0,
    });
    await phase(host, 'ready');
  }, 120_000);
  afterAll(async () => {
    await host?.electron
      .evaluate(({ dialog }) => {
        dialog.showMessageBox = () => Promise.resolve({ response: 1, checkboxChecked: false }) as never;
      })
      .catch(() => undefined);
    await bed?.stop();
    await server?.stop();
  }, 90_000);

  test('somebody joins with an invite and is confirmed by the fingerprint', async () => {
    const { link, code } = await api<{ link: string; code: string }>(host, 'POST', '/v1/invites', {
      displayName: 'Grace',
      roles: ['member'],
      groups: [],
    });
    guest = await bed.launchApp({ person: 'grace' });
    await phase(guest, 'first-run');
    await invoke(guest, 'setup.choose', { mode: 'join', link, code });
    const waiting = await phase(guest, 'pending-confirmation');
    const { items } = await api<{ items: { id: string; state: string; fingerprint: string }[] }>(
      host,
      'GET',
      '/v1/devices',
    );
    const pending = items.find((device) => device.state === 'pending');
    expect(waiting).toMatchObject({ fingerprint: pending?.fingerprint });
    await api(host, 'POST', `/v1/devices/${pending?.id}/confirm`, { fingerprint: pending?.fingerprint });
    await phase(guest, 'ready');
  });

  test('asked there, approved here from the notification, injected there', async () => {
    const target = await makeTarget(server);
    const address = { settings: target.settings, secret: target.secret, name: 'orders-db' };
    const plan = await api<{ digest: string }>(host, 'POST', '/v1/targets/plan', address);
    await api(host, 'POST', '/v1/targets/apply', { target: address, digest: plan.digest });
    const resource = await api<{ id: string }>(host, 'POST', '/v1/resources', {
      name: 'orders-db',
      environment: 'staging',
      risk: 'moderate',
      settings: target.settings,
      secret: target.secret,
    });
    const ada = await api<{ person: { id: string } }>(host, 'GET', '/v1/me');
    await api(host, 'PUT', '/v1/groups/approvers', { members: [ada.person.id] });
    const policy = await api<{ version: number }>(host, 'GET', '/v1/policy');
    await api(host, 'PUT', '/v1/policy', { yaml: POLICY, baseVersion: policy.version });

    await api(guest, 'POST', '/v1/requests', {
      resourceId: resource.id,
      level: 'read-only',
      ttlMs: 15 * MINUTE_MS,
      reason: 'look <b>at</b> orders',
    });
    const notice = await bed.notifications.waitFor('the request', (each) => each.summary.includes('Grace'));
    expect(notice.actions.map((action) => action.key)).toEqual(['approve', 'deny', 'default']);
    expect(notice.body).toContain('look &lt;b&gt;at&lt;/b&gt; orders');
    bed.notifications.invokeAndLeaveOpen(notice.id, 'approve');

    const local = await until(
      'injected',
      async () => (await injections(guest)).find((each) => each.state === 'injected'),
      20_000,
    );
    expect(local.command).toBe('psql service=orders-db');
    expect(local.files.every((file) => existsSync(file))).toBe(true);
    await until(
      'active',
      async () => {
        const { items } = await api<{ items: { state: string }[] }>(guest, 'GET', '/v1/grants');
        return items[0]?.state === 'active';
      },
      20_000,
    );
    await until('the notice is closed', () => bed.notifications.open().every((each) => each.id !== notice.id));
  });

  test('the tray counts minutes, and Return takes it away', async () => {
    const tray = await guest.tray();
    const line = await until('the grant in the menu', async () =>
      (await tray.menu()).find((item) => /^orders-db read-only: .* left$/.test(item.label)),
    );
    expect(line.label).toMatch(/1[45] min left$/);
    const files = (await injections(guest)).flatMap((each) => each.files);
    await tray.click(line.label, 'Return');
    await until('removed', async () => (await injections(guest)).every((each) => each.state === 'removed'));
    await until(
      'ended',
      async () => {
        const { items } = await api<{ items: { state: string; endProof: string | null }[] }>(
          guest,
          'GET',
          '/v1/grants',
        );
        return items[0]?.state === 'ended' && items[0].endProof === 'read_back';
      },
      20_000,
    );
    const service = files.find((file) => file.endsWith('pg_service.conf'));
    if (service !== undefined && existsSync(service)) expect(readFileSync(service, 'utf8')).not.toContain('orders-db');
    const left = await server.query(
      'postgres',
      "SELECT rolname FROM pg_roles WHERE rolname LIKE 'hp\\_%' AND rolcanlogin",
    );
    expect(left).toEqual([]);
  });

  test('the card decides once it is armed, and a sealed log proves itself', async () => {
    const { items: catalog } = await api<{ items: { resource: { id: string } }[] }>(guest, 'GET', '/v1/catalog');
    await api(guest, 'POST', '/v1/requests', {
      resourceId: catalog[0]?.resource.id,
      level: 'read-only',
      ttlMs: 15 * MINUTE_MS,
      reason: 'again',
    });
    const notice = await bed.notifications.waitFor('the second request', (each) => each.body.includes('again'));
    const opened = host.electron.waitForEvent('window');
    bed.notifications.invoke(notice.id, 'default');
    const card = await opened;
    const button = card.getByRole('button', { name: /approve/i });
    await button.waitFor();
    await until('armed', () => button.isEnabled());
    await button.click();
    await card
      .getByText(/^Approved/)
      .first()
      .waitFor();
    await until(
      'injected again',
      async () => (await injections(guest)).some((each) => each.state === 'injected'),
      20_000,
    );
    const verified = await until(
      'the witness',
      async () => {
        const state = await invoke<SessionState>(guest, 'session.state');
        return state.phase === 'ready' && state.witness.state === 'verified' && state.witness.size > 5
          ? state.witness
          : null;
      },
      20_000,
    );
    expect(verified.detail).toBeNull();
    expect(await invoke(host, 'audit.prove', [0, 3])).toEqual([
      { index: 0, state: 'proven', detail: null },
      { index: 3, state: 'proven', detail: null },
    ]);
  });

  test('no log of either desktop holds a secret', async () => {
    for (const app of [host, guest]) {
      const log = join(app.home, '.config', 'Hallpass', 'log', 'hallpass.log');
      if (existsSync(log))
        expect(readFileSync(log, 'utf8')).not.toMatch(/password["=: ]+[^[\s]|Bearer [A-Za-z0-9]|DPoP ey/);
    }
  });
});

/** The app as a person starts it for the first time: first-run, alone, its own service, page, tray, links, quit. Real Electron on the bed. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HallpassBridge, SessionState } from '../../shared/contract/ipc';
import { type Bed, type BedApp, startBed, until } from '../bed';

declare global {
  interface Window {
    readonly hallpass?: HallpassBridge;
  }
}

describe('the app', { timeout: 90_000 }, () => {
  let bed: Bed;
  let app: BedApp;
  const session = async (): Promise<SessionState> => {
    const page = await app.window();
    return (await page.evaluate('window.hallpass.invoke("session.state")')) as SessionState;
  };
  const inPage = async <T>(script: string): Promise<T> => (await (await app.window()).evaluate(script)) as T;

  beforeAll(async () => {
    bed = await startBed();
    app = await bed.launchApp({ person: 'ada' });
  }, 90_000);
  afterAll(async () => {
    await bed?.stop();
  }, 60_000);

  test('opens at the first-run choice, with the system’s key store', async () => {
    expect(
      await until('first run', async () => ((await session()).phase === 'first-run' ? await session() : null)),
    ).toEqual({
      phase: 'first-run',
      keyStorage: 'system',
      joinLink: null,
    });
  });

  test('a page has no token, no Node and only its bridge', async () => {
    expect(await inPage('typeof require + typeof process + typeof window.consent')).toBe('undefinedundefinedundefined');
    expect(await inPage('Object.keys(window.hallpass).sort().join()')).toBe('invoke,on');
    const preferences = await app.inMain(({ BrowserWindow }) => {
      const [window] = BrowserWindow.getAllWindows();
      return (
        window?.webContents as unknown as { getLastWebPreferences(): Record<string, unknown> } | undefined
      )?.getLastWebPreferences();
    });
    expect(preferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
    });
  });

  test('choosing alone starts the service, and /v1/me answers on the page’s own origin', async () => {
    await inPage('window.hallpass.invoke("setup.choose", { mode: "alone", displayName: "Ada" })');
    const ready = await until(
      'ready',
      async () => {
        const state = await session();
        return state.phase === 'ready' && state.online ? state : null;
      },
      20_000,
    );
    expect(ready).toMatchObject({ mode: 'alone', keyStorage: 'system', online: true });
    const me = await inPage<{ person: { displayName: string; owner: boolean } }>(
      'fetch("/api/v1/me").then((r) => r.json())',
    );
    expect(me.person).toMatchObject({ displayName: 'Ada', owner: true });
  });

  test('what only the app may ask does not exist for a page', async () => {
    const status = (path: string, method = 'GET') =>
      inPage<number>(`fetch(${JSON.stringify(path)}, { method: ${JSON.stringify(method)} }).then((r) => r.status)`);
    expect(await status('/api/v1/events')).toBe(403);
    expect(await status('/api/v1/session/challenge', 'POST')).toBe(403);
    expect(await status('/api/v1/audit/export')).toBe(403);
    expect(await status('/%2e%2e/%2e%2e/main/index.js')).toBe(404);
  });

  test('a refused call rejects with what a person can read', async () => {
    const error = await inPage(
      'window.hallpass.invoke("setup.choose", { mode: "alone", displayName: "Ada" }).catch((e) => e)',
    );
    expect(error).toMatchObject({ code: 'already-set-up' });
    expect(await inPage('window.hallpass.invoke("text.copy", { text: 7 }).catch((e) => e)')).toMatchObject({
      code: 'invalid-input',
    });
  });

  test('a page can’t leave its origin, open windows or get permissions', async () => {
    const page = await app.window();
    await page.evaluate('location.href = "https://example.invalid/"').catch(() => undefined);
    await page.evaluate('void window.open("https://example.invalid/")');
    expect(await page.evaluate('location.origin')).toBe('app://hallpass');
    expect(await inPage('navigator.permissions.query({ name: "geolocation" }).then((p) => p.state)')).toBe('denied');
    expect(await app.inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  });

  test('the tray has its menu, and comes back with a restarted watcher', async () => {
    const labels = async () => (await (await app.tray()).menu()).map((item) => item.label);
    await until('the menu', async () => (await labels()).includes('Request access'));
    expect(await labels()).toContain('Quit');
    await bed.tray.stop();
    await bed.tray.start();
    await until('the menu again', async () => (await labels()).includes('Request access'), 15_000);
  });

  test('a damaged link only tells, a good one opens its place', async () => {
    await inPage(
      'window.heard = [], window.hallpass.on("notice", (n) => window.heard.push(n.code)), window.hallpass.on("navigate", (n) => window.heard.push(n.to))',
    );
    const link = (text: string) =>
      app.inMain(
        ({ app: electron }, url) => void electron.emit('second-instance', {}, ['x', '--flag', url], '/', null),
        text,
      );
    await link('hallpass://request/javascript:alert(1)');
    await link('hallpass://grant/grt_01jd0000000000000000000000');
    await until('both heard', async () => (await inPage<string[]>('window.heard')).length === 2);
    expect(await inPage('window.heard')).toEqual(['bad-link', '/?grant=grt_01jd0000000000000000000000']);
  });

  test('the service comes back by itself when it is killed', async () => {
    const before = await app.inMain(
      ({ app: electron }) => electron.getAppMetrics().find((m) => m.name === 'Hallpass Service')?.pid ?? 0,
    );
    process.kill(before, 'SIGKILL');
    await until(
      'another service',
      async () => {
        const pid = await app.inMain(
          ({ app: electron }) => electron.getAppMetrics().find((m) => m.name === 'Hallpass Service')?.pid ?? 0,
        );
        return pid !== 0 && pid !== before;
      },
      20_000,
    );
    await until(
      'online again',
      async () => {
        const state = await session();
        return (
          state.phase === 'ready' &&
          state.online &&
          (await inPage<number>('fetch("/api/v1/me").then((r) => r.status)')) === 200
        );
      },
      20_000,
    );
  });

  test('nothing of ours is readable by others, and no secret is in the log', async () => {
    const folder = join(app.home, '.config', 'Hallpass');
    for (const name of ['profile.json', 'device-keys.json', 'data-key.json', 'sync.json'])
      expect(statSync(join(folder, name)).mode & 0o077, name).toBe(0);
    const logs = readdirSync(join(folder, 'log')).map((name) => readFileSync(join(folder, 'log', name), 'utf8'));
    expect(logs.join('\n')).not.toMatch(/Bearer [A-Za-z0-9]/);
  });

  test('started again it is ready without asking', async () => {
    await app.close();
    app = await bed.launchApp({ person: 'ada' });
    const state = await until(
      'ready',
      async () => {
        const now = await session();
        return now.phase === 'ready' && now.online ? now : null;
      },
      30_000,
    );
    expect(state).toMatchObject({ phase: 'ready', mode: 'alone' });
  });
});

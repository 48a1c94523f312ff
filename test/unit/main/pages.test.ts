import { sep } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { postgresFacts } from '../../../electron/main/injection/targets/postgres';
import { answer, isFrom } from '../../../electron/main/ipc/register';
import { debuggerCouldDecide, mayNavigate } from '../../../electron/main/lifecycle/hardening';
import { openingBounds, placeInside } from '../../../electron/main/windows/bounds';
import { createSecretClipboard } from '../../../electron/main/windows/clipboard';
import { APP_CSP, CONSENT_CSP, cspHeader, revealCsp } from '../../../electron/main/windows/csp';
import { judgeCall, passUp } from '../../../electron/main/windows/proxy-rules';
import { revealPage } from '../../../electron/main/windows/reveal';
import { fileFor } from '../../../electron/main/windows/static-files';
import { API, type Route } from '../../../shared/contract/api';
import { IPC_INVOKE } from '../../../shared/contract/ipc';

vi.mock('electron', () => ({
  app: {},
  session: {},
  ipcMain: {},
  BrowserWindow: class {},
  nativeTheme: {},
  screen: {},
}));

const parseCsp = (header: string) =>
  Object.fromEntries(
    header
      .split(';')
      .map((part) => part.trim().split(/\s+/))
      .map(([name, ...values]) => [name, values]),
  );

describe('policies of our origins', () => {
  test.each([
    ['app', APP_CSP],
    ['consent', CONSENT_CSP],
    ['reveal', revealCsp('bm9uY2U=')],
  ])('%s: nothing but itself, no inline, no eval, no frames', (_name, policy) => {
    const csp = parseCsp(cspHeader(policy));
    for (const shut of ['default-src', 'base-uri', 'form-action', 'frame-ancestors'])
      expect(csp[shut]).toEqual(["'none'"]);
    expect(Object.values(csp).flat().join(' ')).not.toMatch(/unsafe|\*|https?:|blob:/);
    for (const name of Object.keys(csp)) expect(name).toMatch(/^[a-z-]+$/); // a stray colon makes a directive void
  });
  test('the consent page has no connection and the reveal page no script', () => {
    expect(CONSENT_CSP['connect-src']).toBeUndefined();
    expect(revealCsp('x')['script-src']).toBeUndefined();
  });
});

describe('the proxy', () => {
  const concrete = (path: string) => path.replace(/:\w+/g, 'abc_123');
  test('passes exactly the routes that are for pages', () => {
    for (const route of Object.values(API) as Route[])
      expect(judgeCall(route.method, `/api${concrete(route.path)}`).kind, `${route.method} ${route.path}`).toBe(
        route.renderer ||
          (Object.values(API) as Route[]).some(
            (other) => other.renderer && other.method === route.method && concrete(other.path) === concrete(route.path),
          )
          ? 'pass'
          : 'refuse',
      );
  });
  test.each([
    '/api/v1/events',
    '/api/v1/requests/../session/token',
    '/api/v1/requests/a%2fb',
    '/api//v1/me',
    '/api/v1/me/',
    '/api',
    '/api/healthz',
    '/api/v1/grants/x/credential',
  ])('%s is refused', (path) => {
    expect(judgeCall('GET', path).kind).toBe('refuse');
  });
  test('authentication and cookies of a page never go on', () => {
    const headers = new Headers({
      authorization: 'Bearer x',
      cookie: 'a=b',
      'content-type': 'application/json',
      host: 'evil',
      'x-request-id': '1',
    });
    expect(passUp(headers)).toEqual({ 'content-type': 'application/json' });
  });
});

describe('files', () => {
  const root = `${sep}srv${sep}out`;
  test.each([
    '/../main/index.js',
    '/%2e%2e/main/index.js',
    '/..%2fmain/index.js',
    '/a/../../x.js',
    '/%00.js',
    '/..\\x.js',
    '/%E0%A4%A',
    '/app/secret.key',
    '/',
  ])('%s is not served', (path) => {
    expect(fileFor(root, path)).toBeUndefined();
  });
  test('a sibling folder with the same beginning is outside', () => {
    expect(fileFor(root, '/../out-evil/x.js')).toBeUndefined();
    expect(fileFor(root, '/assets/x.js')).toBe(`${root}${sep}assets${sep}x.js`);
  });
});

describe('navigation and senders', () => {
  test('a page stays in its own origin', () => {
    expect(mayNavigate('app://hallpass/', 'app://hallpass/x#/inbox')).toBe(true);
    for (const to of [
      'https://hallpass/',
      'app://hallpass.evil/',
      'app://evil/',
      'javascript:alert(1)',
      'file:///etc/passwd',
      'consent://card/',
      'http://example.invalid/?next=app://hallpass',
      'x',
    ])
      expect(mayNavigate('app://hallpass/', to), to).toBe(false);
  });
  test('only the main frame of the right page counts', () => {
    const wanted = { contentsIds: [7], origin: 'app://hallpass' };
    expect(isFrom({ contentsId: 7, frame: 'main', origin: 'app://hallpass' }, wanted)).toBe(true);
    for (const sender of [
      { contentsId: 8, frame: 'main', origin: 'app://hallpass' },
      { contentsId: 7, frame: 'sub', origin: 'app://hallpass' },
      { contentsId: 7, frame: 'gone', origin: undefined },
      { contentsId: 7, frame: 'main', origin: 'consent://card' },
    ] as const)
      expect(isFrom(sender, wanted)).toBe(false);
  });
  test('bad arguments and failures come back as errors for people', async () => {
    const bugs: unknown[] = [];
    const schemas = IPC_INVOKE['text.copy'];
    expect(
      await answer(
        schemas,
        [{ text: 1 }],
        () => ({ ok: true }),
        (bug) => bugs.push(bug),
      ),
    ).toMatchObject({ ok: false, error: { code: 'invalid-input' } });
    expect(
      await answer(
        schemas,
        [{ text: 'a', extra: 1 }],
        () => ({ ok: true }),
        (bug) => bugs.push(bug),
      ),
    ).toMatchObject({ ok: false });
    expect(bugs).toEqual([]);
    const failed = await answer(
      schemas,
      [{ text: 'a' }],
      () => Promise.reject(new Error('boom')),
      (bug) => bugs.push(bug),
    );
    expect(failed).toMatchObject({ ok: false, error: { code: 'internal' } });
    expect(bugs).toHaveLength(1);
  });
  test('a release with a debugger’s door open takes no decisions', () => {
    for (const bad of ['--remote-debugging-port=0', '--inspect', '--inspect-brk=9229', '--remote-debugging-pipe'])
      expect(debuggerCouldDecide(['x', bad], 'release'), bad).toBe(true);
    expect(debuggerCouldDecide(['x', '--inspect'], 'development')).toBe(false);
    expect(debuggerCouldDecide(['x', '--hidden', '--inspection'], 'release')).toBe(false);
  });
});

describe('windows', () => {
  const display = { x: 0, y: 0, width: 1920, height: 1080 };
  test('open where they were, if a display still shows that place', () => {
    expect(openingBounds({ x: 100, y: 80, width: 900, height: 600 }, [display])).toEqual({
      x: 100,
      y: 80,
      width: 900,
      height: 600,
    });
    expect(openingBounds({ x: 3000, y: 80, width: 900, height: 600 }, [display])).toEqual({ width: 900, height: 600 });
    expect(openingBounds({ x: 0, y: 0, width: 400, height: 9_999 }, [display])).toEqual({
      x: 0,
      y: 0,
      width: 720,
      height: 1080,
    });
    expect(openingBounds(null, [])).toEqual({ width: 1280, height: 800 });
  });
  test('the consent view never leaves the window', () => {
    expect(placeInside({ x: 500, y: 50, width: 900, height: 900 }, { width: 1000, height: 700 })).toEqual({
      x: 500,
      y: 50,
      width: 500,
      height: 650,
    });
  });
  test('a revealed credential is shown as text, whatever is in it', () => {
    const page = revealPage(
      '<orders>',
      postgresFacts({
        ...{ kind: 'postgres', host: 'h', port: 1, tls: 'prefer' },
        ...{ database: '"><script>', user: 'u', password: "a'&<b" },
      }),
      { nonce: 'n', theme: 'dark' },
    );
    expect(page).not.toMatch(/<script>|<orders>|<b\b/);
    expect(page).toContain('a&#39;&#38;&#60;b');
  });
  test('a copied secret is cleared, but not what was copied after it', async () => {
    let text = '';
    let due = () => {};
    const board = createSecretClipboard(
      {
        readText: () => text,
        writeText: (next) => {
          text = next;
        },
        clear: () => {
          text = '';
        },
      },
      (_length, callback) => {
        due = callback;
        return () => {
          due = () => {};
        };
      },
    );
    board.copy('s3cret');
    await board.clearNow();
    expect(text).toBe('');
    board.copy('s3cret');
    text = 'something else';
    due();
    await Promise.resolve();
    expect(text).toBe('something else');
  });
});

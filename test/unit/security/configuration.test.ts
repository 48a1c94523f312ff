/** Facts about sources and release settings that no running app shows: read from the very files that ship. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { debuggerCouldDecide, hardenApp, mayNavigate, originOf } from '../../../electron/main/lifecycle/hardening';
import { SAFE_PREFERENCES } from '../../../electron/main/windows/main-window';

const electron = vi.hoisted(() => {
  const asked: Record<string, unknown> = {};
  const on: Record<string, (...args: never[]) => void> = {};
  const contents: Record<string, (...args: never[]) => void> = {};
  return {
    asked,
    on,
    contents,
    app: {
      commandLine: { hasSwitch: () => false },
      enableSandbox: () => {
        asked.sandbox = true;
      },
      on: (name: string, listener: (...args: never[]) => void) => {
        on[name] = listener;
      },
      whenReady: () => new Promise(() => {}),
    },
  };
});
vi.mock('electron', () => ({
  app: electron.app,
  session: {},
  BrowserWindow: class {},
  nativeTheme: {},
  screen: {},
}));

const PROJECT = join(import.meta.dirname, '../../..');
const sources = (folder: string) =>
  readdirSync(join(PROJECT, folder), { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile() && /\.tsx?$/.test(each.name))
    .map((each) => {
      const path = join(each.parentPath, each.name);
      return { path: path.slice(PROJECT.length + 1), text: readFileSync(path, 'utf8') };
    });

describe('a release', () => {
  const builder = parse(readFileSync(join(PROJECT, 'electron-builder.yml'), 'utf8'));
  test('has every fuse set that keeps it from being turned into something else', () => {
    expect(builder.electronFuses).toEqual({
      runAsNode: false,
      enableCookieEncryption: true,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: false, // said in SECURITY.md: nothing on Linux could carry the digest
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
    });
  });
  test('takes a link as a link, never as a switch', () => expect(builder.linux.executableArgs).toEqual(['--']));
  test.each([
    '--remote-debugging-port=0',
    '-remote-debugging-port=9222',
    '--remote-debugging-pipe',
    '-remote-debugging-pipe',
    '/remote-debugging-port=1',
    '--Remote-Debugging-Port=1',
    '--inspect',
    '--inspect=0',
    '--inspect-brk',
    '--inspect-wait',
    '--inspect-port=1',
    '-inspect-publish-uid=http',
    '--js-flags=--expose-gc',
  ])('that was started with %s takes no decision', (bad) =>
    expect(debuggerCouldDecide(['hallpass', bad], 'release')).toBe(true),
  );
  test('and one that was started as it should does', () => {
    for (const good of ['--hidden', '--sweep', 'hallpass://request/--inspect', '--inspection', '--password-store=x'])
      expect(debuggerCouldDecide(['hallpass', good], 'release'), good).toBe(false);
  });
});

describe('every page', () => {
  test('is made with the safe preferences and nothing that weakens them', () => {
    const makers = sources('electron/main').filter(({ text }) => /new (BrowserWindow|WebContentsView)\(/.test(text));
    expect(makers.map(({ path }) => path).sort()).toEqual([
      'electron/main/windows/consent.ts',
      'electron/main/windows/main-window.ts',
      'electron/main/windows/reveal.ts',
    ]);
    for (const { path, text } of makers) {
      const made = text.match(/new (BrowserWindow|WebContentsView)\(/g)?.length ?? 0;
      const safe = text.match(/\.\.\.SAFE_PREFERENCES|webPreferences: preferences\(\)/g)?.length ?? 0;
      expect(safe, path).toBeGreaterThanOrEqual(made);
    }
    expect(SAFE_PREFERENCES).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      webviewTag: false,
      navigateOnDragDrop: false,
    });
  });
  test('nothing opens a foreign page, runs text as code, or speaks raw IPC outside its room', () => {
    for (const { path, text } of [
      ...sources('electron/main'),
      ...sources('renderer'),
      ...sources('electron/preload'),
    ]) {
      expect(text, path).not.toMatch(/openExternal|enableBlinkFeatures|experimentalFeatures|dangerouslySetInnerHTML/);
      expect(text, path).not.toMatch(/\.innerHTML\s*=|insertAdjacentHTML|document\.write|executeJavaScript|\beval\(/);
      if (!/^electron\/(main\/ipc|preload)\//.test(path)) expect(text, path).not.toMatch(/\bipc(Main|Renderer)\b/);
    }
  });
  test('has its handlers before the app is ready, and refuses what it should', () => {
    const refused: string[] = [];
    hardenApp((_level, what) => void refused.push(what));
    expect(electron.asked.sandbox).toBe(true);
    for (const name of ['web-contents-created', 'session-created', 'certificate-error', 'login'])
      expect(electron.on[name], name).toBeTypeOf('function');
    let opened: unknown;
    const contents = {
      getURL: () => 'app://hallpass/',
      on: (name: string, listener: (...args: never[]) => void) => {
        electron.contents[name] = listener;
      },
      setWindowOpenHandler: (decide: (to: { url: string }) => unknown) => {
        opened = decide({ url: 'app://hallpass/' });
      },
    };
    electron.on['web-contents-created']?.(...([{}, contents] as never[]));
    expect(opened).toEqual({ action: 'deny' });
    for (const name of ['will-navigate', 'will-frame-navigate', 'will-redirect']) {
      for (const [url, stopped] of [
        ['https://evil.example/', true],
        ['app://hallpass/#/inbox', false],
      ] as const) {
        const event = { url, preventDefault: vi.fn() };
        electron.contents[name]?.(...([event] as never[]));
        expect([name, url, event.preventDefault.mock.calls.length > 0]).toEqual([name, url, stopped]);
      }
    }
    const answers: boolean[] = [];
    const session = {
      setPermissionRequestHandler: (handler: (...args: unknown[]) => void) =>
        handler({}, 'openExternal', (allowed: boolean) => answers.push(allowed)),
      setPermissionCheckHandler: (handler: () => boolean) => answers.push(handler()),
      setDevicePermissionHandler: (handler: () => boolean) => answers.push(handler()),
      on: () => {},
    };
    electron.on['session-created']?.(...([session] as never[]));
    expect(answers).toEqual([false, false, false]);
  });
});

describe('origins', () => {
  test.each([
    'app://hallpass.evil.example/',
    'app://hallpass@evil.example/',
    'app://evil.example/app://hallpass/',
    'app://hallpass%2eevil/',
    'app://hallpass:1/',
    'app:hallpass/',
    'app:///hallpass/',
    'App://hallpass.',
    'https://hallpass/',
    'https://app//hallpass',
    'https://evil.example/#app://hallpass/',
    'https://evil.example?app://hallpass',
    'blob:app://hallpass/0',
    'filesystem:app://hallpass/x',
    'data:text/html,<script>1</script>',
    'javascript:app://hallpass/',
    'about:blank',
    'view-source:app://hallpass/',
    'file:///hallpass',
    'devtools://devtools/bundled/x.html',
    'chrome://gpu',
    'consent://card/',
    'reveal://credential/',
    'mailto:a@b',
    '',
  ])('%s is no place for the main page', (to) => expect(mayNavigate('app://hallpass/', to)).toBe(false));
  test('the card and the credential stay where they are as well', () => {
    expect(mayNavigate('consent://card/', 'app://hallpass/')).toBe(false);
    expect(mayNavigate('reveal://credential/', 'app://hallpass/')).toBe(false);
    expect(mayNavigate('https://evil.example/', 'https://evil.example/x')).toBe(false);
    expect(originOf('consent://card/index.html?x#y')).toBe('consent://card');
  });
});

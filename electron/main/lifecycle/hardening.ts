/**
 * What every page and every session may not do. One place, so that nothing can be forgotten for a new window.
 * A scheme without a handler runs xdg-open unasked unless the permission request is denied: hence deny-all on each session.
 */
import { app, type Session, session, type WebContents } from 'electron';
import type { Log } from './log';

/** Origins our own pages have. Nothing else is ever navigated to. */
export const OWN_ORIGINS: readonly string[] = ['app://hallpass', 'consent://card', 'reveal://credential'];

/** The origin of a URL, by parsing; custom standard schemes have origin "null" in Node's URL, so scheme and host are joined. */
export function originOf(url: string): string | undefined {
  try {
    const parsed = new URL(url);
    return parsed.origin === 'null' ? `${parsed.protocol}//${parsed.host}` : parsed.origin;
  } catch {
    return undefined;
  }
}

/** May a page of `from` go to `to`? Only inside its own origin. Pure. */
export function mayNavigate(from: string, to: string): boolean {
  const [here, there] = [originOf(from), originOf(to)];
  return here !== undefined && here === there && OWN_ORIGINS.includes(here);
}

export function hardenSession(target: Session): void {
  target.setPermissionRequestHandler((_contents, _permission, answer) => answer(false));
  target.setPermissionCheckHandler(() => false);
  target.setDevicePermissionHandler(() => false);
  target.on('will-download', (event) => event.preventDefault());
}

function hardenContents(contents: WebContents, log: Log): void {
  const refuse = (what: string) => (event: { preventDefault(): void; url: string }) => {
    if (mayNavigate(contents.getURL(), event.url)) return;
    event.preventDefault();
    log('warn', `${what} refused`, { to: originOf(event.url) ?? 'unreadable' });
  };
  contents.on('will-navigate', refuse('navigation'));
  contents.on('will-frame-navigate', refuse('frame navigation'));
  contents.on('will-redirect', refuse('redirect'));
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  contents.on('render-process-gone', (_event, details) =>
    log('error', 'a page’s process is gone', { reason: details.reason }),
  );
}

/** Call before `ready`. */
export function hardenApp(log: Log): void {
  // `--no-sandbox` is what root needs in tests and containers; both together leave no process able to start
  if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
  app.on('session-created', hardenSession);
  app.on('web-contents-created', (_event, contents) => hardenContents(contents, log));
  app.on('certificate-error', (event, _contents, _url, _error, _certificate, answer) => {
    event.preventDefault();
    answer(false);
  });
  app.on('select-client-certificate', (event) => event.preventDefault());
  app.on('login', (event) => event.preventDefault());
  void app.whenReady().then(() => hardenSession(session.defaultSession));
}

/**
 * Switches with which somebody else could press Approve for the user. Chromium takes one dash as well as two (and `/` on
 * Windows, in any case), so all of these spellings open the door.
 */
const DEBUG_SWITCHES =
  /^(--?|\/)(remote-debugging-(port|pipe)|inspect(-brk|-wait)?(-port|-publish-uid)?|js-flags)(=|$)/i;

/** True when this release was started with a debugger's door open; it then refuses decisions. Pure. */
export function debuggerCouldDecide(argv: readonly string[], build: 'release' | 'development'): boolean {
  return build === 'release' && argv.some((arg) => DEBUG_SWITCHES.test(arg));
}

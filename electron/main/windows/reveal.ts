/**
 * Shows a credential in a window of its own: a page without any script, in a session of its own, generated for one look.
 * What it lists is the injection target's to say. The main renderer never gets it. The window closes by itself and hides from screen recording where the system can.
 */
import { randomBytes } from 'node:crypto';
import { BrowserWindow, session } from 'electron';
import type { CredentialFacts } from '../injection';
import { pageHeaders, revealCsp } from './csp';
import { backgroundOf, currentTheme, SAFE_PREFERENCES } from './main-window';

export const REVEAL_MS = 60_000;

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** The whole page. Pure, and everything in it is escaped. */
export function revealPage(
  title: string,
  facts: CredentialFacts,
  look: { nonce: string; theme: 'light' | 'dark' },
): string {
  const rows = facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`).join('');
  const [paper, ink, quiet] =
    look.theme === 'dark' ? ['#171512', '#ece7dc', '#a39c8d'] : ['#f6f3ec', '#23201b', '#6b6558'];
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escapeHtml(title)}</title>
<style nonce="${look.nonce}">body{margin:0;padding:20px 24px;background:${paper};color:${ink};font:14px/1.5 system-ui,sans-serif}
h1{font-size:16px;margin:0 0 12px}dl{display:grid;grid-template-columns:max-content 1fr;gap:6px 16px;margin:0}
dt{color:${quiet}}dd{margin:0;font-family:ui-monospace,monospace;overflow-wrap:anywhere;user-select:all}p{color:${quiet};margin:16px 0 0}</style>
<h1>${escapeHtml(title)}</h1><dl>${rows}</dl><p>This window closes after a minute. Your tools already know the password; you rarely need it here.</p></html>`;
}

/** Opens the window. The page can be fetched once only. */
export function openReveal(title: string, facts: CredentialFacts, parent: BrowserWindow | null): BrowserWindow {
  const own = session.fromPartition(`reveal-${randomBytes(8).toString('hex')}`, { cache: false });
  const nonce = randomBytes(16).toString('base64');
  let page: string | null = revealPage(title, facts, { nonce, theme: currentTheme() });
  own.protocol.handle('reveal', (request) => {
    const body = page;
    page = null;
    if (body === null || new URL(request.url).host !== 'credential') return new Response(null, { status: 404 });
    return new Response(body, {
      headers: { ...pageHeaders(revealCsp(nonce)), 'content-type': 'text/html; charset=utf-8' },
    });
  });
  const window = new BrowserWindow({
    width: 520,
    height: 330,
    ...(parent === null ? {} : { parent }),
    resizable: true,
    minimizable: false,
    title,
    backgroundColor: backgroundOf(currentTheme()),
    webPreferences: { ...SAFE_PREFERENCES, session: own, javascript: false },
  });
  window.removeMenu();
  window.setContentProtection(true);
  const timer = setTimeout(() => window.destroy(), REVEAL_MS);
  window.on('closed', () => clearTimeout(timer));
  void window.loadURL('reveal://credential/');
  return window;
}

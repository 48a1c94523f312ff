/**
 * Where cards stand: a WebContentsView laid over the inbox's detail pane of the main window, and a small window of its own
 * (from tray and notification). Both live in the session `consent`, the only one where the scheme consent:// exists,
 * so that the big renderer can neither load, cover nor fake them.
 */
import {
  BrowserWindow,
  type NativeImage,
  type Session,
  screen,
  session,
  type WebContents,
  WebContentsView,
} from 'electron';
import type { ConsentState } from '../../../shared/contract/ipc';
import type { RequestView } from '../../../shared/contract/requests';
import { isReadable, placeInside, type Rect, sameRect } from './bounds';
import { type ConsentPorts, type ConsentSurface, createConsentSurface } from './consent-surface';
import { CONSENT_CSP } from './csp';
import { backgroundOf, bringForward, currentTheme, SAFE_PREFERENCES } from './main-window';
import { serveFiles } from './static-files';

export const CONSENT_ORIGIN = 'consent://card';
const CARD_WINDOW = { width: 480, minHeight: 320, maxHeight: 760, height: 620 } as const;

export interface ConsentPlaces {
  /** Lays the pane over this rectangle of the main window's page, or takes it away. */
  place(at: { requestId: string; bounds: Rect } | null): Promise<void>;
  focusPane(): void;
  openWindow(requestId: string): Promise<void>;
  refresh(request: RequestView): void;
  /** The surface whose page this is; undefined for every other page. */
  surfaceOf(contents: WebContents): ConsentSurface | undefined;
  close(contents: WebContents): void;
  fit(contents: WebContents, heightPx: number): void;
  isPane(contents: WebContents): boolean;
  redraw(): void;
}

export function createConsentPlaces(deps: {
  root: string;
  preload: string;
  icon: () => NativeImage;
  ports: ConsentPorts;
  mainWindow: () => BrowserWindow | null;
}): ConsentPlaces {
  let own: Session | null = null;
  let pane: { view: WebContentsView; surface: ConsentSurface; host: BrowserWindow } | null = null;
  let card: { window: BrowserWindow; surface: ConsentSurface } | null = null;

  function consentSession(): Session {
    if (own !== null) return own;
    own = session.fromPartition('consent', { cache: false });
    const files = serveFiles(deps.root, 'consent/index.html', CONSENT_CSP);
    own.protocol.handle('consent', (request) => {
      const url = new URL(request.url);
      return url.host === 'card' && request.method === 'GET' ? files(url) : new Response(null, { status: 404 });
    });
    return own;
  }
  const preferences = () => ({ ...SAFE_PREFERENCES, session: consentSession(), preload: deps.preload });
  const emitTo = (contents: WebContents) => (state: ConsentState) => {
    if (!contents.isDestroyed()) contents.send('consent:changed', state);
  };

  function paneIn(host: BrowserWindow) {
    if (pane !== null && pane.host === host && !pane.view.webContents.isDestroyed()) return pane;
    const view = new WebContentsView({ webPreferences: preferences() });
    view.setBackgroundColor(backgroundOf(currentTheme()));
    const surface = createConsentSurface('pane', deps.ports, emitTo(view.webContents));
    void view.webContents.loadURL(`${CONSENT_ORIGIN}/`);
    const made = { view, surface, host };
    pane = made;
    host.once('closed', () => {
      if (pane === made) pane = null;
      if (!view.webContents.isDestroyed()) view.webContents.close();
    });
    return made;
  }

  function cardWindow() {
    if (card !== null && !card.window.isDestroyed()) return card;
    const area = screen.getPrimaryDisplay().workArea;
    const window = new BrowserWindow({
      width: CARD_WINDOW.width,
      height: Math.min(CARD_WINDOW.height, area.height),
      minWidth: 360,
      minHeight: CARD_WINDOW.minHeight,
      show: false,
      title: 'Hallpass: a request waits for you',
      icon: deps.icon(),
      maximizable: false,
      fullscreenable: false,
      backgroundColor: backgroundOf(currentTheme()),
      webPreferences: preferences(),
    });
    window.removeMenu();
    const surface = createConsentSurface('window', deps.ports, emitTo(window.webContents));
    const made = { window, surface };
    card = made;
    window.on('closed', () => {
      surface.clear();
      if (card === made) card = null;
    });
    void window.loadURL(`${CONSENT_ORIGIN}/`);
    return made;
  }

  return {
    async place(at) {
      const host = deps.mainWindow();
      if (at === null || host === null || host.isDestroyed()) {
        if (pane !== null && !pane.host.isDestroyed()) pane.host.contentView.removeChildView(pane.view);
        pane?.surface.clear();
        return;
      }
      const made = paneIn(host);
      const [width = 0, height = 0] = host.getContentSize();
      const bounds = placeInside(at.bounds, { width, height });
      if (!sameRect(made.view.getBounds(), bounds)) {
        made.view.setBounds(bounds);
        made.surface.disturbed(isReadable(bounds) ? 'moved' : 'too-small');
      }
      if (!host.contentView.children.includes(made.view)) host.contentView.addChildView(made.view);
      await made.surface.show(at.requestId);
    },
    focusPane() {
      if (pane === null || pane.view.webContents.isFocused()) return;
      pane.surface.disturbed('focused'); // a key that was meant for the page decides nothing
      pane.view.webContents.focus();
    },
    async openWindow(requestId) {
      const made = cardWindow();
      bringForward(made.window);
      await made.surface.show(requestId);
    },
    refresh(request) {
      pane?.surface.refresh(request);
      card?.surface.refresh(request);
    },
    surfaceOf(contents) {
      if (pane !== null && !pane.view.webContents.isDestroyed() && contents === pane.view.webContents)
        return pane.surface;
      if (card !== null && !card.window.isDestroyed() && contents === card.window.webContents) return card.surface;
      return undefined;
    },
    isPane: (contents) => pane !== null && contents === pane.view.webContents,
    close(contents) {
      if (card !== null && contents === card.window.webContents) card.window.close();
    },
    fit(contents, heightPx) {
      if (card === null || card.window.isDestroyed() || contents !== card.window.webContents) return;
      const height = Math.max(CARD_WINDOW.minHeight, Math.min(CARD_WINDOW.maxHeight, heightPx));
      const [width = CARD_WINDOW.width] = card.window.getContentSize();
      card.window.setContentSize(width, height);
    },
    redraw() {
      pane?.view.setBackgroundColor(backgroundOf(currentTheme()));
      pane?.surface.redraw();
      card?.surface.redraw();
    },
  };
}

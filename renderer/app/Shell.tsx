/** What stands around every screen: sidebar, banners, palette, help, and the keys that work everywhere. */
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { ShieldAlert } from 'lucide-react';
import { lazy, Suspense, useCallback, useEffect, useState } from 'react';
import { AppMark, Avatar, Banner, Count, Dot, EmptyState, Kbd, OfflineBanner, Tooltip } from '../ui';
import { AlarmBanner } from './Alarms';
import { useAnnouncements } from './announcements';
import { listen } from './bridge';
import { Help } from './Help';
import { useKeys } from './keys';
import { useGo } from './navigation';
import { onOpenPalette } from './palette/open';
import { holdTyping, takeTyped } from './palette/typed';
import { useApi } from './queries';
import { SCREENS, type Screen } from './screens';
import { useReady } from './session';
import { wordTime } from './words';

const loadPalette = () => import('./palette/Palette');
const Palette = lazy(loadPalette);

export function Shell() {
  const go = useGo();
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  const showPalette = useCallback(() => {
    holdTyping();
    setPalette(true);
  }, []);
  const hidePalette = useCallback(() => {
    takeTyped();
    setPalette(false);
  }, []);
  useAnnouncements();
  useEffect(() => {
    const idle = requestIdleCallback(() => void loadPalette());
    const offs = [
      listen('palette.open', showPalette),
      onOpenPalette(showPalette),
      listen('navigate', ({ to }) => openLink(to, go)),
    ];
    return () => {
      cancelIdleCallback(idle);
      for (const off of offs) off();
    };
  }, [go, showPalette]);
  useKeys([
    { keys: 'n', label: 'Request access', run: () => go('/request') },
    { keys: 'ctrl+k', label: 'Find or ask', run: palette ? hidePalette : showPalette },
    { keys: '/', label: 'Search', run: () => focusSearch() || showPalette() },
    { keys: '?', label: 'Keys', run: () => setHelp(true) },
    ...SCREENS.map((screen) => ({ keys: `g ${screen.go}`, label: screen.name, run: () => go(screen.path) })),
  ]);
  return (
    <div className="shell">
      <Sidebar />
      <main className="shell__main">
        <Banners />
        <Suspense>
          <Outlet />
        </Suspense>
      </main>
      {palette && (
        <Suspense>
          <Palette onClose={hidePalette} />
        </Suspense>
      )}
      <Help open={help} onClose={() => setHelp(false)} />
    </div>
  );
}

/** "/inbox?request=req_…" as the main process says it. Unknown places are ignored. */
function openLink(to: string, go: ReturnType<typeof useGo>): void {
  const url = new URL(to, 'app://hallpass');
  if (SCREENS.some((screen) => screen.path === url.pathname)) go(url.pathname, Object.fromEntries(url.searchParams));
}
function focusSearch(): boolean {
  const field = document.querySelector<HTMLInputElement>('[data-search]');
  field?.focus();
  field?.select();
  return field !== null;
}

function Sidebar() {
  const session = useReady();
  const me = useApi('me.get', {}).data;
  const { witness } = session;
  const name = me?.person.displayName ?? '';
  const connected = session.online ? 'Connected' : 'Not connected';
  const log =
    witness.state === 'broken'
      ? 'log does not verify'
      : witness.state === 'verified'
        ? `log verified to #${witness.size.toLocaleString('en')}`
        : 'checking the log';
  const tone = witness.state === 'broken' ? 'bad' : session.online ? 'good' : 'warn';
  return (
    <nav className="side" aria-label="Main">
      <div className="side__brand">
        <AppMark />
        <span>Hallpass</span>
      </div>
      {SCREENS.map((screen) => (
        <NavItem key={screen.path} screen={screen} />
      ))}
      <div className="grow" />
      <Tooltip text={`${connected}, ${log}`} side="right">
        <div className="side__service" role="status">
          <Dot tone={tone} />
          <div>
            {connected}
            <div className={witness.state === 'broken' ? 'bad' : 'dim'}>
              {witness.state === 'verified' ? (
                <>
                  log verified to <span className="mono">#{witness.size.toLocaleString('en')}</span>
                </>
              ) : (
                log
              )}
            </div>
          </div>
        </div>
      </Tooltip>
      <div className="side__me">
        <Avatar name={name} size="m" />
        <div className="cut">
          <b className="cut">{name}</b>
          <span className="dim cut">on {session.deviceName}</span>
        </div>
      </div>
    </nav>
  );
}

function NavItem({ screen }: { readonly screen: Screen }) {
  const here = useRouterState({ select: (state) => state.location.pathname }) === screen.path;
  const waiting = useApi('requests.list', { query: { scope: 'inbox' } }, { enabled: screen.count === 'inbox' }).data;
  const count = screen.count === 'inbox' ? (waiting?.items.length ?? 0) : 0;
  const Icon = screen.icon;
  return (
    <Link
      to={screen.path as never}
      className="side__item"
      aria-current={here ? 'page' : undefined}
      aria-label={screen.name + (count > 0 ? `, ${count} wait for you` : '')}
      title={screen.name}
    >
      <Icon size={16} />
      <span className="side__name">{screen.name}</span>
      {count > 0 ? (
        <Count value={count} label={`${count} wait for you`} />
      ) : (
        <span className="side__keys" aria-hidden>
          <Kbd>G</Kbd> <Kbd>{screen.go.toUpperCase()}</Kbd>
        </span>
      )}
    </Link>
  );
}

function Banners() {
  const session = useReady();
  const me = useApi('me.get', {}).data;
  return (
    <>
      {!session.online && (
        <OfflineBanner
          since={session.offlineSince === null ? null : wordTime(session.offlineSince)}
          reason={session.reason}
        />
      )}
      {me?.service.mode === 'revoke_only' && (
        <Banner tone="bad">
          <b>The service only takes access away now.</b> {me.service.modeReason ?? 'Its records failed a check.'}{' '}
          Running access still ends; nothing new is given. An administrator has to look at the service.
        </Banner>
      )}
      <AlarmBanner />
      {session.witness.state === 'broken' && (
        <Banner tone="bad" icon={<ShieldAlert size={15} aria-hidden />}>
          <b>The audit log does not continue what this device saw before.</b>{' '}
          {session.witness.detail ?? 'Somebody may have rewritten it.'} Tell an administrator; keep this device as it
          is.
        </Banner>
      )}
      {!session.clockTrusted && (
        <Banner>
          <b>This machine’s clock jumped.</b> Access here ends early rather than late until the service’s time is known.
        </Banner>
      )}
    </>
  );
}

export const NotFound = () => (
  <EmptyState
    size="page"
    title="There is no such screen"
    actions={
      <Link className="hp-button" to={'/' as never}>
        My access
      </Link>
    }
  >
    The link may be from another version of the app.
  </EmptyState>
);

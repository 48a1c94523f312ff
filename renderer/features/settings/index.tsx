/** Settings of this desktop. Each is saved when it is changed; a failure is said at its place. */
import { useEffect, useState } from 'react';
import type { Settings } from '../../../shared/contract/settings';
import { toUserError } from '../../app/bridge';
import { useTextSearch } from '../../app/navigation';
import { useAppInfo, useSettings } from '../../app/session';
import { Button, ErrorState, Field, Input, Loading, Page, Section, Segmented, Skeleton } from '../../ui';
import { About } from './About';
import { EarlyEnd } from './EarlyEnd';
import { EnvFiles } from './EnvFiles';
import { ServiceRows } from './Hosting';
import { SettingRow, Switch, useSaved } from './Row';
import { ShortcutRow } from './Shortcut';
import styles from './settings.module.css';
import { TicketSystemRow } from './TicketSystem';

export function SettingsScreen() {
  const settings = useSettings();
  const info = useAppInfo();
  const { part } = useTextSearch();
  const loaded = settings.data !== undefined;
  useEffect(() => {
    if (part === undefined || !loaded) return;
    const section = document.querySelector<HTMLElement>(`[data-part="${CSS.escape(part)}"]`);
    section?.scrollIntoView();
    section?.querySelector<HTMLElement>('button, input')?.focus();
  }, [part, loaded]);
  return (
    <Page title="Settings" about="Of this desktop. Each is saved when you change it.">
      {settings.isError ? (
        <ErrorState error={toUserError(settings.error)} onRetry={() => void settings.refetch()} />
      ) : settings.data === undefined ? (
        <LoadingSettings />
      ) : (
        <div className={styles.columns}>
          <div className={styles.column}>
            {(info.data?.notices ?? []).length > 0 && (
              <Section title="Kept aside at start" about="What could not be read. Nothing was deleted.">
                <div className={styles.notices}>
                  {info.data?.notices.map((notice) => (
                    <ErrorState key={notice.code + notice.what} tone="warn" error={notice} />
                  ))}
                </div>
              </Section>
            )}
            <General settings={settings.data} />
            <Access settings={settings.data} />
            <EarlyEnd settings={settings.data} />
          </div>
          <div className={styles.column}>
            <div data-part="service">
              <Section title="Service">
                <div className={styles.card}>
                  <ServiceRows />
                  <TicketSystemRow />
                </div>
              </Section>
            </div>
            <Section title="About">
              <div className={styles.card}>
                <About info={info.data} />
              </div>
            </Section>
          </div>
        </div>
      )}
    </Page>
  );
}

const THEMES = [
  { value: 'system', label: 'System' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
] as const;
const CLOSING = [
  { value: 'ask', label: 'Ask' },
  { value: 'tray', label: 'Keep in tray' },
  { value: 'quit', label: 'Quit' },
] as const;

function General({ settings }: { readonly settings: Settings }) {
  const info = useAppInfo().data;
  const theme = useSaved();
  const closing = useSaved();
  const login = useSaved();
  const notify = useSaved();
  return (
    <Section title="Desktop">
      <div className={styles.card}>
        <SettingRow title="Look" error={theme.error}>
          <Segmented
            label="Look"
            value={settings.theme}
            onChange={(next) => void theme.save({ theme: next })}
            options={THEMES}
          />
        </SettingRow>
        <SettingRow
          title="Closing the window"
          error={closing.error}
          about={
            info?.trayAvailable === false
              ? 'This desktop shows no tray. Kept running, the app comes back when you start it again.'
              : 'In the tray the app goes on: access ends on time, requests reach you.'
          }
        >
          <Segmented
            label="Closing the window"
            value={settings.closeToTray}
            onChange={(next) => void closing.save({ closeToTray: next })}
            options={CLOSING}
          />
        </SettingRow>
        <SettingRow title="Start at login" error={login.error} about="In the tray, without a window.">
          <Switch
            label="Start at login"
            value={settings.openAtLogin}
            onChange={(to) => void login.save({ openAtLogin: to === 'on' })}
          />
        </SettingRow>
        <ShortcutRow value={settings.paletteShortcut} />
        <SettingRow title="Notifications" error={notify.error} about={<Delivery wanted={settings.notifications} />}>
          <Switch
            label="Notifications"
            value={settings.notifications}
            onChange={(to) => void notify.save({ notifications: to === 'on' })}
          />
        </SettingRow>
      </div>
    </Section>
  );
}

/** Whether this desktop delivers them, and with which buttons. */
function Delivery({ wanted }: { readonly wanted: boolean }) {
  const info = useAppInfo().data?.notifications;
  if (!wanted) return 'Off. Requests wait in your inbox and the tray.';
  if (info === undefined) return 'Requests for you, and access that is about to end.';
  if (!info.available)
    return (
      <span className="warn">
        This desktop does not deliver them{info.reason === null ? '' : ` (${info.reason})`}. Requests wait in your inbox
        and the tray.
      </span>
    );
  return info.actions
    ? 'Delivered by this desktop, with buttons to approve and extend.'
    : 'Delivered by this desktop, without buttons: press one to open the card.';
}

/** Where the service runs here: without it nobody ends access on its target. */
const QUITTING: Record<Settings['quitWithGrants'], string> = {
  ask: 'Where the service runs here, you are asked: stay, or end it first.',
  stay: 'Where the service runs here, the app stays in the tray and goes on ending access on time.',
  end: 'Where the service runs here, every live access is ended on its target first.',
};

function Access({ settings }: { readonly settings: Settings }) {
  const start = useSaved();
  const quit = useSaved();
  const kubeconfig = useSaved();
  const sshKeys = useSaved();
  const aws = useSaved();
  return (
    <Section title="Access">
      <div className={styles.card}>
        <SettingRow
          title="When access is approved"
          error={start.error}
          about={
            settings.startWhen === 'connected'
              ? 'It starts as soon as this device is connected; the clock runs from then.'
              : 'It waits until you press Start, for eight hours at most.'
          }
        >
          <Segmented
            label="When access is approved"
            value={settings.startWhen}
            onChange={(next) => void start.save({ startWhen: next })}
            options={[
              { value: 'connected', label: 'Start at once' },
              { value: 'manual', label: 'I press Start' },
            ]}
          />
        </SettingRow>
        <SettingRow title="Quitting with live access" error={quit.error} about={QUITTING[settings.quitWithGrants]}>
          <Segmented
            label="Quitting with live access"
            value={settings.quitWithGrants}
            onChange={(next) => void quit.save({ quitWithGrants: next })}
            options={[
              { value: 'ask', label: 'Ask' },
              { value: 'stay', label: 'Stay in tray' },
              { value: 'end', label: 'End it' },
            ]}
          />
        </SettingRow>
        <SettingRow
          title="Kubernetes contexts"
          error={kubeconfig.error}
          about={
            settings.kubeconfigPlace === 'merged'
              ? 'A context in your own kubeconfig points to the token while access lasts. Nothing else in it changes.'
              : 'Access to a cluster has a kubeconfig of its own; yours is not touched.'
          }
        >
          <Segmented
            label="Kubernetes contexts"
            value={settings.kubeconfigPlace}
            onChange={(next) => void kubeconfig.save({ kubeconfigPlace: next })}
            options={[
              { value: 'own', label: 'Own file' },
              { value: 'merged', label: 'Also in mine' },
            ]}
          />
        </SettingRow>
        <SettingRow
          title="AWS profiles"
          error={aws.error}
          about={
            settings.awsCredentials === 'process'
              ? 'A profile asks this app for its keys each time, so no file of yours holds a secret.'
              : 'For tools that can’t ask: the keys stand in your credentials file while access lasts.'
          }
        >
          <Segmented
            label="AWS profiles"
            value={settings.awsCredentials}
            onChange={(next) => void aws.save({ awsCredentials: next })}
            options={[
              { value: 'process', label: 'Ask this app' },
              { value: 'file', label: 'Keys in the file' },
            ]}
          />
        </SettingRow>
        <SettingRow
          title="SSH keys"
          error={sshKeys.error}
          about={
            settings.sshPlace === 'agent'
              ? 'While access lasts its key is in your ssh-agent too, with a lifetime, for tools that read no files.'
              : 'The key of each access is in a file of its own, which ssh finds by the resource’s name.'
          }
        >
          <Segmented
            label="SSH keys"
            value={settings.sshPlace}
            onChange={(next) => void sshKeys.save({ sshPlace: next })}
            options={[
              { value: 'files', label: 'Own file' },
              { value: 'agent', label: 'Also in ssh-agent' },
            ]}
          />
        </SettingRow>
        <ServiceFile path={settings.pgServiceFile} />
        <EnvFiles chosen={settings.envFiles} />
      </div>
    </Section>
  );
}

/** Written by hand, so it is saved on Enter or the button, not on each letter. */
function ServiceFile({ path }: { readonly path: string | null }) {
  const { error, save } = useSaved();
  const [text, setText] = useState(path ?? '');
  useEffect(() => setText(path ?? ''), [path]);
  const typed = text.trim() === '' ? null : text.trim();
  const relative = typed !== null && !/^(\/|[A-Za-z]:[\\/])/.test(typed);
  return (
    <form
      className={styles.file}
      onSubmit={(event) => {
        event.preventDefault();
        if (!relative && typed !== path) void save({ pgServiceFile: typed });
      }}
    >
      <Field
        label="PostgreSQL service file"
        error={relative ? 'The whole path, please: it is used from any folder.' : (error ?? undefined)}
        hint="Where psql finds a live service. Empty: as your login shell says (PGSERVICEFILE), else ~/.pg_service.conf. Access that runs keeps its place."
      >
        <div className="row">
          <Input
            className="mono"
            value={text}
            maxLength={4096}
            spellCheck={false}
            placeholder="~/.pg_service.conf"
            onChange={(event) => setText(event.target.value)}
          />
          <Button type="submit" disabled={relative || typed === path}>
            Save
          </Button>
        </div>
      </Field>
    </form>
  );
}

const LoadingSettings = () => (
  <Loading label="Loading settings">
    <div className={styles.columns}>
      <Skeleton height={320} />
      <Skeleton height={320} />
    </div>
  </Loading>
);

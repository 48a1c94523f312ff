/** Before anybody is signed in: the first choice, unlocking, waiting to be confirmed, and a start that failed. */
import { LoaderCircle } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import type { SessionState } from '../../../shared/contract/ipc';
import { assertNever } from '../../../shared/domain/assert-never';
import { useAction } from '../../app/action';
import { invoke } from '../../app/bridge';
import { AppMark, Button, ErrorState, Field, Input, Seal } from '../../ui';
import styles from './setup.module.css';

/** Asked once in the life of an installation: its forms are no part of every start. */
const Choose = lazy(() => import('./Choose').then((module) => ({ default: module.Choose })));

type NotReady = Exclude<SessionState, { phase: 'ready' }>;
export function SetupScreen({ session }: { readonly session: NotReady }) {
  return (
    <main className={styles.screen}>
      <div className={styles.column}>
        <div className={styles.brand}>
          <AppMark sizePx={26} />
          Hallpass
        </div>
        <Phase session={session} />
      </div>
    </main>
  );
}

function Phase({ session }: { readonly session: NotReady }) {
  switch (session.phase) {
    case 'first-run':
      return (
        <Suspense>
          <Choose key={session.joinLink} keyStorage={session.keyStorage} joinLink={session.joinLink} />
        </Suspense>
      );
    case 'locked':
      return <Unlock />;
    case 'starting':
      return (
        <div className={styles.starting} role="status">
          <LoaderCircle className="hp-spin" size={18} aria-hidden />
          Starting the service…
        </div>
      );
    case 'pending-confirmation':
      return <Pending fingerprint={session.fingerprint} serviceName={session.serviceName} />;
    case 'failed':
      return <Failed error={session.error} canRetry={session.canRetry} />;
    default:
      return assertNever(session);
  }
}

function Unlock() {
  const [passphrase, setPassphrase] = useState('');
  const [error, setError] = useState<string>();
  const unlock = useAction(
    async () => {
      setError(undefined);
      await invoke('setup.unlock', { passphrase });
    },
    (thrown) => {
      const { what } = (thrown ?? {}) as { what?: unknown };
      setError(typeof what === 'string' ? what : 'That did not unlock the key.');
      setPassphrase('');
      return true;
    },
  );
  return (
    <form
      className={styles.card}
      onSubmit={(event) => {
        event.preventDefault();
        if (passphrase !== '') unlock.run();
      }}
    >
      <h1>Unlock this device’s key</h1>
      <p className="mut">
        This machine has no keyring that Hallpass can trust, so the key lies in a file under your passphrase. Access
        that has run out was already removed; that needs no key.
      </p>
      <Field label="Passphrase" error={error}>
        <Input
          type="password"
          autoFocus
          autoComplete="current-password"
          maxLength={256}
          value={passphrase}
          onChange={(event) => setPassphrase(event.target.value)}
        />
      </Field>
      <div className={styles.foot}>
        <Button look="primary" size="l" type="submit" state={unlock.state} disabled={passphrase === ''}>
          Unlock
        </Button>
      </div>
    </form>
  );
}

const Pending = ({ fingerprint, serviceName }: { readonly fingerprint: string; readonly serviceName: string }) => (
  <section className={styles.card}>
    <h1>An administrator has to let this device in</h1>
    <p className="mut">
      {serviceName} knows that you want to join. Read these four groups to an administrator, by voice or in person; they
      compare them under People and confirm. This window goes on by itself.
    </p>
    <div className={styles.fingerprint}>
      <Seal of={fingerprint} sizePx={132} label="Seal of this device’s key" />
      <div>
        <div className="lab">Key of this device</div>
        <div className={`selectable ${styles.groups}`}>
          {fingerprint.split(' ').map((group, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: four groups in a fixed order, two may be equal
            <span key={index} className="mono">
              {group}
            </span>
          ))}
        </div>
        <div className="dim small">The administrator sees the same rosette.</div>
      </div>
    </div>
    <div className={styles.waiting} role="status">
      <LoaderCircle className="hp-spin" size={14} aria-hidden />
      Waiting to be confirmed
    </div>
  </section>
);

function Failed({ error, canRetry }: Pick<Extract<NotReady, { phase: 'failed' }>, 'error' | 'canRetry'>) {
  const retry = useAction(() => invoke('setup.retry'));
  const quit = useAction(() => invoke('app.quit'));
  return (
    <ErrorState
      error={error}
      actions={
        <>
          {canRetry && (
            <Button look="primary" state={retry.state} onClick={() => retry.run()}>
              Try again
            </Button>
          )}
          <Button onClick={() => quit.run()}>Quit</Button>
        </>
      }
    />
  );
}

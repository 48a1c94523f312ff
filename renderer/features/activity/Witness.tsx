/** What this device, as a witness, can say of the whole log. Broken is loud. */
import { Check, CircleAlert, CircleHelp, LoaderCircle, ShieldAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { assertNever } from '../../../shared/domain/assert-never';
import { useApi } from '../../app/queries';
import { useReady } from '../../app/session';
import { wordTimeExact } from '../../app/words';
import styles from './activity.module.css';

export function WitnessBanner() {
  const session = useReady();
  const { state, size, detail } = session.witness;
  const checkpoint = useApi('audit.checkpoint', {}).data;
  const count = <span className="mono">#{size.toLocaleString('en')}</span>;
  const frame = (icon: ReactNode, text: ReactNode, aside?: ReactNode) => (
    <div className={styles.witness} data-state={state} role={state === 'broken' ? 'alert' : 'status'}>
      {icon}
      <div className="grow">{text}</div>
      {aside}
    </div>
  );
  switch (state) {
    case 'verified':
      return frame(
        <Check size={16} aria-hidden />,
        <>
          <b>Log verified to checkpoint {count}</b>, no gap, nothing rewritten
        </>,
        <span className="mut nowrap not-narrow">
          {checkpoint !== undefined && checkpoint.size === size && (
            <>
              checkpoint <span className="mono">{wordTimeExact(checkpoint.at)}</span>,{' '}
            </>
          )}
          checked by {session.deviceName}
        </span>,
      );
    case 'checking':
      return frame(
        <LoaderCircle className="hp-spin" size={16} aria-hidden />,
        <>
          <b>Checking the log</b> against{' '}
          {size > 0 ? <>what this device saw, checkpoint {count}</> : 'its first checkpoint'}…
        </>,
      );
    case 'unknown':
      return frame(
        <CircleHelp size={16} aria-hidden />,
        <>
          <b>Not checked now.</b> {detail ?? 'The service has not answered yet.'}{' '}
          {size > 0 && <>Verified before: to checkpoint {count}. Nothing speaks against it.</>}
        </>,
      );
    case 'broken':
      return frame(
        <ShieldAlert size={20} aria-hidden />,
        <>
          <b className={styles.loud}>This log does not verify. Do not rely on it.</b>
          <div>{detail ?? 'It does not continue what this device saw before.'}</div>
          <div>
            This device keeps what it saw at checkpoint {count}. Tell an administrator over another channel, and keep
            this device as it is: it holds the proof.
          </div>
        </>,
        <CircleAlert size={20} aria-hidden />,
      );
    default:
      return assertNever(state);
  }
}

/** What this is: versions, where things are, this device's key, the key of the log. Each can be copied. */
import { Check, Copy } from 'lucide-react';
import { useState } from 'react';
import type { AppInfo } from '../../../shared/contract/ipc';
import { useAction } from '../../app/action';
import { invoke } from '../../app/bridge';
import { useApi } from '../../app/queries';
import { useReady } from '../../app/session';
import { IconButton, Seal } from '../../ui';
import styles from './settings.module.css';

export function About({ info }: { readonly info: AppInfo | undefined }) {
  const session = useReady();
  const me = useApi('me.get', {}).data;
  return (
    <div className={styles.about}>
      <div className={styles.device}>
        <Seal of={session.fingerprint} sizePx={84} label="Seal of this device’s key" />
        <div className="cut">
          <b>{session.deviceName}</b>
          <div className={`mono selectable ${styles.fingerprint}`}>{session.fingerprint}</div>
          <div className="mut small">
            {session.keyStorage === 'system'
              ? 'The key is kept by this system’s key store.'
              : 'The key is kept in a file under your passphrase.'}
          </div>
        </div>
      </div>
      <dl className={styles.facts}>
        <Fact name="Hallpass" text={info && `${info.version}${info.sample ? ', sample workspace' : ''}`} />
        <Fact name="Service" text={me?.service.version} />
        <Fact name="Electron" text={info && `${info.electron}, ${info.platform}`} />
        <Fact name="Service secrets" text={me && wordStorage(me.service.secretStorage)} />
        <Fact
          name="Address"
          text={session.serviceAddress ?? 'this machine only'}
          figures="mono"
          {...(session.serviceAddress !== null && { copy: 'address' })}
        />
        <Fact name="Data folder" text={info?.dataDir} figures="mono" copy="data folder" />
        <Fact name="Log file" text={info && (info.logFile ?? 'none')} figures="mono" copy="log file" />
        <Fact name="Key of the audit log" text={me?.service.logKey} figures="mono" copy="log key" />
      </dl>
      <p className="dim small">
        Keep the key of the audit log somewhere else too: whoever has it can check an exported log without trusting this
        service.
      </p>
    </div>
  );
}
const wordStorage = (storage: 'wrapped' | 'key-file') =>
  storage === 'wrapped' ? 'encrypted; their key is in the key store' : 'encrypted; their key is in a file beside them';

interface FactProps {
  readonly name: string;
  readonly text: string | undefined;
  readonly figures?: 'text' | 'mono';
  /** What is copied, for the button's name; without it there is none. */
  readonly copy?: string;
}
function Fact({ name, text, figures = 'text', copy }: FactProps) {
  const [copied, setCopied] = useState<'no' | 'yes'>('no');
  const put = useAction(async () => {
    await invoke('text.copy', { text: text ?? '' });
    setCopied('yes');
  });
  return (
    <div>
      <dt>{name}</dt>
      <dd className={figures === 'mono' ? 'mono' : undefined} title={text}>
        <span className="cut">{text ?? '…'}</span>
        {copy !== undefined && text !== undefined && (
          <IconButton
            label={copied === 'yes' ? 'Copied' : `Copy ${copy}`}
            onClick={() => put.run()}
            onBlur={() => setCopied('no')}
          >
            {copied === 'yes' ? <Check size={13} /> : <Copy size={13} />}
          </IconButton>
        )}
      </dd>
    </div>
  );
}

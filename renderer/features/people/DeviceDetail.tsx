/** Devices: a new one to compare and confirm, and the ones a person has. */
import { KeyRound, ShieldCheck } from 'lucide-react';
import { useState } from 'react';
import type { Device } from '../../../shared/contract/people';
import { useAction } from '../../app/action';
import { useMinute } from '../../app/clock';
import { useChange } from '../../app/queries';
import { useReady } from '../../app/session';
import { wordAgo } from '../../app/words';
import { Button, Confirm, Seal, Stamp, Ticket, toast } from '../../ui';
import styles from './people.module.css';

/** The stub holds the decision: who has heard the key confirms it. */
export function PendingDevice({ device, admin }: { readonly device: Device; readonly admin: boolean }) {
  const now = useMinute();
  const [refusing, setRefusing] = useState(false);
  const confirm = useChange('devices.confirm', ['devices.list', 'people.list']);
  const accept = useAction(async () => {
    await confirm.mutateAsync({ params: { id: device.id }, body: { fingerprint: device.fingerprint } });
    toast({ title: `${device.name} confirmed`, about: `${device.personName} can sign in now.` });
  });
  return (
    <Ticket
      tone="amber"
      size="large"
      aria-label={`New device ${device.name} of ${device.personName}`}
      data-device={device.id}
      stub={
        <div className={styles.confirm}>
          <span className="lab">Do both show the same?</span>
          <Button look="primary" size="l" disabled={!admin} state={accept.state} onClick={() => accept.run()}>
            <ShieldCheck size={15} aria-hidden /> They match
          </Button>
          <Button look="danger" disabled={!admin} onClick={() => setRefusing(true)}>
            They differ…
          </Button>
          <span className="grow" />
          <span className="mut small">
            {admin ? 'Until then this device can do nothing.' : 'An administrator confirms it.'}
          </span>
        </div>
      }
    >
      <div className="row">
        <Stamp tone="warn">To be confirmed</Stamp>
        <span className="dim small">joined {wordAgo(device.createdAt, now)}</span>
      </div>
      <div className={styles.compare}>
        <Seal of={device.fingerprint} sizePx={104} label={`Seal of ${device.name}`} />
        <div>
          <h2 className={styles.big}>
            {device.personName}, <span className="nowrap">{device.name}</span>
          </h2>
          <div className={`mono selectable ${styles.fingerprint}`}>{device.fingerprint}</div>
          <p className="mut">
            Call {device.personName} and let them read out what their screen shows. Confirm only when every digit is the
            same: somebody who caught the invite would have another key.
          </p>
        </div>
      </div>
      <RevokeConfirm device={device} open={refusing} onClose={() => setRefusing(false)} />
    </Ticket>
  );
}

export function DeviceRow({ device, revocable }: { readonly device: Device; readonly revocable: boolean }) {
  const now = useMinute();
  const { deviceId } = useReady();
  const [revoking, setRevoking] = useState(false);
  const state =
    device.state === 'revoked'
      ? 'revoked'
      : device.state === 'pending'
        ? 'to be confirmed'
        : device.lastSeenAt === null
          ? 'not seen yet'
          : `seen ${wordAgo(device.lastSeenAt, now)}`;
  return (
    <li className={styles.device} data-device={device.id}>
      {device.state === 'revoked' ? <KeyRound size={18} aria-hidden /> : <Seal of={device.fingerprint} sizePx={36} />}
      <div className="cut">
        <div className="cut">
          <b>{device.name}</b>
          {device.id === deviceId && <span className="mut">, this device</span>}
        </div>
        <div className="dim small cut">
          <span className="mono selectable">{device.fingerprint}</span>, {state}
          {device.confirmedBy !== null &&
            device.state === 'active' &&
            `, confirmed by ${wordConfirmer(device.confirmedBy)}`}
        </div>
      </div>
      {revocable && device.state !== 'revoked' && (
        <Button size="s" look="danger" onClick={() => setRevoking(true)} aria-label={`Revoke ${device.name}`}>
          Revoke…
        </Button>
      )}
      <RevokeConfirm device={device} open={revoking} onClose={() => setRevoking(false)} />
    </li>
  );
}
/** The service confirms the device that hosts it. */
const wordConfirmer = (name: string) => (name === 'service' ? 'the service' : name);

function RevokeConfirm(props: { readonly device: Device; readonly open: boolean; readonly onClose: () => void }) {
  const { device, open, onClose } = props;
  const { deviceId, mode } = useReady();
  const revoke = useChange('devices.revoke', ['devices.list', 'people.list', 'grants.list']);
  const run = useAction(async () => {
    await revoke.mutateAsync({ params: { id: device.id } });
    toast({ title: `${device.name} revoked`, about: 'Its access is being taken away.' });
    onClose();
  });
  const own = device.id === deviceId;
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={own ? 'Revoke this device?' : `Revoke ${device.name} of ${device.personName}?`}
      action={own ? 'Revoke this device' : `Revoke ${device.name}`}
      state={run.state}
      onConfirm={() => run.run()}
      about={
        <>
          It can’t sign in or decide any more, and access that was given to it ends now, here and on the targets.
          Requests sent from it are withdrawn. This can’t be taken back;{' '}
          {own ? 'you need' : `${device.personName} needs`} a new invite for a new key.
          {own && mode !== 'join' && ' This desktop hosts the service: you would no longer reach it from here.'}
        </>
      }
    />
  );
}

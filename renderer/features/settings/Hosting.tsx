/** Where the service is, and turning "just me" into a service that others can join. */
import { Users } from 'lucide-react';
import { useEffect, useState } from 'react';
import type { z } from 'zod';
import { ShareChoice } from '../../../shared/contract/ipc';
import { assertNever } from '../../../shared/domain/assert-never';
import { useAction } from '../../app/action';
import { invoke, toUserError } from '../../app/bridge';
import { queryClient, useApi } from '../../app/queries';
import { type ReadySession, useReady } from '../../app/session';
import { Button, Dialog, ErrorState, Field, Input, Select, type ShownError, toast } from '../../ui';
import { SettingRow } from './Row';
import styles from './settings.module.css';

function wordMode(mode: ReadySession['mode']): string {
  switch (mode) {
    case 'alone':
      return 'The service runs here, for you alone. Nobody else can reach it.';
    case 'host':
      return 'The service runs here, for your team. While this app is closed nobody can ask; running access still ends on its target.';
    case 'join':
      return 'The service runs on another machine; this device joined it.';
    default:
      return assertNever(mode);
  }
}

export function ServiceRows() {
  const session = useReady();
  const me = useApi('me.get', {}).data;
  const [hosting, setHosting] = useState(false);
  return (
    <>
      <SettingRow title={me?.service.name ?? 'Service'} about={wordMode(session.mode)}>
        {session.mode === 'alone' && (
          <Button data-host onClick={() => setHosting(true)}>
            <Users size={14} aria-hidden /> Host for my team…
          </Button>
        )}
        {session.mode !== 'alone' && session.serviceAddress !== null && (
          <span className="mono selectable cut">{session.serviceAddress}</span>
        )}
      </SettingRow>
      {hosting && <HostDialog onClose={() => setHosting(false)} />}
    </>
  );
}

type Wish = z.input<typeof ShareChoice>;
const SAID: Record<keyof Wish, string> = {
  teamName: 'A name for your team, at most 64 characters.',
  address: 'Choose the address that others reach.',
  port: 'A port from 0 to 65535; 0 takes any free one.',
};
function HostDialog({ onClose }: { readonly onClose: () => void }) {
  const [teamName, setTeam] = useState('');
  const [address, setAddress] = useState('');
  const [port, setPort] = useState('7443');
  const [known, setKnown] = useState<readonly { readonly address: string; readonly label: string }[]>([]);
  const [errors, setErrors] = useState<Partial<Record<keyof Wish, string>>>({});
  const [failure, setFailure] = useState<ShownError | null>(null);
  useEffect(() => {
    let here = true;
    invoke('setup.addresses').then(
      (found) => {
        if (!here) return;
        setKnown(found);
        setAddress((before) => before || (found[0]?.address ?? ''));
      },
      () => undefined, // the address can be typed
    );
    return () => {
      here = false;
    };
  }, []);
  const start = useAction(
    async () => {
      setFailure(null);
      const wish = ShareChoice.safeParse({ teamName, address, port: port.trim() === '' ? -1 : Number(port) });
      if (!wish.success) {
        const wrong = new Set(wish.error.issues.map((issue) => issue.path[0] as keyof Wish));
        return setErrors(Object.fromEntries([...wrong].map((name) => [name, SAID[name]])));
      }
      setErrors({});
      await invoke('setup.share', wish.data);
      void queryClient.invalidateQueries();
      toast({ title: 'Others can join now', about: 'Invite them under People.' });
      onClose();
    },
    (error) => {
      setFailure(toUserError(error));
      return true;
    },
  );
  return (
    <Dialog
      open
      onClose={onClose}
      title="Host for my team"
      about="The service here starts again and listens on the network too, encrypted. Your access, rules and log stay; running access is not touched."
      onSubmit={(event) => {
        event.preventDefault();
        start.run();
      }}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" state={start.state}>
            Start hosting
          </Button>
        </>
      }
    >
      <Field label="Team" error={errors.teamName}>
        <Input value={teamName} maxLength={64} onChange={(event) => setTeam(event.target.value)} />
      </Field>
      <div className={styles.address}>
        <Field label="Address that others reach" error={errors.address} hint="Invites carry the certificate’s pin.">
          {known.length > 0 ? (
            <Select
              label="Address that others reach"
              value={address}
              onChange={setAddress}
              options={known.map((one) => ({ value: one.address, label: one.label }))}
            />
          ) : (
            <Input className="mono" value={address} onChange={(event) => setAddress(event.target.value)} />
          )}
        </Field>
        <Field label="Port" error={errors.port}>
          <Input className="mono" inputMode="numeric" value={port} onChange={(event) => setPort(event.target.value)} />
        </Field>
      </div>
      {failure !== null && <ErrorState error={failure} />}
    </Dialog>
  );
}

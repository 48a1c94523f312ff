/** The first choice: just me, host for my team, or join. Each says what it means before anything is made. */
import { Laptop, type LucideIcon, Ticket as TicketMark, Users } from 'lucide-react';
import { useEffect, useState } from 'react';
import { type UseFormRegister, useForm, useWatch } from 'react-hook-form';
import { SetupChoice } from '../../../shared/contract/ipc';
import { useAction } from '../../app/action';
import { invoke, toUserError } from '../../app/bridge';
import { Button, ErrorState, Field, Input, Select, type ShownError } from '../../ui';
import styles from './setup.module.css';

type Mode = SetupChoice['mode'];
const MODES: Record<Mode, { readonly icon: LucideIcon; readonly title: string; readonly about: string }> = {
  alone: { icon: Laptop, title: 'Just me', about: 'On this machine alone. You can invite others later.' },
  host: { icon: Users, title: 'Host for my team', about: 'The service runs here; others join over the network.' },
  join: { icon: TicketMark, title: 'Join', about: 'Somebody sent you a link and told you a code.' },
};
const ACTIONS: Record<Mode, string> = { alone: 'Start', host: 'Start hosting', join: 'Join' };

interface Values {
  displayName: string;
  teamName: string;
  address: string;
  port: string;
  link: string;
  code: string;
  passphrase: string;
  again: string;
}
const EMPTY: Values = {
  displayName: '',
  teamName: '',
  address: '',
  port: '7443',
  link: '',
  code: '',
  passphrase: '',
  again: '',
};

/** The fields of a mode, as the main process wants them. Which are wrong is said by the contract's schema. */
export function choiceOf(mode: Mode, values: Values, keyStorage: 'system' | 'passphrase') {
  const { displayName, teamName, address, port, link, code } = values;
  const passphrase = keyStorage === 'passphrase' ? { passphrase: values.passphrase } : {};
  if (mode === 'alone') return SetupChoice.safeParse({ mode, displayName, ...passphrase });
  if (mode === 'host')
    return SetupChoice.safeParse({
      mode,
      displayName,
      teamName,
      address,
      port: port.trim() === '' ? -1 : Number(port),
      ...passphrase,
    });
  return SetupChoice.safeParse({
    mode,
    ...(displayName.trim() !== '' && { displayName }),
    link: link.trim(),
    code: code.trim(),
    ...passphrase,
  });
}
const SAID: Partial<Record<keyof Values, string>> = {
  displayName: 'Your name, as others read it on a request; at most 64 characters.',
  teamName: 'A name for your team, at most 64 characters.',
  address: 'Choose the address that others reach.',
  port: 'A port from 0 to 65535; 0 takes any free one.',
  link: 'Paste the whole link; it begins with hallpass://',
  code: 'The code you were told.',
  passphrase: 'At least 8 characters.',
};

interface ChooseProps {
  readonly keyStorage: 'system' | 'passphrase';
  /** The invite that opened the app: then the choice is made already, and only the code is missing. */
  readonly joinLink: string | null;
}
export function Choose({ keyStorage, joinLink }: ChooseProps) {
  const [mode, setMode] = useState<Mode>(joinLink === null ? 'alone' : 'join');
  const [failure, setFailure] = useState<ShownError | null>(null);
  const { register, control, setValue, setError, setFocus, clearErrors, getValues, formState } = useForm<Values>({
    defaultValues: { ...EMPTY, link: joinLink ?? '' },
  });
  const errors = formState.errors;
  const address = useWatch({ control, name: 'address' });
  const send = useAction(
    async () => {
      clearErrors();
      setFailure(null);
      const values = getValues();
      const choice = choiceOf(mode, values, keyStorage);
      const wrong = choice.success ? [] : choice.error.issues.map((issue) => issue.path[0] as keyof Values);
      if (keyStorage === 'passphrase' && values.passphrase !== values.again) wrong.push('again');
      for (const name of new Set(wrong)) setError(name, { message: SAID[name] ?? 'The two do not match.' });
      if (wrong[0] !== undefined) setFocus(wrong[0]);
      else if (choice.success) await invoke('setup.choose', choice.data);
    },
    (error) => {
      setFailure(toUserError(error));
      return true;
    },
  );
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        send.run();
      }}
    >
      <h1 className={styles.hello}>Access for as long as it is needed</h1>
      <p className="mut">Ask, approve, use, and it is gone: from this machine and from the target. How do you start?</p>
      <div className={styles.modes} role="radiogroup" aria-label="How do you start?">
        {(Object.keys(MODES) as Mode[]).map((one) => {
          const { icon: Icon, title, about } = MODES[one];
          return (
            <label key={one}>
              <input type="radio" name="mode" value={one} checked={mode === one} onChange={() => setMode(one)} />
              <Icon size={18} aria-hidden />
              <b>{title}</b>
              <span className="mut small">{about}</span>
            </label>
          );
        })}
      </div>
      <div className={styles.card}>
        <Field
          label="Your name"
          aside={mode === 'join' ? 'if the invite has another' : undefined}
          error={errors.displayName?.message}
        >
          <Input
            autoFocus={joinLink === null}
            autoComplete="name"
            maxLength={64}
            placeholder="Nadia Rahman"
            {...register('displayName')}
          />
        </Field>
        {mode === 'host' && (
          <HostFields
            register={register}
            errors={errors}
            address={address}
            onAddress={(value) => setValue('address', value)}
          />
        )}
        {mode === 'join' && (
          <>
            <Field
              label="Invite link"
              error={errors.link?.message}
              hint="It holds an address and what the service’s certificate must look like, no secret."
            >
              <Input className="mono" placeholder="hallpass://join?…" spellCheck={false} {...register('link')} />
            </Field>
            <Field
              label="Code"
              error={errors.code?.message}
              hint="Told to you by voice or another way, never in the link."
            >
              <Input
                className={`mono ${styles.code}`}
                autoFocus={joinLink !== null}
                autoComplete="one-time-code"
                spellCheck={false}
                {...register('code')}
              />
            </Field>
          </>
        )}
        {keyStorage === 'passphrase' && (
          <>
            <p className={`warn ${styles.note}`}>
              This machine has no keyring that Hallpass can trust. Your key is kept in a file under a passphrase, asked
              at each start.
            </p>
            <div className="hp-grid-2">
              <Field label="Passphrase" error={errors.passphrase?.message}>
                <Input type="password" autoComplete="new-password" maxLength={256} {...register('passphrase')} />
              </Field>
              <Field label="Once more" error={errors.again?.message}>
                <Input type="password" autoComplete="new-password" maxLength={256} {...register('again')} />
              </Field>
            </div>
          </>
        )}
        {failure !== null && <ErrorState error={failure} />}
        <div className={styles.foot}>
          <p className="dim small">
            {mode === 'alone' &&
              'Rules with effect: auto give you time-boxed, logged access to your own systems. Approvals need a second person: invite one under People when you want them.'}
            {mode === 'host' && 'While this app is closed, nobody can ask; access that runs still ends on its target.'}
            {mode === 'join' && 'An administrator compares your device’s key before you are let in.'}
          </p>
          <Button look="primary" size="l" type="submit" state={send.state}>
            {ACTIONS[mode]}
          </Button>
        </div>
      </div>
    </form>
  );
}
interface HostFieldsProps {
  readonly register: UseFormRegister<Values>;
  readonly errors: Partial<Record<keyof Values, { readonly message?: string | undefined }>>;
  readonly address: string;
  readonly onAddress: (address: string) => void;
}
function HostFields({ register, errors, address, onAddress }: HostFieldsProps) {
  const [known, setKnown] = useState<readonly { readonly address: string; readonly label: string }[]>([]);
  useEffect(() => {
    let here = true;
    invoke('setup.addresses').then(
      (found) => here && setKnown(found),
      () => undefined, // the address can be typed
    );
    return () => {
      here = false;
    };
  }, []);
  const first = known[0]?.address;
  useEffect(() => {
    if (address === '' && first !== undefined) onAddress(first);
  }, [address, first, onAddress]);
  return (
    <>
      <Field label="Team" error={errors.teamName?.message}>
        <Input maxLength={64} placeholder="Acme payments" {...register('teamName')} />
      </Field>
      <div className={styles.address}>
        <Field
          label="Address that others reach"
          error={errors.address?.message}
          hint="Encrypted; invites carry the certificate’s pin."
        >
          {known.length > 0 ? (
            <Select
              label="Address that others reach"
              value={address}
              onChange={onAddress}
              options={known.map((one) => ({ value: one.address, label: one.address, aside: one.label }))}
            />
          ) : (
            <Input className="mono" {...register('address')} />
          )}
        </Field>
        <Field label="Port" error={errors.port?.message}>
          <Input className="mono" inputMode="numeric" {...register('port')} />
        </Field>
      </div>
    </>
  );
}

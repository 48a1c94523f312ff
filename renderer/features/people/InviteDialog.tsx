/** Inviting somebody: name, roles, groups; then the link and, apart from it, the code. The code is shown once. */
import { Check, Copy, Link2, MessageCircle } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';
import { type IssuedInvite, NewInvite } from '../../../shared/contract/people';
import { MAX_NAME_CHARS } from '../../../shared/domain/limits';
import { ROLES, type Role } from '../../../shared/domain/states';
import { useAction } from '../../app/action';
import { ApiError } from '../../app/api';
import { invoke } from '../../app/bridge';
import { useMinute } from '../../app/clock';
import { useChange } from '../../app/queries';
import { Button, Dialog, ErrorState, Field, Input, type ShownError } from '../../ui';
import { Choices } from './Choices';
import type { Directory } from './directory';
import styles from './people.module.css';
import { ROLE_ABOUT, ROLE_NAMES, wordUntil } from './wording';

interface InviteDialogProps {
  readonly directory: Directory;
  readonly onClose: () => void;
}
export function InviteDialog({ directory, onClose }: InviteDialogProps) {
  const [issued, setIssued] = useState<IssuedInvite | null>(null);
  return issued === null ? (
    <Ask directory={directory} onClose={onClose} onIssued={setIssued} />
  ) : (
    <Issued issued={issued} onClose={onClose} />
  );
}

function Ask({
  directory,
  onClose,
  onIssued,
}: InviteDialogProps & { readonly onIssued: (issued: IssuedInvite) => void }) {
  const [displayName, setName] = useState('');
  const [roles, setRoles] = useState<readonly Role[]>(['member']);
  const [groups, setGroups] = useState<readonly string[]>([]);
  const [nameError, setNameError] = useState<string>();
  const [failure, setFailure] = useState<ShownError | null>(null);
  const name = useRef<HTMLInputElement>(null);
  const create = useChange('invites.create', ['invites.list']);
  const send = useAction(
    async () => {
      setNameError(undefined);
      setFailure(null);
      const draft = NewInvite.safeParse({ displayName, roles: [...roles], groups: [...groups] });
      if (!draft.success) {
        setNameError(`A name of at most ${MAX_NAME_CHARS} characters.`);
        name.current?.focus();
        return;
      }
      onIssued(await create.mutateAsync({ body: draft.data }));
    },
    (error) => {
      if (!(error instanceof ApiError)) return false;
      if (error.fields.displayName !== undefined) setNameError(error.fields.displayName);
      else setFailure(error);
      return true;
    },
  );
  return (
    <Dialog
      open
      onClose={onClose}
      title="Invite somebody"
      about="You get a link to send and a code to tell. Both are needed, once, within two days."
      initialFocus={name}
      onSubmit={(event) => {
        event.preventDefault();
        send.run();
      }}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" state={send.state}>
            Make the invite
          </Button>
        </>
      }
    >
      <Field label="Name" error={nameError} hint="As others read it on requests and in the log.">
        <Input
          ref={name}
          value={displayName}
          maxLength={MAX_NAME_CHARS}
          onChange={(event) => setName(event.target.value)}
        />
      </Field>
      <div>
        <h3 className={styles.label}>Roles</h3>
        <Choices
          label="Roles"
          layout="rows"
          options={ROLES.map((role) => ({
            value: role,
            label: ROLE_NAMES[role],
            about: ROLE_ABOUT[role],
            barred: roles.length === 1 && roles[0] === role,
          }))}
          chosen={roles}
          onToggle={(role, to) => setRoles(to === 'on' ? [...roles, role] : roles.filter((one) => one !== role))}
        />
      </div>
      {directory.groups.length > 0 && (
        <div>
          <h3 className={styles.label}>Groups</h3>
          <Choices
            label="Groups"
            options={directory.groups.map((group) => ({ value: group.name, label: group.name }))}
            chosen={groups}
            onToggle={(group, to) =>
              setGroups(to === 'on' ? [...groups, group] : groups.filter((one) => one !== group))
            }
          />
        </div>
      )}
      {failure !== null && <ErrorState error={failure} />}
    </Dialog>
  );
}

function Issued({ issued, onClose }: { readonly issued: IssuedInvite; readonly onClose: () => void }) {
  const now = useMinute();
  const { invite, link, code } = issued;
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Invite for ${invite.displayName}`}
      about="Send the link and tell the code over different channels: whoever has only one of them gets nowhere."
      foot={
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      }
    >
      <Secret icon={<Link2 size={15} aria-hidden />} name="link" title="1. Send the link" text={link} look="small">
        By chat or mail. It holds the address and what the service’s certificate must look like, no secret.
      </Secret>
      <Secret
        icon={<MessageCircle size={15} aria-hidden />}
        name="code"
        title="2. Tell the code"
        text={code}
        look="large"
      >
        By voice, or in person. It is shown only now; five wrong tries lock the invite.
      </Secret>
      <p className="mut small">
        Good until {wordUntil(invite.expiresAt, now)}. When {invite.displayName} has joined, their device waits here for
        you to confirm: compare its key aloud first.
      </p>
    </Dialog>
  );
}

interface SecretProps {
  readonly icon: ReactNode;
  readonly name: 'link' | 'code';
  readonly title: string;
  readonly text: string;
  readonly look: 'small' | 'large';
  readonly children: ReactNode;
}
function Secret({ icon, name, title, text, look, children }: SecretProps) {
  const [copied, setCopied] = useState<'no' | 'yes'>('no');
  const copy = useAction(async () => {
    await invoke('text.copy', { text });
    setCopied('yes');
  });
  return (
    <section className={styles.secret} aria-label={title}>
      <h3 className="row">
        {icon}
        {title}
      </h3>
      <div className="row">
        <code className={`mono selectable ${look === 'large' ? styles.code : styles.link}`}>{text}</code>
        <Button size="s" state={copy.state} data-copy={name} onClick={() => copy.run()}>
          {copied === 'yes' ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
          {copied === 'yes' ? 'Copied' : `Copy ${name}`}
        </Button>
      </div>
      <p className="mut small">{children}</p>
    </section>
  );
}

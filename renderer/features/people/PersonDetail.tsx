/** One person: roles, groups, devices, and removing them. Who is no administrator reads it. */
import { useState } from 'react';
import type { Person } from '../../../shared/contract/people';
import { ROLES, type Role } from '../../../shared/domain/states';
import { useAction } from '../../app/action';
import { useMinute } from '../../app/clock';
import { LockDialog, LockedBanner } from '../../app/LockDialog';
import { useApi, useChange } from '../../app/queries';
import { wordWhen } from '../../app/words';
import { Avatar, Badge, Button, Confirm, Dialog, EmptyState, Field, Input, Section, toast } from '../../ui';
import { Choices } from './Choices';
import { DeviceRow, PendingDevice } from './DeviceDetail';
import type { Directory } from './directory';
import styles from './people.module.css';
import { ROLE_ABOUT, ROLE_NAMES, removalSentences, withMember, wordOrigin, wordRoles } from './wording';

const LOCK_TOUCHES = ['people.list', 'grants.list', 'requests.list'] as const;
interface PersonProps {
  readonly person: Person;
  readonly directory: Directory;
}
export function PersonDetail({ person, directory }: PersonProps) {
  const now = useMinute();
  const own = person.id === directory.meId;
  const devices = directory.devices.filter((one) => one.personId === person.id);
  const current = devices.filter((one) => one.state === 'active');
  const revoked = devices.filter((one) => one.state === 'revoked');
  const [dialog, setDialog] = useState<'none' | 'rename' | 'remove' | 'lock'>('none');
  const suspend = useChange('people.suspend', LOCK_TOUCHES);
  const resume = useChange('people.resume', LOCK_TOUCHES);
  return (
    <article className={styles.detail} aria-label={person.displayName}>
      <header className={styles.title}>
        <Avatar name={person.displayName} size="l" presence={person.online ? 'online' : 'away'} />
        <div className="grow">
          <h2 className={`cut ${styles.big}`}>
            {person.displayName}
            {own && <span className="mut"> (you)</span>}
          </h2>
          <div className="mut">
            {person.online ? 'Online now' : 'Not online'}. {wordOrigin(person)}, {wordWhen(person.joinedAt, now)}.
          </div>
        </div>
        {directory.admin && (
          <>
            {!own && person.suspended === null && (
              <Button size="s" data-lock onClick={() => setDialog('lock')}>
                Lock…
              </Button>
            )}
            <Button size="s" onClick={() => setDialog('rename')}>
              Rename…
            </Button>
            {!own && (
              <Button size="s" look="danger" onClick={() => setDialog('remove')}>
                Remove…
              </Button>
            )}
          </>
        )}
      </header>
      {person.suspended !== null && (
        <LockedBanner
          lock={person.suspended}
          now={now}
          {...(directory.admin ? { onUnlock: () => resume.mutateAsync({ params: { id: person.id } }) } : {})}
        />
      )}
      {devices
        .filter((one) => one.state === 'pending')
        .map((device) => (
          <PendingDevice key={device.id} device={device} admin={directory.admin} />
        ))}
      <Roles person={person} admin={directory.admin} />
      <Groups person={person} directory={directory} />
      <Section
        title="Devices"
        about={
          directory.admin || own ? 'Each has a key of its own; its fingerprint is what people compare.' : undefined
        }
      >
        {!directory.admin && !own ? (
          <p className="mut">Shown to {person.displayName} and to administrators.</p>
        ) : current.length + revoked.length === 0 ? (
          <EmptyState title="No confirmed device">
            Nothing can be asked for or decided until one is confirmed.
          </EmptyState>
        ) : (
          <ul className={styles.devices}>
            {[...current, ...revoked].map((device) => (
              <DeviceRow key={device.id} device={device} revocable={directory.admin || own} />
            ))}
          </ul>
        )}
      </Section>
      {dialog === 'lock' && (
        <LockDialog
          name={person.displayName}
          about={`Everything ${person.displayName} holds ends now, on their machines and on the targets. Open requests are closed. Until unlocked they can ask for nothing, approve nothing and administer nothing; their devices stay known.`}
          onLock={(reason) => suspend.mutateAsync({ params: { id: person.id }, body: { reason } })}
          onClose={() => setDialog('none')}
        />
      )}
      {dialog === 'rename' && <Rename person={person} onClose={() => setDialog('none')} />}
      <Remove person={person} directory={directory} open={dialog === 'remove'} onClose={() => setDialog('none')} />
    </article>
  );
}

function Roles({ person, admin }: { readonly person: Person; readonly admin: boolean }) {
  const change = useChange('people.change', ['people.list', 'me.get']);
  const set = useAction(async (roles: Role[]) => {
    await change.mutateAsync({ params: { id: person.id }, body: { roles } });
  });
  return (
    <Section title="Roles">
      {admin ? (
        <Choices
          label={`Roles of ${person.displayName}`}
          layout="rows"
          disabled={set.state === 'busy'}
          options={ROLES.map((role) => ({
            value: role,
            label: ROLE_NAMES[role],
            about: ROLE_ABOUT[role],
            barred: person.roles.length === 1 && person.roles[0] === role,
          }))}
          chosen={person.roles}
          onToggle={(role, to) =>
            set.run(to === 'on' ? [...person.roles, role] : person.roles.filter((one) => one !== role))
          }
        />
      ) : (
        <p>{wordRoles(person.roles)}</p>
      )}
    </Section>
  );
}

function Groups({ person, directory }: PersonProps) {
  const put = useChange('groups.put', ['groups.list', 'people.list']);
  const toggle = useAction(async (name: string, to: 'on' | 'off') => {
    const group = directory.groups.find((one) => one.name === name);
    if (group === undefined) return;
    const members = withMember(group, person.id, to === 'on' ? 'add' : 'remove');
    await put.mutateAsync({ params: { name }, body: { members } });
  });
  return (
    <Section
      title="Groups"
      about={directory.admin ? 'What the policy asks by name. A change is in force at once.' : undefined}
    >
      {!directory.admin ? (
        <div className={styles.tags}>
          {person.groups.length === 0 ? <span className="mut">In no group.</span> : null}
          {person.groups.map((name) => (
            <Badge key={name}>{name}</Badge>
          ))}
        </div>
      ) : directory.groups.length === 0 ? (
        <p className="mut">There are no groups yet. Make one at the left.</p>
      ) : (
        <Choices
          label={`Groups of ${person.displayName}`}
          disabled={toggle.state === 'busy'}
          options={directory.groups.map((group) => ({ value: group.name, label: group.name }))}
          chosen={directory.groups.filter((group) => group.members.includes(person.id)).map((group) => group.name)}
          onToggle={toggle.run}
        />
      )}
    </Section>
  );
}

function Rename({ person, onClose }: { readonly person: Person; readonly onClose: () => void }) {
  const [name, setName] = useState(person.displayName);
  const change = useChange('people.change', ['people.list', 'me.get']);
  const save = useAction(async () => {
    await change.mutateAsync({ params: { id: person.id }, body: { displayName: name } });
    onClose();
  });
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Rename ${person.displayName}`}
      about="Earlier entries of the log keep the old name."
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim() !== '') save.run();
      }}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" state={save.state} disabled={name.trim() === ''}>
            Rename
          </Button>
        </>
      }
    >
      <Field label="Name">
        <Input value={name} maxLength={64} onChange={(event) => setName(event.target.value)} />
      </Field>
    </Dialog>
  );
}

interface RemoveProps extends PersonProps {
  readonly open: boolean;
  readonly onClose: () => void;
}
function Remove({ person, directory, open, onClose }: RemoveProps) {
  const live = useApi('grants.list', { query: { scope: 'live' } }, { enabled: open }).data;
  const count = (live?.items ?? []).filter((one) => one.holder.personId === person.id && one.state !== 'ended').length;
  const remove = useChange('people.remove', [
    'people.list',
    'devices.list',
    'groups.list',
    'grants.list',
    'requests.list',
  ]);
  const run = useAction(async () => {
    await remove.mutateAsync({ params: { id: person.id } });
    toast({ title: `${person.displayName} removed`, about: 'Their access is being taken away.' });
    onClose();
  });
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={`Remove ${person.displayName}?`}
      action={`Remove ${person.displayName}`}
      state={run.state}
      onConfirm={() => run.run()}
      about={
        <span className={styles.consequences}>
          {removalSentences(person, directory.devices, count).map((sentence) => (
            <span key={sentence}>{sentence}</span>
          ))}
        </span>
      }
    />
  );
}

/** Groups: what the policy asks by name. Making one, its members, removing it; and an open invite. */
import { useState } from 'react';
import { Slug } from '../../../shared/contract/fields';
import type { Group, Invite } from '../../../shared/contract/people';
import { useAction } from '../../app/action';
import { ApiError } from '../../app/api';
import { useMinute } from '../../app/clock';
import { useChange } from '../../app/queries';
import { wordCount, wordPeople } from '../../app/words';
import { Badge, Button, Confirm, Dialog, Field, Input, Section, toast } from '../../ui';
import { Choices } from './Choices';
import type { Directory } from './directory';
import styles from './people.module.css';
import { namesOf, ROLE_NAMES, withMember, wordExpiry, wordUntil } from './wording';

export function GroupDetail({ group, directory }: { readonly group: Group; readonly directory: Directory }) {
  const [removing, setRemoving] = useState(false);
  const put = useChange('groups.put', ['groups.list', 'people.list']);
  const toggle = useAction(async (personId: string, to: 'on' | 'off') => {
    const members = withMember(group, personId, to === 'on' ? 'add' : 'remove');
    await put.mutateAsync({ params: { name: group.name }, body: { members } });
  });
  const names = namesOf(group, directory.people);
  return (
    <article className={styles.detail} aria-label={`Group ${group.name}`}>
      <header className={styles.title}>
        <div className="grow">
          <h2 className={`mono ${styles.big}`}>{group.name}</h2>
          <div className="mut">
            {wordCount(names.length, 'member')}. A change is in force at once, also for open requests.
          </div>
        </div>
        {directory.admin && (
          <Button size="s" look="danger" onClick={() => setRemoving(true)}>
            Remove group…
          </Button>
        )}
      </header>
      <Section title="Members">
        {directory.admin ? (
          <Choices
            label={`Members of ${group.name}`}
            layout="rows"
            disabled={toggle.state === 'busy'}
            options={directory.people.map((one) => ({
              value: one.id,
              label: one.displayName,
              about: one.groups.filter((name) => name !== group.name).join(', '),
            }))}
            chosen={group.members}
            onToggle={toggle.run}
          />
        ) : names.length === 0 ? (
          <p className="mut">
            Nobody. Requests that need an approval of this group are blocked until somebody is in it.
          </p>
        ) : (
          <p>{wordPeople(names, 'and', names.length)}</p>
        )}
      </Section>
      <RemoveGroup group={group} open={removing} onClose={() => setRemoving(false)} />
    </article>
  );
}

function RemoveGroup(props: { readonly group: Group; readonly open: boolean; readonly onClose: () => void }) {
  const { group, open, onClose } = props;
  const remove = useChange('groups.remove', ['groups.list', 'people.list']);
  const run = useAction(async () => {
    await remove.mutateAsync({ params: { name: group.name } });
    toast({ title: `Group ${group.name} removed` });
    onClose();
  });
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={`Remove the group ${group.name}?`}
      action="Remove group"
      state={run.state}
      onConfirm={() => run.run()}
      about="Rules that name it find nobody: what waits for its approval is blocked, and access that its members hold only through it may end. The people stay."
    />
  );
}

export function NewGroupDialog(props: { readonly onClose: () => void; readonly onMade: (name: string) => void }) {
  const { onClose, onMade } = props;
  const [name, setName] = useState('');
  const [error, setError] = useState<string>();
  const put = useChange('groups.put', ['groups.list']);
  const make = useAction(
    async () => {
      const slug = Slug.safeParse(name.trim());
      if (!slug.success) return setError(slug.error.issues[0]?.message ?? 'Not a name.');
      await put.mutateAsync({ params: { name: slug.data }, body: { members: [] } });
      onMade(slug.data);
    },
    (thrown) => {
      if (!(thrown instanceof ApiError)) return false;
      setError(`${thrown.what} ${thrown.next ?? ''}`);
      return true;
    },
  );
  return (
    <Dialog
      open
      onClose={onClose}
      title="New group"
      about="The policy asks groups by name: who approves, and who may ask."
      onSubmit={(event) => {
        event.preventDefault();
        make.run();
      }}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" state={make.state}>
            Make the group
          </Button>
        </>
      }
    >
      <Field label="Name" error={error} hint="Lower-case letters, digits, dot, dash and underscore.">
        <Input
          className="mono"
          value={name}
          maxLength={63}
          spellCheck={false}
          onChange={(event) => {
            setName(event.target.value);
            setError(undefined);
          }}
        />
      </Field>
    </Dialog>
  );
}

export function InviteDetail({ invite }: { readonly invite: Invite }) {
  const now = useMinute();
  const [asking, setAsking] = useState(false);
  const withdraw = useChange('invites.withdraw', ['invites.list']);
  const run = useAction(async () => {
    await withdraw.mutateAsync({ params: { id: invite.id } });
    toast({ title: `Invite of ${invite.displayName} withdrawn` });
    setAsking(false);
  });
  return (
    <article className={styles.detail} aria-label={`Invite of ${invite.displayName}`}>
      <header className={styles.title}>
        <div className="grow">
          <h2 className={`cut ${styles.big}`}>{invite.displayName}</h2>
          <div className="mut">
            Invited, not joined yet. {wordExpiry(invite, now)}, until {wordUntil(invite.expiresAt, now)}.
          </div>
        </div>
        <Button size="s" look="danger" onClick={() => setAsking(true)}>
          Withdraw…
        </Button>
      </header>
      <Section title="Will be">
        <div className={styles.tags}>
          {invite.roles.map((role) => (
            <Badge key={role}>{ROLE_NAMES[role]}</Badge>
          ))}
          {invite.groups.map((name) => (
            <Badge key={name}>{name}</Badge>
          ))}
        </div>
      </Section>
      <p className="mut">The code was shown once. If it was lost, withdraw this invite and make a new one.</p>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={`Withdraw the invite of ${invite.displayName}?`}
        action="Withdraw invite"
        state={run.state}
        onConfirm={() => run.run()}
        about="Link and code stop working at once. Nobody has joined with them."
      />
    </article>
  );
}

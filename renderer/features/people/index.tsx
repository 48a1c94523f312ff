/** People: who is here, their roles, groups and devices; inviting somebody and confirming their device. */
import { Plus, Search, UserPlus, Users } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { toUserError } from '../../app/bridge';
import { useMinute } from '../../app/clock';
import { useKeys, useListKeys } from '../../app/keys';
import { useGo, useTextSearch } from '../../app/navigation';
import { wordAgo, wordCount } from '../../app/words';
import { Avatar, Button, EmptyState, ErrorState, IconButton, Loading, Seal, Skeleton, TwoPane } from '../../ui';
import { type Directory, useDirectory } from './directory';
import { GroupDetail, InviteDetail, NewGroupDialog } from './GroupDetail';
import { InviteDialog } from './InviteDialog';
import { PersonDetail } from './PersonDetail';
import styles from './people.module.css';
import { matchesPerson, wordExpiry, wordPerson } from './wording';

/** What is chosen at the left, as it stands in the address. */
type Chosen = { readonly kind: 'person' | 'group' | 'invite'; readonly id: string };

export function PeopleScreen() {
  const directory = useDirectory();
  const go = useGo();
  const search = useTextSearch();
  const [dialog, setDialog] = useState<'none' | 'invite' | 'group'>('none');
  const mayInvite = directory.admin && directory.shared === true;
  useKeys(mayInvite ? [{ keys: 'i', label: 'Invite somebody', run: () => setDialog('invite') }] : []);
  const chosen = chosenFrom(search, directory);
  const invite = (
    <Button look="primary" size="s" onClick={() => setDialog('invite')}>
      <UserPlus size={14} aria-hidden /> Invite
    </Button>
  );
  return (
    <>
      <TwoPane
        title="People"
        listLabel="People and groups"
        listPx={300}
        listNarrowPx={244}
        aside={mayInvite && invite}
        list={
          directory.state === 'loading' ? (
            <LoadingList />
          ) : (
            <List
              directory={directory}
              chosen={chosen}
              onChoose={({ kind, id }) => go('/people', { [kind]: id })}
              onNewGroup={() => setDialog('group')}
            />
          )
        }
        detail={<Detail directory={directory} chosen={chosen} invite={mayInvite ? invite : null} />}
      />
      {dialog === 'invite' && <InviteDialog directory={directory} onClose={() => setDialog('none')} />}
      {dialog === 'group' && (
        <NewGroupDialog
          onClose={() => setDialog('none')}
          onMade={(name) => {
            setDialog('none');
            go('/people', { group: name });
          }}
        />
      )}
    </>
  );
}

/** What the address names; else the device that waits, else me. */
function chosenFrom(search: Readonly<Record<string, string | undefined>>, directory: Directory): Chosen {
  if (search.group !== undefined) return { kind: 'group', id: search.group };
  if (search.invite !== undefined) return { kind: 'invite', id: search.invite };
  const pending = directory.admin ? directory.devices.find((one) => one.state === 'pending') : undefined;
  const wanted = search.person ?? directory.devices.find((one) => one.id === search.device)?.personId;
  return { kind: 'person', id: wanted ?? pending?.personId ?? directory.meId };
}

interface ListProps {
  readonly directory: Directory;
  readonly chosen: Chosen;
  readonly onChoose: (chosen: Chosen) => void;
  readonly onNewGroup: () => void;
}
function List({ directory, chosen, onChoose, onNewGroup }: ListProps) {
  const now = useMinute();
  const [text, setText] = useState('');
  const people = directory.people.filter((one) => matchesPerson(one, text));
  const pending = directory.admin ? directory.devices.filter((one) => one.state === 'pending') : [];
  const groups = directory.groups.filter((one) => one.name.includes(text.trim().toLowerCase()));
  const rows: Chosen[] = [
    ...people.map((one) => ({ kind: 'person' as const, id: one.id })),
    ...directory.invites.map((one) => ({ kind: 'invite' as const, id: one.id })),
    ...groups.map((one) => ({ kind: 'group' as const, id: one.name })),
  ];
  const at = rows.findIndex((one) => one.kind === chosen.kind && one.id === chosen.id);
  useListKeys(rows.length, at, (next) => {
    const row = rows[next];
    if (row === undefined) return;
    onChoose(row);
    document.querySelector<HTMLElement>(`[data-row="${row.kind}:${row.id}"]`)?.focus();
  });
  const row = (one: Chosen, children: ReactNode) => (
    <button
      type="button"
      className={styles.row}
      data-row={`${one.kind}:${one.id}`}
      aria-current={one.kind === chosen.kind && one.id === chosen.id}
      onClick={() => onChoose(one)}
    >
      {children}
    </button>
  );
  return (
    <>
      <div className={styles.search}>
        <div className="hp-input" data-size="s">
          <Search size={14} aria-hidden />
          <input
            data-search
            type="text"
            aria-label="Search people and groups"
            placeholder="Name, role or group"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </div>
      </div>
      <div className={styles.scroll}>
        {pending.map((device) => (
          <button
            key={device.id}
            type="button"
            className={styles.waits}
            onClick={() => onChoose({ kind: 'person', id: device.personId })}
          >
            <Seal of={device.fingerprint} sizePx={30} />
            <span className="cut">
              <b className="cut">{device.personName} waits to be let in</b>
              <span className="cut">
                {device.name}, {wordAgo(device.createdAt, now)}
              </span>
            </span>
          </button>
        ))}
        <ul aria-label="People">
          {people.map((one) => (
            <li key={one.id}>
              {row(
                { kind: 'person', id: one.id },
                <>
                  <Avatar name={one.displayName} size="m" presence={one.online ? 'online' : 'away'} />
                  <span className="cut">
                    <b className="cut">{one.displayName}</b>
                    <span className="dim cut small">
                      {one.suspended !== null && <span className="bad">locked, </span>}
                      {wordPerson(one)}
                      <span className="sr-only">{one.online ? ', online' : ', not online'}</span>
                    </span>
                  </span>
                </>,
              )}
            </li>
          ))}
        </ul>
        {people.length === 0 && groups.length === 0 && <p className={`mut ${styles.none}`}>Nobody fits “{text}”.</p>}
        {directory.invites.length > 0 && (
          <ul aria-label="Open invites" className={styles.part}>
            <li className="lab">Invited</li>
            {directory.invites.map((one) => (
              <li key={one.id}>
                {row(
                  { kind: 'invite', id: one.id },
                  <>
                    <span className="cut grow">{one.displayName}</span>
                    <span className="dim small nowrap">{wordExpiry(one, now)}</span>
                  </>,
                )}
              </li>
            ))}
          </ul>
        )}
        <ul aria-label="Groups" className={styles.part}>
          <li className={styles.partHead}>
            <span className="lab">Groups</span>
            {directory.admin && (
              <IconButton label="New group" onClick={onNewGroup}>
                <Plus size={14} />
              </IconButton>
            )}
          </li>
          {groups.map((one) => (
            <li key={one.name}>
              {row(
                { kind: 'group', id: one.name },
                <>
                  <span className="mono cut grow">{one.name}</span>
                  <span className="dim small nowrap">{wordCount(one.members.length, 'member')}</span>
                </>,
              )}
            </li>
          ))}
          {directory.groups.length === 0 && <li className={`dim small ${styles.none}`}>None yet.</li>}
        </ul>
      </div>
    </>
  );
}

interface DetailProps {
  readonly directory: Directory;
  readonly chosen: Chosen;
  readonly invite: ReactNode;
}
function Detail({ directory, chosen, invite }: DetailProps) {
  if (directory.state === 'failed')
    return <ErrorState error={toUserError(directory.error)} onRetry={directory.retry} />;
  if (directory.state === 'loading') return <Skeleton height={220} />;
  const alone = directory.people.length === 1;
  return (
    <div className={styles.stack}>
      {alone && <Alone directory={directory} invite={invite} />}
      {!alone && directory.admin && directory.shared === false && <Hosting />}
      <Subject directory={directory} chosen={chosen} />
    </div>
  );
}
function Subject({ directory, chosen }: Omit<DetailProps, 'invite'>) {
  switch (chosen.kind) {
    case 'group': {
      const group = directory.groups.find((one) => one.name === chosen.id);
      return group === undefined ? <Gone what="This group" /> : <GroupDetail group={group} directory={directory} />;
    }
    case 'invite': {
      const open = directory.invites.find((one) => one.id === chosen.id);
      return open === undefined ? <Gone what="This invite" /> : <InviteDetail key={open.id} invite={open} />;
    }
    case 'person': {
      const person = directory.people.find((one) => one.id === chosen.id);
      return person === undefined ? (
        <Gone what="This person" />
      ) : (
        <PersonDetail key={person.id} person={person} directory={directory} />
      );
    }
  }
}
const Gone = ({ what }: { readonly what: string }) => (
  <EmptyState size="page" icon={<Users size={28} aria-hidden />} title={`${what} is not here any more`}>
    What was done stands in the log, under Activity.
  </EmptyState>
);

function Alone({ directory, invite }: { readonly directory: Directory; readonly invite: ReactNode }) {
  return (
    <EmptyState
      title="You are the only one here"
      actions={directory.admin && (directory.shared === true ? invite : <HostButton />)}
    >
      Nobody approves their own request, so rules that need an approval have nobody to ask: they need a second person.
      Rules with effect: auto work for one. {directory.shared === false && HOSTING}
    </EmptyState>
  );
}
const HOSTING = 'This service listens on this machine alone. To invite others, host it for your team.';
const Hosting = () => (
  <EmptyState title="Nobody can join now" actions={<HostButton />}>
    {HOSTING}
  </EmptyState>
);
function HostButton() {
  const go = useGo();
  return (
    <Button look="primary" onClick={() => go('/settings', { part: 'service' })}>
      Host for my team…
    </Button>
  );
}

const LoadingList = () => (
  <Loading label="Loading people">
    <div className={styles.loading}>
      {['a', 'b', 'c', 'd', 'e', 'f'].map((key) => (
        <Skeleton key={key} height={40} />
      ))}
    </div>
  </Loading>
);

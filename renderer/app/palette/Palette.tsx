/** The palette: type a request ("orders-db ro 30m INC-12 why"), see what the policy says, Enter sends. Also goes places. */
import { Dialog } from '@base-ui/react/dialog';
import { keepPreviousData } from '@tanstack/react-query';
import { Command } from 'cmdk';
import { Check, Clock, Copy, CornerDownLeft, Search } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { NewRequest } from '../../../shared/contract/requests';
import type { CatalogEntry } from '../../../shared/contract/resources';
import { clockDuration, formatDuration } from '../../../shared/domain/duration';
import { Kbd, KindIcon, TicketIcon } from '../../ui';
import { useAction } from '../action';
import { ask, type Wish } from '../ask';
import { invoke } from '../bridge';
import { useSecond } from '../clock';
import { useDebounced } from '../debounced';
import { useGo } from '../navigation';
import { useApi, useChange } from '../queries';
import { SCREENS } from '../screens';
import { useInjections, useReady, useSettings } from '../session';
import { wordApprovals } from '../words';
import { type Completed, complete } from './complete';
import { PalettePreview } from './PalettePreview';
import styles from './palette.module.css';
import { parsePalette, type TokenKind } from './parse';
import { takeTyped } from './typed';

const STILL_MS = 180;
const MOST_OTHERS = 4;

export default function Palette({ onClose }: { readonly onClose: () => void }) {
  const [text, setText] = useState('');
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="hp-backdrop" />
        <Dialog.Popup className={`hp-dialog ${styles.palette}`} data-place="top" aria-label="Find or ask">
          <Command shouldFilter={false} vimBindings={false} loop label="Find or ask">
            <PaletteBody text={text} setText={setText} onClose={onClose} />
          </Command>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

const KINDS: Record<TokenKind, string> = {
  resource: 'resource',
  level: 'level',
  duration: 'length',
  ticket: 'ticket',
  reason: 'reason',
};
interface BodyProps {
  readonly text: string;
  readonly setText: (text: string) => void;
  readonly onClose: () => void;
}
function PaletteBody({ text, setText, onClose }: BodyProps) {
  const catalog = useApi('catalog.list', {}).data?.items ?? [];
  const recent = useSettings().data?.recent ?? [];
  const parsed = parsePalette(
    text,
    catalog.map(({ resource, levels }) => ({
      id: resource.id,
      name: resource.name,
      levels: levels.map((one) => one.level.name),
    })),
  );
  const wish = complete(parsed, catalog, recent);
  return (
    <>
      <div className={styles.input}>
        <Search size={16} className="dim" aria-hidden />
        <Command.Input
          autoFocus
          value={text}
          onValueChange={setText}
          onFocus={() => setText(text + takeTyped())}
          placeholder="orders-db ro 30m INC-12 why"
          maxLength={700}
        />
        <Kbd>Esc</Kbd>
      </div>
      {parsed.resource !== null && (
        <ul className={styles.tokens} aria-label="Understood as">
          {parsed.tokens.map((token) => (
            <li key={token.kind} data-kind={token.kind}>
              <span className="mono cut">{token.text}</span>
              <small>{meaning(token.kind, parsed) ?? KINDS[token.kind]}</small>
            </li>
          ))}
        </ul>
      )}
      {wish !== null && <Live wish={wish} />}
      <Command.List className={styles.list} label="What can be done">
        {wish !== null && <AskItems wish={wish} parsed={parsed} catalog={catalog} onClose={onClose} />}
        <AccessItems text={text} resourceId={wish?.entry.resource.id ?? null} ttlMs={parsed.ttlMs} onClose={onClose} />
        <PlaceItems text={text} onClose={onClose} />
        {text !== '' && wish === null && (
          <Command.Empty className={styles.empty}>Nothing fits. Begin with the name of a resource.</Command.Empty>
        )}
      </Command.List>
      <div className={styles.keys}>
        <Kbd>↑</Kbd>
        <Kbd>↓</Kbd> choose
        <span className="grow" />
        resource, level, length, ticket, then why
      </div>
    </>
  );
}
function meaning(kind: TokenKind, parsed: ReturnType<typeof parsePalette>): string | null {
  if (kind === 'resource') return parsed.resource?.name ?? null;
  if (kind === 'level') return parsed.level;
  return null;
}

const wishOf = ({ entry, rule, ttlMs, reason, ticketRef }: Completed): Wish => ({
  resourceId: entry.resource.id,
  level: rule.level.name,
  ttlMs,
  reason,
  ticketRef,
});
function Live({ wish }: { readonly wish: Completed }) {
  const body = useDebounced(JSON.stringify(wishOf(wish)), STILL_MS);
  const asked = NewRequest.safeParse(JSON.parse(body));
  const preview = useApi(
    'requests.preview',
    { body: JSON.parse(body) },
    { enabled: asked.success, placeholderData: keepPreviousData },
  );
  return <PalettePreview wish={wish} preview={preview.data} />;
}

interface ItemProps {
  readonly icon: ReactNode;
  readonly children: ReactNode;
  readonly aside?: ReactNode;
  readonly onSelect: () => void;
}
const Item = ({ icon, children, aside, onSelect }: ItemProps) => (
  <Command.Item className={styles.item} onSelect={onSelect}>
    {icon}
    <span className="cut">{children}</span>
    <span className={styles.aside}>{aside}</span>
  </Command.Item>
);

function answerWords(rule: CatalogEntry['levels'][number]): string {
  if (rule.effect === 'auto') return 'auto-approved';
  return rule.effect === 'approve' ? wordApprovals(rule.approvals) : 'denied';
}

/** What the policy wants to hear that was not typed. */
function missingOf({ rule, reason, ticketRef }: Completed): string | null {
  if (rule.reasonRequired && reason === '') return 'why?';
  return rule.ticketRequired && ticketRef === '' ? 'which ticket?' : null;
}
const EnterHint = ({ missing }: { readonly missing: string | null }) => (
  <>
    {missing !== null && <span className="warn">{missing} </span>}
    <Kbd>Enter</Kbd>
  </>
);

interface AskItemsProps {
  readonly wish: Completed;
  readonly parsed: ReturnType<typeof parsePalette>;
  readonly catalog: readonly CatalogEntry[];
  readonly onClose: () => void;
}
function AskItems({ wish, parsed, catalog, onClose }: AskItemsProps) {
  const go = useGo();
  const open = ({ entry, rule, ttlMs, reason, ticketRef }: Completed) => {
    onClose();
    go('/request', { resource: entry.resource.id, level: rule.level.name, ttl: `${ttlMs}`, reason, ticket: ticketRef });
  };
  const send = useAction(
    async (what: Completed) => {
      await ask(wishOf(what), what.entry.resource.name);
      onClose();
    },
    () => {
      open(wish); // the form shows what is wrong, with everything that was typed
      return true;
    },
  );
  /** Sends it when nothing is missing; else the form opens, filled in. */
  const choose = (what: Completed) => {
    const barred = what.rule.effect === 'deny' || what.rule.effect === 'none';
    if (missingOf(what) !== null || barred) open(what);
    else send.run(what);
  };
  const others = [
    ...wish.entry.levels.filter((rule) => rule !== wish.rule).map((rule) => ({ ...wish, rule })),
    ...parsed.alternatives.flatMap((other) => {
      const entry = catalog.find((one) => one.resource.id === other.id);
      const rule = entry?.levels.find((one) => one.level.name === wish.rule.level.name);
      return entry && rule ? [{ ...wish, entry, rule }] : [];
    }),
  ].slice(0, MOST_OTHERS);
  const line = ({ entry, rule, ttlMs }: Completed) =>
    `${rule.level.name} on ${entry.resource.name} for ${formatDuration(ttlMs)}`;
  return (
    <Command.Group>
      <Item icon={<TicketIcon />} aside={<EnterHint missing={missingOf(wish)} />} onSelect={() => choose(wish)}>
        {send.state === 'busy' ? 'Sending…' : `Request ${line(wish)}`}
      </Item>
      {others.map((other) => (
        <Item
          key={`${other.entry.resource.id} ${other.rule.level.name}`}
          icon={<KindIcon kind={other.entry.resource.kind} />}
          aside={answerWords(other.rule)}
          onSelect={() => choose(other)}
        >
          {line(other)}
        </Item>
      ))}
      <Item icon={<CornerDownLeft size={16} aria-hidden />} onSelect={() => open(wish)}>
        Open it in the form
      </Item>
    </Command.Group>
  );
}

interface AccessItemsProps {
  readonly text: string;
  readonly resourceId: string | null;
  readonly ttlMs: number | null;
  readonly onClose: () => void;
}
const EXTENSION_MS = 30 * 60_000;
/** What can be done with access that runs. */
function AccessItems({ text, resourceId, ttlMs, onClose }: AccessItemsProps) {
  const { personId } = useReady();
  const now = useSecond();
  const injections = useInjections().data ?? [];
  const extend = useChange('grants.extend', ['grants.list', 'requests.list']);
  const act = useAction(async (work: () => Promise<unknown>) => {
    await work();
    onClose();
  });
  const active = (useApi('grants.list', { query: { scope: 'mine' } }).data?.items ?? []).filter(
    (grant) => grant.state === 'active' && grant.holder.personId === personId,
  );
  const shown = active.filter(
    (grant) =>
      grant.resource.id === resourceId ||
      (resourceId === null && grant.resource.name.includes(text.trim().toLowerCase())),
  );
  if (shown.length === 0) return null;
  const length = ttlMs ?? EXTENSION_MS;
  return (
    <Command.Group heading={text === '' ? 'Active access' : undefined}>
      {shown.flatMap((grant) => {
        const { name } = grant.resource;
        const left = `${clockDuration(Math.min(grant.ttlMs, (grant.expiresAt ?? now) - now))} left`;
        const command = injections.find((one) => one.grantId === grant.id)?.command;
        return [
          command && (
            <Item
              key={`${grant.id} copy`}
              icon={<Copy size={16} aria-hidden />}
              aside={left}
              onSelect={() => act.run(() => invoke('command.copy', grant.id))}
            >
              Copy <span className="mono">{command}</span>
            </Item>
          ),
          text !== '' && grant.can.extend && (
            <Item
              key={`${grant.id} extend`}
              icon={<Clock size={16} aria-hidden />}
              aside={left}
              onSelect={() =>
                act.run(() =>
                  extend.mutateAsync({
                    params: { id: grant.id },
                    body: { ttlMs: length, reason: grant.reason, ticketRef: grant.ticketRef },
                  }),
                )
              }
            >
              Extend {name} by {formatDuration(length)}
            </Item>
          ),
          text !== '' && grant.can.end && (
            <Item
              key={`${grant.id} done`}
              icon={<Check size={16} aria-hidden />}
              onSelect={() => act.run(() => invoke('grant.return', grant.id))}
            >
              I’m done with {name}
            </Item>
          ),
        ];
      })}
    </Command.Group>
  );
}

function PlaceItems({ text, onClose }: Pick<AccessItemsProps, 'text' | 'onClose'>) {
  const go = useGo();
  const word = text.trim().toLowerCase();
  const places = SCREENS.filter((screen) => screen.name.toLowerCase().includes(word));
  if (places.length === 0) return null;
  return (
    <Command.Group heading="Go to">
      {places.map(({ path, name, icon: Icon, go: key }) => (
        <Item
          key={path}
          icon={<Icon size={16} />}
          aside={
            <>
              <Kbd>G</Kbd> <Kbd>{key.toUpperCase()}</Kbd>
            </>
          }
          onSelect={() => {
            onClose();
            go(path);
          }}
        >
          {name}
        </Item>
      ))}
    </Command.Group>
  );
}

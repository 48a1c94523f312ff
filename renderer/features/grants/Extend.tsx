/** More time: one press for a usual length, a dialog when the policy wants a reason or ticket, or for another length. */
import { useState } from 'react';
import type { GrantView } from '../../../shared/contract/grants';
import { formatDuration, parseDuration } from '../../../shared/domain/duration';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { MAX_REASON_CHARS, MAX_TICKET_REF_CHARS } from '../../../shared/domain/limits';
import { useAction } from '../../app/action';
import { ApiError } from '../../app/api';
import { useApi, useChange } from '../../app/queries';
import { Button, Dialog, Field, Input, Menu, Segmented, TextArea, toast } from '../../ui';

export const EXTENSION_LENGTHS_MS: readonly number[] = [15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS];
const OTHER = 'other';

export function ExtendButton({ grant, urgent }: { readonly grant: GrantView; readonly urgent: 'calm' | 'soon' }) {
  const [asking, setAsking] = useState<number | null>(null);
  const catalog = useApi('catalog.list', {}).data;
  const rule = catalog?.items
    .find((entry) => entry.resource.id === grant.resource.id)
    ?.levels.find((one) => one.level.name === grant.level);
  const wantsWords = grant.extensionNeedsReason || (rule?.reasonRequired ?? false) || (rule?.ticketRequired ?? false);
  const extend = useChange('grants.extend', ['grants.list', 'requests.list']);
  const ask = useAction(
    async (ttlMs: number) => {
      const request = await extend.mutateAsync({ params: { id: grant.id }, body: { ttlMs } });
      toast({
        title: `${formatDuration(ttlMs)} more asked for ${grant.resource.name}`,
        about: request.state === 'pending' ? 'Waiting for an answer; your time runs on meanwhile.' : undefined,
      });
    },
    (error) => {
      const wanted = error instanceof ApiError && (error.fields.reason ?? error.fields.ticketRef) !== undefined;
      if (wanted) setAsking(EXTENSION_LENGTHS_MS[1] ?? HOUR_MS);
      return wanted;
    },
  );
  const choose = (ttlMs: number) => (wantsWords ? setAsking(ttlMs) : ask.run(ttlMs));
  return (
    <>
      <Menu
        label={`More time for ${grant.resource.name}`}
        align="end"
        items={[
          ...EXTENSION_LENGTHS_MS.map((ttlMs) => ({
            key: `${ttlMs}`,
            label: <span className="mono">{formatDuration(ttlMs)}</span>,
            onSelect: () => choose(ttlMs),
          })),
          { key: OTHER, label: 'Another length…', group: 'starts' as const, onSelect: () => setAsking(2 * HOUR_MS) },
        ]}
        trigger={
          <Button
            size="s"
            look={urgent === 'soon' ? 'amber' : 'plain'}
            state={ask.state}
            aria-label={`Extend ${grant.resource.name}`}
          >
            Extend
          </Button>
        }
      />
      {asking !== null && <ExtendDialog grant={grant} firstMs={asking} onClose={() => setAsking(null)} />}
    </>
  );
}

interface ExtendDialogProps {
  readonly grant: GrantView;
  readonly firstMs: number;
  readonly onClose: () => void;
}
function ExtendDialog({ grant, firstMs, onClose }: ExtendDialogProps) {
  const usual = EXTENSION_LENGTHS_MS.includes(firstMs);
  const [choice, setChoice] = useState(usual ? `${firstMs}` : OTHER);
  const [length, setLength] = useState(formatDuration(firstMs).replaceAll(' ', ''));
  const [reason, setReason] = useState(grant.extensionNeedsReason ? '' : grant.reason);
  const [ticketRef, setTicketRef] = useState(grant.ticketRef);
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const ttlMs = choice === OTHER ? parseDuration(length) : Number(choice);
  const extend = useChange('grants.extend', ['grants.list', 'requests.list']);
  const send = useAction(
    async () => {
      if (ttlMs === undefined) return setErrors({ ttlMs: 'Write a length such as 45m or 2h.' });
      const request = await extend.mutateAsync({ params: { id: grant.id }, body: { ttlMs, reason, ticketRef } });
      toast({
        title: `${formatDuration(ttlMs)} more asked for ${grant.resource.name}`,
        about: `${request.ticket} is on its way.`,
      });
      onClose();
    },
    (error) => {
      if (!(error instanceof ApiError)) return false;
      setErrors(Object.keys(error.fields).length > 0 ? error.fields : { ttlMs: error.what });
      return true;
    },
  );
  return (
    <Dialog
      open
      onClose={onClose}
      title={`More time for ${grant.resource.name}`}
      about="The same people as before are asked. Your time runs on while they answer."
      onSubmit={(event) => {
        event.preventDefault();
        send.run();
      }}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" state={send.state}>
            Ask for {ttlMs === undefined ? 'more' : `${formatDuration(ttlMs)} more`}
          </Button>
        </>
      }
    >
      <Field label="Longer by" error={errors.ttlMs}>
        <div className="row">
          <Segmented
            label="Longer by"
            figures="mono"
            value={choice}
            onChange={setChoice}
            options={[
              ...EXTENSION_LENGTHS_MS.map((ms) => ({ value: `${ms}`, label: formatDuration(ms) })),
              { value: OTHER, label: 'other' },
            ]}
          />
          {choice === OTHER && (
            <Input
              className="mono"
              style={{ width: 92 }}
              value={length}
              onChange={(event) => setLength(event.target.value)}
            />
          )}
        </div>
      </Field>
      <Field
        label={grant.extensionNeedsReason ? 'Why still more' : 'Why'}
        error={errors.reason}
        hint={grant.extensionNeedsReason ? 'From the second time on; it stands in the log.' : undefined}
      >
        <TextArea
          rows={2}
          maxLength={MAX_REASON_CHARS}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </Field>
      <Field label="Ticket" error={errors.ticketRef}>
        <Input
          className="mono"
          style={{ width: 160 }}
          maxLength={MAX_TICKET_REF_CHARS}
          value={ticketRef}
          onChange={(event) => setTicketRef(event.target.value)}
        />
      </Field>
    </Dialog>
  );
}

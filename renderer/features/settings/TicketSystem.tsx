/** Lets a ticket system say that a ticket was closed: makes its secret, which is shown once, and takes it back. */
import { useState } from 'react';
import { API } from '../../../shared/contract/api';
import { useAction } from '../../app/action';
import { invoke } from '../../app/bridge';
import { useMinute } from '../../app/clock';
import { useApi, useChange } from '../../app/queries';
import { wordWhen } from '../../app/words';
import { Button, CommandLine, Dialog } from '../../ui';
import { SettingRow } from './Row';

export function TicketSystemRow() {
  const now = useMinute();
  const me = useApi('me.get', {}).data;
  const admin = me?.person.roles.includes('admin') ?? false;
  const state = useApi('hooks.get', {}, { enabled: admin }).data;
  const renew = useChange('hooks.renew', ['hooks.get']);
  const remove = useChange('hooks.remove', ['hooks.get']);
  const [secret, setSecret] = useState<string | null>(null);
  const make = useAction(async () => setSecret((await renew.mutateAsync({})).secret));
  const cut = useAction(() => remove.mutateAsync({}));
  if (!admin || state === undefined) return null;
  const heard = state.heardAt === null ? 'It has not said anything yet.' : `Heard ${wordWhen(state.heardAt, now)}.`;
  return (
    <>
      <SettingRow
        title="Ticket system"
        about={
          state.enabled
            ? `May end access when a ticket is closed. ${heard}`
            : 'Connect one, and access that the policy or people bind to a ticket ends when it is closed.'
        }
      >
        <Button size="s" state={make.state} onClick={() => make.run()}>
          {state.enabled ? 'New secret…' : 'Connect…'}
        </Button>
        {state.enabled && (
          <Button size="s" look="quiet" state={cut.state} onClick={() => cut.run()}>
            Cut off
          </Button>
        )}
      </SettingRow>
      {secret !== null && (
        <Dialog
          open
          onClose={() => setSecret(null)}
          title="The secret of the ticket system"
          about="Shown this once. Whoever has it can end access that hangs on a ticket, and do nothing else."
          foot={<Button onClick={() => setSecret(null)}>Done</Button>}
        >
          <CommandLine command={secret} onCopy={() => invoke('text.copy', { text: secret })} />
          <p className="mut small">
            It calls <span className="mono">POST {API['hooks.ticketClosed'].path}</span> with{' '}
            <span className="mono">{'{"ticket":"INC-123"}'}</span>, signed as docs/hosting.md shows.
          </p>
        </Dialog>
      )}
    </>
  );
}

/** An administrator closes a grant whose target is gone for good. Said plainly: nothing is read back. */
import { useState } from 'react';
import type { GrantView } from '../../../shared/contract/grants';
import { useAction } from '../../app/action';
import { useChange } from '../../app/queries';
import { Button, Dialog, Field, TextArea } from '../../ui';

const MIN_REASON = 10;
export interface AttestDialogProps {
  readonly grant: GrantView;
  readonly open: boolean;
  readonly onClose: () => void;
}
export function AttestDialog({ grant, open, onClose }: AttestDialogProps) {
  const attest = useChange('grants.attest', ['grants.list']);
  const [reason, setReason] = useState('');
  const close = useAction(async () => {
    await attest.mutateAsync({ params: { id: grant.id }, body: { reason } });
    onClose();
  });
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={`Is ${grant.resource.name} gone for good?`}
      about="The removal of this login could not be read back. Close it only when the target does not exist any more. The log says that it was closed on your word, unverified."
      onSubmit={(event) => {
        event.preventDefault();
        if (reason.trim().length >= MIN_REASON) close.run();
      }}
      foot={
        <>
          <Button onClick={onClose}>Keep trying</Button>
          <Button look="danger" type="submit" state={close.state} disabled={reason.trim().length < MIN_REASON}>
            Close it, unverified
          </Button>
        </>
      }
    >
      <Field label="How do you know?" hint="At least ten characters; it stands in the audit log.">
        <TextArea rows={3} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} />
      </Field>
    </Dialog>
  );
}

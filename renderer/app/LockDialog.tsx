/** Locks a person or a resource: asks why, says what happens at once, and that unlocking brings nothing back. */
import { type ReactNode, useState } from 'react';
import type { Suspension } from '../../shared/contract/fields';
import { MAX_REASON_CHARS } from '../../shared/domain/limits';
import { Banner, Button, Dialog, Field, TextArea } from '../ui';
import { useAction } from './action';
import { wordWhen } from './words';

export interface LockDialogProps {
  readonly name: string;
  /** What stops, in sentences. */
  readonly about: ReactNode;
  readonly onLock: (reason: string) => Promise<unknown>;
  readonly onClose: () => void;
}
export function LockDialog({ name, about, onLock, onClose }: LockDialogProps) {
  const [reason, setReason] = useState('');
  const lock = useAction(async () => {
    await onLock(reason);
    onClose();
  });
  const empty = reason.trim() === '';
  return (
    <Dialog
      open
      onClose={onClose}
      title={`Lock ${name}?`}
      about={about}
      onSubmit={(event) => {
        event.preventDefault();
        if (!empty) lock.run();
      }}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="danger" type="submit" state={lock.state} disabled={empty}>
            Lock {name} now
          </Button>
        </>
      }
    >
      <Field label="Why" hint="Everybody who is refused reads it, and it stands in the audit log.">
        <TextArea
          rows={2}
          autoFocus
          maxLength={MAX_REASON_CHARS}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </Field>
    </Dialog>
  );
}

export interface LockedBannerProps {
  readonly lock: Suspension;
  readonly now: number;
  /** Left out for who may not. */
  readonly onUnlock?: () => Promise<unknown>;
}
/** Since when, by whom, why; and the way back. */
export function LockedBanner({ lock, now, onUnlock }: LockedBannerProps) {
  const unlock = useAction(async () => {
    await onUnlock?.();
  });
  return (
    <div style={{ marginBlock: 10 }}>
      <Banner
        tone="bad"
        action={
          onUnlock && (
            <Button size="s" state={unlock.state} onClick={() => unlock.run()}>
              Unlock
            </Button>
          )
        }
      >
        <b>
          Locked by {lock.by}, {wordWhen(lock.at, now)}.
        </b>{' '}
        {lock.because} What ended stays ended after unlocking.
      </Banner>
    </div>
  );
}

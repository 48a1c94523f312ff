/** What still has to go from a target that does not let go, for somebody who can get at it: the login by name, and what to run. */
import { useState } from 'react';
import type { GrantView } from '../../../shared/contract/grants';
import { principalName } from '../../../shared/domain/ids';
import { invoke } from '../../app/bridge';
import { useMinute } from '../../app/clock';
import { wordAgo, wordCount, wordTime } from '../../app/words';
import { Button, CommandLine, Dialog, wordsOfKind } from '../../ui';
import { AttestDialog } from './AttestDialog';
import styles from './grants.module.css';
import { openEnds } from './wording';

export function ByHandDialog({ grant, onClose }: { readonly grant: GrantView; readonly onClose: () => void }) {
  const now = useMinute();
  const [closing, setClosing] = useState(false);
  const principal = principalName(grant.id);
  const words = wordsOfKind(grant.resource.kind);
  const commands = words?.endByHand?.(principal);
  const inWords =
    words?.byHand?.(principal) ??
    (commands === undefined
      ? `Take away everything that is named ${principal}, and end what is open under that name.`
      : undefined);
  const { removal } = grant;
  return (
    <Dialog
      open
      onClose={onClose}
      title={`${grant.resource.name}: still being revoked`}
      about="Hallpass keeps trying, for ever. When you end it by hand, the next try reads that back and closes it."
      foot={
        <>
          {grant.can.attest && <Button onClick={() => setClosing(true)}>The target is gone for good…</Button>}
          <Button onClick={onClose}>Close</Button>
        </>
      }
    >
      <dl className={styles.open}>
        <div>
          <dt className="lab">What is open</dt>
          <dd>
            {openEnds(grant).map((line) => (
              <div key={line}>{line}</div>
            ))}
          </dd>
        </div>
        <div>
          <dt className="lab">Since</dt>
          <dd>
            {removal.since === null ? 'not known' : `${wordTime(removal.since)}, ${wordAgo(removal.since, now)}`};{' '}
            {wordCount(removal.attempts, 'try', 'tries')} so far
          </dd>
        </div>
        {removal.lastError !== null && (
          <div>
            <dt className="lab">What the target said</dt>
            <dd className="mono selectable">{removal.lastError}</dd>
          </div>
        )}
        <div>
          <dt className="lab">By hand, on the target</dt>
          <dd className={styles.commands}>
            {inWords !== undefined && <p className="selectable">{inWords}</p>}
            {commands?.split('\n').map((line) => (
              <CommandLine
                key={line}
                command={line}
                length="whole"
                onCopy={() => invoke('text.copy', { text: line })}
              />
            ))}
          </dd>
        </div>
      </dl>
      {closing && <AttestDialog grant={grant} open onClose={() => setClosing(false)} />}
    </Dialog>
  );
}

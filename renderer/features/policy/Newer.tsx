/** Somebody published while a draft was open: what they changed, and how to go on. The draft is never touched unasked. */
import { useState } from 'react';
import type { PolicyVersion } from '../../../shared/contract/policy';
import { useMinute } from '../../app/clock';
import { wordAgo } from '../../app/words';
import { Banner, Button, Dialog } from '../../ui';
import { Diff, wordDiff } from './Diff';
import { keepDraft, type PolicyDraft } from './draft';
import styles from './policy.module.css';

export interface NewerProps {
  readonly draft: PolicyDraft;
  readonly newer: PolicyVersion;
}
export function Newer({ draft, newer }: NewerProps) {
  const now = useMinute();
  const [open, setOpen] = useState(false);
  return (
    <div className={styles.banner}>
      <Banner
        action={
          <Button size="s" onClick={() => setOpen(true)}>
            See what changed
          </Button>
        }
      >
        <b>
          {newer.author} published version {newer.version} {wordAgo(newer.at, now)}.
        </b>{' '}
        Your draft is kept; nothing was published.
      </Banner>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        size="wide"
        title={`What version ${newer.version} changed`}
        about={
          <>
            {newer.note !== '' && <>“{newer.note}” </>}
            Against version {draft.base.version}, from which your draft began: {wordDiff(draft.base.yaml, newer.yaml)}.
            Your draft does not hold these changes; take over by hand what should stay.
          </>
        }
        foot={
          <>
            <Button
              look="danger"
              onClick={() => {
                keepDraft({ yaml: newer.yaml, note: draft.note, base: newer });
                setOpen(false);
              }}
            >
              Drop my text, begin from {newer.version}
            </Button>
            <Button
              look="primary"
              onClick={() => {
                keepDraft({ ...draft, base: newer });
                setOpen(false);
              }}
            >
              Go on with my text
            </Button>
          </>
        }
      >
        <Diff before={draft.base.yaml} after={newer.yaml} label={`Changes of version ${newer.version}`} />
      </Dialog>
    </div>
  );
}

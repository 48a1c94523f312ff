/**
 * A hole in the page: tells the main process where the consent view belongs, and takes it away again.
 * While a dialog of this page is open the view steps aside, since it lies above everything the page draws.
 */
import { useEffect, useRef, useState } from 'react';
import type { UserError } from '../../../shared/contract/ipc';
import { invoke, toUserError } from '../../app/bridge';
import { ErrorState } from '../../ui';
import styles from './inbox.module.css';

/** What of this page floats and must not be covered. */
const FLOATING = '.hp-dialog, [role=dialog], [role=alertdialog], [cmdk-dialog]';

export function ConsentPane({ requestId }: { readonly requestId: string }) {
  const hole = useRef<HTMLDivElement>(null);
  const [error, setError] = useState<UserError | null>(null);
  useEffect(() => {
    const element = hole.current;
    if (element === null) return;
    let last = '';
    const place = () => {
      const { x, y, width, height } = element.getBoundingClientRect();
      const covered = document.querySelector(FLOATING) !== null;
      const bounds = {
        x: Math.max(0, Math.round(x)),
        y: Math.max(0, Math.round(y)),
        width: Math.round(width),
        height: Math.round(height),
      };
      const wanted = covered ? null : { requestId, bounds };
      const key = JSON.stringify(wanted);
      if (key === last) return;
      last = key;
      invoke('consent.place', wanted).then(
        () => setError(null),
        (thrown: unknown) => setError(toUserError(thrown)),
      );
    };
    const sizes = new ResizeObserver(place);
    sizes.observe(element);
    sizes.observe(document.documentElement);
    const floats = new MutationObserver(place);
    floats.observe(document.body, { childList: true, subtree: true });
    place();
    return () => {
      sizes.disconnect();
      floats.disconnect();
      void invoke('consent.place', null).catch(() => undefined);
    };
  }, [requestId]);
  return (
    <div ref={hole} className={styles.hole} data-consent-pane={requestId}>
      {error !== null && <ErrorState error={error} />}
    </div>
  );
}

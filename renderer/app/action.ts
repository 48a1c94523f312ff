/** Something a button does: busy while it runs, never twice at once, its error told as a toast. */
import { useCallback, useRef, useState } from 'react';
import { toast } from '../ui';
import { toUserError } from './bridge';

export interface Action<A extends unknown[]> {
  readonly run: (...args: A) => void;
  readonly state: 'idle' | 'busy';
}
/** `onError` returns true when it has dealt with the error itself (marked a field, opened a dialog). */
export function useAction<A extends unknown[]>(
  work: (...args: A) => Promise<unknown>,
  onError?: (error: unknown) => boolean,
): Action<A> {
  const [state, setState] = useState<'idle' | 'busy'>('idle');
  const running = useRef(false);
  const latest = useRef({ work, onError });
  latest.current = { work, onError };
  const run = useCallback((...args: A) => {
    if (running.current) return;
    running.current = true;
    setState('busy');
    latest.current
      .work(...args)
      .catch((error: unknown) => {
        if (latest.current.onError?.(error) === true) return;
        const { what, safe, next } = toUserError(error);
        toast({ title: what, about: [safe, next].filter(Boolean).join(' '), tone: 'bad' });
      })
      .finally(() => {
        running.current = false;
        setState('idle');
      });
  }, []);
  return { run, state };
}

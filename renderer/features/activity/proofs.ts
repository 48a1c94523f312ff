/**
 * What this device can say of an entry. Rows ask one by one as they come into view; the main process is asked in batches.
 * An answer "proven" stays; "pending" is asked again when the witness has seen more of the log.
 */
import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { ProofState } from '../../../shared/contract/audit';
import { assertNever } from '../../../shared/domain/assert-never';
import { invoke } from '../../app/bridge';
import { queryClient } from '../../app/queries';
import { useReady } from '../../app/session';

export interface Proof {
  readonly index: number;
  readonly state: ProofState;
  readonly detail: string | null;
}
/** The most that one call takes. */
const MOST_AT_ONCE = 200;
const GATHER_MS = 16;

/** Gathers what is asked within a frame into calls of at most `MOST_AT_ONCE`. */
export function createBatcher(
  ask: (indexes: number[]) => Promise<readonly Proof[]>,
  after: (run: () => void) => void,
): (index: number) => Promise<Proof> {
  let waiting = new Map<number, { answer: () => Promise<Proof>; settle: (answer: Promise<Proof>) => void }>();
  const send = () => {
    const batch = [...waiting.entries()];
    waiting = new Map();
    for (let start = 0; start < batch.length; start += MOST_AT_ONCE) {
      const part = batch.slice(start, start + MOST_AT_ONCE);
      const answers = ask(part.map(([index]) => index));
      for (const [index, { settle }] of part)
        settle(
          answers.then((all) => {
            const own = all.find((one) => one.index === index);
            if (own === undefined) throw new Error(`no answer for entry ${index}`);
            return own;
          }),
        );
    }
  };
  return (index) => {
    const known = waiting.get(index);
    if (known !== undefined) return known.answer();
    if (waiting.size === 0) after(send);
    const promise = new Promise<Proof>((settle) => {
      waiting.set(index, { answer: () => promise, settle });
    });
    return promise;
  };
}
const proofOf = createBatcher(
  (indexes) => invoke('audit.prove', indexes),
  (run) => void setTimeout(run, GATHER_MS),
);

const KEY = ['ipc', 'proof'] as const;
/** Undefined while it is being asked. */
export function useProof(index: number): {
  readonly proof: Proof | undefined;
  readonly asking: 'yes' | 'failed' | 'done';
} {
  const { data, isError } = useQuery({
    queryKey: [...KEY, index],
    queryFn: () => proofOf(index),
    staleTime: Number.POSITIVE_INFINITY,
    retry: 1,
  });
  return { proof: data, asking: isError ? 'failed' : data === undefined ? 'yes' : 'done' };
}
/** Asks again for what was pending when the witness moves on, and for all when it found the log broken. */
export function useFreshProofs(): void {
  const { size, state } = useReady().witness;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a larger size is the reason to ask again
  useEffect(() => {
    void queryClient.invalidateQueries({
      queryKey: KEY,
      predicate: ({ state: { data } }) => state === 'broken' || (data as Proof | undefined)?.state !== 'proven',
    });
  }, [size, state]);
}

/** The state in two or three words. */
export function wordProof(state: ProofState): string {
  switch (state) {
    case 'proven':
      return 'in tree';
    case 'pending':
      return 'next checkpoint';
    case 'failed':
      return 'not proven';
    default:
      return assertNever(state);
  }
}

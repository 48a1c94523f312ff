/**
 * The inclusion proof as steps to draw: which sibling is hashed in from which side, and what comes out (RFC 9162, 2.1.3.2).
 * Pure. It recomputes every hash here, so the drawing can't claim more than the hashes do.
 */
import { fromHex, toHex } from '../../../shared/crypto/bytes';
import { nodeHash } from '../../../shared/crypto/merkle';

export interface ProofStep {
  readonly sibling: string;
  readonly side: 'left' | 'right';
  /** Hex of the hash after this step. */
  readonly result: string;
}
/** Steps from the leaf to the root; null when the path is not one for this place in a tree of `size` leaves. */
export function proofSteps(proof: {
  readonly index: number;
  readonly size: number;
  readonly leafHash: string;
  readonly path: readonly string[];
}): readonly ProofStep[] | null {
  const { index, size, leafHash, path } = proof;
  if (index < 0 || index >= size) return null;
  let [here, last, hash] = [index, size - 1, fromHex(leafHash)];
  const steps: ProofStep[] = [];
  for (const sibling of path) {
    if (last === 0) return null;
    const other = fromHex(sibling);
    if (here % 2 === 1 || here === last) {
      hash = nodeHash(other, hash);
      steps.push({ sibling, side: 'left', result: toHex(hash) });
      while (here % 2 === 0 && here !== 0) [here, last] = [Math.floor(here / 2), Math.floor(last / 2)];
    } else {
      hash = nodeHash(hash, other);
      steps.push({ sibling, side: 'right', result: toHex(hash) });
    }
    [here, last] = [Math.floor(here / 2), Math.floor(last / 2)];
  }
  return last === 0 ? steps : null;
}

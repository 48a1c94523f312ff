/** Randomness that a test can repeat: SHA-256 in counter mode over a seed. */
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../../../shared/crypto/bytes';
import type { Random } from '../../../shared/domain/instant';

export function seededRandom(seed: string): Random {
  let counter = 0;
  return {
    bytes(count) {
      const out = new Uint8Array(count);
      for (let at = 0; at < count; at += 32)
        out.set(sha256(utf8(`${seed}:${counter++}`)).subarray(0, Math.min(32, count - at)), at);
      return out;
    },
  };
}

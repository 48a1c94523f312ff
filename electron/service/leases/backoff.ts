/** 1, 2, 4 … 30 s, each shifted by up to a fifth, so that a thousand retries don't arrive together. Never gives up. */
import type { Random } from '../../../shared/domain/instant';
import { RETRY_FIRST_MS, RETRY_MAX_MS } from './limits';

/** Length until the next try after `attempts` failed ones (1 or more). At most 30 s. */
export function backoffMs(attempts: number, random: Random): number {
  const base = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(20, Math.max(0, attempts - 1)));
  const chance = (random.bytes(1)[0] ?? 0) / 255;
  return Math.round(Math.min(RETRY_MAX_MS, base * (0.8 + 0.4 * chance)));
}

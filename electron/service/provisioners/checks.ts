/** The lines of a connection test, as every kind of target writes them. */
import type { ConnectionReport } from '../../../shared/contract/resources';

export type Check = ConnectionReport['checks'][number];

export const fine = (name: string, detail: string): Check => ({
  name,
  ok: true,
  detail,
  remedy: null,
  command: null,
});
/**
 * @param remedy what to do about it, in words; null where the command says it all, or nobody knows
 * @param command what to run or to paste by hand; only `<what is in angle brackets>` has to be filled in
 */
export const wrong = (name: string, detail: string, remedy: string | null, command: string | null = null): Check => ({
  name,
  ok: false,
  detail,
  remedy,
  command,
});

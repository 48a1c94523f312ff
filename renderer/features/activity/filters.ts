/** What the log is narrowed to. It stands in the address of the screen, so that a link or Back brings it again. Pure. */
import type { ApiQuery } from '../../../shared/contract/api';

export interface Filters {
  readonly text: string;
  readonly type: string;
  readonly person: string;
  readonly resource: string;
  readonly grant: string;
}
export const NO_FILTERS: Filters = { text: '', type: '', person: '', resource: '', grant: '' };
const NAMES = Object.keys(NO_FILTERS) as (keyof Filters)[];
/** As long as the route takes them; longer ones in an address are cut. */
const MAX_CHARS: Record<keyof Filters, number> = { text: 100, type: 64, person: 64, resource: 64, grant: 64 };

/** `?grant=grt_…&type=grant.ended`; what is not there is not filtered. */
export const filtersFrom = (search: Readonly<Record<string, string | undefined>>): Filters =>
  Object.fromEntries(NAMES.map((name) => [name, (search[name] ?? '').slice(0, MAX_CHARS[name])])) as unknown as Filters;
/** The other way round: only what is set. */
export const searchOf = (filters: Filters): Record<string, string> =>
  Object.fromEntries(NAMES.flatMap((name) => (filters[name].trim() === '' ? [] : [[name, filters[name].trim()]])));
export const queryOf = (filters: Filters, limit: number): ApiQuery<'audit.entries'> => ({
  ...searchOf(filters),
  limit,
});
export const filterCount = (filters: Filters): number => Object.keys(searchOf(filters)).length;

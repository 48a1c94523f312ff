/** The log as it grows: the newest page live, older pages as they are scrolled to. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo } from 'react';
import type { AuditEntry, AuditPage } from '../../../shared/contract/audit';
import { api } from '../../app/api';
import { useApi } from '../../app/queries';
import { type Filters, queryOf } from './filters';
import { mergePages } from './merge';

const PAGE = 100;
export interface Entries {
  readonly entries: readonly AuditEntry[];
  readonly state: 'loading' | 'failed' | 'ready';
  readonly error: unknown;
  /** More, older ones: there, being fetched, or none. */
  readonly older: 'some' | 'loading' | 'failed' | 'none';
  /** Entries in the whole log. */
  readonly size: number;
  readonly loadOlder: () => void;
  readonly retry: () => void;
}

export function useEntries(filters: Filters): Entries {
  const query = queryOf(filters, PAGE);
  const pages = useInfiniteQuery({
    // not under 'audit.entries': an event refetches the newest page, not all that was scrolled to
    queryKey: ['activity', query],
    queryFn: ({ pageParam, signal }) =>
      api('audit.entries', { query: { ...query, ...(pageParam === null ? {} : { before: pageParam }) } }, { signal }),
    initialPageParam: null as number | null,
    getNextPageParam: (last: AuditPage) => last.nextBefore,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const first = pages.data?.pages[0];
  const newest = useApi(
    'audit.entries',
    { query },
    { enabled: first !== undefined, initialData: () => first, initialDataUpdatedAt: () => pages.dataUpdatedAt },
  );
  const merged = useMemo(() => mergePages(newest.data, pages.data?.pages ?? []), [newest.data, pages.data]);
  const { refetch, fetchNextPage, hasNextPage, isFetchingNextPage, isFetching } = pages;
  useEffect(() => {
    if (merged.seam === 'gap' && !isFetching) void refetch();
  }, [merged.seam, isFetching, refetch]);
  const loadOlder = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return {
    entries: merged.entries,
    state: pages.data !== undefined ? 'ready' : pages.isError ? 'failed' : 'loading',
    error: pages.error,
    older: isFetchingNextPage ? 'loading' : pages.isFetchNextPageError ? 'failed' : hasNextPage ? 'some' : 'none',
    size: newest.data?.size ?? first?.size ?? 0,
    loadOlder,
    retry: () => void refetch(),
  };
}

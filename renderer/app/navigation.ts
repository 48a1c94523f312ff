/** Going from screen to screen, without a screen knowing the router or another screen. */
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';

export type Go = (path: string, search?: Readonly<Record<string, string>>) => void;
/** `go('/request', { resource: id, level: 'read-only' })` */
export function useGo(): Go {
  const navigate = useNavigate();
  return useCallback((path, search = {}) => void navigate({ to: path as never, search: search as never }), [navigate]);
}
/** Search parameters of the screen shown, all as text. */
export const useTextSearch = (): Readonly<Record<string, string | undefined>> => useSearch({ strict: false }) as never;

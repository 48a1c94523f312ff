/** Light, dark, or as the system has it. The tokens follow one attribute; no token is named here. */
import { useEffect } from 'react';
import { useSettings } from './session';

/** Puts the chosen theme on <html>. `system` leaves it to `prefers-color-scheme`. */
export function applyTheme(theme: 'system' | 'light' | 'dark'): void {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
export function useTheme(): void {
  const theme = useSettings().data?.theme;
  useEffect(() => {
    if (theme !== undefined) applyTheme(theme);
  }, [theme]);
}

/** What a consent page may ask. The page is known by its webContents; it never names a request. */
import type { WebContents } from 'electron';
import type { ConsentPlaces } from '../windows/consent';
import type { ConsentSurface } from '../windows/consent-surface';
import type { ConsentHandlers } from './register';

export function consentHandlers(
  places: () => ConsentPlaces,
  list: { key(key: 'next' | 'previous' | 'leave'): void },
): ConsentHandlers {
  const surface = (sender: WebContents): ConsentSurface => {
    const found = places().surfaceOf(sender);
    if (found === undefined) throw new Error('no surface for this page');
    return found;
  };
  return {
    'consent.state': (sender) => surface(sender).state(),
    'consent.decide': (sender, decision) => surface(sender).decide(decision),
    'consent.close': (sender) => {
      places().close(sender);
      return { ok: true };
    },
    'consent.height': (sender, px) => {
      places().fit(sender, px);
      return { ok: true };
    },
    'consent.key': (sender, key) => {
      if (places().isPane(sender)) list.key(key);
      else if (key === 'leave') places().close(sender);
      return { ok: true };
    },
  };
}

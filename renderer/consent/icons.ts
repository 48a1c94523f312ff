/** The few line icons of the card, drawn here so that no icon library runs beside an approval. */
import { h } from './dom';

const PATHS = {
  check: 'M3 8.5 6.5 12 13 4.5',
  warn: 'M8 2.5 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.1',
  clock: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.8V8l2.2 1.6',
  dot: 'M8 7.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2z',
  cross: 'M4 4l8 8M12 4l-8 8',
} as const;

/** A 16 px line icon, hidden from screen readers: the text beside it says it. */
export function icon(name: keyof typeof PATHS): HTMLElement {
  return h(
    'svg',
    { class: 'icon', viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true' },
    h('path', { d: PATHS[name] }),
  );
}

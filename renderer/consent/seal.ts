/** The seal of this device's key, with the same geometry as everywhere else. */
import { SEAL_CORE_RADIUS, SEAL_KEY_PATH, SEAL_KEY_TRANSFORM, SEAL_VIEW, sealPath } from '../ui/geometry/seal';
import { h } from './dom';

/** An SVG of `sizePx`; decoration beside the fingerprint, so hidden from screen readers. */
export function seal(key: string, sizePx: number): HTMLElement {
  return h(
    'svg',
    {
      class: 'hp-seal',
      width: sizePx,
      height: sizePx,
      viewBox: `0 0 ${SEAL_VIEW} ${SEAL_VIEW}`,
      'aria-hidden': 'true',
    },
    h('path', { class: 'hp-seal__lines', d: sealPath(key), 'stroke-width': 0.9 }),
    h('circle', { class: 'hp-seal__core', cx: 60, cy: 60, r: SEAL_CORE_RADIUS }),
    h('path', { class: 'hp-seal__key', transform: SEAL_KEY_TRANSFORM, d: SEAL_KEY_PATH }),
  );
}

/** The seal of a device key. Decorative beside its fingerprint; the fingerprint is what is compared. */
import { useMemo } from 'react';
import { SEAL_CORE_RADIUS, SEAL_KEY_PATH, SEAL_KEY_TRANSFORM, SEAL_VIEW, sealPath } from './geometry/seal';

export interface SealProps {
  /** The key or fingerprint it is drawn from. */
  readonly of: string;
  readonly sizePx?: number;
  /** `stamp`: appears as if pressed (once, on approval). */
  readonly appear?: 'still' | 'stamp';
  readonly label?: string;
}
export function Seal({ of, sizePx = 64, appear = 'still', label }: SealProps) {
  const path = useMemo(() => sealPath(of), [of]);
  const named = label === undefined ? { 'aria-hidden': true as const } : { role: 'img', 'aria-label': label };
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: named by aria-label or hidden, see above
    <svg
      className="hp-seal"
      data-appear={appear}
      width={sizePx}
      height={sizePx}
      viewBox={`0 0 ${SEAL_VIEW} ${SEAL_VIEW}`}
      {...named}
    >
      <path className="hp-seal__lines" d={path} strokeWidth={sizePx < 70 ? 0.7 : 0.9} />
      <circle className="hp-seal__core" cx="60" cy="60" r={SEAL_CORE_RADIUS} />
      <path className="hp-seal__key" transform={SEAL_KEY_TRANSFORM} d={SEAL_KEY_PATH} />
    </svg>
  );
}

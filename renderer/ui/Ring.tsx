/** The ring that empties: 60 ticks, below 30 px a plain arc. */
import { memo } from 'react';
import { arcOf, litTicks, PLAIN_ARC_BELOW_PX, ringPaths } from './geometry/ring';
import type { RingTone } from './geometry/ticket';

export interface RingProps {
  readonly remainingMs: number;
  readonly totalMs: number;
  readonly tone: RingTone;
  /** What stands in the middle: "42:10", "1 h". Not shown on a plain arc. */
  readonly text?: string;
  readonly sizePx?: number;
  /** What a screen reader says, by the minute at most. Without it the ring is decorative. */
  readonly label?: string;
}

const Ticks = memo(function Ticks({ lit, sizePx }: { readonly lit: number; readonly sizePx: number }) {
  const paths = ringPaths(lit, sizePx);
  return (
    <svg width={sizePx} height={sizePx} aria-hidden="true">
      <path className="hp-ring__dim" d={paths.dim} />
      <path className="hp-ring__lit" d={paths.lit} />
    </svg>
  );
});

export function Ring({ remainingMs, totalMs, tone, text, sizePx = 78, label }: RingProps) {
  const named = label === undefined ? { 'aria-hidden': true } : { role: 'img', 'aria-label': label };
  if (sizePx < PLAIN_ARC_BELOW_PX) {
    const arc = arcOf(totalMs > 0 ? remainingMs / totalMs : 0, sizePx);
    const middle = sizePx / 2;
    return (
      <span className="hp-ring" data-tone={tone} {...named}>
        <svg width={sizePx} height={sizePx} aria-hidden="true" strokeWidth="3.5">
          <circle className="hp-ring__track" cx={middle} cy={middle} r={arc.radius} />
          <circle
            className="hp-ring__arc"
            cx={middle}
            cy={middle}
            r={arc.radius}
            strokeDasharray={arc.dash}
            transform={`rotate(${arc.turn} ${middle} ${middle})`}
          />
        </svg>
      </span>
    );
  }
  return (
    <span className="hp-ring" data-tone={tone} data-length={text && text.length > 6 ? 'long' : undefined} {...named}>
      <Ticks lit={tone === 'none' ? 0 : litTicks(remainingMs, totalMs)} sizePx={sizePx} />
      {text !== undefined && (
        <span className="hp-ring__time" aria-hidden>
          {text}
        </span>
      )}
    </span>
  );
}

/** Small marks that carry meaning. Each says its meaning in words too; none rests on colour alone. */
import type { ComponentPropsWithRef, ReactNode } from 'react';
import { type Environment, RISK_CLASSES, type RiskClass } from '../../shared/domain/states';

/** A key of the keyboard. */
export const Kbd = ({ children }: { readonly children: ReactNode }) => <kbd className="hp-kbd">{children}</kbd>;

const SHORT: Record<Environment, string> = { production: 'prod', staging: 'staging', development: 'dev' };
/** Square, dot or outline, and the word. */
export function EnvironmentMark(props: { readonly environment: Environment; readonly length?: 'full' | 'short' }) {
  const { environment, length = 'full' } = props;
  return (
    <span className="hp-env" data-environment={environment}>
      {length === 'full' ? environment : SHORT[environment]}
    </span>
  );
}

/** Four pips and a word. */
export function RiskPips(props: { readonly risk: RiskClass; readonly word?: 'class' | 'with-risk' }) {
  const lit = RISK_CLASSES.indexOf(props.risk) + 1;
  return (
    <span className="hp-risk" data-risk={props.risk}>
      <span className="hp-risk__pips" aria-hidden>
        {RISK_CLASSES.map((risk, index) => (
          <i key={risk} data-lit={index < lit || undefined} />
        ))}
      </span>
      {props.risk}
      {props.word === 'with-risk' ? ' risk' : <span className="sr-only"> risk</span>}
    </span>
  );
}

/** The access level, as it is asked for. */
export const LevelTag = ({ level }: { readonly level: string }) => <span className="hp-tag">{level}</span>;

export type StampTone = 'good' | 'warn' | 'bad' | 'plain';
/** A verdict, stamped: "Auto-approved", "Needs 1", "Denied". */
export const Stamp = (props: { readonly tone: StampTone; readonly children: ReactNode }) => (
  <span className="hp-stamp" data-tone={props.tone}>
    {props.children}
  </span>
);
/** A word in a hairline box. */
export const Badge = ({ children }: { readonly children: ReactNode }) => <span className="hp-tag">{children}</span>;

/** "Priya Sharma" → "PS"; one word gives its first two letters. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s.]+/).filter(Boolean);
  const letters =
    words.length > 1
      ? `${[...(words[0] ?? '')][0]}${[...(words.at(-1) ?? '')][0]}`
      : [...name.trim()].slice(0, 2).join('');
  return letters.toUpperCase();
}
/** Initials; decorative, since the name stands beside it. `presence` adds a dot (full: online, hollow: away). */
export const Avatar = (props: {
  readonly name: string;
  readonly size?: 's' | 'd' | 'm' | 'l';
  readonly presence?: 'online' | 'away';
}) => (
  <span className="hp-avatar" data-size={props.size} data-presence={props.presence} aria-hidden>
    {initialsOf(props.name)}
  </span>
);

export interface ChipProps extends ComponentPropsWithRef<'button'> {
  readonly pressed?: boolean;
}
/** A filter that is on or off. */
export const Chip = ({ pressed, ...rest }: ChipProps) => (
  <button type="button" {...rest} className="hp-chip" aria-pressed={pressed} />
);

/** A small lamp. Say the state in words beside it. */
export const Dot = ({ tone = 'good' }: { readonly tone?: 'good' | 'warn' | 'bad' | 'off' }) => (
  <span className="hp-dot" data-tone={tone} aria-hidden />
);
/** How many wait. `label` is read instead of the bare number. */
export const Count = ({ value, label }: { readonly value: number; readonly label: string }) => (
  <span className="hp-count">
    <span aria-hidden>{value > 99 ? '99+' : value}</span>
    <span className="sr-only">{label}</span>
  </span>
);

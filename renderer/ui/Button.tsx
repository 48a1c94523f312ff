/** Buttons. A busy button stays focusable and says so; it does not fire twice. */
import { LoaderCircle } from 'lucide-react';
import type { ComponentPropsWithRef, ReactNode } from 'react';
import { Tooltip } from './Tooltip';

export type ButtonLook = 'plain' | 'primary' | 'danger' | 'amber' | 'quiet';
export interface ButtonProps extends ComponentPropsWithRef<'button'> {
  readonly look?: ButtonLook;
  readonly size?: 's' | 'm' | 'l';
  /** `busy`: the action runs; presses are ignored until it is done. */
  readonly state?: 'idle' | 'busy';
}

/** A button with text. `type` is `button` unless said otherwise. */
export function Button({ look = 'plain', size = 'm', state = 'idle', onClick, children, ...rest }: ButtonProps) {
  const busy = state === 'busy';
  return (
    <button
      type="button"
      {...rest}
      className={`hp-button ${rest.className ?? ''}`}
      data-look={look}
      data-size={size}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      {busy && <LoaderCircle className="hp-spin" size={14} aria-hidden />}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Omit<ComponentPropsWithRef<'button'>, 'aria-label'> {
  /** Its name, for screen readers and as a tooltip. */
  readonly label: string;
  readonly shortcut?: string;
  readonly children: ReactNode;
}
/** A button that is only an icon: it must have a name. */
export function IconButton({ label, shortcut, children, ...rest }: IconButtonProps) {
  return (
    <Tooltip text={label} shortcut={shortcut}>
      <button type="button" {...rest} className={`hp-icon-button ${rest.className ?? ''}`} aria-label={label}>
        {children}
      </button>
    </Tooltip>
  );
}

/** The ticket: what is asked for, decided on, used and ended. Its form carries the state (see ticket.css). */
import type { ComponentPropsWithRef, CSSProperties, ReactNode } from 'react';
import type { TicketTone } from './geometry/ticket';

export interface TicketProps extends Omit<ComponentPropsWithRef<'article'>, 'children'> {
  readonly tone: TicketTone;
  readonly size?: 'card' | 'large';
  /** Width of the stub in CSS pixels, where the size's own does not fit. */
  readonly stubPx?: number;
  readonly stub: ReactNode;
  readonly children: ReactNode;
}
export function Ticket({ tone, size = 'card', stubPx, stub, children, style, ...rest }: TicketProps) {
  const width = stubPx === undefined ? style : ({ ...style, '--stub': `${stubPx}px` } as CSSProperties);
  return (
    <article {...rest} style={width} className={`hp-ticket ${rest.className ?? ''}`} data-tone={tone} data-size={size}>
      <div className="hp-ticket__body">{children}</div>
      <div className="hp-ticket__stub">{stub}</div>
    </article>
  );
}

/** One ended grant, quiet. Five cells: mark, name, level (hidden when narrow), how it ended, when. */
export const Slip = (props: ComponentPropsWithRef<'li'>) => <li {...props} className="hp-slip" />;
export const Slips = (props: ComponentPropsWithRef<'ul'>) => <ul {...props} className="hp-slips" />;

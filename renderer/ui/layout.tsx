/** Frames that screens are hung in: a page with a head, or a list beside a detail. */
import type { CSSProperties, ReactNode } from 'react';

export interface PageProps {
  readonly title: string;
  /** One sentence beside the title. */
  readonly about?: ReactNode;
  /** Buttons at the right end. */
  readonly actions?: ReactNode;
  /** Stays above what scrolls: filters, banners. */
  readonly fixed?: ReactNode;
  readonly children: ReactNode;
}
export const Page = ({ title, about, actions, fixed, children }: PageProps) => (
  <div className="hp-page">
    <header className="hp-page__top">
      <h1>{title}</h1>
      <div className="mut cut grow">{about}</div>
      {actions}
    </header>
    {fixed}
    <div className="hp-page__scroll">{children}</div>
  </div>
);

export interface TwoPaneProps {
  readonly title: string;
  readonly aside?: ReactNode;
  readonly list: ReactNode;
  readonly detail: ReactNode;
  /** Widths of the list in CSS pixels; narrow: below 1000. */
  readonly listPx?: number;
  readonly listNarrowPx?: number;
  readonly listLabel: string;
}
export const TwoPane = ({ title, aside, list, detail, listPx, listNarrowPx, listLabel }: TwoPaneProps) => (
  <div
    className="hp-panes"
    style={{ '--list': listPx && `${listPx}px`, '--list-narrow': listNarrowPx && `${listNarrowPx}px` } as CSSProperties}
  >
    <section className="hp-panes__list" aria-label={listLabel}>
      <header className="hp-page__top">
        <h1>{title}</h1>
        <span className="grow" />
        {aside}
      </header>
      {list}
    </section>
    <div className="hp-panes__detail">{detail}</div>
  </div>
);

export interface SectionProps {
  readonly title: string;
  readonly about?: ReactNode;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string | undefined;
}
export const Section = ({ title, about, aside, children, className }: SectionProps) => (
  <section className={className} aria-label={title}>
    <div className="hp-section__head">
      <h2 className="nowrap">{title}</h2>
      {about !== undefined && <span className="dim cut grow">{about}</span>}
      {about === undefined && <span className="grow" />}
      {aside}
    </div>
    {children}
  </section>
);

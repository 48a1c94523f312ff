/** The states every screen has beside its content: empty, loading, error, offline. */
import { CloudOff, TriangleAlert } from 'lucide-react';
import type { CSSProperties, ReactNode } from 'react';
import { Button } from './Button';

export interface EmptyStateProps {
  readonly title: string;
  /** What to do next. */
  readonly children?: ReactNode;
  readonly icon?: ReactNode;
  readonly actions?: ReactNode;
  /** `page`: the whole screen is empty. `box`: one section of it. */
  readonly size?: 'page' | 'box';
}
export const EmptyState = ({ title, children, icon, actions, size = 'box' }: EmptyStateProps) => (
  <div className="hp-empty" data-size={size}>
    {icon}
    <b>{title}</b>
    {children !== undefined && <div className="mut">{children}</div>}
    {actions !== undefined && <div className="hp-empty__actions">{actions}</div>}
  </div>
);

/** What happened, what is safe, what to do. The shape of `UserError`. */
export interface ShownError {
  readonly what: string;
  readonly safe?: string | null | undefined;
  readonly next?: string | null | undefined;
  readonly detail?: string | null | undefined;
}
export interface ErrorStateProps {
  readonly error: ShownError;
  readonly onRetry?: (() => void) | undefined;
  readonly tone?: 'bad' | 'warn';
  readonly actions?: ReactNode;
}
export const ErrorState = ({ error, onRetry, tone = 'bad', actions }: ErrorStateProps) => (
  <div className="hp-error" data-tone={tone} role="alert">
    <TriangleAlert size={15} aria-hidden />
    <div className="hp-error__what">{error.what}</div>
    {error.safe && <div>{error.safe}</div>}
    {error.next && <div className="mut">{error.next}</div>}
    {error.detail && (
      <details>
        <summary>Details</summary>
        <pre>{error.detail}</pre>
      </details>
    )}
    {(onRetry !== undefined || actions !== undefined) && (
      <div className="hp-error__actions">
        {onRetry !== undefined && (
          <Button size="s" onClick={onRetry}>
            Try again
          </Button>
        )}
        {actions}
      </div>
    )}
  </div>
);

/** A grey place for what is being loaded. Put several in one `<Loading>` so that it is announced once. */
export const Skeleton = (props: { readonly width?: number | string; readonly height?: number | string }) => (
  <div className="hp-skeleton" style={{ width: props.width ?? '100%', height: props.height ?? 16 } as CSSProperties} />
);
export const Loading = ({ label = 'Loading', children }: { readonly label?: string; readonly children: ReactNode }) => (
  <div role="status" aria-busy="true">
    <span className="sr-only">{label}</span>
    {children}
  </div>
);

export interface BannerProps {
  readonly tone?: 'warn' | 'bad';
  readonly icon?: ReactNode;
  readonly children: ReactNode;
  readonly action?: ReactNode;
}
export const Banner = ({ tone = 'warn', icon, children, action }: BannerProps) => (
  <div className="hp-banner" data-tone={tone} role="status">
    {icon ?? <TriangleAlert size={15} aria-hidden />}
    <span className="grow">{children}</span>
    {action}
  </div>
);
/** The service can't be reached: what is shown is old, and deadlines hold all the same. */
export const OfflineBanner = ({ since, reason }: { readonly since: string | null; readonly reason: string | null }) => (
  <Banner icon={<CloudOff size={15} aria-hidden />}>
    <b>Service unreachable{since === null ? '' : ` since ${since}`}.</b> Access on this machine still ends on time. What
    you see may be old; we keep trying.{reason ? ` (${reason})` : ''}
  </Banner>
);

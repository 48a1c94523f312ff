/** The window: setup until somebody is signed in, then the shell with its screens. */
import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { Component, type ReactNode, useEffect } from 'react';
import { SetupScreen } from '../features/setup';
import { ErrorState, ToastProvider, TooltipProvider, toast } from '../ui';
import { listen, toUserError } from './bridge';
import { queryClient } from './queries';
import { router } from './routes';
import { useSession } from './session';
import { useTheme } from './theme';

const TOOLTIP_DELAY_MS = 500;

export const App = () => (
  <CSPProvider disableStyleElements>
    <QueryClientProvider client={queryClient}>
      <TooltipProvider delay={TOOLTIP_DELAY_MS}>
        <ToastProvider>
          <ErrorBoundary>
            <Gate />
          </ErrorBoundary>
        </ToastProvider>
      </TooltipProvider>
    </QueryClientProvider>
  </CSPProvider>
);

/** What the main process has to say, in whichever phase. */
function useNotices(): void {
  useEffect(() => {
    const offs = [
      listen('notice', ({ what, safe, next }) =>
        toast({ title: what, about: [safe, next].filter(Boolean).join(' '), tone: 'bad' }),
      ),
      listen('news', ({ title, about }) => toast({ title, about: about ?? undefined, tone: 'plain' })),
    ];
    return () => {
      for (const off of offs) off();
    };
  }, []);
}

function Gate() {
  useTheme();
  useNotices();
  const session = useSession();
  if (session === undefined) return null; // a few milliseconds; a spinner would only flicker
  if (session.phase !== 'ready') return <SetupScreen session={session} />;
  return <RouterProvider router={router} />;
}

/** A fault in a screen shows what is safe instead of a blank window. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };
  static getDerivedStateFromError = (error: unknown) => ({ error });
  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <main className="app-fault">
        <ErrorState error={toUserError(this.state.error)} onRetry={() => this.setState({ error: null })} />
      </main>
    );
  }
}

/** The app's own mark, and the icon of a kind of target (kinds.ts). Everything else is lucide, 1.5 px. */
import { Server } from 'lucide-react';
import { wordsOfKind } from './kinds';

/** Unknown kinds get the plain server. */
export function KindIcon({ kind, size = 16 }: { readonly kind: string; readonly size?: number }) {
  const Icon = wordsOfKind(kind)?.Icon ?? Server;
  return <Icon size={size} strokeWidth={1.5} aria-hidden />;
}

/** A pass with its stub, on stamped green. */
export const AppMark = ({ sizePx = 22 }: { readonly sizePx?: number }) => (
  <svg width={sizePx} height={sizePx} viewBox="0 0 16 16" aria-hidden="true">
    <rect width="16" height="16" rx="3.6" fill="#1C5B3E" />
    <g transform="rotate(-9 8 8)">
      <path d="M2 4.2h6.3a1.15 1.15 0 0 0 2.3 0H14v7.6h-3.4a1.15 1.15 0 0 0-2.3 0H2z" fill="#FCFAF5" />
      <path d="M9.45 6.4v3.6" stroke="#1C5B3E" strokeWidth="1.1" strokeDasharray="1.2 1.2" />
    </g>
  </svg>
);
/** The ticket as a line icon, for the sidebar and empty states. */
export const TicketIcon = ({ size = 16 }: { readonly size?: number }) => (
  <svg
    width={size}
    height={size}
    viewBox="0 0 16 16"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.35"
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden="true"
  >
    <path
      transform="rotate(-32 8 8)"
      d="M1.3 4.3h7.2a1.1 1.1 0 0 0 2.2 0h4v7.4h-4a1.1 1.1 0 0 0-2.2 0H1.3zM9.6 7.1v.1M9.6 8.9v.1"
    />
  </svg>
);

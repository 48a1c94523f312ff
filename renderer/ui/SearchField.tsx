/** Search above a list: typing filters, Enter takes the chosen one, the arrows move through what was found. `/` comes here. */
import { Search } from 'lucide-react';
import { Kbd } from './marks';

export interface SearchFieldProps {
  readonly label: string;
  readonly text: string;
  readonly onText: (text: string) => void;
  /** How many were found, and which is chosen (-1: none). */
  readonly count: number;
  readonly at: number;
  readonly select: (index: number) => void;
}
export const SearchField = ({ label, text, onText, count, at, select }: SearchFieldProps) => (
  <div className="hp-input">
    <Search size={14} className="dim" aria-hidden />
    <input
      data-search
      aria-label={label}
      placeholder={label}
      value={text}
      onChange={(event) => onText(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') select(Math.max(at, 0));
        if (event.key === 'ArrowDown') select(Math.min(at + 1, count - 1));
        if (event.key === 'ArrowUp') select(Math.max(at - 1, 0));
      }}
    />
    <Kbd>/</Kbd>
  </div>
);

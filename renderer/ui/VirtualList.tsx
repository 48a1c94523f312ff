/** A long list of which only the visible rows exist. Rows may differ in height. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';

export interface VirtualListProps<T> {
  readonly items: readonly T[];
  readonly keyOf: (item: T, index: number) => string | number;
  readonly render: (item: T, index: number) => ReactNode;
  readonly estimatePx: number;
  readonly label: string;
  /** Called when the end comes near; load more. */
  readonly onEnd?: () => void;
  /** Kept in view (keyboard selection). */
  readonly selectedIndex?: number;
  readonly className?: string;
}
const OVERSCAN = 12;

export function VirtualList<T>(props: VirtualListProps<T>) {
  const { items, keyOf, render, estimatePx, label, onEnd, selectedIndex, className } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => estimatePx,
    overscan: OVERSCAN,
    getItemKey: (index) => {
      const item = items[index];
      return item === undefined ? index : keyOf(item, index);
    },
  });
  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? -1;
  useEffect(() => {
    if (last >= 0 && last >= items.length - OVERSCAN) onEnd?.();
  }, [last, items.length, onEnd]);
  useEffect(() => {
    if (selectedIndex !== undefined && selectedIndex >= 0) rows.scrollToIndex(selectedIndex, { align: 'auto' });
  }, [selectedIndex, rows]);
  return (
    <div ref={scroller} className={className} style={{ overflow: 'auto', flex: 1, minHeight: 0 }}>
      <ul aria-label={label} style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {shown.map((row) => {
          const item = items[row.index];
          return (
            item !== undefined && (
              <li
                key={row.key}
                ref={rows.measureElement}
                data-index={row.index}
                aria-setsize={items.length}
                aria-posinset={row.index + 1}
                style={{ position: 'absolute', top: 0, left: 0, right: 0, transform: `translateY(${row.start}px)` }}
              >
                {render(item, row.index)}
              </li>
            )
          );
        })}
      </ul>
    </div>
  );
}

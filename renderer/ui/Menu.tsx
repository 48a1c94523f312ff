/** A menu on a button. */
import { Menu as Base } from '@base-ui/react/menu';
import type { ReactElement, ReactNode } from 'react';

export interface MenuItem {
  readonly key: string;
  readonly label: ReactNode;
  readonly icon?: ReactNode;
  readonly aside?: ReactNode;
  readonly look?: 'plain' | 'danger';
  readonly disabled?: boolean;
  /** A hairline above it. */
  readonly group?: 'starts';
  readonly onSelect: () => void;
}
export interface MenuProps {
  /** The button that opens it: `<Button>` or `<IconButton>`-like, one element. */
  readonly trigger: ReactElement;
  readonly label?: string;
  readonly items: readonly MenuItem[];
  readonly align?: 'start' | 'end';
}
export function Menu({ trigger, label, items, align = 'start' }: MenuProps) {
  return (
    <Base.Root modal={false}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner className="hp-positioner" data-over-dialog sideOffset={4} align={align}>
          <Base.Popup className="hp-popup">
            {label !== undefined && <div className="lab hp-menu-label">{label}</div>}
            {items.map((item) => (
              <MenuEntry key={item.key} item={item} />
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

function MenuEntry({ item }: { readonly item: MenuItem }) {
  return (
    <>
      {item.group === 'starts' && <Base.Separator className="hp-menu-line" />}
      <Base.Item className="hp-item" data-look={item.look} disabled={item.disabled} onClick={item.onSelect}>
        {item.icon}
        <span>{item.label}</span>
        {item.aside !== undefined && <span className="hp-item__aside dim small">{item.aside}</span>}
      </Base.Item>
    </>
  );
}

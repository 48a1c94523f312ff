/**
 * The tray of the bed: a StatusNotifierWatcher that also says "a host is there", and clients that read what an app shows
 * (tooltip, icon, menu) and press what a person would press. Everything goes over D-Bus, as with a real panel.
 */
import { createHash } from 'node:crypto';
import { type Bus, call, getProperty, onSignal, processIdOf, type Served, serve, Variant } from './bus';
import { until } from './until';

const WATCHER = 'org.kde.StatusNotifierWatcher';
const ITEM = 'org.kde.StatusNotifierItem';
const MENU = 'com.canonical.dbusmenu';
const DEFAULT_ITEM_PATH = '/StatusNotifierItem';

/** One line of a tray menu. */
export interface TrayMenuItem {
  readonly id: number;
  /** Without the underscore that marks an access key. */
  readonly label: string;
  readonly kind: 'item' | 'separator' | 'submenu';
  readonly enabled: boolean;
  readonly visible: boolean;
  /** null when the line has no check mark or radio. */
  readonly checked: boolean | null;
  readonly children: readonly TrayMenuItem[];
}

interface RegisteredItem {
  readonly busName: string;
  readonly path: string;
}

/** Client of one exported menu. */
export class DbusMenu {
  constructor(
    private readonly bus: Bus,
    private readonly busName: string,
    private readonly path: string,
  ) {}

  /** The whole menu as it is now. */
  async items(): Promise<readonly TrayMenuItem[]> {
    const [, root] = await this.call('GetLayout', 'iias', [0, -1, []]);
    return readItem(root).children;
  }

  /** Every line with its labels from the top, for searching and for error texts. */
  async lines(): Promise<readonly { readonly path: readonly string[]; readonly item: TrayMenuItem }[]> {
    const flat = (items: readonly TrayMenuItem[], above: readonly string[]): { path: string[]; item: TrayMenuItem }[] =>
      items.flatMap((item) => {
        const path = [...above, item.label];
        return [{ path, item }, ...flat(item.children, path)];
      });
    return flat(await this.items(), []);
  }

  /**
   * Presses the line with these labels, from the top of the menu down.
   * @throws {Error} that lists what is there, when the line is missing, greyed out or hidden
   */
  async click(...labels: readonly string[]): Promise<void> {
    const lines = await this.lines();
    const found = lines.find(
      ({ path }) => path.length === labels.length && path.every((part, i) => part === labels[i]),
    );
    const shown = lines.map(({ path }) => path.join(' ▸ ')).join('\n  ');
    if (!found) throw new Error(`The tray menu has no "${labels.join(' ▸ ')}". It has:\n  ${shown}`);
    if (!found.item.enabled || !found.item.visible) throw new Error(`"${labels.join(' ▸ ')}" can't be pressed now.`);
    await this.call('Event', 'isvu', [found.item.id, 'clicked', new Variant('s', ''), 0]);
  }

  /** Calls back at each change of the menu; gives back how to stop. */
  onChange(listener: () => void): Promise<() => void> {
    return onSignal(this.bus, MENU, (member, _body, sender) => {
      if (member === 'LayoutUpdated' && sender === this.busName) listener();
    });
  }

  private call(member: string, signature: string, body: unknown[]): Promise<unknown[]> {
    return call(this.bus, { destination: this.busName, path: this.path, interface: MENU, member, signature, body });
  }
}

/** Client of one app's tray icon. */
export class TrayItem {
  private constructor(
    private readonly bus: Bus,
    readonly busName: string,
    private readonly path: string,
    readonly dbusMenu: DbusMenu,
  ) {}

  static async of(bus: Bus, busName: string, path: string): Promise<TrayItem> {
    const menuPath = await getProperty(bus, { destination: busName, path, interface: ITEM }, 'Menu');
    return new TrayItem(bus, busName, path, new DbusMenu(bus, busName, String(menuPath)));
  }

  async tooltip(): Promise<string> {
    const value = (await this.property('ToolTip')) as [string, unknown, string, string];
    return value[2];
  }

  /** The largest picture of the icon; `digest` tells two icons apart. */
  async icon(): Promise<{ width: number; height: number; argb: Buffer; digest: string }> {
    const pictures = (await this.property('IconPixmap')) as [number, number, Buffer][];
    const [width, height, argb] = pictures.reduce((best, next) => (next[0] > best[0] ? next : best));
    return { width, height, argb, digest: createHash('sha256').update(argb).digest('hex').slice(0, 16) };
  }

  menu(): Promise<readonly TrayMenuItem[]> {
    return this.dbusMenu.items();
  }

  /** Presses a menu line. @see DbusMenu.click */
  click(...labels: readonly string[]): Promise<void> {
    return this.dbusMenu.click(...labels);
  }

  /** A left click on the icon. */
  async activate(): Promise<void> {
    const { bus, busName, path } = this;
    await call(bus, { destination: busName, path, interface: ITEM, member: 'Activate', signature: 'ii', body: [0, 0] });
  }

  private property(name: string): Promise<unknown> {
    return getProperty(this.bus, { destination: this.busName, path: this.path, interface: ITEM }, name);
  }
}

/** The watcher: can come late, go away and come back, as panels do. */
export class TrayWatcher {
  private served: Served | null = null;
  private items: RegisteredItem[] = [];
  /** Left out of what panels are told, while a picture is taken. */
  private hidden: ReadonlySet<RegisteredItem> = new Set();
  private stopListening: (() => void) | null = null;

  constructor(private readonly bus: Bus) {}

  async start(): Promise<void> {
    if (this.served) return;
    const address = ({ busName, path }: RegisteredItem) => `${busName}${path}`;
    this.served = await serve(this.bus, WATCHER, {
      path: '/StatusNotifierWatcher',
      interface: WATCHER,
      properties: {
        RegisteredStatusNotifierItems: () =>
          new Variant('as', this.items.filter((item) => !this.hidden.has(item)).map(address)),
        IsStatusNotifierHostRegistered: () => new Variant('b', true),
        ProtocolVersion: () => new Variant('i', 0),
      },
      methods: {
        RegisterStatusNotifierItem: {
          out: '',
          run: ([service], sender) => {
            const item = registered(String(service), sender);
            this.items.push(item);
            this.served?.emit('StatusNotifierItemRegistered', 's', [address(item)]);
            return [];
          },
        },
        RegisterStatusNotifierHost: { out: '', run: () => [] },
      },
    });
    this.stopListening ??= await onSignal(this.bus, 'org.freedesktop.DBus', (member, [name, , newOwner]) => {
      if (member !== 'NameOwnerChanged' || newOwner !== '') return;
      for (const item of this.items.filter(({ busName }) => busName === name)) {
        this.served?.emit('StatusNotifierItemUnregistered', 's', [address(item)]);
      }
      this.items = this.items.filter(({ busName }) => busName !== name);
    });
  }

  /** The panel crashes: the name is gone and so is every registration. */
  async stop(): Promise<void> {
    await this.served?.stop();
    this.served = null;
    this.items = [];
  }

  /**
   * Takes all other apps' icons out of the panels that listen, for a picture of one. The apps notice nothing.
   * @returns what puts them back
   */
  async showOnly(busName: string): Promise<() => void> {
    const others = this.items.filter((item) => item.busName !== busName);
    const tell = (member: string) => {
      for (const item of others) this.served?.emit(member, 's', [`${item.busName}${item.path}`]);
    };
    this.hidden = new Set(others);
    tell('StatusNotifierItemUnregistered');
    return () => {
      this.hidden = new Set();
      tell('StatusNotifierItemRegistered');
    };
  }

  /** The newest icon of a process; waits until it registers. */
  async itemOf(processId: number, timeoutMs = 10_000): Promise<TrayItem> {
    return until(
      `a tray icon of process ${processId}`,
      async () => {
        for (const item of [...this.items].reverse()) {
          const owner = await processIdOf(this.bus, item.busName).catch(() => null);
          if (owner === processId) return TrayItem.of(this.bus, item.busName, item.path);
        }
        return null;
      },
      timeoutMs,
    );
  }
}

/** Apps register by bus name, by path, or by both together. */
function registered(service: string, sender: string): RegisteredItem {
  if (service.startsWith('/')) return { busName: sender, path: service };
  const slash = service.indexOf('/');
  if (slash < 0) return { busName: service, path: DEFAULT_ITEM_PATH };
  return { busName: service.slice(0, slash), path: service.slice(slash) };
}

function readItem(raw: unknown): TrayMenuItem {
  const [id, properties, children] = raw as [number, Record<string, unknown>, unknown[]];
  const label = String(properties.label ?? '').replace(/_(_?)/g, '$1');
  const isSubmenu = properties['children-display'] === 'submenu';
  return {
    id,
    label,
    kind: properties.type === 'separator' ? 'separator' : isSubmenu ? 'submenu' : 'item',
    enabled: properties.enabled !== false,
    visible: properties.visible !== false,
    checked: properties['toggle-type'] ? properties['toggle-state'] === 1 : null,
    children: children.map(readItem),
  };
}

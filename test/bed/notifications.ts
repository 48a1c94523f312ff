/**
 * The notification daemon of the bed: records every Notify with the time it came in, and can do what a person does (press
 * a button, dismiss) or what a real daemon does by itself (expire). Which abilities it admits to is an option, because
 * real daemons differ and the app must cope.
 */
import { type Bus, plain, processIdOf, type Served, serve } from './bus';
import { until } from './until';

const NAME = 'org.freedesktop.Notifications';
const PATH = '/org/freedesktop/Notifications';

/** `absent`: nobody owns the name. `without-actions`: text only, as some daemons are. */
export type NotificationAbility = 'with-actions' | 'without-actions' | 'absent';

/** One recorded Notify. */
export interface ShownNotification {
  readonly id: number;
  /** Unique bus name of the app. */
  readonly sender: string;
  readonly appName: string;
  readonly replacesId: number;
  readonly icon: string;
  readonly summary: string;
  /** As sent, with markup. */
  readonly body: string;
  readonly actions: readonly { readonly key: string; readonly label: string }[];
  readonly hints: Readonly<Record<string, unknown>>;
  /** 0 never, -1 the daemon's default. */
  readonly expireMs: number;
  /** `performance.now()` of this process when it arrived. */
  readonly receivedAt: number;
  /** null while it is shown. */
  readonly closed: 'expired' | 'dismissed' | 'by-app' | 'replaced' | null;
}

const CLOSE_REASON = { expired: 1, dismissed: 2, 'by-app': 3 } as const;

/** A daemon that can be asked what it showed. */
export class NotificationDaemon {
  private served: Served | null = null;
  private shown: ShownNotification[] = [];
  private nextId = 1;
  /** Notify's arguments as they came in, by the time of arrival, for showing them again elsewhere. */
  private readonly sent = new Map<number, unknown[]>();

  constructor(private readonly bus: Bus) {}

  async start(ability: Exclude<NotificationAbility, 'absent'>): Promise<void> {
    const abilities = ['body', 'body-markup', 'persistence', 'icon-static'];
    this.served = await serve(this.bus, NAME, {
      path: PATH,
      interface: NAME,
      methods: {
        GetCapabilities: { out: 'as', run: () => [ability === 'with-actions' ? [...abilities, 'actions'] : abilities] },
        GetServerInformation: { out: 'ssss', run: () => ['Hallpass bed', 'hallpass', '1.0', '1.2'] },
        Notify: { out: 'u', run: (body, sender) => [this.record(body, sender)] },
        CloseNotification: {
          out: '',
          run: ([id]) => {
            this.close(Number(id), 'by-app');
            return [];
          },
        },
      },
    });
  }

  /** The daemon goes away; what it showed is gone from the screen, not from `all()`. */
  async stop(): Promise<void> {
    await this.served?.stop();
    this.served = null;
  }

  /** Everything ever shown, oldest first. */
  all(): readonly ShownNotification[] {
    return this.shown;
  }

  /** What is on the screen now. */
  open(): readonly ShownNotification[] {
    return this.shown.filter(({ closed }) => closed === null);
  }

  /** The arguments of Notify exactly as the app sent them. */
  asSent(notification: ShownNotification): unknown[] {
    const body = this.sent.get(notification.receivedAt);
    if (!body) throw new Error(`Notification ${notification.id} was not shown here.`);
    return body;
  }

  /** Only those of one app. */
  async of(processId: number): Promise<readonly ShownNotification[]> {
    const senders = [...new Set(this.shown.map(({ sender }) => sender))];
    const owners = await Promise.all(senders.map((name) => processIdOf(this.bus, name).catch(() => null)));
    const mine = new Set(senders.filter((_, index) => owners[index] === processId));
    return this.shown.filter(({ sender }) => mine.has(sender));
  }

  /** Waits for a notification that fits; also finds one that came before the call. */
  waitFor(
    what: string,
    fits: (notification: ShownNotification) => boolean,
    timeoutMs = 10_000,
  ): Promise<ShownNotification> {
    return until(`a notification: ${what}`, () => this.shown.find(fits), timeoutMs);
  }

  /** A person presses a button; the daemon closes it afterwards, as most do. */
  invoke(id: number, key: string): void {
    const found = this.find(id);
    if (!found.actions.some((action) => action.key === key)) {
      throw new Error(
        `Notification ${id} has no action "${key}", it has ${found.actions.map((a) => a.key).join(', ')}`,
      );
    }
    this.served?.emit('ActionInvoked', 'us', [id, key]);
    this.close(id, 'dismissed');
  }

  /** A person presses a button and the daemon leaves the notification open, as dunst does. */
  invokeAndLeaveOpen(id: number, key: string): void {
    this.find(id);
    this.served?.emit('ActionInvoked', 'us', [id, key]);
  }

  dismiss(id: number): void {
    this.find(id);
    this.close(id, 'dismissed');
  }

  expire(id: number): void {
    this.find(id);
    this.close(id, 'expired');
  }

  private record(body: unknown[], sender: string): number {
    const [appName, replacesId, icon, summary, text, actions, hints, expireMs] = body.map(plain) as [
      string,
      number,
      string,
      string,
      string,
      string[],
      Record<string, unknown>,
      number,
    ];
    const id = replacesId || this.nextId++;
    this.mark(id, 'replaced');
    const pairs = actions.flatMap((key, index) => (index % 2 === 0 ? [{ key, label: actions[index + 1] ?? '' }] : []));
    const receivedAt = performance.now();
    this.sent.set(receivedAt, body);
    const shown = { id, sender, appName, replacesId, icon, summary, body: text, actions: pairs, hints, expireMs };
    this.shown.push({ ...shown, receivedAt, closed: null });
    return id;
  }

  private close(id: number, how: keyof typeof CLOSE_REASON): void {
    if (!this.mark(id, how)) return;
    this.served?.emit('NotificationClosed', 'uu', [id, CLOSE_REASON[how]]);
  }

  private mark(id: number, how: NonNullable<ShownNotification['closed']>): boolean {
    const index = this.shown.findIndex((each) => each.id === id && each.closed === null);
    const found = this.shown[index];
    if (!found) return false;
    this.shown[index] = { ...found, closed: how };
    return true;
  }

  private find(id: number): ShownNotification {
    const found = this.shown.find((each) => each.id === id && each.closed === null);
    if (!found) throw new Error(`Notification ${id} is not on the screen.`);
    return found;
  }
}

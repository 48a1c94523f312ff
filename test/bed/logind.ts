/** A logind on a system bus of our own, so that a test can put the "machine" to sleep and lock its screen. */
import { type Bus, type Served, serve, Variant } from './bus';

const NAME = 'org.freedesktop.login1';
const OWN_SESSION = '/org/freedesktop/login1/session/bed';
const OTHER_SESSION = '/org/freedesktop/login1/session/other';

export interface LogindOptions {
  /** Whose programs it knows: those of the bed's session, or of none. */
  readonly knows?: 'session' | 'no-session';
  /** How the screen is as it starts. Default `open`. */
  readonly screen?: 'locked' | 'open';
}

/** Methods, signals and the property of login1 that apps use. */
export class Logind {
  private constructor(
    private readonly manager: Served,
    private readonly session: Served,
    private readonly other: Served,
    private readonly screen: { locked: boolean },
  ) {}

  static async start(bus: Bus, options: LogindOptions = {}): Promise<Logind> {
    const screen = { locked: options.screen === 'locked' };
    const session = () => {
      if (options.knows === 'no-session') throw new Error('Caller does not belong to any known session');
      return [OWN_SESSION];
    };
    const manager = await serve(bus, NAME, {
      path: '/org/freedesktop/login1',
      interface: `${NAME}.Manager`,
      methods: {
        // Passing descriptors is beyond this bus; Electron goes on without the inhibitor lock.
        Inhibit: {
          out: '',
          run: () => {
            throw new Error('no inhibitor locks here');
          },
        },
        GetSession: { out: 'o', run: session },
        GetSessionByPID: { out: 'o', run: session },
      },
    });
    const sessionAt = (path: string, hint: () => Variant) =>
      serve(bus, NAME, { path, interface: `${NAME}.Session`, methods: {}, properties: { LockedHint: hint } });
    const own = await sessionAt(OWN_SESSION, () => new Variant('b', screen.locked));
    const other = await sessionAt(OTHER_SESSION, () => new Variant('b', true));
    return new Logind(manager, own, other, screen);
  }

  /** The machine is about to sleep. */
  suspend(): void {
    this.manager.emit('PrepareForSleep', 'b', [true]);
  }

  /** The machine woke up. */
  resume(): void {
    this.manager.emit('PrepareForSleep', 'b', [false]);
  }

  shutdown(): void {
    this.manager.emit('PrepareForShutdown', 'b', [true]);
  }

  /** As `loginctl lock-session` does: asks the session to lock. Whether it does is another thing. */
  lock(): void {
    this.session.emit('Lock', '', []);
  }

  unlock(): void {
    this.session.emit('Unlock', '', []);
  }

  /** As the desktop says it once its screen is locked or open. */
  hint(screen: 'locked' | 'open'): void {
    this.screen.locked = screen === 'locked';
    this.session.changed('LockedHint');
  }

  /** Somebody else's session on the same machine is locked. */
  lockOther(): void {
    this.other.emit('Lock', '', []);
    this.other.changed('LockedHint');
  }

  /** Gives the name back, as when it is about to be started anew. */
  async stop(): Promise<void> {
    await Promise.all([this.manager, this.session, this.other].map((served) => served.stop()));
  }
}

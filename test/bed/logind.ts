/** A logind on the bed's own system bus, so that a test can put the "machine" to sleep and lock it. */
import { type Bus, type Served, serve } from './bus';

/** Signals of login1 that apps listen to. */
export class Logind {
  private constructor(
    private readonly manager: Served,
    private readonly session: Served,
  ) {}

  static async start(bus: Bus): Promise<Logind> {
    const manager = await serve(bus, 'org.freedesktop.login1', {
      path: '/org/freedesktop/login1',
      interface: 'org.freedesktop.login1.Manager',
      methods: {
        // Passing descriptors is beyond this bus; Electron goes on without the inhibitor lock.
        Inhibit: {
          out: '',
          run: () => {
            throw new Error('no inhibitor locks here');
          },
        },
        GetSession: { out: 'o', run: () => ['/org/freedesktop/login1/session/bed'] },
        GetSessionByPID: { out: 'o', run: () => ['/org/freedesktop/login1/session/bed'] },
      },
    });
    const session = await serve(bus, 'org.freedesktop.login1', {
      path: '/org/freedesktop/login1/session/bed',
      interface: 'org.freedesktop.login1.Session',
      methods: {},
    });
    return new Logind(manager, session);
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

  lock(): void {
    this.session.emit('Lock', '', []);
  }

  unlock(): void {
    this.session.emit('Unlock', '', []);
  }
}

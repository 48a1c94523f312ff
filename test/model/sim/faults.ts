/** Everything that may go wrong, at random; and the calm in which all of it has to come right again. */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import type { Device } from './device';
import type { Simulation } from './simulation';

const JUMPS_MS = [SECOND_MS, 10 * SECOND_MS, MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 9 * HOUR_MS, DAY_MS, 365 * DAY_MS];

export class Faults {
  private calm = false;
  /** Each world has a temper of its own: some trouble never comes to it, some is its daily bread. Else all worlds are alike. */
  private readonly temper = new Map<string, number>();
  readonly pace: number;

  constructor(private readonly sim: Simulation) {
    this.pace = sim.kernel.chance.pick([0.4, 1, 1, 2]);
  }
  private weightOf(what: string, usual: number): number {
    const known = this.temper.get(what) ?? this.sim.kernel.chance.pick([0, 1, 1, 1, 4]);
    this.temper.set(what, known);
    return usual * known;
  }

  /** Starts one trouble, which ends by itself. */
  strike(): void {
    if (this.calm) return;
    const { kernel } = this.sim;
    const device = kernel.chance.pick([...this.sim.devices.values()]);
    const target = kernel.chance.pick([...this.sim.targets.values()]);
    const later = (lengthMs: number, mend: () => void) => {
      kernel.after(null, 'FAULT ends', lengthMs, mend);
    };
    const troubles: [number, string, () => void][] = [
      [2, 'the service is killed', () => this.killService()],
      [10, 'an app is killed', () => this.killApp(device)],
      [3, 'a keeper is killed', () => this.killKeeper(device)],
      [3, 'a machine restarts', () => this.reboot(device)],
      [
        2,
        'a machine sleeps',
        () => device.sleep(kernel.between(SECOND_MS, kernel.happens(0.2) ? 9 * HOUR_MS : 10 * MINUTE_MS)),
      ],
      [
        4,
        'a target is away',
        () => {
          target.line = kernel.chance.pick(['down', 'slow', 'half-open'] as const);
          later(kernel.between(SECOND_MS, kernel.happens(0.2) ? 20 * MINUTE_MS : MINUTE_MS), () => {
            target.line = 'up';
            target.disturbedAt = kernel.now;
            target.breakLines();
          });
        },
      ],
      [
        4,
        'single calls to a target go wrong',
        () => {
          target.faultChance = 0.3;
          later(kernel.between(SECOND_MS, MINUTE_MS), () => {
            target.faultChance = 0;
            target.disturbedAt = kernel.now;
            target.breakLines();
          });
        },
      ],
      [1, 'a target’s backup is made', () => target.takeBackup()],
      [0.5, 'a target is put back to its backup', () => target.restoreBackup()],
      [
        3,
        'a network is cut',
        () => {
          device.network = kernel.chance.pick(['cut', 'half-open'] as const);
          later(kernel.between(SECOND_MS, 3 * MINUTE_MS), () => {
            device.network = 'up';
          });
        },
      ],
      [5, 'a disk fails', () => this.breakDisk(device, later)],
      [
        1,
        'the service’s disk is full',
        () => {
          const { service } = this.sim;
          service.diskFull = true;
          later(kernel.between(SECOND_MS, MINUTE_MS), () => {
            service.diskFull = false;
            service.storeFailedAt = kernel.now;
          });
        },
      ],
      [4, 'a desktop’s clock jumps', () => this.jump(device)],
      [0.5, 'the service’s clock jumps', () => this.jumpService()],
    ];
    const weights = troubles.map(([weight, what]) => this.weightOf(what, weight));
    let left = kernel.chance.next() * weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, [, what, begin]] of troubles.entries()) {
      left -= weights[index] ?? 0;
      if (left > 0) continue;
      kernel.trace(`FAULT ${what} (${device.member.name})`);
      this.sim.count(`fault: ${what}`);
      begin();
      return;
    }
  }

  private killService(): void {
    const { kernel, service } = this.sim;
    service.crash();
    const away = kernel.happens(0.1) ? 20 * MINUTE_MS : 10 * SECOND_MS;
    kernel.after(null, 'the service starts', kernel.between(500, away), () => {
      if (service.life === null) void service.start().catch((cause: unknown) => kernel.fail(cause));
    });
  }
  private killApp(device: Device): void {
    const { kernel } = this.sim;
    device.kill();
    this.startLater(device, kernel.happens(0.2) ? 5 * MINUTE_MS : 5 * SECOND_MS);
  }
  private startLater(device: Device, withinMs: number): void {
    const { kernel } = this.sim;
    kernel.after(null, 'an app starts', kernel.between(500, withinMs), () => {
      void device.start().catch((cause: unknown) => kernel.fail(cause));
    });
  }
  /** With the app alive: both at once is a machine that went down. */
  private killKeeper(device: Device): void {
    if (device.app === null || device.keepers.length === 0) return;
    const keeper = this.sim.kernel.chance.pick(device.keepers);
    keeper.process.die();
    device.keepers = device.keepers.filter((other) => other !== keeper);
  }
  private reboot(device: Device): void {
    device.reboot();
    this.startLater(device, 30_000);
  }
  private breakDisk(device: Device, later: (lengthMs: number, mend: () => void) => void): void {
    const { kernel } = this.sim;
    const { disk } = device;
    const kind = kernel.chance.pick(['full', 'errors', 'locked'] as const);
    if (kind === 'full') disk.full = true;
    else if (kind === 'errors')
      disk.faultOf = () => (kernel.happens(0.15) ? kernel.chance.pick(['EIO', 'EACCES', 'short'] as const) : null);
    else disk.faultOf = (call) => (call === 'unlink' || call === 'rename' ? 'EACCES' : null);
    later(kernel.between(SECOND_MS, 2 * MINUTE_MS), () => {
      disk.full = false;
      disk.faultOf = () => null;
      disk.failedAt = kernel.now;
    });
  }
  private jump(device: Device): void {
    const { kernel } = this.sim;
    device.skewMs += kernel.chance.pick(JUMPS_MS) * kernel.chance.pick([1, -1]);
    device.clockTouchedAt = kernel.now;
  }
  private jumpService(): void {
    const { kernel, service } = this.sim;
    service.machine.skewMs += kernel.chance.pick(JUMPS_MS) * kernel.chance.pick([1, -1]);
  }

  /** Nothing new goes wrong, and what is wrong is mended. */
  async endAll(): Promise<void> {
    this.calm = true;
    const { kernel, service } = this.sim;
    for (const target of this.sim.targets.values()) {
      target.line = 'up';
      target.faultChance = 0;
      target.disturbedAt = kernel.now;
      target.breakLines();
    }
    service.diskFull = false;
    if (service.life === null) await service.start();
    for (const device of this.sim.devices.values()) {
      device.network = 'up';
      device.disk.full = false;
      device.disk.faultOf = () => null;
      device.wake();
      if (device.app === null) void device.start();
    }
  }
}

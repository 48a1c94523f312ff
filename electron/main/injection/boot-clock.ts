/**
 * Time since boot: counts sleep, and nobody can set it back. With the boot id it tells "slept" and "rebooted" from
 * "somebody changed the clock".
 * Linux: /proc/uptime (CLOCK_BOOTTIME). macOS and Windows: `os.uptime()`, which there follows kern.boottime and
 * GetTickCount64, both counting sleep; built, not run.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

export interface BootReading {
  /** Names this run of the machine; null where the system gives no such id. */
  readonly bootId: string | null;
  readonly uptimeMs: number;
}
/** Null when the system has no such clock (a sandbox without /proc). */
export interface BootClock {
  read(): BootReading | null;
}

function readBootId(platform: NodeJS.Platform): string | null {
  try {
    if (platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    if (platform === 'darwin')
      return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], {
        encoding: 'utf8',
        timeout: 2_000,
      }).trim();
  } catch {
    // no id: `uptimeMs` going backwards still shows a reboot
  }
  return null;
}

/** The boot clock of this machine. The boot id is read once: it can't change while we run. */
export function systemBootClock(platform: NodeJS.Platform = process.platform): BootClock {
  const bootId = readBootId(platform);
  return {
    read() {
      try {
        if (platform !== 'linux') return { bootId, uptimeMs: Math.round(uptime() * 1_000) };
        const seconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
        return Number.isFinite(seconds) ? { bootId, uptimeMs: Math.round(seconds * 1_000) } : null;
      } catch {
        return null;
      }
    },
  };
}

/**
 * Tells why Chromium gave no single-instance lock: another Hallpass has it, or none could be made (a full disk, a read-only
 * home). The first ends quietly, since the other one shows itself; the second must be said.
 */
import { accessSync, constants, lstatSync } from 'node:fs';
import { join } from 'node:path';

/** Chromium's lock on Linux and macOS. Windows locks without a file. */
const LOCK = 'SingletonLock';

/** Asked after the lock was refused. */
export function isAnotherRunning(userData: string, platform: NodeJS.Platform = process.platform): boolean {
  if (platform === 'win32') return true;
  try {
    lstatSync(join(userData, LOCK));
    accessSync(userData, constants.W_OK); // a lock that nobody can remove may be of the dead
    return true;
  } catch {
    return false;
  }
}

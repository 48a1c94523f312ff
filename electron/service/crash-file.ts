/** Last words. A crashing utility process sometimes loses its stderr, so they also go to a file that the app shows. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loggedError } from './log';

/** Writes `crash.log` (0600) into the folder when the process is about to die of an error. Nothing secret: see log.ts. */
export function writeCrashFile(folder: string): void {
  process.on('uncaughtExceptionMonitor', (error, origin) => {
    try {
      const lines = [new Date().toISOString(), origin, JSON.stringify(loggedError(error), null, 2)];
      writeFileSync(join(folder, 'crash.log'), `${lines.join('\n')}\n`, { mode: 0o600 });
    } catch {
      // Nothing more can be done: the folder may be what is broken.
    }
  });
}

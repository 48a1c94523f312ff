/** Where the helper `hallpass` lies that files of other tools may point to: the app's own copy, at a path that no update moves. */
import { join } from 'node:path';

export const helperFile = (userDataDir: string, platform: NodeJS.Platform): string =>
  join(userDataDir, 'bin', platform === 'win32' ? 'hallpass.cmd' : 'hallpass');

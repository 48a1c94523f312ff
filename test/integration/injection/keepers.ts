/** The keepers that watch over a test's folder, found as anybody could: by what they were started with. */
import { readdirSync, readFileSync } from 'node:fs';

export interface KeeperProcess {
  readonly pid: string;
  readonly args: readonly string[];
}

/** @param root every path of the test begins with it */
export function keepersUnder(root: string): KeeperProcess[] {
  const found = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        if (!args.includes('hallpass-keeper') || !args.some((arg) => arg.startsWith(root))) return [];
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        if (/^State:\s+Z/m.test(status)) return [];
        return [{ pid, parent: /^PPid:\s+(\d+)$/m.exec(status)?.[1], args }];
      } catch {
        return []; // it ended meanwhile
      }
    });
  // A child that a keeper has forked and that is not yet the `sleep` it will be looks like a second one.
  return found.filter(({ parent }) => !found.some(({ pid }) => pid === parent));
}

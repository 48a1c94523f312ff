/** Collects what was compiled, and writes it beside the files once it has run. */
import { writeFileSync } from 'node:fs';
import type { Script } from 'node:vm';
import { cacheFileOf, type Side } from './code-cache';

export function keeper(side: Side): { take(file: string, script: Script): void; write(): void } {
  const scripts = new Map<string, Script>();
  return {
    take: (file, script) => void scripts.set(file, script),
    write() {
      for (const [file, script] of scripts) writeFileSync(cacheFileOf(file, side), script.createCachedData());
    },
  };
}

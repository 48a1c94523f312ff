/** Memory of an app as the kernel counts it: PSS, in which a page shared by n processes counts one n-th for each. */
import { readdirSync, readFileSync } from 'node:fs';

/** The process and everything it started, directly or not. */
export function processTree(rootId: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(Number(name));
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [rootId];
  for (const id of tree) tree.push(...(children.get(id) ?? []));
  return tree;
}

/** Sum of the tree's PSS in MB. Processes that end meanwhile count nothing. */
export function treePssMb(rootId: number): number {
  let kilobytes = 0;
  for (const id of processTree(rootId))
    kilobytes += Number(/^Pss:\s+(\d+) kB$/m.exec(read(id, 'smaps_rollup'))?.[1] ?? 0);
  return kilobytes / 1024;
}

function parentOf(id: number): number | null {
  const fields = /^\d+ \(.*\) \S (\d+) /s.exec(read(id, 'stat'));
  return fields ? Number(fields[1]) : null;
}

function read(id: number, file: string): string {
  try {
    return readFileSync(`/proc/${id}/${file}`, 'utf8');
  } catch {
    return ''; // it has ended
  }
}

/** The build's compiled code is taken by the Electron that runs the app; a start without it is slower by a tenth and says nothing. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { electronRuntime } from '../../electron/dev/electron-runtime.mjs';
import { PROJECT_FOLDER } from '../../electron/dev/run.mjs';

/** As in lifecycle/small-heap.ts and session/fork-service.ts, which need Electron to be imported. */
const MAIN_FLAG = '--semi-space-growth-factor=1';
const SERVICE_FLAGS = '--js-flags=--max-semi-space-size=2';

test('every cache of the build is taken, in the main process and in the service’s', async () => {
  const { path: electron } = await electronRuntime();
  const switches = [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ...['--ozone-platform=headless', '--disable-gpu', '--log-level=3'],
  ];
  const script = path.join(PROJECT_FOLDER, 'test', 'e2e', 'fixtures', 'read-caches.cjs');
  const orders = {
    folder: path.join(PROJECT_FOLDER, 'out', 'main'),
    mainFlag: MAIN_FLAG,
    serviceFlags: SERVICE_FLAGS,
  };
  const env = { ...process.env, READ_CACHES: JSON.stringify(orders) };
  const { stdout } = await promisify(execFile)(electron, [...switches, script], { env });
  const read: { side: string; name: string; refused: boolean }[] = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  expect(read.filter(({ refused }) => refused)).toEqual([]);
  for (const [side, room] of [
    ['main', 'agent'],
    ['main', 'shell'],
    ['service', 'service'],
  ])
    expect(read.some((each) => each.side === side && each.name.startsWith(`${room}-`))).toBe(true);
});

/**
 * Starts the packaged, hardened app and reads its fuses back. Apart from the other end-to-end tests because it needs
 * `npm run package` first; `.ci/run` runs it. A hardened build can't be driven through the inspector, so this talks to the
 * page over the remote debugging port, which Chromium offers on request.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { chromium } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bed, startBed, until } from '../bed';
import { type Program, startProgram } from '../bed/processes';

/** The fuse wire holds ASCII digits. */
const OFF = 0x30;
const ON = 0x31;
const PACKAGED = fileURLToPath(new URL('../../dist/linux-unpacked/hallpass', import.meta.url));

let bed: Bed;
const programs: Program[] = [];
beforeAll(async () => {
  if (!existsSync(PACKAGED)) throw new Error('There is no packaged app: run `npm run package` first.');
  bed = await startBed();
});
afterAll(async () => {
  await Promise.all(programs.map((program) => program.stop()));
  await bed?.stop();
});

async function startPackaged(person: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Program> {
  const switches = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const all = [...switches, '--disable-gpu', '--log-level=3', '--password-store=gnome-libsecret', ...args];
  const program = startProgram(PACKAGED, all, { env: { ...(await bed.environment(person)), ...env } });
  programs.push(program);
  return program;
}

/** The line with which Chromium says where it can be debugged. */
function debuggerAddress(program: Program): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const address = /DevTools listening on (ws:\/\/\S+)/.exec(program.output())?.[1];
      if (address) resolve(address);
    };
    program.process.stderr?.on('data', look);
    program.process.once('close', () => reject(new Error(`The app ended: ${program.output()}`)));
    look();
  });
}

test('the packaged app opens its main window from its own origin', async () => {
  const program = await startPackaged('user', ['--remote-debugging-port=0']);
  const address = await debuggerAddress(program);
  const log = path.join((await bed.environment('user')).HOME ?? '', '.config', 'Hallpass', 'log', 'hallpass.log');
  // Whoever attaches while the window's process starts may wait for a page that never reports itself.
  await until('the window', () => existsSync(log) && readFileSync(log, 'utf8').includes('the window can be shown'));
  const browser = await chromium.connectOverCDP(address);
  try {
    const context = browser.contexts()[0];
    const page = context?.pages()[0] ?? (await context?.waitForEvent('page'));
    await page?.waitForURL(/^app:\/\/hallpass\//);
    await page?.waitForSelector('#root > *, main, [role=main]');
    expect(await page?.title()).toContain('Hallpass');
  } finally {
    await browser.close();
  }
});

test('the fuses of the release are set in the executable', async () => {
  const wire = await getCurrentFuseWire(PACKAGED);
  const stateOf = (fuse: FuseV1Options) => Number(wire[fuse]);
  expect(stateOf(FuseV1Options.RunAsNode)).toBe(OFF);
  expect(stateOf(FuseV1Options.EnableCookieEncryption)).toBe(ON);
  expect(stateOf(FuseV1Options.EnableNodeOptionsEnvironmentVariable)).toBe(OFF);
  expect(stateOf(FuseV1Options.EnableNodeCliInspectArguments)).toBe(OFF);
  expect(stateOf(FuseV1Options.OnlyLoadAppFromAsar)).toBe(ON);
  expect(stateOf(FuseV1Options.GrantFileProtocolExtraPrivileges)).toBe(OFF);
});

test('the packaged app does not run as a bare Node', async () => {
  const script = ['-e', 'console.log("I am Node")'];
  const program = await startPackaged('node', [...script, '--remote-debugging-port=0'], { ELECTRON_RUN_AS_NODE: '1' });
  // Node would have refused the switch and run the script; Chromium opens its port.
  await debuggerAddress(program);
  expect(program.output()).not.toContain('I am Node');
});

/** The screen lock as a desktop hears it: real bus daemons of our own, on them a logind or a screen saver, in every order of coming and going. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectSessionBus } from '../../../electron/main/lifecycle/session-bus';
import { type LockWatch, watchScreenLock } from '../../../electron/main/signals/screen-lock';
import { until } from '../../bed';
import { askBus, type Bus, type BusDaemon, connect, serve, startBusDaemon } from '../../bed/bus';
import { Logind } from '../../bed/logind';
import { type Program, startProgram } from '../../bed/processes';

const NOBODY = 'This desktop tells nobody when its screen is locked.';
const SAVER = 'org.gnome.ScreenSaver';
let folder: string;
let after: (() => Promise<void> | void)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
});
afterEach(async () => {
  for (const undo of after.reverse()) await undo();
  after = [];
  await rm(folder, { recursive: true, force: true });
});

async function daemon(): Promise<BusDaemon> {
  const started = await startBusDaemon();
  after.push(() => started.program.stop());
  return started;
}
/** A bus at an address that is known before it is there, as the system's is. */
async function daemonAt(address: string): Promise<Program> {
  const config = new URL('../../bed/bus.conf', import.meta.url).pathname;
  const args = [`--config-file=${config}`, `--address=${address}`, '--print-address=1', '--nofork'];
  const program = startProgram('dbus-daemon', args);
  after.push(() => program.stop());
  await program.firstLine('stdout');
  return program;
}
async function on(address: string): Promise<Bus> {
  const bus = await connect(address);
  after.push(() => bus.disconnect());
  return bus;
}
async function watch(at: { system?: string; session?: string }, sessionId?: string) {
  const heard = { locks: 0 };
  let again = () => {};
  const lock: LockWatch = await watchScreenLock({
    platform: 'linux',
    connect: (bus) => connectSessionBus(at[bus]),
    processId: process.pid,
    sessionId,
    systemSaysLocked: () => null,
    every(_, callback) {
      again = callback;
      return () => {
        again = () => {};
      };
    },
    onLock() {
      heard.locks += 1;
    },
  });
  after.push(() => lock.stop());
  return { lock, heard, lookAgain: () => again() };
}
const locks = (heard: { locks: number }, count: number) => until(`${count} locks`, () => heard.locks === count);

describe('logind', () => {
  test('says that our screen is locked by its Lock signal and by LockedHint; another session’s lock is not ours', async () => {
    const { address } = await daemon();
    const logind = await Logind.start(await on(address));
    const { lock, heard } = await watch({ system: address });
    expect(lock.unwatched()).toBeNull();
    expect(await lock.isLocked()).toBe(false);
    logind.lockOther();
    logind.hint('open');
    logind.lock();
    await locks(heard, 1); // in order: what came before counted for nothing
    logind.unlock();
    logind.hint('locked');
    await locks(heard, 2);
    expect(await lock.isLocked()).toBe(true);
    logind.hint('open');
    expect(await lock.isLocked()).toBe(false);
    expect(heard.locks).toBe(2);
  });

  test('somebody else on the bus who says it is not believed', async () => {
    const { address } = await daemon();
    const logind = await Logind.start(await on(address));
    const { heard } = await watch({ system: address });
    const theirBus = await on(address);
    const foreign = await serve(theirBus, 'org.example.Liar', {
      path: '/org/freedesktop/login1/session/bed',
      interface: 'org.freedesktop.login1.Session',
      methods: {},
    });
    foreign.emit('Lock', '', []);
    await askBus(theirBus, 'GetId'); // the daemon has passed it on by then
    logind.lock();
    await locks(heard, 1);
  });

  test('a screen that is locked before anybody listens is told at once', async () => {
    const { address } = await daemon();
    await Logind.start(await on(address), { screen: 'locked' });
    const { lock, heard } = await watch({ system: address });
    expect(heard.locks).toBe(1);
    expect(await lock.isLocked()).toBe(true);
  });

  test('a process that is in no session is told of no lock, and that is said', async () => {
    const { address } = await daemon();
    const logind = await Logind.start(await on(address), { knows: 'no-session', screen: 'locked' });
    const { lock, heard } = await watch({ system: address }, '7');
    logind.lock();
    expect(lock.unwatched()).toBe(NOBODY);
    expect(await lock.isLocked()).toBeNull();
    expect(heard.locks).toBe(0);
  });

  test('a bus without logind tells nobody, until one comes; and it may be started anew', async () => {
    const { address } = await daemon();
    const { lock, heard } = await watch({ system: address });
    expect(lock.unwatched()).toBe(NOBODY);
    const first = await Logind.start(await on(address));
    await until('the first one is heard', () => lock.unwatched() === null);
    first.lock();
    await locks(heard, 1);
    await first.stop();
    await until('nobody is heard', () => lock.unwatched() === NOBODY);
    expect(await lock.isLocked()).toBeNull();
    const second = await Logind.start(await on(address), { screen: 'locked' }); // locked in between
    await locks(heard, 2);
    expect(lock.unwatched()).toBeNull();
    second.lock();
    await locks(heard, 3);
  });
});

describe('the bus', () => {
  test('is away at first and there later', async () => {
    const address = `unix:path=${join(folder, 'bus')}`;
    const { lock, heard, lookAgain } = await watch({ system: address });
    expect(lock.unwatched()).toBe(NOBODY);
    lookAgain();
    await daemonAt(address);
    const logind = await Logind.start(await on(address));
    await until('it is heard', () => {
      lookAgain();
      return lock.unwatched() === null;
    });
    logind.lock();
    await locks(heard, 1);
  });

  test('that goes away is noticed at once, and heard again when it is back, with what happened meanwhile', async () => {
    const address = `unix:path=${join(folder, 'bus')}`;
    const program = await daemonAt(address);
    await Logind.start(await on(address));
    const { lock, heard, lookAgain } = await watch({ system: address });
    expect(lock.unwatched()).toBeNull();
    program.process.kill('SIGKILL');
    await until('it is noticed', () => lock.unwatched() === NOBODY);
    expect(await lock.isLocked()).toBeNull();
    await rm(join(folder, 'bus'), { force: true });
    await daemonAt(address);
    const back = await Logind.start(await on(address), { screen: 'locked' });
    await until('it is heard again', () => {
      lookAgain();
      return lock.unwatched() === null;
    });
    await locks(heard, 1);
    back.lock();
    await locks(heard, 2);
  });

  test('is asked no more once the watch was stopped', async () => {
    const address = `unix:path=${join(folder, 'bus')}`;
    await daemonAt(address);
    const logind = await Logind.start(await on(address));
    const { lock, heard, lookAgain } = await watch({ system: address });
    lock.stop();
    lookAgain();
    const { heard: other } = await watch({ system: address });
    logind.lock();
    await locks(other, 1);
    expect(heard.locks).toBe(0);
    expect(lock.unwatched()).toBe(NOBODY);
  });
});

describe('a screen saver on the session bus', () => {
  const saver = async (address: string, active: { now: boolean }) =>
    serve(await on(address), SAVER, {
      path: '/org/gnome/ScreenSaver',
      interface: SAVER,
      methods: { GetActive: { out: 'b', run: () => [active.now] } },
    });

  test('says it by ActiveChanged, and answers when it is asked', async () => {
    const { address } = await daemon();
    const active = { now: false };
    const served = await saver(address, active);
    const { lock, heard } = await watch({ session: address });
    expect([lock.unwatched(), await lock.isLocked()]).toEqual([null, false]);
    served.emit('ActiveChanged', 'b', [false]);
    active.now = true;
    served.emit('ActiveChanged', 'b', [true]);
    await locks(heard, 1);
    expect(await lock.isLocked()).toBe(true);
  });

  test('that comes later, and is active by then, is heard', async () => {
    const { address } = await daemon();
    const { lock, heard } = await watch({ session: address });
    expect(lock.unwatched()).toBe(NOBODY);
    await saver(address, { now: true });
    await locks(heard, 1);
    expect(lock.unwatched()).toBeNull();
  });

  test('beside logind: one of them that says "locked" is enough', async () => {
    const [system, session] = [await daemon(), await daemon()];
    await Logind.start(await on(system.address));
    await saver(session.address, { now: true });
    const { lock } = await watch({ system: system.address, session: session.address });
    expect(await lock.isLocked()).toBe(true);
  });

  test('whose name is owned by somebody who does not say how it is: nobody knows', async () => {
    const { address } = await daemon();
    await serve(await on(address), SAVER, { path: '/org/gnome/ScreenSaver', interface: SAVER, methods: {} });
    const { lock } = await watch({ session: address });
    expect(await lock.isLocked()).toBeNull();
  });
});

test('where the system itself speaks, its word is taken: at the start and when asked', async () => {
  let locked = 0;
  const lock = await watchScreenLock({
    platform: 'darwin',
    connect: async () => null,
    processId: 1,
    sessionId: undefined,
    systemSaysLocked: () => true,
    every: () => () => {},
    onLock: () => {
      locked += 1;
    },
  });
  expect([locked, lock.unwatched(), await lock.isLocked()]).toEqual([1, null, true]);
});

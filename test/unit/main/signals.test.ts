/** Signs that end access on this desktop: who is ended by what, and what can't be told. */
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import { hasMoved, networksOf } from '../../../electron/main/signals/network';
import { createSignals } from '../../../electron/main/signals/signals';
import { createSleepMeter } from '../../../electron/main/signals/sleep';
import type { LocalInjection } from '../../../shared/contract/ipc';
import { type EndOn, NOTHING_ENDS } from '../../../shared/domain/end-signals';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';

const address = (cidr: string, internal = false): NetworkInterfaceInfo =>
  ({
    address: cidr.split('/')[0],
    cidr,
    internal,
    family: cidr.includes(':') ? 'IPv6' : 'IPv4',
  }) as NetworkInterfaceInfo;

describe('networks', () => {
  const home = {
    lo: [address('127.0.0.1/8', true)],
    wlan0: [address('192.168.1.20/24'), address('2001:db8:1:2::5/64')],
  };
  test('another address in the same network is no move; losing the network is none either', () => {
    const before = networksOf(home);
    expect(before.size).toBe(2);
    expect(
      hasMoved(before, networksOf({ wlan0: [address('192.168.1.77/24'), address('2001:db8:1:2:aaaa::1/64')] })),
    ).toBe(false);
    expect(hasMoved(before, networksOf({ lo: home.lo }))).toBe(false);
    expect(
      hasMoved(before, networksOf({ ...home, docker0: [address('172.17.0.1/16')], veth12: [address('10.9.0.1/24')] })),
    ).toBe(false);
    expect(hasMoved(before, networksOf({ ...home, eth1: [address('169.254.3.4/16'), address('fe80::1/64')] }))).toBe(
      false,
    );
  });
  test('an address in a network it was not on is one', () => {
    const before = networksOf(home);
    expect(hasMoved(before, networksOf({ wlan0: [address('10.0.0.20/24')] }))).toBe(true);
    expect(hasMoved(before, networksOf({ ...home, tun0: [address('10.8.0.2/24')] }))).toBe(true);
    expect(hasMoved(before, networksOf({ ...home, wlan0: [address('2001:db8:1:3::5/64')] }))).toBe(true);
  });
});

/** Clocks of a machine that can sleep. */
function machine() {
  const at = { wall: 1_760_000_000_000, monotonic: 0, boot: 0 };
  return {
    at,
    clocks: {
      now: () => at.wall,
      monotonicMs: () => at.monotonic,
      boot: () => ({ bootId: 'one', uptimeMs: at.boot }),
    },
    awake(ms: number) {
      at.wall += ms;
      at.monotonic += ms;
      at.boot += ms;
    },
    sleep(ms: number) {
      at.wall += ms;
      at.boot += ms;
    },
  };
}
describe('sleep', () => {
  test('is measured when it was announced, and when it was not; once', () => {
    const it = machine();
    const meter = createSleepMeter(it.clocks);
    it.awake(HOUR_MS);
    expect(meter.sleptMs()).toBe(0);
    it.sleep(20 * MINUTE_MS);
    it.awake(3_000);
    expect(meter.sleptMs()).toBe(20 * MINUTE_MS);
    expect(meter.sleptMs()).toBe(0);
    meter.fallAsleep();
    meter.fallAsleep(); // Linux says it twice
    it.sleep(HOUR_MS);
    expect(meter.sleptMs()).toBe(HOUR_MS);
    expect(meter.sleptMs()).toBe(0);
  });
  test('a look between the announcement and the sleep loses neither, also where the other clock runs on in sleep', () => {
    const it = machine();
    const meter = createSleepMeter({ ...it.clocks, boot: () => null });
    meter.fallAsleep();
    it.awake(400);
    expect(meter.sleptMs()).toBe(0);
    it.awake(20 * MINUTE_MS); // the monotonic clock counts the sleep
    expect(meter.sleptMs('at wake-up')).toBe(20 * MINUTE_MS + 400);
    expect(meter.sleptMs('at wake-up')).toBe(0);
  });
  test('a wall clock that is set back makes no sleep, nor does one that is set forward', () => {
    const it = machine();
    const meter = createSleepMeter(it.clocks);
    it.at.wall -= HOUR_MS;
    expect(meter.sleptMs()).toBe(0);
    it.at.wall += 5 * HOUR_MS;
    expect(meter.sleptMs()).toBe(0);
  });
});

function desk(more: { settings?: EndOn; floors?: readonly EndOn[]; lock?: string | null } = {}) {
  const ended: string[] = [];
  const it = machine();
  const place = {
    networks: { wlan0: [address('192.168.1.20/24')] } as NodeJS.Dict<NetworkInterfaceInfo[]>,
    locked: false as boolean | null,
  };
  let look = () => {};
  let lock = () => {};
  const local = (n: number, endOn: EndOn): LocalInjection => ({
    ...{ grantId: `grt_${n}`, resource: 'orders-db', level: 'read-only', state: 'injected', files: [], command: null },
    ...{ warnings: [], expiresAt: null, error: null, issue: 1, endOn },
  });
  const injections = (more.floors ?? [NOTHING_ENDS]).map((floor, index) => local(index + 1, floor));
  const signals = createSignals({
    clocks: it.clocks,
    interfaces: () => place.networks,
    every(_, callback) {
      look = callback;
      return () => {};
    },
    watchLock: async (onLock) => {
      lock = onLock;
      return { unwatched: () => more.lock ?? null, isLocked: async () => place.locked, stop: () => {} };
    },
    settings: () => more.settings ?? NOTHING_ENDS,
    injections: () => injections.filter(({ grantId }) => !ended.some((one) => one.startsWith(grantId))),
    end: async (grantId, signal) => void ended.push(`${grantId} ${signal}`),
    log: () => {},
  });
  return { signals, ended, machine: it, place, look: () => look(), lock: () => lock() };
}
const LOCK = { ...NOTHING_ENDS, screenLock: true };

describe('signals', () => {
  test('the policy’s floor of one grant ends that one, the desktop’s setting ends all', async () => {
    const one = desk({ floors: [LOCK, NOTHING_ENDS] });
    await one.signals.start();
    one.lock();
    expect(one.ended).toEqual(['grt_1 screen_lock']);
    const all = desk({ floors: [NOTHING_ENDS, NOTHING_ENDS], settings: LOCK });
    await all.signals.start();
    all.signals.power('lock');
    expect(all.ended).toEqual(['grt_1 screen_lock', 'grt_2 screen_lock']);
  });
  test('a sleep longer than allowed ends, a shorter one does not; also one that nobody announced', async () => {
    const it = desk({ settings: { ...NOTHING_ENDS, sleepMs: 10 * MINUTE_MS } });
    await it.signals.start();
    it.signals.power('suspend');
    it.machine.sleep(9 * MINUTE_MS);
    it.signals.power('resume');
    expect(it.ended).toEqual([]);
    it.machine.sleep(11 * MINUTE_MS);
    it.look();
    expect(it.ended).toEqual(['grt_1 sleep']);
  });
  test('a new network ends what began on the old one, and nothing that begins after', async () => {
    const it = desk({ settings: { ...NOTHING_ENDS, networkChange: true } });
    await it.signals.start();
    it.look();
    it.place.networks = {};
    it.look();
    expect(it.ended).toEqual([]);
    it.place.networks = { eth0: [address('10.1.0.4/16')] };
    it.look();
    expect(it.ended).toEqual(['grt_1 network_change']);
  });
  test('the end of a command ends its own grant only', async () => {
    const it = desk({ floors: [NOTHING_ENDS, NOTHING_ENDS], settings: { ...NOTHING_ENDS, exit: true } });
    it.signals.happened({ signal: 'exit' }, 'grt_2');
    expect(it.ended).toEqual(['grt_2 exit']);
  });
  test('a desktop that can’t hear its lock says so, and only to access that has to end with it', async () => {
    const it = desk({ lock: 'This desktop tells nobody when its screen is locked.' });
    await it.signals.start();
    expect(await it.signals.missing(LOCK)).toHaveLength(1);
    expect(await it.signals.missing({ ...NOTHING_ENDS, sleepMs: 0, networkChange: true })).toEqual([]);
    expect(await it.signals.unwatched()).toMatchObject([{ signal: 'screen_lock' }]);
  });
  test('a screen that is locked already ends what begins under it, and is told before anything is written', async () => {
    const it = desk({ floors: [LOCK, NOTHING_ENDS] });
    await it.signals.start();
    await it.signals.begun('grt_1');
    expect(await it.signals.standing(LOCK)).toEqual([]);
    it.place.locked = true;
    expect(await it.signals.standing(LOCK)).toEqual(['screen_lock']);
    expect(await it.signals.standing(NOTHING_ENDS)).toEqual([]);
    await it.signals.begun('grt_2');
    expect(it.ended).toEqual([]);
    await it.signals.begun('grt_1');
    expect(it.ended).toEqual(['grt_1 screen_lock']);
    const strict = desk({ settings: LOCK });
    strict.place.locked = true;
    await strict.signals.start();
    expect(await strict.signals.standing(NOTHING_ENDS)).toEqual(['screen_lock']);
  });
  test('a desktop that hears locks but does not say how it is now gets no access that has to end with them', async () => {
    const it = desk();
    it.place.locked = null;
    await it.signals.start();
    expect(await it.signals.missing(LOCK)).toHaveLength(1);
    expect(await it.signals.missing(NOTHING_ENDS)).toEqual([]);
    expect(await it.signals.standing(LOCK)).toEqual([]);
  });
});

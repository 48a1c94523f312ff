/**
 * Buttons of notifications over a real bus daemon, with a notification service that sends a press before it answers Notify: its
 * signal is there first, as when answer and press arrive together at an app that was busy.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectSessionBus, type SessionBus } from '../../../electron/main/lifecycle/session-bus';
import type { NotificationAdapter } from '../../../electron/main/notifications/adapter';
import { createFreedesktopAdapter } from '../../../electron/main/notifications/freedesktop';
import type { Notice, NoticeAction } from '../../../electron/main/notifications/wording';
import { until } from '../../bed';
import { type Bus, type BusDaemon, connect, type Served, serve, startBusDaemon } from '../../bed/bus';

const NAME = 'org.freedesktop.Notifications';
const FIRST_ID = 7;

let daemon: BusDaemon;
let desktop: Bus;
let bus: SessionBus;
let served: Served;
let adapter: NotificationAdapter;
/** Presses that are sent before the next Notify is answered. */
let presses: string[];
let pressed: string[];
let nextId: number;

beforeEach(async () => {
  [presses, pressed, nextId] = [[], [], FIRST_ID];
  daemon = await startBusDaemon();
  desktop = await connect(daemon.address);
  served = await serve(desktop, NAME, {
    path: '/org/freedesktop/Notifications',
    interface: NAME,
    methods: {
      GetCapabilities: { out: 'as', run: () => [['body', 'actions']] },
      Notify: {
        out: 'u',
        run: ([, replaces]) => {
          for (const key of presses.splice(0)) press(key);
          return [Number(replaces) || nextId++];
        },
      },
      CloseNotification: {
        out: '',
        run: () => [],
      },
    },
  });
  bus = (await connectSessionBus(daemon.address)) as SessionBus;
  const icon = () => ({ sizePx: 1, rgba: Buffer.alloc(4) });
  adapter = await createFreedesktopAdapter({ bus, appName: 'Hallpass', icon, now: () => performance.now() });
});
afterEach(async () => {
  bus.close();
  await served.stop();
  desktop.disconnect();
  await daemon.program.stop();
});

const press = (key: string, id = FIRST_ID): void => served.emit('ActionInvoked', 'us', [id, key]);
const show = (name: string, ...offered: NoticeAction[]) => showAs('one', name, ...offered);
const showAs = (key: string, name: string, ...offered: NoticeAction[]) => {
  const actions = offered.map((id) => ({ id, label: id }));
  const notice: Notice = { key, title: name, body: '', actions, urgency: 'normal', life: 'passes' };
  return adapter.show(notice, (action) => void pressed.push(`${name}: ${action}`));
};

/** A press that is heard shows that every earlier one was. */
async function heardAll(): Promise<void> {
  const id = nextId;
  await showAs(`marker ${id}`, 'marker', 'open');
  press('default', id);
  await until('the marker', () => pressed.at(-1) === 'marker: open');
  pressed.pop();
}

test('a press that comes before the answer counts, once', async () => {
  presses = ['extend'];
  expect(await show('ending', 'extend')).toEqual({ delivered: true, actions: 'with-buttons' });
  expect(pressed).toEqual(['ending: extend']);
  press('extend');
  await heardAll();
  expect(pressed).toEqual(['ending: extend']);
});

test('so it does for a notice that takes the place of another, under the same number', async () => {
  await show('active', 'copy-command', 'open');
  presses = ['extend'];
  await show('ending', 'extend', 'open');
  expect(pressed).toEqual(['ending: extend']);
});

test('what the old notice offered is the old one’s while it is being replaced', async () => {
  await show('active', 'copy-command', 'open');
  presses = ['copy-command'];
  await show('ending', 'extend', 'open');
  expect(pressed).toEqual(['active: copy-command']);
});

test('what neither offers is nothing', async () => {
  await show('active', 'copy-command');
  presses = ['approve'];
  await show('ending', 'extend');
  await heardAll();
  expect(pressed).toEqual([]);
});

test('what only the old one offered is nothing once the new one is there', async () => {
  await show('active', 'copy-command');
  await show('ending', 'extend');
  press('copy-command');
  await heardAll();
  expect(pressed).toEqual([]);
});

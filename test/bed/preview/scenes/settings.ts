/** Settings. */
import { forever } from '../fake';
import * as fixtures from '../fixtures';
import type { Scene } from '../scene';

export const scenes: Readonly<Record<string, Scene>> = {
  settings: { route: '/settings' },
  'settings-alone': {
    route: '/settings?part=service',
    session: { ...fixtures.readySession, mode: 'alone', serviceAddress: null, keyStorage: 'passphrase' },
    settings: { paletteShortcut: 'Control+Alt+H', startWhen: 'manual', notifications: true, quitWithGrants: 'end' },
    ipc: {
      'app.info': () => ({
        ...fixtures.appInfo,
        sample: true,
        trayAvailable: false,
        shortcuts: { palette: null },
        notifications: { available: false, actions: false, reason: 'no notification service on the session bus' },
        notices: [
          {
            code: 'settings-kept-aside',
            what: 'The settings could not be read.',
            safe: 'The app starts with its defaults; access is not affected.',
            next: 'The old file is kept as settings.json.corrupt-5.',
            detail: null,
          },
        ],
      }),
    },
  },
  'settings-host': {
    route: '/settings',
    session: { ...fixtures.readySession, mode: 'alone', serviceAddress: null },
    ipc: {
      'setup.share': () => {
        throw {
          code: 'not-hosting',
          what: 'Port 7443 of 10.0.4.12 is taken by another program.',
          safe: 'It runs for you alone, as before. Running access is not touched.',
          next: 'Choose another address or port.',
          detail: null,
        };
      },
    },
    act: async ({ click, type }) => {
      await click('[data-host]');
      await type('.hp-dialog input', 'Acme payments');
      await click('.hp-dialog [type=submit]');
    },
  },
  'settings-record': { route: '/settings', act: ({ click }) => click('[data-record]') },
  'settings-errors': {
    route: '/settings',
    ipc: {
      'settings.set': () => {
        throw { code: 'x', what: 'The desktop refused to start it at login.', safe: null, next: null, detail: null };
      },
    },
    act: async ({ click, type }) => {
      await click('input[role=switch]');
      await type('form input', 'pg_service.conf');
    },
  },
  'settings-loading': { route: '/settings', ipc: { 'settings.get': forever } },
};

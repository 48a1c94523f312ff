/** Webhooks and stored secrets: their forms, a test that attacks a receiver, what they say they can't do, and the file of variables. */
import { fine, wrong } from '../../../../electron/service/provisioners/checks';
import * as fixtures from '../fixtures';
import type { Scene } from '../scene';
import { ADD, type KindPictures, toFormOf } from './pictures';

const NOTES_LEVELS = [
  { name: 'read-only', description: 'Reads tickets.', targetRole: 'read-only', createsAccess: false },
  { name: 'read-write', description: 'Reads and answers tickets.', targetRole: 'read-write', createsAccess: false },
];
const hookReport = {
  ok: false,
  targetLabel: 'Ticket desk 2.1',
  serverVersion: '2.1',
  checks: [
    fine('Connection', 'Ticket desk answered at desk.internal, signed with the key.'),
    fine('Clock', 'Both clocks agree to the minute.'),
    fine('List', 'It lists what is ours: nothing.'),
    fine('A call without a signature', 'Refused with HTTP 401, as it must be.'),
    fine('A changed body', 'Refused with HTTP 401, as it must be.'),
    fine('A late call', 'Refused with HTTP 401, as it must be.'),
    wrong(
      'A call played again',
      'It was answered with HTTP 200: whoever can reach the receiver can use it.',
      'Remember each hallpass-nonce for 10 minutes.',
    ),
  ],
  recipe: `# The receiver answers POST calls below this address:
https://desk.internal/hallpass/{describe,list,create,set-deadline,end,read-back,clean-up}
# Each is signed with the key you share with it; a new key:
openssl rand -base64 32`,
};
const base = (name: string, kind: string) => ({
  ...fixtures.ordersDb,
  id: fixtures.ordersDb.id.replace(/.$/, kind === 'webhook' ? 'w' : 's'),
  name,
  kind,
});
const desk = {
  ...base('ticket-desk', 'webhook'),
  description: 'Tickets of customers.',
  targetLabel: 'Ticket desk 2.1',
  levels: NOTES_LEVELS,
  settings: { kind: 'webhook' as const, url: 'https://desk.internal/hallpass', certificatePin: '5d'.repeat(32) },
};
const key = {
  ...base('github-token', 'secret'),
  description: 'For releases.',
  targetLabel: 'Secret',
  levels: [
    {
      name: 'use',
      description: 'Holds the secret and can do what it opens.',
      targetRole: 'holder',
      createsAccess: false,
    },
  ],
  settings: {
    kind: 'secret' as const,
    opens: 'GitHub organisation token',
    holders: 1,
    rotation: { by: 'nobody' as const },
  },
};
const UNCHANGED =
  'The secret itself is not changed at the end: whoever held it may still know it, and it goes on working.';

export const webhook: KindPictures = {
  resource: desk,
  field: 'input[name="settings.url"]',
  async fill({ type }) {
    await type('input[name="settings.url"]', 'https://desk.internal/hallpass');
    await type('input[name=secret]', 'not shown again, and long enough');
  },
  report: hookReport,
  plan: { digest: 'd1', levels: NOTES_LEVELS, steps: [], notes: ['Ticket desk can not cut what is open.'] },
  limits: [
    'Ticket desk can not cut what is open.',
    'That access has ended is the word of desk.internal; Hallpass can not look behind it.',
  ],
  command: 'set -a; . /run/user/1000/hallpass/leases/3p/env; set +a',
  files: ['/run/user/1000/hallpass/leases/3p/env'],
  lastError: 'desk.internal answered HTTP 502.',
};
export const secret: KindPictures = {
  resource: key,
  field: 'input[name="settings.opens"]',
  async fill({ type, click }) {
    await type('input[name="settings.opens"]', 'GitHub organisation token');
    await type('textarea[name=secret]', 'GITHUB_TOKEN=not shown again');
    await click('[aria-label="Changed at the end by"] input[value=command]');
    await type('input[name="settings.rotation.file"]', 'rotate-github');
  },
  report: {
    ok: false,
    targetLabel: 'Secret',
    serverVersion: '1',
    checks: [
      fine('Secret', 'Hands out GITHUB_TOKEN.'),
      wrong(
        'Change at the end',
        'rotate-github says that this secret does not work.',
        'See docs/secret.md for what a rotator answers.',
      ),
    ],
    recipe: `# A rotator is a program in the folder "rotators" of the service’s data folder (0700), which gets its task on standard input:
./rotator check    {"values": …}                    → {"state": "works"} or {"state": "refused"}
./rotator propose  {"rotation": …, "current": …}    → {"next": {"API_KEY": "…"}}
./rotator commit   {"rotation": …, "current": …, "next": …} → {"ok": true}
# docs/secret.md has it in full, with an example.`,
  },
  plan: {
    digest: 'd1',
    levels: key.levels,
    steps: [],
    notes: ['Handed out: GITHUB_TOKEN. Nothing has to be run.'],
  },
  limits: [UNCHANGED],
  command: 'set -a; . /run/user/1000/hallpass/leases/3q/env; set +a',
  files: ['/run/user/1000/hallpass/leases/3q/env', '/home/nadia/desk/.env'],
  lastError: 'rotate-github did not finish within 30 seconds.',
};
/** More of their forms, and where variables are written on wish. */
export const more: Readonly<Record<string, Scene>> = {
  'resource-webhook-wrong': {
    route: ADD,
    act: async (tools) => {
      await toFormOf(webhook)(tools);
      await tools.type('input[name="settings.url"]', 'http://desk.internal/hallpass');
      await tools.type('input[name="settings.certificatePin"]', 'not a pin');
      await tools.click('[data-test]');
    },
  },
  'resource-secret-webhook': {
    route: ADD,
    act: async (tools) => {
      await toFormOf(secret)(tools);
      await tools.click('[aria-label="Changed at the end by"] input[value=webhook]');
    },
  },
  'settings-env-files': {
    route: '/settings',
    settings: { envFiles: [{ resource: 'ticket-desk', path: '/home/nadia/desk/.env' }] },
    api: { 'catalog.list': () => ({ items: [{ resource: key, levels: [] }], nextCursor: null }) },
    act: async ({ find }) => (await find('input[aria-label="Path of its file"]')).scrollIntoView(),
  },
};

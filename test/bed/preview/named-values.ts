/** Webhooks and stored secrets: their forms, a test that attacks a receiver, what they say they can't do, and the file of variables. */
import * as fixtures from './fixtures';
import type { Scene, Tools } from './scenes';

const NOTES_LEVELS = [
  { name: 'read-only', description: 'Reads tickets.', targetRole: 'read-only', createsAccess: false },
  { name: 'read-write', description: 'Reads and answers tickets.', targetRole: 'read-write', createsAccess: false },
];
const fine = (name: string, detail: string) => ({ name, ok: true, detail, remedy: null });
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
    {
      name: 'A call played again',
      ok: false,
      detail: 'It was answered with HTTP 200: whoever can reach the receiver can use it.',
      remedy: 'Remember each hallpass-nonce for 10 minutes.',
    },
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

const toForm =
  (kind: 'webhook' | 'secret') =>
  async ({ type, click, find }: Tools) => {
    await type('input[name=name]', kind === 'webhook' ? 'ticket-desk' : 'github-token');
    await click('[data-next]');
    await click(`input[type=radio][value=${kind}]`);
    await find(kind === 'webhook' ? 'input[name="settings.url"]' : 'input[name="settings.opens"]');
  };
const add = '/resources?add=new';
const listed = (one: object) => ({
  'resources.list': () => ({ items: [one, ...fixtures.resources], nextCursor: null }),
});

export const scenes = {
  webhook: { route: add, act: toForm('webhook') },
  webhookTested: {
    route: add,
    api: { 'resources.test': () => hookReport },
    act: async (tools) => {
      await toForm('webhook')(tools);
      await tools.type('input[name="settings.url"]', 'https://desk.internal/hallpass');
      await tools.type('input[name=secret]', 'not shown again, and long enough');
      await tools.click('[data-test]');
    },
  },
  webhookWrong: {
    route: add,
    act: async (tools) => {
      await toForm('webhook')(tools);
      await tools.type('input[name="settings.url"]', 'http://desk.internal/hallpass');
      await tools.type('input[name="settings.certificatePin"]', 'not a pin');
      await tools.click('[data-test]');
    },
  },
  webhookFacts: { route: `/resources?resource=${desk.id}`, api: listed(desk) },
  secret: { route: add, act: toForm('secret') },
  secretCommand: {
    route: add,
    act: async (tools) => {
      await toForm('secret')(tools);
      await tools.type('input[name="settings.opens"]', 'GitHub organisation token');
      await tools.type('textarea[name=secret]', 'GITHUB_TOKEN=not shown again');
      await tools.click('[aria-label="Changed at the end by"] input[value=command]');
      await tools.type('input[name="settings.rotation.file"]', 'rotate-github');
    },
  },
  secretWebhook: {
    route: add,
    act: async (tools) => {
      await toForm('secret')(tools);
      await tools.click('[aria-label="Changed at the end by"] input[value=webhook]');
    },
  },
  secretFacts: {
    route: `/resources?resource=${key.id}`,
    api: { ...listed(key), 'requests.preview': () => ({ ...fixtures.previewApprove, limits: [UNCHANGED] }) },
  },
  envFiles: {
    route: '/settings',
    settings: { envFiles: [{ resource: 'ticket-desk', path: '/home/nadia/desk/.env' }] },
    api: { 'catalog.list': () => ({ items: [{ resource: key, levels: [] }], nextCursor: null }) },
    act: async ({ find }) => (await find('input[aria-label="Path of its file"]')).scrollIntoView(),
  },
} satisfies Readonly<Record<string, Scene>>;

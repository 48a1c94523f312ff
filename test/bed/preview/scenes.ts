/** Every picture: a screen in a state. One more picture: one more line. */
import type { EventChannel } from '../../../shared/contract/ipc';
import * as audit from './audit';
import { scenes as aws } from './aws';
import { type ConsentScene, cardOf, factsOf } from './consent';
import { scenes as engine } from './engine';
import { FakeProblem, forever, type Situation, unreachable } from './fake';
import * as fixtures from './fixtures';
import * as rules from './fixtures-policy';
import { scenes as kubernetes } from './kubernetes';
import { scenes as mysql } from './mysql';
import { scenes as named } from './named-values';
import { scenes as redis } from './redis';
import { scenes as ssh } from './ssh';

export interface Tools {
  find(selector: string): Promise<HTMLElement>;
  press(key: string, init?: KeyboardEventInit): Promise<void>;
  click(selector: string): Promise<void>;
  type(selector: string, text: string): Promise<void>;
  emit(channel: EventChannel, payload: unknown): void;
}
export interface Scene extends Situation {
  /** Where the app opens, with its search: "/request?resource=…". */
  readonly route?: string;
  /** The consent page instead of the window. */
  readonly consent?: ConsentScene;
  /** What is done before the picture is taken. */
  readonly act?: (tools: Tools) => Promise<void>;
}
const list = (items: readonly unknown[]) => () => ({ items, nextCursor: null });
const requestRoute = `/request?resource=${fixtures.ordersDb.id}&level=read-write`;
const inForce = { 'policy.get': () => rules.fullPolicy, 'policy.versions': list(rules.policyVersions) };
const LOOSER = rules.fullPolicy.yaml.replace(
  'environment: [development, staging]',
  'environment: [development, staging, production]',
);
const planned = { 'resources.plan': () => rules.levelPlan };
const toConnection = async ({ click, type, find }: Tools) => {
  await type('input[name=name]', 'inventory');
  await click('[data-next]');
  await find('input[name="settings.host"]');
};
const fillConnection = async ({ type }: Tools) => {
  await type('input[name="settings.host"]', 'db.internal');
  await type('input[name="settings.database"]', 'inventory');
  await type('input[name=secret]', 'not shown again');
};
const toPlan = async (tools: Tools) => {
  await toConnection(tools);
  await fillConnection(tools);
  await tools.click('[data-next]');
  await tools.find('[aria-current=step]:is(li:nth-child(3) *)');
};
let staleAsked = 0;
const problem = {
  code: 'boom',
  what: 'The service did not start.',
  safe: 'No access was given, and none is left behind.',
  next: 'Try again. The last lines of its log are below.',
  detail: 'Error: EADDRINUSE: address already in use 10.0.4.12:7443\n    at Server.setupListenHandle',
};

/** A long log whose proofs hold. */
const logOf = () =>
  ({
    api: {
      'audit.entries': ({ query }) =>
        audit.page(query.before ? Number(query.before) : undefined, Number(query.limit ?? 100)),
      'devices.list': list(audit.devices),
      'audit.inclusion': ({ query }) => audit.inclusion(Number(query.index), Number(query.size)),
      'requests.get': () => ({ ...fixtures.waiting, grantId: fixtures.activeGrant.id }),
    },
  }) satisfies Scene;

export const SCENES: Readonly<Record<string, Scene>> = {
  home: {},
  'home-ready': {
    api: {
      'grants.list': ({ query }) => ({
        items: query.scope === 'live' ? [] : [fixtures.readyGrant, fixtures.startingGrant, fixtures.activeGrant],
        nextCursor: null,
      }),
      'requests.list': list([]),
    },
  },
  'home-empty': {
    api: { 'grants.list': list([]), 'requests.list': list([]) },
    settings: { favourites: [], recent: [] },
  },
  'home-loading': { api: { 'grants.list': forever, 'requests.list': forever } },
  'home-error': { api: { 'grants.list': unreachable } },
  'home-offline': {
    session: {
      ...fixtures.readySession,
      online: false,
      offlineSince: fixtures.ago(4 * 60_000),
      reason: 'connection refused',
    },
  },
  'home-extend': { act: ({ click }) => click('[data-grant] [aria-haspopup=menu]') },
  'home-toast': {
    act: async ({ emit }) => {
      emit('service.event', {
        seq: 1,
        type: 'grant.ended',
        at: fixtures.NOW,
        subject: 'x',
        data: { grant: fixtures.endedGrants[0] },
      });
      emit('service.event', {
        seq: 2,
        type: 'request.denied',
        at: fixtures.NOW,
        subject: 'x',
        data: { request: { ...fixtures.waiting, deniedBecause: 'Use the replica' } },
      });
    },
  },
  'home-broken': {
    session: {
      ...fixtures.readySession,
      witness: { size: 18_204, state: 'broken', detail: 'Entry 18,100 differs.' },
      clockTrusted: false,
    },
    api: {
      'me.get': () => ({
        ...fixtures.me,
        service: { ...fixtures.me.service, mode: 'revoke_only', modeReason: 'The audit log failed its check.' },
      }),
    },
  },
  help: { act: ({ press }) => press('?') },
  request: {
    route: requestRoute,
    act: ({ type }) => type('textarea', 'Release orders stuck in “reserved” after the broker restart'),
  },
  'request-auto': { route: `/request?resource=${fixtures.ordersDb.id}&level=read-only` },
  'request-deny': { route: `/request?resource=${fixtures.ordersDb.id}&level=admin` },
  'request-errors': {
    route: requestRoute,
    api: {
      'requests.submit': () => {
        throw new FakeProblem(422, {
          code: 'invalid-input',
          title: 'The request was not sent.',
          safe: 'Nothing was recorded.',
          next: 'Mend the marked field and send it again.',
          errors: [{ path: 'ticketRef', message: 'Needs a ticket such as INC-12.' }],
        });
      },
    },
    act: async ({ type, click }) => {
      await type('textarea', 'Release stuck orders');
      await click('[data-send]');
    },
  },
  'request-empty': { route: '/request', api: { 'catalog.list': list([]) } },
  'request-loading': { route: '/request', api: { 'catalog.list': forever } },
  'request-error': { route: '/request', api: { 'catalog.list': unreachable } },
  palette: {
    act: async ({ press, type }) => {
      await press('k', { ctrlKey: true });
      await type('[cmdk-input]', 'orders-db ro 30m INC-12 check stuck orders');
    },
  },
  'palette-approve': {
    act: async ({ press, type }) => {
      await press('k', { ctrlKey: true });
      await type('[cmdk-input]', 'orders rw');
    },
  },
  'palette-empty': { act: ({ press }) => press('k', { ctrlKey: true }) },
  setup: { session: { phase: 'first-run', keyStorage: 'system', joinLink: null } },
  'setup-host': {
    session: { phase: 'first-run', keyStorage: 'passphrase', joinLink: null },
    act: ({ click }) => click('input[value=host]'),
  },
  'setup-join': {
    session: { phase: 'first-run', keyStorage: 'system', joinLink: null },
    act: ({ click }) => click('input[value=join]'),
  },
  'setup-unlock': { session: { phase: 'locked' } },
  'setup-starting': { session: { phase: 'starting' } },
  'setup-pending': {
    session: { phase: 'pending-confirmation', fingerprint: '8f3a 61c0 2be4 97d1', serviceName: 'Acme payments' },
  },
  'setup-failed': { session: { phase: 'failed', error: problem, canRetry: true } },
  inbox: { route: '/inbox' },
  'inbox-empty': { route: '/inbox', api: { 'requests.list': list([]) } },
  activity: { route: '/activity', ...logOf() },
  'activity-open': {
    route: '/activity',
    ...logOf(),
    act: ({ click }) => click(`[data-entry="${fixtures.LOG_SIZE - 4}"]`),
  },
  'activity-member': {
    route: '/activity?type=grant.ended',
    ...logOf(),
    api: {
      ...logOf().api,
      'me.get': () => ({ ...fixtures.me, person: { ...fixtures.me.person, roles: ['member'] } }),
    },
    session: { ...fixtures.readySession, witness: { size: 0, state: 'checking', detail: null } },
  },
  'activity-none': {
    route: `/activity?grant=${fixtures.activeGrant.id}&text=nothing`,
    api: { 'audit.entries': () => ({ entries: [], nextBefore: null, size: fixtures.LOG_SIZE }) },
  },
  'activity-loading': { route: '/activity', api: { 'audit.entries': forever } },
  'activity-error': {
    route: '/activity',
    api: { 'audit.entries': unreachable },
    session: {
      ...fixtures.readySession,
      online: false,
      offlineSince: fixtures.ago(4 * 60_000),
      reason: 'connection refused',
      witness: { size: 18_204, state: 'unknown', detail: 'The service can’t be reached.' },
    },
  },
  'activity-broken': {
    route: '/activity',
    ...logOf(),
    ipc: {
      'audit.prove': (indexes) =>
        (indexes as number[]).map((index) => ({ index, state: 'failed', detail: 'Two logs were shown.' })),
    },
    session: {
      ...fixtures.readySession,
      witness: {
        size: 18_204,
        state: 'broken',
        detail: 'The log could not prove that it only grew from 18,100 to 18,204 entries.',
      },
    },
    act: ({ click }) => click(`[data-entry="${fixtures.LOG_SIZE - 4}"]`),
  },
  resources: { route: '/resources', api: inForce },
  'resources-critical': { route: `/resources?resource=${fixtures.ledgerDb.id}`, api: inForce },
  'resources-member': {
    route: '/resources',
    api: {
      'me.get': () => ({ ...fixtures.me, person: { ...fixtures.nadia, roles: ['member'] } }),
      'resources.list': list(fixtures.resources.map((one) => ({ ...one, settings: null }))),
      'grants.list': list([]),
    },
  },
  'resources-empty': { route: '/resources', api: { 'resources.list': list([]) } },
  'resources-loading': { route: '/resources', api: { 'resources.list': forever } },
  'resources-error': { route: '/resources', api: { 'resources.list': unreachable } },
  'resources-archive': { route: '/resources', api: inForce, act: ({ click }) => click('[data-look=danger]') },
  'resource-add': {
    route: '/resources?add=new',
    act: async ({ click, type }) => {
      await type('input[name=name]', 'Orders DB');
      await click('[data-next]');
    },
  },
  'resource-connection': { route: '/resources?add=new', act: toConnection },
  'resource-pooler': {
    route: '/resources?add=new',
    act: async (tools) => {
      await toConnection(tools);
      await fillConnection(tools);
      await tools.type('input[name="settings.clientHost"]', 'pgbouncer.internal');
      await tools.type('input[name="settings.clientPort"]', '6432');
    },
  },
  'resource-test': {
    route: '/resources?add=new',
    api: { 'resources.test': () => rules.badReport },
    act: async (tools) => {
      await toConnection(tools);
      await fillConnection(tools);
      await tools.click('[data-test]');
    },
  },
  'resource-tested': {
    route: '/resources?add=new',
    api: { 'resources.test': () => rules.goodReport },
    act: async (tools) => {
      await toConnection(tools);
      await fillConnection(tools);
      await tools.click('[data-test]');
    },
  },
  'resource-plan': { route: '/resources?add=new', api: planned, act: toPlan },
  'resource-plan-failed': {
    route: '/resources?add=new',
    api: {
      ...planned,
      'resources.apply': () => ({
        ok: false,
        ran: 4,
        error: 'permission denied for table stock_moves',
        failedSql: rules.levelPlan.steps[6]?.sql,
      }),
    },
    act: async (tools) => {
      await toPlan(tools);
      await tools.click('[data-next]:not(:disabled)');
    },
  },
  'resource-plan-unreachable': {
    route: '/resources?add=new',
    api: {
      'resources.plan': () => {
        throw new FakeProblem(502, {
          code: 'target-unreachable',
          title: 'db.internal:5432 does not answer: connection refused.',
          safe: 'Nothing was run.',
          next: 'Check host and port, and that a firewall lets this service through.',
        });
      },
    },
    act: toPlan,
  },
  'resource-done': {
    route: '/resources?add=new',
    api: {
      ...planned,
      'resources.apply': () => ({ ok: true, ran: 7, error: null, failedSql: null }),
      'resources.create': () => ({
        ...fixtures.ordersDb,
        name: 'inventory',
        tags: [],
        levels: rules.levelPlan.levels,
        dependsOn: [],
      }),
    },
    act: async (tools) => {
      await toPlan(tools);
      await tools.click('[data-next]:not(:disabled)');
    },
  },
  'resource-edit': {
    route: `/resources?edit=${fixtures.ordersDb.id}`,
    act: async ({ click, find, type }) => {
      await click('[data-next]');
      await find('input[name="settings.host"]');
      await type('input[name="settings.host"]', 'orders-2.internal');
    },
  },
  'resource-mysql': { ...mysql.form },
  'resource-kubernetes': { ...kubernetes.form },
  'resource-kubernetes-tested': { ...kubernetes.tested },
  'resource-kubernetes-plan': { ...kubernetes.plan },
  'resource-kubernetes-facts': { ...kubernetes.facts },
  'resource-mysql-tested': { ...mysql.tested },
  'resource-mysql-plan': { ...mysql.plan },
  'resource-mysql-facts': { ...mysql.facts },
  'home-alarm': { ...engine['home-alarm'] },
  'home-by-hand': { ...engine['home-by-hand'] },
  'people-locked': { ...engine['people-locked'] },
  'people-lock': { ...engine['people-lock'] },
  'resources-locked': { ...engine['resources-locked'] },
  'request-budget': { ...engine['request-budget'] },
  'settings-early-end': { ...engine['settings-early-end'] },
  'resource-ssh': { ...ssh.form },
  'resource-ssh-made': { ...ssh.made },
  'resource-ssh-tested': { ...ssh.tested },
  'resource-ssh-plan': { ...ssh.plan },
  'resource-ssh-facts': { ...ssh.facts },
  'resource-aws': { ...aws.form },
  'resource-aws-tested': { ...aws.tested },
  'resource-aws-plan': { ...aws.plan },
  'resource-aws-facts': { ...aws.facts },
  'resource-redis': { ...redis.form },
  'resource-redis-tested': { ...redis.tested },
  'resource-redis-plan': { ...redis.plan },
  'resource-redis-facts': { ...redis.facts },
  'resource-webhook': { ...named.webhook },
  'resource-webhook-tested': { ...named.webhookTested },
  'resource-webhook-wrong': { ...named.webhookWrong },
  'resource-webhook-facts': { ...named.webhookFacts },
  'resource-secret': { ...named.secret },
  'resource-secret-command': { ...named.secretCommand },
  'resource-secret-webhook': { ...named.secretWebhook },
  'resource-secret-facts': { ...named.secretFacts },
  'settings-env-files': { ...named.envFiles },
  people: { route: '/people' },
  'people-person': { route: `/people?person=${fixtures.nadia.id}` },
  'people-group': { route: '/people?group=db-owners' },
  'people-invite': {
    route: `/people?person=${fixtures.priya.id}`,
    act: async ({ click, type }) => {
      await click('.hp-panes__list .hp-button');
      await type('.hp-dialog input', 'Sofie Andersen');
    },
  },
  'people-invited': {
    route: `/people?person=${fixtures.priya.id}`,
    api: {
      'invites.create': () => ({
        invite: fixtures.invites[0],
        link: `hallpass://join?address=10.0.4.12%3A7443&pin=${'ab12cd34'.repeat(8)}&invite=${fixtures.fixtureId('inv', 1)}`,
        code: '7K2M-94QX-HT0R',
      }),
    },
    act: async ({ click, type }) => {
      await click('.hp-panes__list .hp-button');
      await type('.hp-dialog input', 'Sofie Andersen');
      await click('.hp-dialog [type=submit]');
      await click('[data-copy=code]');
    },
  },
  'people-remove': {
    route: `/people?person=${fixtures.tomas.id}`,
    act: ({ click }) => click('.hp-panes__detail .hp-button[data-look=danger]'),
  },
  'people-alone': {
    route: '/people',
    api: {
      'people.list': list([fixtures.nadia]),
      'devices.list': list([fixtures.devices[0]]),
      'groups.list': list([]),
      'invites.list': list([]),
      'me.get': () => ({ ...fixtures.me, service: { ...fixtures.me.service, shared: false, peopleCount: 1 } }),
    },
  },
  'people-member': {
    route: `/people?person=${fixtures.priya.id}`,
    api: {
      'me.get': () => ({ ...fixtures.me, person: { ...fixtures.me.person, roles: ['member'] } }),
      'devices.list': list([fixtures.devices[0]]),
    },
  },
  'people-loading': { route: '/people', api: { 'people.list': forever } },
  'people-error': { route: '/people', api: { 'people.list': unreachable } },
  policy: { route: '/policy', api: inForce, act: ({ click }) => click('ol li:nth-child(3) button') },
  'policy-member': {
    route: '/policy',
    api: { 'me.get': () => ({ ...fixtures.me, person: { ...fixtures.nadia, roles: ['member'] } }) },
  },
  'policy-empty': {
    route: '/policy',
    api: { 'policy.get': () => ({ ...rules.fullPolicy, yaml: 'version: 1\nrules: []\n' }) },
  },
  'policy-loading': { route: '/policy', api: { 'policy.get': forever } },
  'policy-error': { route: '/policy', api: { 'policy.get': unreachable } },
  'policy-edit': {
    route: '/policy?view=edit',
    api: { ...inForce, 'policy.check': () => rules.loudCheck },
    act: ({ type }) => type('textarea', LOOSER),
  },
  'policy-edit-errors': {
    route: '/policy?view=edit',
    api: { ...inForce, 'policy.check': () => rules.brokenCheck },
    act: ({ type }) => type('textarea', LOOSER.replace('effect: auto', 'effect: automatic').replace('8h', '8 hors')),
  },
  'policy-edit-words': {
    route: '/policy?view=edit',
    api: inForce,
    act: ({ click }) => click('input[value=rules]'),
  },
  'policy-edit-unchecked': { route: '/policy?view=edit', api: { ...inForce, 'policy.check': unreachable } },
  'policy-confirm': {
    route: '/policy?view=edit',
    api: { ...inForce, 'policy.check': () => rules.loudCheck },
    act: async ({ type, click }) => {
      await type('textarea', LOOSER);
      await click('[data-publish]:not(:disabled)');
    },
  },
  'policy-stale': {
    route: '/policy?view=edit',
    api: { ...inForce, 'policy.get': () => (staleAsked++ === 0 ? rules.fullPolicy : rules.newerPolicy) },
    act: async ({ type, emit, click }) => {
      await type('textarea', LOOSER);
      emit('service.event', {
        seq: 1,
        type: 'policy.changed',
        at: fixtures.NOW,
        subject: '13',
        data: { version: 13, digest: 'd' },
      });
      await click('.hp-banner button');
    },
  },
  'policy-draft': {
    route: '/policy?view=edit',
    api: inForce,
    act: async ({ type, press, find }) => {
      await type('textarea', LOOSER);
      (await find('textarea')).blur();
      await press('g');
      await press('o');
    },
  },
  'policy-history': { route: '/policy?view=history', api: inForce },
  'policy-suggest': { route: `/policy?suggest=${fixtures.ledgerDb.name}`, api: inForce },
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
  consent: { consent: cardOf() },
  'consent-deny': {
    consent: cardOf(),
    act: async ({ press, click }) => {
      await press('d');
      await click('.chip');
    },
  },
  'consent-busy': { consent: cardOf(), act: ({ press }) => press('a') },
  'consent-hostile': {
    consent: cardOf(
      factsOf({
        reason: `<b onclick="x()">URGENT</b> <script>alert(1)</script> שלום approve ${'a-word-without-an-end'.repeat(14)} and then some more words to read, since a reason may have five hundred characters.`,
        ticketRef: 'INC-20251007-very-long-reference/with#parts.and-more-of-it-0001',
        requester: {
          ...fixtures.cardFacts.request.requester,
          displayName: 'Maximiliana Wolfeschlegelsteinhausenbergerdorff-Oyelaran',
        },
      }),
    ),
  },
  'consent-extend': {
    consent: cardOf(
      factsOf(
        { extendsGrantId: fixtures.activeGrant.id, approvals: [{ from: 'db-owners', count: 1, given: 0 }] },
        { history: [], differs: [], otherActive: [] },
      ),
    ),
  },
  'consent-window': { consent: cardOf(fixtures.cardFacts, 'window') },
  'consent-window-deny': { consent: cardOf(fixtures.cardFacts, 'window'), act: ({ press }) => press('d') },
  'consent-window-done': {
    consent: {
      kind: 'done',
      outcome: 'denied',
      text: 'You denied Tomas Vesely read-write on ledger-db. They read your reason.',
    },
  },
  'consent-done': {
    consent: {
      kind: 'done',
      outcome: 'approved',
      text: 'You approved read-write on ledger-db for Tomas Vesely, 1 hour.',
    },
  },
  'consent-handled': { consent: { kind: 'done', outcome: 'handled', text: 'Priya Sharma approved it first.' } },
  'consent-error': {
    consent: {
      kind: 'error',
      error: {
        code: 'unavailable',
        what: 'The facts could not be fetched.',
        safe: 'Nothing was decided.',
        next: 'Check the connection and open the request again.',
        detail: 'connect ECONNREFUSED 10.0.4.12:7443',
      },
    },
  },
  'consent-loading': { consent: { kind: 'loading' } },
};

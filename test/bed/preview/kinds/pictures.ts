/** The pictures that each kind of target has: its form, its test, its plan, what it can't do, and a grant of it from begin to end. */
import type { GrantView } from '../../../../shared/contract/grants';
import type { CardFacts } from '../../../../shared/contract/requests';
import type { ConnectionReport, LevelPlan, Resource } from '../../../../shared/contract/resources';
import { MINUTE_MS, SECOND_MS } from '../../../../shared/domain/instant';
import { cutsSessions } from '../../../../shared/domain/session-cuts';
import { cardOf, factsOf } from '../consent';
import * as fixtures from '../fixtures';
import { list, type Scene, type Tools } from '../scene';

export interface KindPictures {
  readonly resource: Resource;
  /** Something that only its form has. */
  readonly field: string;
  fill(tools: Tools): Promise<void>;
  /** Of a test that found something missing. */
  readonly report: ConnectionReport;
  readonly plan: LevelPlan;
  /** What requester and approver are told, in the words of its provisioner. */
  readonly limits: readonly string[];
  /** What is typed to use it, and which files hold it. */
  readonly command: string;
  readonly files: readonly string[];
  /** What it says while it does not let go. */
  readonly lastError: string;
}
const KIND_ORDER = ['mysql', 'redis', 'secret', 'webhook', 'ssh', 'aws', 'kubernetes'];
export const ADD = '/resources?add=new';
export const toFormOf =
  ({ resource, field }: KindPictures) =>
  async ({ type, click, find }: Tools) => {
    await type('input[name=name]', resource.name);
    await click('[data-next]');
    await click(`input[type=radio][value=${resource.kind}]`);
    await find(field);
  };
const levelOf = ({ resource }: KindPictures) => resource.levels[0] as Resource['levels'][number];
const listed = ({ resource }: KindPictures) => list([resource, ...fixtures.resources]);

/** Names of scenes begin with the screen: `resource-aws-plan`, `consent-aws`. */
export function scenesOf(kind: KindPictures): Readonly<Record<string, Scene>> {
  const { resource, fill, report, plan, limits } = kind;
  const toForm = toFormOf(kind);
  const tested = (said: ConnectionReport): Scene => ({
    route: ADD,
    api: { 'resources.test': () => said },
    act: async (tools) => {
      await toForm(tools);
      await fill(tools);
      await tools.click('[data-test]');
    },
  });
  const told = { ...fixtures.previewApprove, limits };
  const name = `resource-${resource.kind}`;
  return {
    [name]: { route: ADD, act: toForm },
    [`${name}-tested`]: tested(report),
    [`${name}-passed`]: tested({ ...report, ok: true, checks: report.checks.filter(({ ok }) => ok) }),
    [`${name}-plan`]: {
      route: ADD,
      api: { 'resources.plan': () => plan },
      act: async (tools) => {
        await toForm(tools);
        await fill(tools);
        await tools.click('[data-next]');
      },
    },
    [`${name}-facts`]: {
      route: `/resources?resource=${resource.id}`,
      api: { 'resources.list': listed(kind), 'requests.preview': () => told },
    },
    [`request-${resource.kind}`]: {
      route: `/request?resource=${resource.id}&level=${levelOf(kind).name}`,
      api: { 'catalog.list': list([fixtures.askable(resource), ...fixtures.catalog]), 'requests.preview': () => told },
    },
    [`consent-${resource.kind}`]: { consent: cardOf(factsFor(kind)) },
    [`home-by-hand-${resource.kind}`]: {
      api: { 'grants.list': list([endingOf(kind)]), 'requests.list': list([]) },
      act: ({ click }) => click('[data-by-hand]'),
    },
  };
}
/** As the service says it. */
const endOf = (kind: string): CardFacts['does'][number] =>
  kind === 'secret'
    ? { tone: 'plain', text: 'A stored secret is handed out; it leaves the requester’s device by itself.' }
    : {
        tone: 'good',
        text: `A login made for this request alone; it ends by itself${cutsSessions(kind) ? ', and open sessions are cut' : ''}.`,
      };
function factsFor(kind: KindPictures) {
  const { resource, limits } = kind;
  const level = levelOf(kind);
  return factsOf(
    {
      resource: fixtures.resourceFacts(resource),
      level: level.name,
      reason: 'Look into the failed batch of last night',
    },
    {
      does: [
        { tone: 'plain', text: level.description },
        endOf(resource.kind),
        ...limits.map((text) => ({ tone: 'warn' as const, text })),
      ],
      history: [],
      differs: [],
      otherActive: [],
    },
  );
}

/** So that no two grants in one picture share an id. */
const numberOf = ({ resource }: KindPictures) => 50 + KIND_ORDER.indexOf(resource.kind);
const heldOf = (kind: KindPictures, more: Partial<GrantView> = {}): GrantView =>
  fixtures.grantOf(numberOf(kind), kind.resource, {
    level: levelOf(kind).name,
    reason: 'Look into the failed batch',
    ...more,
  });
const endingOf = (kind: KindPictures): GrantView =>
  heldOf(kind, {
    state: 'ending',
    expiresAt: fixtures.endingGrant.expiresAt,
    endReason: 'expired',
    removal: { ...fixtures.endingGrant.removal, lastError: kind.lastError },
    can: fixtures.endingGrant.can,
  });
const localOf = (kind: KindPictures, grant: GrantView) =>
  fixtures.injectionOf(grant, { command: kind.command, files: [...kind.files] });

/** My access with a grant of every kind: how each is used, its last minute, and each still being revoked. */
export function scenesOfAll(kinds: readonly KindPictures[]): Readonly<Record<string, Scene>> {
  const home = (grants: readonly GrantView[]): Scene => ({
    api: {
      'grants.list': ({ query }) => ({ items: query.scope === 'live' ? [] : grants, nextCursor: null }),
      'requests.list': list([]),
    },
    ipc: { 'injection.list': () => grants.map((grant, at) => localOf(kinds[at] as KindPictures, grant)) },
  });
  return {
    'home-kinds': home(kinds.map((kind, at) => heldOf(kind, { expiresAt: fixtures.NOW + (12 + 6 * at) * MINUTE_MS }))),
    'home-kinds-last': home(kinds.map((kind, at) => heldOf(kind, { expiresAt: fixtures.NOW + (40 + at) * SECOND_MS }))),
    'home-kinds-ending': home(kinds.map(endingOf)),
  };
}

/** What is said of a resource. Pure; the service's time is an argument. */
import type { GrantView } from '../../../shared/contract/grants';
import type { CatalogEntry, Level, Resource } from '../../../shared/contract/resources';
import { assertNever } from '../../../shared/domain/assert-never';
import { wordDuration } from '../../../shared/domain/duration';
import type { Environment, RiskClass } from '../../../shared/domain/states';
import { wordAgo, wordApprovals } from '../../app/words';
import { wordsOfKind } from '../../ui/kinds';

export interface ResourceFilter {
  readonly text: string;
  readonly environment: Environment | null;
  readonly risk: RiskClass | null;
  readonly kind: string | null;
  readonly state: Resource['state'];
}
/** Every word must stand somewhere in name, target, owners, tags, dependencies or description. */
export function resourceFits(resource: Resource, filter: ResourceFilter): boolean {
  if (filter.environment !== null && resource.environment !== filter.environment) return false;
  if (filter.risk !== null && resource.risk !== filter.risk) return false;
  if (filter.kind !== null && resource.kind !== filter.kind) return false;
  if (resource.state !== filter.state) return false;
  const { name, environment, targetLabel, description, owners, tags, dependsOn } = resource;
  const hay = [name, environment, targetLabel, description, ...owners, ...tags, ...dependsOn].join(' ').toLowerCase();
  return filter.text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

export interface Health {
  readonly text: string;
  readonly tone: 'good' | 'bad' | 'off';
}
/** "reachable 2 min ago": what the target said when it was last asked, never more. */
export function healthOf(resource: Pick<Resource, 'health' | 'healthAt'>, now: number): Health {
  const when = resource.healthAt === null ? '' : `, seen ${wordAgo(resource.healthAt, now)}`;
  switch (resource.health) {
    case 'reachable':
      return { text: `reachable${when}`, tone: 'good' };
    case 'unreachable':
      return { text: `unreachable${when.replace('seen', 'tried')}`, tone: 'bad' };
    case 'unknown':
      return { text: 'not asked yet', tone: 'off' };
    default:
      return assertNever(resource.health);
  }
}

/** Grants that may still work on a resource, soonest end first; each once. */
export function holdersOf(grants: readonly GrantView[], resourceId: string): GrantView[] {
  const live = grants.filter(
    (grant) => grant.resource.id === resourceId && (grant.state === 'active' || grant.state === 'ending'),
  );
  const once = new Map(live.map((grant) => [grant.id, grant]));
  return [...once.values()].sort((a, b) => (a.expiresAt ?? 0) - (b.expiresAt ?? 0) || a.id.localeCompare(b.id));
}

/** "You may ask: 1 of db-owners, up to 2 hours." */
export function answerForMe(level: CatalogEntry['levels'][number] | undefined): { text: string; tone: string } {
  const closed = { text: 'You can’t ask for it: no rule covers you', tone: 'dim' };
  if (level === undefined) return closed;
  const upTo = level.maxDurationMs === null ? '' : `, up to ${wordDuration(level.maxDurationMs)}`;
  switch (level.effect) {
    case 'none':
      return closed;
    case 'auto':
      return { text: `You get it at once${upTo}`, tone: 'ok' };
    case 'approve':
      return { text: `You may ask: ${wordApprovals(level.approvals)}${upTo}`, tone: '' };
    case 'deny':
      return { text: `You are denied${level.message === null ? '' : `: ${level.message}`}`, tone: 'bad' };
    default:
      return assertNever(level.effect);
  }
}
/** What the target can not take back; told before anybody agrees. */
export const limitOf = (level: Level, kind: string): string =>
  level.createsAccess
    ? 'Can make log-ins, functions or jobs of its own. Those outlive the grant: only the credential itself ends with it.'
    : (wordsOfKind(kind)?.atEnd ??
      'Makes no access of its own: sessions are cut and the log-in is removed at the end.');

/** Names of the resources that need this one. */
export const neededBy = (name: string, resources: readonly Resource[]): readonly Resource[] =>
  resources.filter((one) => one.state === 'active' && one.dependsOn.includes(name));

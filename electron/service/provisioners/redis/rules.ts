/**
 * What a level opens, as rules of Redis's access control lists. Pure.
 * A level's `targetRole` holds its commands ("+@read +@write"); keys and channels come from the resource's settings.
 * Around them stands what every session needs, and a fence: a level that is not said to create access gets no command of
 * the categories `admin` and `dangerous`, and can leave no function behind that others would run.
 */
import type { RedisSettings } from '../../../../shared/contract/redis';
import type { Level } from '../../../../shared/contract/resources';
import { TargetError } from '../provisioner';

/** A category, a command, or one subcommand, given or taken. */
const RULE = /^[+-](@[a-z]+|[a-z][a-z0-9._-]*(\|[a-z][a-z0-9._-]*)?)$/;
const READ = '+@read';
const WRITE = '+@write';

/** Signing in, SELECT, PING, CLIENT SETNAME …, transactions. What of these looks at other sessions is behind the fence. */
const EVERY_SESSION = ['+@connection', '+@transaction'];
/** -function: a library that is replaced runs with the rights of whoever calls it next. */
const FENCE = ['-@admin', '-@dangerous', '-function'];
/** Behind the fence by their category, but only tell what clients ask at their start: versions, sizes, where keys are. */
const FACTS = [
  '+info',
  ...['slots', 'shards', 'nodes', 'info', 'myid', 'keyslot', 'countkeysinslot', 'getkeysinslot'].map(
    (one) => `+cluster|${one}`,
  ),
];
const LISTEN = ['+subscribe', '+psubscribe', '+ssubscribe', '+unsubscribe', '+punsubscribe', '+sunsubscribe'];

/** What this provisioner proposes for a resource. There is no `admin`: its holder could make users of their own. */
export const proposedLevels = (): Level[] => [
  {
    name: 'read-only',
    description: 'Read keys that match the patterns, listen on the channels.',
    targetRole: READ,
    createsAccess: false,
  },
  {
    name: 'read-write',
    description: 'Read and change keys that match the patterns, listen and publish on the channels.',
    targetRole: `${READ} ${WRITE}`,
    createsAccess: false,
  },
];

/** The commands of a level as single rules. Throws TargetError `refused` for anything that is not one: no pattern, password or flag slips in. */
export function commandRules(level: Level): string[] {
  const rules = level.targetRole.split(' ').filter((rule) => rule !== '');
  const wrong = rules.find((rule) => !RULE.test(rule));
  if (wrong !== undefined || rules.length === 0)
    throw new TargetError(
      'refused',
      `The level ${level.name} says "${level.targetRole}". For Redis it lists commands: +@read -@dangerous +info.`,
    );
  return rules;
}
const onlyReads = (rules: readonly string[]) =>
  rules.filter((rule) => rule.startsWith('+')).every((rule) => rule === READ);

/** All rules of a level but the password, in the order in which the server applies them. */
export function rulesFor(level: Level, settings: Pick<RedisSettings, 'keyPatterns' | 'channelPatterns'>): string[] {
  const own = commandRules(level);
  const reads = onlyReads(own);
  const facts = own.includes('-@all') ? [] : FACTS.filter((fact) => !isTaken(own, fact.slice(1)));
  const commands = level.createsAccess ? [...FENCE, ...facts, ...own] : [...own, ...FENCE, ...facts];
  const talk = settings.channelPatterns.length === 0 ? [] : reads ? LISTEN : ['+@pubsub'];
  return [
    'resetchannels', // where the server gives every new user all channels (acl-pubsub-default)
    ...patterns(settings.keyPatterns, reads ? '%R~' : '~'),
    ...patterns(settings.channelPatterns, '&'),
    '-@all',
    ...EVERY_SESSION,
    ...talk,
    ...commands,
  ];
}
/** Whether a level takes a command back by itself, whole or this subcommand. */
const isTaken = (own: readonly string[], command: string): boolean =>
  own.includes(`-${command}`) || own.includes(`-${command.split('|')[0]}`);
/** The server refuses a pattern beside the one for everything. */
const patterns = (all: readonly string[], sign: string): string[] =>
  (all.includes('*') ? ['*'] : [...new Set(all)]).map((pattern) => sign + pattern);

/** What Redis can't do, for requester and approver. */
export function limitsOf(settings: RedisSettings, level: Level): readonly string[] {
  const several = settings.nodes.length > 1;
  return [
    `Redis knows no end time for a user: while Hallpass is down or can not reach ${several ? 'a node' : 'it'}, the log-in goes on working there.`,
    ...(settings.keyPatterns.includes('*')
      ? []
      : ['Names of all keys can be listed (SCAN), also of those that can not be read.']),
    ...(settings.database === 0 ? [] : ['The rights hold in every numbered database, not only in this one.']),
    ...(level.createsAccess
      ? [
          'A holder of this level may be able to make users of their own. Those outlive the grant: only the credential itself ends with it.',
        ]
      : []),
  ];
}

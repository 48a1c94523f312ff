/**
 * Redis: an environment file per grant, 0600, alone in its folder, and a command that reads it, so that the password stands
 * in no argument and in no shared file. Ending is unlinking.
 * Why a command and no file of redis-cli's: it has none that could name a user and a server.
 */
import { join } from 'node:path';
import { RedisCredential, redisNodeOf } from '../../../../shared/contract/redis';
import { InjectionError } from '../errors';
import type { FilePort } from '../files';
import type { RedisPlace } from '../place';
import { createWhole, unlinkIfThere } from '../private-files';
import { shellWord } from './libpq';
import { envText, envValues, passwordIn, redisUrl } from './redis-env';
import type { CredentialFacts, InjectionTarget, Live } from './target';

export interface RedisTargetDeps {
  readonly surgery: { readonly files: FilePort };
  readonly platform: NodeJS.Platform;
}
type RedisInjection = InjectionTarget<RedisCredential, RedisPlace>;

const ENV_FILE = 'redis.env';
const CA_FILE = 'ca.pem';
const envFileOf = (entry: Pick<Live, 'leaseFolder'>): string => join(entry.leaseFolder, ENV_FILE);
const caFileOf = (entry: Pick<Live, 'leaseFolder'>): string => join(entry.leaseFolder, CA_FILE);

/** What no line can hold is refused before anything is written. */
function checkCredential({ nodes, user, password }: RedisCredential): void {
  const values: readonly (readonly [what: string, value: string])[] = [
    ['node', nodes.join('')],
    ['user', user],
    ['password', password],
  ];
  const bad = values.find(([, value]) => /[\0\r\n]/.test(value));
  if (!bad) return;
  throw new InjectionError({
    code: 'credential-unusable',
    what: `The credential’s ${bad[0]} holds characters that can’t stand in an environment file.`,
    safe: 'Nothing was written.',
    next: 'Tell an administrator to correct the resource.',
  });
}

/**
 * `sh -c 'set -a; . FILE; exec redis-cli --user … "$@"' redis-cli`: works as it is in every shell, also with more arguments
 * behind it. Names the user, never the password.
 */
export function commandFor(entry: Pick<Live, 'leaseFolder'>, place: RedisPlace): string {
  const { host, port } = redisNodeOf(place.nodes[0] ?? '');
  const flags = [
    ...['--user', place.user, '-h', host, '-p', String(port)],
    ...(place.database === 0 || place.topology === 'cluster' ? [] : ['-n', String(place.database)]),
    ...(place.topology === 'cluster' ? ['-c'] : []),
    ...tlsFlags(entry, place),
  ];
  const script = `set -a; . ${shellWord(envFileOf(entry))}; exec redis-cli ${flags.map(shellWord).join(' ')} "$@"`;
  return `sh -c ${shellWord(script)} redis-cli`;
}
function tlsFlags(entry: Pick<Live, 'leaseFolder'>, { tls, hasCa }: RedisPlace): string[] {
  if (tls === 'disable') return [];
  if (hasCa) return ['--tls', '--cacert', caFileOf(entry)];
  return tls === 'require' ? ['--tls', '--insecure'] : ['--tls'];
}

const valuesFor = (entry: Pick<Live, 'leaseFolder'>, credential: RedisCredential) =>
  envValues(credential, credential.caCertificate === undefined ? null : caFileOf(entry));

/** What the reveal window lists. Pure; holds the password. */
export const redisFacts = (credential: RedisCredential): CredentialFacts => [
  ['Nodes', credential.nodes.join(', ')],
  ['Database', String(credential.database)],
  ['User', credential.user],
  ['Password', credential.password],
  ['URL', redisUrl(credential)],
  ['TLS', credential.tls],
];

export function createRedisTarget(deps: RedisTargetDeps): RedisInjection {
  const { files } = deps.surgery;
  return {
    kind: 'redis',
    async plan(credential) {
      checkCredential(credential);
      const { nodes, topology, database, user, tls, caCertificate } = credential;
      const hasCa = caCertificate !== undefined;
      return { place: { kind: 'redis', nodes, topology, database, user, tls, hasCa }, preImageHash: null };
    },
    async inject(entry, credential) {
      for (const path of [envFileOf(entry), caFileOf(entry)]) await unlinkIfThere(files, path);
      if (credential.caCertificate !== undefined)
        await createWhole(files, caFileOf(entry), Buffer.from(credential.caCertificate));
      await createWhole(files, envFileOf(entry), Buffer.from(envText(valuesFor(entry, credential))));
    },
    clean: async () => undefined, // no shared file is touched, so there is none to look through
    sharedFiles: () => [],
    traces: async () => new Set(),
    sharedFileOf: () => null,
    async describe(entry) {
      const { place } = entry;
      return {
        files: [envFileOf(entry), ...(place.hasCa ? [caFileOf(entry)] : [])],
        command: deps.platform === 'win32' ? null : commandFor(entry, place),
        warnings: warningsFor(deps.platform, place),
      };
    },
    async secretOf(entry) {
      const { hasCa, ...place } = entry.place;
      if (!(await files.facts(envFileOf(entry)))) return null;
      const password = passwordIn((await files.read(envFileOf(entry))).toString('utf8'));
      if (password === null) return null;
      const caCertificate = hasCa ? (await files.read(caFileOf(entry))).toString('utf8') : undefined;
      return RedisCredential.parse({ ...place, password, ...(caCertificate === undefined ? {} : { caCertificate }) });
    },
    environment: valuesFor,
    copyText: (credential) => credential.password,
    facts: redisFacts,
  };
}

function warningsFor(platform: NodeJS.Platform, { tls }: RedisPlace): string[] {
  const warnings: string[] = [];
  if (platform === 'win32')
    warnings.push(
      'The file holds REDIS_URL and its parts; give it to your Redis program, redis-cli is not made for Windows.',
    );
  if (tls === 'verify-full')
    warnings.push('redis-cli checks who signed the server’s certificate, but not the name in it.');
  return warnings;
}

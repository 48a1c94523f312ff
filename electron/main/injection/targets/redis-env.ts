/**
 * The environment file of a Redis credential: plain `NAME=value` lines that a POSIX shell reads back unchanged, and so do
 * systemd's EnvironmentFile, `node --env-file` and the usual dotenv readers. Pure.
 * REDISCLI_AUTH is what redis-cli reads instead of a password in its arguments.
 */
import { type RedisCredential, redisNodeOf } from '../../../../shared/contract/redis';
import { shellWord } from './libpq';

const PASSWORD = 'REDISCLI_AUTH';

/** What URL syntax gives a meaning to is escaped; encodeURIComponent leaves a few of these alone. */
const urlPart = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** `rediss://user:password@host:port/database` of the first node. Holds the password. */
export function redisUrl({ nodes, tls, user, password, database }: RedisCredential): string {
  const { host, port } = redisNodeOf(nodes[0] ?? '');
  const scheme = tls === 'disable' ? 'redis' : 'rediss';
  return `${scheme}://${urlPart(user)}:${urlPart(password)}@${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
}

/** What programs look for, by name; the password first. `caFile`: where the CA certificate lies, when there is one. */
export function envValues(credential: RedisCredential, caFile: string | null): Readonly<Record<string, string>> {
  const { host, port } = redisNodeOf(credential.nodes[0] ?? '');
  return {
    [PASSWORD]: credential.password,
    REDIS_URL: redisUrl(credential),
    REDIS_HOST: host,
    REDIS_PORT: String(port),
    REDIS_NODES: credential.nodes.join(','),
    REDIS_DB: String(credential.database),
    REDIS_USERNAME: credential.user,
    REDIS_PASSWORD: credential.password,
    ...(caFile === null ? {} : { REDIS_CA_FILE: caFile }),
  };
}
export const envText = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${shellWord(value)}\n`)
    .join('');

/** The password in a file that `envText` made; null when it is another. */
export function passwordIn(text: string): string | null {
  const [line = ''] = text.split('\n');
  if (!line.startsWith(`${PASSWORD}=`)) return null;
  const word = line.slice(PASSWORD.length + 1);
  if (!word.startsWith("'")) return word === '' ? null : word;
  return word.endsWith("'") && word.length > 1 ? word.slice(1, -1).replaceAll("'\\''", "'") : null;
}

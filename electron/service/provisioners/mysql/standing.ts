/**
 * Which server this is and who we are on it. MySQL and MariaDB share a protocol and most of their SQL; where users, roles and
 * privileges are written down differs, and so do the statements for them. Everything that differs asks `flavor`.
 */
import type { Query } from './connections';
import { account, ident } from './quoting';

export type Flavor = 'mariadb' | 'mysql';
export interface Standing {
  readonly flavor: Flavor;
  /** `VERSION()` as it is, and its numbers. */
  readonly version: string;
  readonly numbers: readonly [major: number, minor: number, patch: number];
  /** The manager's account, and the host it comes from as the server sees it. */
  readonly manager: { readonly user: string; readonly host: string; readonly clientHost: string };
  readonly readOnly: boolean;
}

/** The oldest that are supported: account locks, dynamic privileges to end connections, user attributes (MySQL). */
export const OLDEST: Readonly<Record<Flavor, readonly [number, number, number]>> = {
  mariadb: [10, 5, 2],
  mysql: [8, 0, 21],
};
export const PRODUCT: Readonly<Record<Flavor, string>> = { mariadb: 'MariaDB', mysql: 'MySQL' };

export const isAtLeast = (
  have: readonly [number, number, number],
  wanted: readonly [number, number, number],
): boolean => {
  for (const [index, want] of wanted.entries()) {
    const got = have[index] ?? 0;
    if (got !== want) return got > want;
  }
  return true;
};

/** "11.4.2-MariaDB-log", "8.4.3", "5.5.5-10.6.1-MariaDB" (some proxies put a fixed version in front). */
export function parseVersion(version: string): Pick<Standing, 'flavor' | 'numbers'> {
  const flavor = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
  const text = flavor === 'mariadb' ? version.replace(/^5\.5\.5-/, '') : version;
  const [major = 0, minor = 0, patch = 0] = (/^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text) ?? []).slice(1).map(Number);
  return { flavor, numbers: [major, minor, Number.isNaN(patch) ? 0 : patch] };
}

/** `user@host`; a user's name may hold an @, a host's can't. */
export function splitAccount(text: string): { user: string; host: string } {
  const at = text.lastIndexOf('@');
  return { user: text.slice(0, at), host: text.slice(at + 1) };
}

export async function readStanding(query: Query): Promise<Standing> {
  const [row] = await query<{ version: string; me: string; client: string; read_only: number }>(
    'SELECT VERSION() AS version, CURRENT_USER() AS me, USER() AS client, @@read_only AS read_only',
  );
  const version = String(row?.version ?? '');
  const manager = { ...splitAccount(String(row?.me ?? '')), clientHost: splitAccount(String(row?.client ?? '')).host };
  return { version, ...parseVersion(version), manager, readOnly: Number(row?.read_only) === 1 };
}

/** A role in a statement: on MySQL a role is an account, always at '%' here. */
export const roleInSql = (flavor: Flavor, role: string): string =>
  flavor === 'mysql' ? account(role, '%') : ident(role);

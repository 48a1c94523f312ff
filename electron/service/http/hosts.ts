/**
 * Which names the TCP listener answers to. Why: a web page that rebinds its own name to 127.0.0.1 sends that name as
 * Host; no page, rebound or not, has business here, so any Origin is refused too (the desktop sends none).
 */
import type { NetworkInterfaceInfo } from 'node:os';
import { AppError } from '../errors';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];
const bracketed = (host: string): string => (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host);

/** True for addresses that only this machine reaches. */
export const isLoopback = (host: string): boolean =>
  /^(127(\.\d{1,3}){3}|::1|\[::1\]|localhost)$/i.test(host) || /^::ffff:127\./i.test(host);
const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::' || host === '[::]';

export interface HostNames {
  readonly host: string;
  readonly port: number;
  /** `host:port` people use from elsewhere, when it differs. */
  readonly publicAddress: string | null;
  readonly hostname: string;
  readonly interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>;
}

/** The address others should use: the public one, the one listened on, or the first that is not loopback. */
export function reachableAddress(names: HostNames): string {
  if (names.publicAddress !== null) return names.publicAddress;
  if (!isWildcard(names.host)) return `${bracketed(names.host)}:${names.port}`;
  const outside = Object.values(names.interfaces)
    .flatMap((list) => list ?? [])
    .find((address) => !address.internal && address.family === 'IPv4');
  return `${outside?.address ?? names.hostname}:${names.port}`;
}

/** Values of the Host header that are ours, in lower case. */
export function allowedHosts(names: HostNames): ReadonlySet<string> {
  const own = isWildcard(names.host)
    ? Object.values(names.interfaces).flatMap((list) =>
        (list ?? []).map((address) => address.address.replace(/%.*$/, '')),
      )
    : [names.host];
  const loopback = isWildcard(names.host) || isLoopback(names.host) ? LOOPBACK_NAMES : [];
  const machine = isLoopback(names.host) ? [] : [names.hostname];
  const withPort = [...own, ...loopback, ...machine].map((host) => `${bracketed(host)}:${names.port}`.toLowerCase());
  return new Set([...withPort, ...(names.publicAddress === null ? [] : [names.publicAddress.toLowerCase()])]);
}

/** Throws AppError `forbidden` for a Host that is not ours and for anything a browser page sends. */
export function checkHost(
  headers: { host?: string | undefined; origin?: string | undefined },
  allowed: ReadonlySet<string>,
): void {
  if (headers.origin !== undefined)
    throw new AppError('forbidden', 'Web pages can not call this service.', { next: 'Use the Hallpass app.' });
  if (headers.host === undefined || !allowed.has(headers.host.toLowerCase()))
    throw new AppError('forbidden', 'This service does not answer to that host name.', {
      next: 'Use the address of the invite, or start the service with --public-address.',
    });
}

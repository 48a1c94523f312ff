/**
 * Whether a stored secret may be sent under new settings: only to the place it was given for, and never with less proof of who
 * answers there. The service decides by it; the form says by it, before anything is sent, that the secret has to be typed again.
 */

/** How the manager signs in, whatever the kind. `tls` is one of the kind's own words; `verify-full` is the strictest of each. */
export interface ManagerLogin {
  readonly managerUser: string;
  readonly tls: string;
  readonly caCertificate?: string | undefined;
}
export interface ServerLogin extends ManagerLogin {
  readonly host: string;
  readonly port: number;
}

/** Less TLS is another place: then anybody could answer. More of it is not. */
export const isSameManager = (stored: ManagerLogin, next: ManagerLogin): boolean =>
  stored.managerUser === next.managerUser &&
  (stored.tls === next.tls || next.tls === 'verify-full') &&
  stored.caCertificate === next.caCertificate;

/** Of a target that is one server: PostgreSQL, MySQL. */
export const isSamePlace = (stored: ServerLogin, next: ServerLogin): boolean =>
  stored.host === next.host && stored.port === next.port && isSameManager(stored, next);

/** Of a target that is several nodes: a new one is another place, one less is not. */
export const areSameNodes = (
  stored: ManagerLogin & { readonly nodes: readonly string[] },
  next: ManagerLogin & { readonly nodes: readonly string[] },
): boolean => next.nodes.every((node) => stored.nodes.includes(node)) && isSameManager(stored, next);

/** An account on a host and what is run there in its name. */
interface HostHook {
  readonly user: string;
  readonly command: string;
}
/**
 * Of a host that is reached with certificates. The authority itself goes nowhere, but what it signs is good wherever it is trusted,
 * and the hook runs as an account that may do anything: another command is another use, for which nobody gave the authority.
 * No hook any more is less, and fine.
 */
export const isSameHost = (
  stored: { readonly host: string; readonly port: number; readonly hook: HostHook | null },
  next: { readonly host: string; readonly port: number; readonly hook: HostHook | null },
): boolean =>
  stored.host === next.host &&
  stored.port === next.port &&
  (next.hook === null || (stored.hook?.user === next.hook.user && stored.hook.command === next.hook.command));

/** Of an account of AWS: the region says its partition. */
export interface Account {
  readonly accountId: string;
  readonly region: string;
  readonly endpointUrl?: string | undefined;
}
export const isSameAccount = (stored: Account, next: Account): boolean =>
  stored.accountId === next.accountId && stored.region === next.region && stored.endpointUrl === next.endpointUrl;

/** Of a cluster. */
export interface Cluster {
  readonly server: string;
  readonly caCertificate?: string | undefined;
}
export const isSameCluster = (stored: Cluster, next: Cluster): boolean =>
  stored.server === next.server && stored.caCertificate === next.caCertificate;

/** Of a receiver of signed calls. */
export interface CalledReceiver {
  readonly url: string;
  readonly caCertificate?: string | undefined;
  readonly certificatePin?: string | undefined;
}
/** Calls go below it, so a slash at its end is none. */
export const receiverAddress = ({ url }: Pick<CalledReceiver, 'url'>): string => url.replace(/\/+$/, '');
export const isSameReceiver = (stored: CalledReceiver, next: CalledReceiver): boolean =>
  receiverAddress(stored) === receiverAddress(next) &&
  stored.caCertificate === next.caCertificate &&
  stored.certificatePin === next.certificatePin;

/**
 * `hallpass://` links, made and read in one place so that the service's invites and the desktop agree.
 * A link is text from anywhere: it is read strictly, it names a thing and never does one, and it carries no secret
 * (the code of an invite is typed by hand).
 */
import { idPattern } from './ids';

export const LINK_PREFIX = 'hallpass://';
export const MAX_LINK_CHARS = 2_048;

export interface InviteLink {
  readonly kind: 'join';
  /** `host:port` of the service's TLS listener; an IPv6 host stands in brackets. */
  readonly address: string;
  /** Hex SHA-256 of the listener's DER certificate. */
  readonly pin: string;
  readonly inviteId: string;
}
export type DeepLink =
  | InviteLink
  | { readonly kind: 'request'; readonly requestId: string }
  | { readonly kind: 'grant'; readonly grantId: string };
export type LinkAnswer =
  | { readonly ok: true; readonly link: DeepLink }
  | { readonly ok: false; readonly problem: 'foreign' | 'malformed' };

/** `hallpass://join?address=…&pin=…&invite=…` */
export function inviteLink(invite: Omit<InviteLink, 'kind'>): string {
  return `${LINK_PREFIX}join?${new URLSearchParams({ address: invite.address, pin: invite.pin, invite: invite.inviteId })}`;
}

/** Reads a link. Whatever is not exactly one of ours is refused: another scheme is `foreign`, all else `malformed`. */
export function parseLink(text: string): LinkAnswer {
  const malformed: LinkAnswer = { ok: false, problem: 'malformed' };
  if (text.length > MAX_LINK_CHARS || /[\u0000-\u0020\u007f-\uffff\\]/.test(text)) return malformed;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return malformed;
  }
  if (url.protocol !== 'hallpass:') return { ok: false, problem: 'foreign' };
  if (!text.startsWith(LINK_PREFIX) || url.username !== '' || url.password !== '' || url.port !== '' || url.hash !== '')
    return malformed;
  switch (url.host) {
    case 'join':
      return readInvite(url) ?? malformed;
    case 'request':
      return readId(url, 'request', (requestId) => ({ kind: 'request', requestId })) ?? malformed;
    case 'grant':
      return readId(url, 'grant', (grantId) => ({ kind: 'grant', grantId })) ?? malformed;
    default:
      return malformed;
  }
}

function readId(url: URL, kind: 'request' | 'grant', link: (id: string) => DeepLink): LinkAnswer | undefined {
  const id = url.pathname.slice(1);
  return url.search === '' && idPattern(kind).test(id) ? { ok: true, link: link(id) } : undefined;
}

function readInvite(url: URL): LinkAnswer | undefined {
  const given = url.searchParams;
  const once = (key: string) => (given.getAll(key).length === 1 ? (given.get(key) ?? '') : '');
  const [address, pin, inviteId] = [once('address'), once('pin'), once('invite')];
  if (url.pathname !== '' && url.pathname !== '/') return undefined;
  if (given.size !== 3 || parseHostPort(address) === undefined) return undefined;
  if (!/^[0-9a-f]{64}$/.test(pin) || !idPattern('invite').test(inviteId)) return undefined;
  return { ok: true, link: { kind: 'join', address, pin, inviteId } };
}

/** `example.org:8443`, `10.0.0.7:8443` or `[fd00::7]:8443`; undefined when it is none of these. */
export function parseHostPort(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)):(\d{1,5})$/.exec(
    text,
  );
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

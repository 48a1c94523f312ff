/**
 * How a call travels: over the bundled service's own socket, or over TLS with the certificate pinned by the invite.
 * The certificate is self-signed, so no authority vouches for it: its SHA-256 must be the pin, on every connection.
 */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import { parseHostPort } from '../../../shared/domain/links';

export const CALL_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;

export interface Call {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly signal?: AbortSignal;
  /** Idle time after which the call is given up; 0 for streams, whose heartbeat is watched instead. */
  readonly idleTimeoutMs?: number;
}
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readable;
}
export interface Transport {
  /** Rejects with ServiceAway when no answer came. An answer of any status resolves. */
  send(call: Call): Promise<Answer>;
  close(): void;
  /** `https://host:port`, or null on the local socket. */
  readonly address: string | null;
}

/** No answer: the service is not there, the network is gone, or the pin did not fit. Nothing is known of what it did. */
export class ServiceAway extends Error {
  readonly reason: 'unreachable' | 'pin' | 'aborted';
  constructor(reason: 'unreachable' | 'pin' | 'aborted', message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ServiceAway';
    this.reason = reason;
  }
}

type Requester = (options: RequestOptions) => ClientRequest;

/**
 * Node's own client: nothing here is redirected, proxied, decompressed or parsed, and evaluating a library that could would
 * be a tenth of the app's start.
 */
function request(make: Requester, wire: RequestOptions, call: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { signal, body, idleTimeoutMs = CALL_TIMEOUT_MS } = call;
    const outgoing = make({
      ...wire,
      method: call.method,
      path: call.path,
      headers: { ...call.headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
      timeout: idleTimeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
    outgoing.on('timeout', () => outgoing.destroy(Object.assign(new Error('time-out'), { code: 'ETIMEDOUT' })));
    outgoing.on('error', (cause) => reject(serviceAway(cause, signal)));
    outgoing.on('response', (body) => {
      if (idleTimeoutMs === 0) outgoing.setTimeout(0);
      resolve({ status: body.statusCode ?? 0, headers: body.headers, body });
    });
    outgoing.end(body);
  });
}
function serviceAway(cause: NodeJS.ErrnoException, signal: AbortSignal | undefined): ServiceAway {
  if (signal?.aborted) return new ServiceAway('aborted', 'The call was given up.', { cause });
  const code = cause.code ?? '';
  const pin = code === 'HALLPASS_PIN';
  return new ServiceAway(
    pin ? 'pin' : 'unreachable',
    pin ? PIN_MISMATCH : `The service does not answer${code === '' ? '' : ` (${code})`}.`,
    { cause: new Error(code) },
  );
}
const PIN_MISMATCH = 'The service shows another certificate than the one your invite names.';

/** The bundled service: its socket is ours alone, and the per-launch token says that the caller is this app. */
export function socketTransport(socketPath: string, launchToken: string): Transport {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 64 });
  return {
    address: null,
    send: (call) =>
      request(
        httpRequest,
        { host: 'localhost', socketPath, agent },
        { ...call, headers: { ...call.headers, authorization: `Bearer ${launchToken}` } },
      ),
    close: () => agent.destroy(),
  };
}

/** `aa:bb:…` or hex in any case, as lower-case hex. */
const hexOf = (fingerprint: string) => fingerprint.replaceAll(':', '').toLowerCase();

/**
 * Connects and holds the certificate against the pin; nothing is sent before it fits. The handshake itself proves that the
 * other side has the certificate's private key. Why not `ca`: BoringSSL takes no self-signed leaf as its own authority.
 * @throws ServiceAway
 */
export function connectPinned(address: string, pin: string): Promise<TLSSocket> {
  const target = parseHostPort(address);
  if (target === undefined) return Promise.reject(new ServiceAway('unreachable', 'That address can’t be read.'));
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: target.host,
      port: target.port,
      ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
      rejectUnauthorized: false, // no authority vouches for it; judged by the pin below
      minVersion: 'TLSv1.2',
      timeout: CONNECT_TIMEOUT_MS,
    });
    const fail = (error: ServiceAway) => {
      socket.destroy();
      reject(error);
    };
    socket.once('timeout', () => fail(new ServiceAway('unreachable', 'The service does not answer (time-out).')));
    const onError = (cause: NodeJS.ErrnoException) =>
      fail(
        new ServiceAway('unreachable', `The service does not answer (${cause.code ?? 'no reason given'}).`, { cause }),
      );
    socket.once('error', onError);
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined || hexOf(certificate.fingerprint256) !== pin) {
        fail(new ServiceAway('pin', PIN_MISMATCH));
        return;
      }
      socket.setTimeout(0);
      socket.removeListener('error', onError);
      resolve(socket);
    });
  });
}

/** Every connection of this agent was held against the pin before HTTP sees it. */
class PinnedAgent extends HttpsAgent {
  constructor(
    private readonly address: string,
    private readonly pin: string,
  ) {
    super({ keepAlive: true, maxSockets: 32 });
  }
  override createConnection(_options: unknown, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    connectPinned(this.address, this.pin).then(
      (socket) => callback?.(null, socket),
      (cause: ServiceAway) => {
        const code = cause.reason === 'pin' ? 'HALLPASS_PIN' : 'ECONNREFUSED';
        callback?.(Object.assign(new Error(cause.message), { code }), undefined as never);
      },
    );
    return undefined;
  }
}

/** A team's service at `host:port`. */
export function pinnedTransport(address: string, pin: string): Transport {
  const agent = new PinnedAgent(address, pin);
  const target = parseHostPort(address);
  const wire = { agent, host: target?.host ?? address, port: target?.port ?? 443 };
  return {
    address: `https://${address}`,
    send: (call) => request(httpsRequest, wire, call),
    close: () => agent.destroy(),
  };
}

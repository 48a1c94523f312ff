/**
 * One POST to a receiver: TLS (or loopback), the pin checked before a byte is sent, no redirect followed, no proxy, everything
 * under one time limit (a slow drip ends like silence) and one size limit.
 * Why not an HTTP library: they follow redirects, decompress and read proxies from the environment; none of it is wanted here.
 */
import { request } from 'node:http';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Receiver } from '../../../../shared/contract/webhook';
import { TargetError } from '../provisioner';

/** Below the engine's own patience, so that it hears why and not only that nothing came. */
export const CALL_LIMIT_MS = 8_000;
export const MAX_ANSWER_BYTES = 512 * 1024;

export interface Sent {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** The address as people know it, for messages: no path, nothing secret. */
export const hostOf = (receiver: Receiver): string => new URL(receiver.url).host;

/** @throws TargetError `unreachable`: no connection, no whole answer in time; `refused`: another certificate, too much, a redirect. */
export async function post(receiver: Receiver, sent: Sent, limitMs: number): Promise<Received> {
  const limit = AbortSignal.timeout(limitMs);
  const socket = await connect(receiver, limit);
  try {
    return await exchange(receiver, sent, socket, limit);
  } catch (cause) {
    if (cause instanceof TargetError) throw cause;
    if (limit.aborted) throw tooSlow(receiver);
    throw unreachable(receiver, cause);
  } finally {
    socket.destroy();
  }
}

const tooSlow = (receiver: Receiver) =>
  new TargetError('unreachable', `${hostOf(receiver)} gave no whole answer in time.`);
const unreachable = (receiver: Receiver, cause: unknown) =>
  new TargetError('unreachable', `${hostOf(receiver)} does not answer (${codeOf(cause)}).`);
const codeOf = (cause: unknown): string => String((cause as NodeJS.ErrnoException)?.code ?? 'connection closed');

/** Errors of a certificate: the receiver is there, but it is not who it should be. */
const isUntrusted = (code: string): boolean => /CERT|SIGNATURE|ERR_TLS|UNABLE_TO_|SELF_SIGNED/.test(code);

function connect(receiver: Receiver, limit: AbortSignal): Promise<Socket> {
  const url = new URL(receiver.url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isPlain = url.protocol === 'http:';
  const port = Number(url.port || (isPlain ? 80 : 443));
  return new Promise((resolve, reject) => {
    const socket = isPlain
      ? connectPlain({ host, port })
      : connectTls({
          host,
          port,
          ...(isIP(host) === 0 ? { servername: host } : {}),
          ...(receiver.caCertificate === undefined ? {} : { ca: receiver.caCertificate }),
          minVersion: 'TLSv1.2',
          ALPNProtocols: ['http/1.1'],
          rejectUnauthorized: receiver.certificatePin === undefined, // with a pin no authority has to vouch for it
        });
    const fail = (error: unknown) => {
      limit.removeEventListener('abort', onLimit);
      socket.destroy();
      reject(error);
    };
    const onLimit = () => fail(tooSlow(receiver));
    limit.addEventListener('abort', onLimit, { once: true });
    socket.once('error', (cause) => {
      const code = codeOf(cause);
      if (!isUntrusted(code)) return fail(unreachable(receiver, cause));
      fail(new TargetError('refused', `The certificate of ${hostOf(receiver)} is not one to be trusted (${code}).`));
    });
    socket.once(isPlain ? 'connect' : 'secureConnect', () => {
      const pin = receiver.certificatePin;
      if (pin !== undefined && !isPlain && fingerprintOf(socket) !== pin)
        return fail(new TargetError('refused', `${hostOf(receiver)} shows another certificate than the pinned one.`));
      limit.removeEventListener('abort', onLimit);
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}
const fingerprintOf = (socket: Socket): string | undefined =>
  'getPeerX509Certificate' in socket
    ? (socket as import('node:tls').TLSSocket)
        .getPeerX509Certificate()
        ?.fingerprint256.replaceAll(':', '')
        .toLowerCase()
    : undefined;

function exchange(receiver: Receiver, sent: Sent, socket: Socket, limit: AbortSignal): Promise<Received> {
  const url = new URL(receiver.url);
  const body = Buffer.from(sent.body, 'utf8');
  return new Promise((resolve, reject) => {
    const call = request({
      method: 'POST',
      path: sent.path,
      host: url.hostname,
      signal: limit,
      createConnection: () => socket,
      headers: {
        host: url.host,
        ...sent.headers,
        'content-type': 'application/json',
        'content-length': body.length,
        'accept-encoding': 'identity',
        connection: 'close',
      },
    });
    call.on('error', reject);
    call.once('response', (answer) => {
      const status = answer.statusCode ?? 0;
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_ANSWER_BYTES) return void chunks.push(chunk);
        answer.destroy();
        reject(
          new TargetError('refused', `The answer of ${hostOf(receiver)} is larger than ${MAX_ANSWER_BYTES / 1024} KB.`),
        );
      });
      answer.on('error', reject);
      answer.once('end', () => {
        if (!answer.complete) return reject(unreachable(receiver, undefined));
        resolve({ status, headers: answer.headers, body: Buffer.concat(chunks).toString('utf8') });
      });
      answer.once('close', () => reject(unreachable(receiver, undefined))); // after `end` it changes nothing
    });
    call.end(body);
  });
}

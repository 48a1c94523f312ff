/**
 * Where the service listens: a local socket (or named pipe) for the desktop beside it, and TCP for others.
 * On a loopback address the same port answers plain HTTP (scripts on this machine) and TLS (desktops that pin the
 * certificate); on any other address there is TLS only.
 */
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { SECOND_MS } from '../../../shared/domain/instant';
import { errnoOf, StartError } from '../start-error';
import type { Arrival, HttpApp } from './app';
import { isLoopback } from './hosts';
import type { Certificate } from './pin';

/** `sun_path` holds 108 bytes with its NUL on Linux; Node cuts longer ones without a word. */
export const MAX_SOCKET_PATH_BYTES = 107;
const MAX_CONNECTIONS = 4_000;
const HEADERS_TIMEOUT_MS = 10 * SECOND_MS;
const REQUEST_TIMEOUT_MS = 30 * SECOND_MS;
const KEEP_ALIVE_MS = 60 * SECOND_MS;
const TLS_RECORD_HANDSHAKE = 0x16;

export interface Listener {
  /** TCP port; 0 for a local socket. */
  readonly port: number;
  /** No new connection, and idle ones are closed; busy ones may finish. */
  quiesce(): void;
  /** Everything is closed, busy or not. */
  close(): Promise<void>;
}

const timeouts = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
};
const BAD_REQUEST =
  'HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json; charset=utf-8\r\nconnection: close\r\n\r\n' +
  '{"type":"https://hallpass.example/problems/invalid-input","title":"This is not a request that can be read.","status":400,"code":"invalid-input"}';

/** Serves what arrives on `server` as `arrival`. */
function serve(server: HttpServer, app: HttpApp, arrival: Arrival): HttpServer {
  server.on('request', (request, response) => app.handle(arrival, request, response));
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end(BAD_REQUEST);
    else socket.destroy();
  });
  return server;
}
function listening(server: NetServer, where: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
/** Sockets are kept count of here, since one that was handed from server to server is in nobody else's books. */
function listenerOf(server: NetServer, inner: readonly HttpServer[]): Listener {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.maxConnections = MAX_CONNECTIONS;
  // Asked for now: by the time somebody wants to wait, it may have been said already.
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
  return {
    get port() {
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : 0;
    },
    quiesce() {
      server.close();
      for (const one of inner) one.closeIdleConnections();
    },
    close() {
      if (server.listening) server.close();
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}

/** Listens on a Unix socket (0600 in a 0700 folder) or a Windows named pipe. Throws StartError. */
export async function listenLocally(app: HttpApp, path: string): Promise<Listener> {
  const pipe = process.platform === 'win32';
  if (!pipe) await prepareSocketPath(path);
  const server = serve(createHttpServer(timeouts), app, { via: 'socket', scheme: 'http' });
  const listener = listenerOf(server, [server]);
  try {
    await listening(server, { path });
  } catch (error) {
    throw socketTaken(path, error);
  }
  if (!pipe) chmodSync(path, 0o600);
  return listener;
}
const socketTaken = (path: string, cause: unknown) =>
  errnoOf(cause) === 'EADDRINUSE'
    ? new StartError('socket-taken', `Another service listens on ${path}.`, 'Stop it first.', { cause })
    : new StartError(
        'socket-path',
        `The socket ${path} can not be opened: ${(cause as Error).message}.`,
        'Check the rights of its folder.',
        { cause },
      );

async function prepareSocketPath(path: string): Promise<void> {
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_SOCKET_PATH_BYTES)
    throw new StartError(
      'socket-path',
      `The path of the local socket has ${bytes} bytes; ${MAX_SOCKET_PATH_BYTES} is the most a socket can have: ${path}`,
      'Use a data folder with a shorter path.',
    );
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  if (found.uid !== process.getuid?.())
    throw new StartError(
      'socket-path',
      `The folder ${folder} belongs to somebody else.`,
      'Remove it, or use another data folder.',
    );
  if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700);
  let left: ReturnType<typeof lstatSync>;
  try {
    left = lstatSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  if (!left.isSocket())
    throw new StartError(
      'socket-path',
      `${path} is there already, and it is not a socket.`,
      'Move it away: it is not ours to delete.',
    );
  if (await answers(path)) throw socketTaken(path, Object.assign(new Error('in use'), { code: 'EADDRINUSE' }));
  rmSync(path); // left behind by a service that was killed
}
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}
/** `plain`: what a loopback address answers without TLS. */
export async function listenOnTcp(
  app: HttpApp,
  address: TcpAddress,
  certificate: Certificate,
  plain: 'refused' | 'served',
): Promise<Listener> {
  const tls = { cert: certificate.certificatePem, key: certificate.keyPem, minVersion: 'TLSv1.2' as const };
  let secure: HttpServer;
  try {
    secure = serve(createHttpsServer({ ...timeouts, ...tls }), app, { via: 'tcp', scheme: 'https' });
  } catch (cause) {
    throw new StartError(
      'certificate',
      `The certificate and key can not be used: ${(cause as Error).message}.`,
      'Give a PEM certificate and the PEM key that belongs to it.',
      { cause },
    );
  }
  const both = plain === 'served' && isLoopback(address.host);
  const clear = both ? serve(createHttpServer(timeouts), app, { via: 'tcp', scheme: 'http' }) : null;
  const server: NetServer = clear === null ? secure : createNetServer((socket) => sortOut(socket, secure, clear));
  const listener = listenerOf(server, clear === null ? [secure] : [secure, clear]);
  try {
    await listening(server, address);
  } catch (cause) {
    throw addressError(address, cause);
  }
  return listener;
}

/** The first byte tells: a TLS handshake, or plain HTTP. */
function sortOut(socket: Socket, secure: HttpServer, clear: HttpServer): void {
  socket.setTimeout(HEADERS_TIMEOUT_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.once('data', (first: Buffer) => {
    socket.pause();
    socket.setTimeout(0);
    socket.removeAllListeners('timeout');
    socket.unshift(first);
    (first[0] === TLS_RECORD_HANDSHAKE ? secure : clear).emit('connection', socket);
    process.nextTick(() => socket.resume());
  });
}

function addressError({ host, port }: TcpAddress, cause: unknown): StartError {
  const at = `${host}:${port}`;
  switch (errnoOf(cause)) {
    case 'EADDRINUSE':
      return new StartError(
        'port-taken',
        `Another program listens on ${at}.`,
        'Choose another port, or stop that program.',
        { cause },
      );
    case 'EACCES':
      return new StartError('address', `Listening on ${at} is not allowed.`, 'Choose a port above 1023.', { cause });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartError(
        'address',
        `${host} is not an address of this machine.`,
        'Choose one of its own addresses, or 0.0.0.0 for all.',
        { cause },
      );
    default:
      return new StartError(
        'address',
        `Listening on ${at} failed: ${(cause as Error).message}.`,
        'Check the address.',
        { cause },
      );
  }
}

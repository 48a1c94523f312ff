/**
 * The socket that helpers talk to. Who may: the person whose app this is, and nobody else on the machine.
 * Node can't ask the system who is at the other end of a socket (no SO_PEERCRED), so three things stand in for it, each of
 * which the system enforces: the socket is 0600 in a folder that is 0700 and ours, so nobody else can connect; that is looked
 * at again at each connection, and nobody is answered while it is otherwise; and each line brings a token that lies beside it,
 * 0600 and new at each start, so whoever asks can read a file of ours. The superuser can do all that, as they can read our
 * memory. On Windows the pipe has no such rights, and the token under the user's own profile is what counts.
 * Every line, wait and rate has a limit. Nothing of a line is logged or sent back.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Log } from '../lifecycle/log';
import { type Answers, HelperRefusal } from './answers';
import { errorText, MAX_LINE_BYTES, okText, readLine, TOKEN_BYTES } from './protocol';

/** Once this long without a whole line, a caller is let go. */
const PATIENCE_MS = 2_000;
const MAX_CONNECTIONS = 32;
/** As many at once after a rest, and so many a second afterwards: scripts that start hundreds of `aws` are served, loops gone wild are not. */
const BURST = 120;
const PER_SECOND = 30;
/** Wrong tokens and lines that are none; a person's own helper sends neither. */
const BAD_BURST = 20;
const BAD_PER_SECOND = 2;

export interface HelperPlace {
  /** Path of the socket or name of the pipe. */
  readonly socket: string;
  readonly tokenFile: string;
}
/** Beside the service's socket, or under the user's profile where sockets are pipes. */
export const helperPlace = (socket: string, userData: string, platform: NodeJS.Platform): HelperPlace => ({
  socket,
  tokenFile: platform === 'win32' ? join(userData, 'run', 'token') : join(dirname(socket), 'token'),
});

export interface HelperServer {
  readonly place: HelperPlace;
  stop(): Promise<void>;
}
export interface ServerDeps {
  readonly place: HelperPlace;
  readonly platform: NodeJS.Platform;
  readonly uid: number;
  readonly answers: Answers;
  readonly random: { bytes(count: number): Uint8Array };
  readonly monotonicMs: () => number;
  readonly log: Log;
}

/** Starts to listen. A socket that an earlier life left is replaced. @throws when the place can't be made private */
export async function startHelperServer(deps: ServerDeps): Promise<HelperServer> {
  const { place, platform, log } = deps;
  const token = Buffer.from(deps.random.bytes(TOKEN_BYTES)).toString('hex');
  if (platform !== 'win32') removeSocket(place.socket);
  writeToken(place.tokenFile, token);
  const good = createAllowance(BURST, PER_SECOND, deps.monotonicMs);
  const bad = createAllowance(BAD_BURST, BAD_PER_SECOND, deps.monotonicMs);
  let refusedFor: string | null = null;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const problem = platform === 'win32' ? null : opennessOf(place, deps.uid);
    if (problem !== null) {
      if (problem !== refusedFor) log('error', 'helpers are not answered', { problem });
      refusedFor = problem;
      return end(socket, errorText(`Hallpass answers nobody: ${problem}`));
    }
    serve(socket, async (line) => {
      if (!bad.isLeft()) return errorText('Too many wrong requests. Wait a moment.');
      const read = readLine(line);
      if (read === null || !isSame(read.token, token)) {
        bad.take();
        log('warn', 'a helper request was refused', { why: read === null ? 'no request of ours' : 'wrong token' });
        return errorText('This is no request that Hallpass knows.');
      }
      if (!good.take()) return errorText('Too many requests. Wait a moment.');
      try {
        return okText(await deps.answers.to(read.ask));
      } catch (cause) {
        if (cause instanceof HelperRefusal) return errorText(cause.message);
        log('error', 'a helper request failed', { ask: read.ask.ask, cause });
        return errorText('Hallpass could not answer. Its log says why.');
      }
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, place.socket);
  if (platform !== 'win32') chmodSync(place.socket, 0o600);
  server.on('error', (cause) => log('error', 'the helper socket failed', { cause }));
  return {
    place,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if (platform !== 'win32') removeSocket(place.socket);
        try {
          unlinkSync(place.tokenFile);
        } catch {
          // gone already; it opens nothing without us
        }
      }),
  };
}

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => {
      server.off('error', reject);
      resolve();
    });
  });

/** Only a socket: whatever else lies there is not ours to remove, and listening then fails. */
function removeSocket(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch {
    // not there
  }
}

function writeToken(path: string, token: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    unlinkSync(path); // made anew, so that neither its mode nor a link is somebody else's choice
  } catch {
    // the first start
  }
  writeFileSync(path, `${token}\n`, { mode: 0o600, flag: 'wx' });
}

/** Why others could be at the socket; null when they can't. */
export function opennessOf(place: HelperPlace, uid: number): string | null {
  try {
    for (const [path, kind] of [
      [dirname(place.socket), 'isDirectory'],
      [place.socket, 'isSocket'],
      [place.tokenFile, 'isFile'],
    ] as const) {
      const facts = lstatSync(path);
      if (!facts[kind]()) return `${path} is not what it should be.`;
      if (facts.uid !== uid || (facts.mode & 0o077) !== 0) return `${path} is open to other users of this machine.`;
    }
    return null;
  } catch (cause) {
    return `its socket can not be looked at (${cause instanceof Error ? cause.message : String(cause)}).`;
  }
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** So many at once, refilled evenly. */
function createAllowance(burst: number, perSecond: number, monotonicMs: () => number) {
  let left = burst;
  let at = monotonicMs();
  const refill = () => {
    const now = monotonicMs();
    left = Math.min(burst, left + ((now - at) / 1_000) * perSecond);
    at = now;
  };
  return {
    isLeft(): boolean {
      refill();
      return left >= 1;
    },
    take(): boolean {
      refill();
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}

function end(socket: Socket, text: string): void {
  socket.on('error', () => undefined); // it went away: nobody to tell
  socket.resume();
  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  socket.end(text);
}

/** One line, one answer. */
function serve(socket: Socket, answer: (line: string) => Promise<string>): void {
  let read = Buffer.alloc(0);
  let done = false;
  socket.on('error', () => undefined);
  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  // Of its own: a byte now and then would put off the one above for ever.
  const patience = setTimeout(() => socket.destroy(), PATIENCE_MS);
  socket.once('close', () => clearTimeout(patience));
  const finish = (text: string) => {
    if (socket.destroyed) return;
    end(socket, text);
  };
  socket.on('data', (chunk: Buffer) => {
    if (done) return;
    read = Buffer.concat([read, chunk]);
    const at = read.indexOf(0x0a);
    if (at < 0 && read.length < MAX_LINE_BYTES) return;
    done = true;
    clearTimeout(patience);
    if (at < 0 || at >= MAX_LINE_BYTES) return finish(errorText('This is no request that Hallpass knows.'));
    void answer(read.subarray(0, at).toString('utf8')).then(finish, () => socket.destroy());
  });
  socket.on('end', () => {
    if (!done) finish(errorText('This is no request that Hallpass knows.'));
    done = true;
  });
}

/**
 * Stands before a real server on loopback and breaks what goes through, by a script: so that tests can ask what a client
 * claims when the network lies to it. Knows nothing of the protocol; a moment is named by the words the client says then, or
 * by how many bytes have passed. Where both sides speak TLS it ends one and begins another (`tls`), so that it hears the words.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, TLSSocket } from 'node:tls';

export type ProxyFault =
  /** Each piece arrives later by this much, in both directions. */
  | { readonly kind: 'latency'; readonly eachWayMs: number }
  /** Connections are taken, and nothing is ever answered; those that stand fall silent too. */
  | { readonly kind: 'half-open' }
  /** Every connection is reset, new ones at once. (Nobody listening at all is another test: the port could go to somebody else.) */
  | { readonly kind: 'down' }
  /**
   * Once, when the client has said this: `half` or `all` of its last words reach the server, then both ends are reset.
   * `server` `goes on`: ours only, at once; the server is left to do it and to answer to nobody.
   */
  | { readonly kind: 'reset'; readonly at: RegExp; readonly passes: 'half' | 'all'; readonly server?: 'goes on' }
  /** Once, when the client has said this: the server does it and answers (`until`: to these words), and the answer never arrives. */
  | { readonly kind: 'reply-lost'; readonly at: RegExp; readonly until?: RegExp }
  /** Once, when so many bytes of one connection have come from this side: what is over is kept back, and both ends are reset. */
  | { readonly kind: 'cut'; readonly from: 'client' | 'server'; readonly afterBytes: number };

export interface FaultProxy {
  readonly port: number;
  /** From now on, in this order: `reset`, `reply-lost` and `cut` strike once and give way to the next, the others stay until `lift`. */
  play(...script: readonly ProxyFault[]): void;
  /** All is well again. Connections that fell silent are reset, as the other end's keep-alive would find out. */
  lift(): void;
  /** Resets every connection now, as one strike. */
  cut(): void;
  /** How often `reset`, `reply-lost` and `cut` have struck. */
  struck(): number;
  /** The answers that `reply-lost` kept back. */
  lostReplies(): readonly string[];
  /** Bytes that came from each side of the newest connection. */
  carried(): { readonly client: number; readonly server: number };
  /** Our ends' ports of connections to the server that were broken: what the server did on them is over once it has dropped them. */
  brokenPorts(): readonly number[];
  /** Servers that were left to go on and have not answered yet. */
  goingOn(): number;
  stop(): Promise<void>;
}
/** For lines of TLS: how this end shows itself to clients, and whom it trusts as the server. */
export interface ProxyTls {
  readonly certificate: string;
  readonly key: string;
  readonly serverCa: string;
}

interface Line {
  /** What resets act on. `in`: what words go through, the same unless there is TLS. */
  readonly client: Socket;
  readonly clientIn: Socket;
  /** Undefined when it was taken while nothing was answered. */
  readonly server?: Socket;
  readonly serverIn?: Socket;
  /** Our end's port; 0 until it is connected. */
  serverPort: number;
  isSilent: boolean;
  /** What the client has said since the server last answered. */
  said: string;
  readonly bytes: { client: number; server: number };
  /** The next thing the server says is lost, to these words. */
  losing: { readonly until: RegExp; heard: string } | null;
}
const MAX_SAID_CHARS = 256 * 1024;
const ANYTHING = /[\s\S]/;

/** Listens on a port of its own and passes everything to `serverPort` of this machine until told otherwise. */
export async function startFaultProxy(serverPort: number, tls: ProxyTls | null = null): Promise<FaultProxy> {
  const lines = new Set<Line>();
  const alone = new Set<Socket>();
  const broken: number[] = [];
  const lost: string[] = [];
  const context = tls === null ? null : createSecureContext({ cert: tls.certificate, key: tls.key });
  let script: readonly ProxyFault[] = [];
  let strikes = 0;
  let newest: Line['bytes'] = { client: 0, server: 0 };

  const breakLine = (line: Line) => {
    if (!lines.delete(line)) return;
    if (line.serverPort > 0) broken.push(line.serverPort);
    line.client.resetAndDestroy();
    line.server?.resetAndDestroy();
  };
  const breakAll = (which: (line: Line) => boolean) => {
    for (const line of [...lines]) if (which(line)) breakLine(line);
  };
  /** The client is reset; what the server answers, or its close, ends the other half. */
  const leaveAlone = (line: Line) => {
    const { server, serverIn } = line;
    if (!lines.delete(line) || server === undefined || serverIn === undefined) return;
    alone.add(server);
    const over = () => {
      alone.delete(server);
      server.resetAndDestroy();
    };
    serverIn.once('data', over);
    server.once('close', over);
    line.client.resetAndDestroy();
  };
  const begin = () => {
    for (const line of lines) line.said = '';
    if (script[0]?.kind === 'down') breakAll(() => true);
    if (script[0]?.kind === 'half-open') for (const line of lines) line.isSilent = true;
  };
  /** What comes next in the script begins once this is over. */
  const strike = () => {
    strikes++;
    script = script.slice(1);
  };
  const struckOn = (line: Line, end: (line: Line) => void) => {
    end(line);
    begin();
  };
  const later = (line: Line, pass: () => void) => {
    const fault = script[0];
    if (fault?.kind !== 'latency') return pass();
    setTimeout(() => lines.has(line) && pass(), fault.eachWayMs);
  };
  /** Keeps back what is over the count, once the rest has gone out. True when it struck. */
  const cutAt = (line: Line, from: 'client' | 'server', chunk: Buffer): boolean => {
    line.bytes[from] += chunk.length;
    const fault = script[0];
    if (fault?.kind !== 'cut' || fault.from !== from || line.bytes[from] < fault.afterBytes) return false;
    strike();
    const passes = chunk.subarray(0, Math.max(0, chunk.length - (line.bytes[from] - fault.afterBytes)));
    line.isSilent = true; // nothing more in either direction
    (from === 'client' ? line.serverIn : line.clientIn)?.write(passes, () => struckOn(line, breakLine));
    return true;
  };

  const fromClient = (line: Line, chunk: Buffer) => {
    const server = line.serverIn;
    if (line.isSilent || server === undefined || cutAt(line, 'client', chunk)) return;
    line.said = (line.said + chunk.toString('latin1')).slice(-MAX_SAID_CHARS);
    const fault = script[0];
    if ((fault?.kind !== 'reset' && fault?.kind !== 'reply-lost') || !fault.at.test(line.said))
      return later(line, () => server.write(chunk));
    strike();
    if (fault.kind === 'reply-lost') {
      line.losing = { until: fault.until ?? ANYTHING, heard: '' };
      server.write(chunk);
    } else if (fault.passes === 'half')
      server.write(chunk.subarray(0, chunk.length >> 1), () => struckOn(line, breakLine));
    else server.write(chunk, () => struckOn(line, fault.server === 'goes on' ? leaveAlone : breakLine));
  };
  const loseReply = (line: Line, losing: NonNullable<Line['losing']>, chunk: string) => {
    losing.heard += chunk;
    if (!losing.until.test(losing.heard)) return;
    lost.push(losing.heard);
    struckOn(line, breakLine);
  };
  const fromServer = (line: Line, chunk: Buffer) => {
    if (line.isSilent || !lines.has(line)) return;
    if (line.losing) return loseReply(line, line.losing, chunk.toString('latin1'));
    if (cutAt(line, 'server', chunk)) return;
    line.said = '';
    later(line, () => line.clientIn.write(chunk));
  };
  const take = (client: Socket) => {
    client.on('error', () => undefined);
    if (script[0]?.kind === 'down') return void client.resetAndDestroy();
    const isSilent = script[0]?.kind === 'half-open';
    const server = isSilent ? undefined : connect(serverPort, '127.0.0.1');
    server?.on('error', () => undefined);
    const bytes = { client: 0, server: 0 };
    if (!isSilent) newest = bytes;
    const line: Line = {
      ...{ client, clientIn: isSilent ? client : asServer(client, context), isSilent, bytes },
      ...(server ? { server, serverIn: asClient(server, tls) } : {}),
      ...{ serverPort: 0, said: '', losing: null },
    };
    lines.add(line);
    server?.on('connect', () => {
      line.serverPort = server.localPort ?? 0;
    });
    line.clientIn.on('data', (chunk: Buffer) => fromClient(line, chunk));
    line.serverIn?.on('data', (chunk: Buffer) => fromServer(line, chunk));
    const closed = (other: Socket | undefined) => () => {
      if (line.losing) {
        if (lines.has(line) && line.losing.heard !== '') lost.push(line.losing.heard);
        return struckOn(line, breakLine);
      }
      if (line.isSilent && !client.destroyed) return; // the other end must not learn of it
      if (!lines.has(line)) return;
      // After what was said before it, which may be late.
      later(line, () => {
        lines.delete(line);
        other?.destroySoon();
      });
    };
    client.on('close', closed(line.serverIn));
    server?.on('close', closed(line.clientIn));
  };

  const listener = createServer({ noDelay: true }, take);
  const port = await listening(listener);
  return {
    port,
    play(...next) {
      script = next;
      begin();
    },
    lift() {
      script = [];
      breakAll((line) => line.isSilent);
    },
    cut() {
      strikes++;
      breakAll(() => true);
    },
    struck: () => strikes,
    lostReplies: () => lost,
    carried: () => ({ ...newest }),
    brokenPorts: () => broken,
    goingOn: () => alone.size,
    async stop() {
      const closed = new Promise((resolve) => listener.close(resolve));
      breakAll(() => true);
      for (const server of alone) server.resetAndDestroy();
      await closed;
    },
  };
}

/** The end that a client sees. Errors of the TLS layer are those of its socket, which closes. */
function asServer(client: Socket, context: SecureContext | null): Socket {
  if (context === null) return client;
  const end = new TLSSocket(client, { isServer: true, secureContext: context });
  end.on('error', () => client.destroy());
  return end;
}
function asClient(server: Socket, tls: ProxyTls | null): Socket {
  if (tls === null) return server;
  const end = connectTls({ socket: server, host: '127.0.0.1', ca: tls.serverCa, ALPNProtocols: ['http/1.1'] });
  end.on('error', () => server.destroy());
  return end;
}

const listening = (listener: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => resolve((listener.address() as { port: number }).port));
  });

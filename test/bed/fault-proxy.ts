/**
 * Stands before a real server on loopback and breaks what goes through, by a script: so that tests can ask what a client
 * claims when the network lies to it. Knows nothing of the protocol; a moment is named by the words the client sends then.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

export type ProxyFault =
  /** Each piece arrives later by this much, in both directions. */
  | { readonly kind: 'latency'; readonly eachWayMs: number }
  /** Connections are taken, and nothing is ever answered; those that stand fall silent too. */
  | { readonly kind: 'half-open' }
  /** Every connection is reset, new ones at once. (Nobody listening at all is another test: the port could go to somebody else.) */
  | { readonly kind: 'down' }
  /** Once, when the client says this: `half` of it or `all` of it reaches the server, then both ends are reset. */
  | { readonly kind: 'reset'; readonly at: RegExp; readonly passes: 'half' | 'all' }
  /** Once, when the client says this: the server does it and answers, and the answer never arrives. */
  | { readonly kind: 'reply-lost'; readonly at: RegExp };

export interface FaultProxy {
  readonly port: number;
  /** From now on, in this order: `reset` and `reply-lost` strike once and give way to the next, the others stay until `lift`. */
  play(...script: readonly ProxyFault[]): void;
  /** All is well again. Connections that fell silent are reset, as the other end's keep-alive would find out. */
  lift(): void;
  /** How often `reset` and `reply-lost` have struck. */
  struck(): number;
  /** Our ends' ports of connections to the server that were broken: what the server did on them is over once it has dropped them. */
  brokenPorts(): readonly number[];
  stop(): Promise<void>;
}

interface Line {
  readonly client: Socket;
  /** Undefined when it was taken while nothing was answered. */
  readonly server?: Socket;
  /** Our end's port; 0 until it is connected. */
  serverPort: number;
  isSilent: boolean;
  /** The next thing the server says is lost. */
  losesReply: boolean;
}

/** Listens on a port of its own and passes everything to `serverPort` of this machine until told otherwise. */
export async function startFaultProxy(serverPort: number): Promise<FaultProxy> {
  const lines = new Set<Line>();
  const broken: number[] = [];
  let script: readonly ProxyFault[] = [];
  let strikes = 0;

  const breakLine = (line: Line) => {
    if (!lines.delete(line)) return;
    if (line.serverPort > 0) broken.push(line.serverPort);
    line.client.resetAndDestroy();
    line.server?.resetAndDestroy();
  };
  const breakAll = (which: (line: Line) => boolean) => {
    for (const line of [...lines]) if (which(line)) breakLine(line);
  };
  const begin = () => {
    if (script[0]?.kind === 'down') breakAll(() => true);
    if (script[0]?.kind === 'half-open') for (const line of lines) line.isSilent = true;
  };
  const strike = () => {
    strikes++;
    script = script.slice(1);
    begin();
  };
  const later = (line: Line, pass: () => void) => {
    const fault = script[0];
    if (fault?.kind !== 'latency') return pass();
    setTimeout(() => lines.has(line) && pass(), fault.eachWayMs);
  };

  const fromClient = (line: Line, chunk: Buffer) => {
    const { server } = line;
    const fault = script[0];
    if (line.isSilent || server === undefined) return;
    if ((fault?.kind !== 'reset' && fault?.kind !== 'reply-lost') || !fault.at.test(chunk.toString('latin1')))
      return later(line, () => server.write(chunk));
    strike();
    if (fault.kind === 'reply-lost') {
      line.losesReply = true;
      server.write(chunk);
    } else server.write(fault.passes === 'all' ? chunk : chunk.subarray(0, chunk.length >> 1), () => breakLine(line));
  };
  const fromServer = (line: Line, chunk: Buffer) => {
    if (line.isSilent) return;
    if (line.losesReply) return breakLine(line);
    later(line, () => line.client.write(chunk));
  };
  const take = (client: Socket) => {
    client.on('error', () => undefined);
    if (script[0]?.kind === 'down') return void client.resetAndDestroy();
    const isSilent = script[0]?.kind === 'half-open';
    const server = isSilent ? undefined : connect(serverPort, '127.0.0.1');
    const line: Line = { client, ...(server ? { server } : {}), serverPort: 0, isSilent, losesReply: false };
    lines.add(line);
    server?.on('error', () => undefined);
    server?.on('connect', () => {
      line.serverPort = server.localPort ?? 0;
    });
    client.on('data', (chunk: Buffer) => fromClient(line, chunk));
    server?.on('data', (chunk: Buffer) => fromServer(line, chunk));
    const closed = (other: Socket | undefined) => () => {
      if (line.losesReply) return breakLine(line);
      if (line.isSilent && !client.destroyed) return; // the other end must not learn of it
      lines.delete(line);
      other?.destroySoon();
    };
    client.on('close', closed(server));
    server?.on('close', closed(client));
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
    struck: () => strikes,
    brokenPorts: () => broken,
    async stop() {
      const closed = new Promise((resolve) => listener.close(resolve));
      breakAll(() => true);
      await closed;
    },
  };
}

const listening = (listener: Server): Promise<number> =>
  new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => resolve((listener.address() as { port: number }).port));
  });

/** A relay before a PostgreSQL server that counts: connections, and how often the server said that it waits for the next command. Without TLS, so that it can read along. */
import { connect, createServer, type Server } from 'node:net';

const READY_FOR_QUERY = 'Z'.charCodeAt(0);
const HEAD_BYTES = 5;

export interface CountingRelay {
  readonly port: number;
  /** Since it was last asked. */
  take(): { readonly roundTrips: number; readonly connections: number };
  stop(): Promise<void>;
}

export async function startCountingRelay(to: { host: string; port: number }): Promise<CountingRelay> {
  let [roundTrips, connections] = [0, 0];
  const server: Server = createServer((client) => {
    connections += 1;
    const upstream = connect(to.port, to.host);
    let rest = Buffer.alloc(0);
    upstream.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= HEAD_BYTES) {
        const length = 1 + rest.readUInt32BE(1);
        if (rest.length < length) break;
        if (rest[0] === READY_FOR_QUERY) roundTrips += 1;
        rest = rest.subarray(length);
      }
      client.write(chunk);
    });
    client.on('data', (chunk) => upstream.write(chunk));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');
  return {
    port: address.port,
    take() {
      const counted = { roundTrips, connections };
      [roundTrips, connections] = [0, 0];
      return counted;
    },
    stop: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

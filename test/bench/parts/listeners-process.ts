/**
 * Many clients of the event stream in one process. Each is a TLS connection of its own, signed in with DPoP as a desktop is;
 * the headers are made by the bench, which holds the keys. For every event, each client notes the wall clock when it came.
 */
import { request } from 'node:https';
import process from 'node:process';

export interface ListenerOrders {
  readonly url: string;
  readonly path: string;
  /** One entry, one client. */
  readonly headers: readonly Readonly<Record<string, string>>[];
}
/** Lengths in ms from each event's own time stamp to its receipt, by event number; one per client. */
export type Receipts = Readonly<Record<number, readonly number[]>>;

const receipts: Record<number, number[]> = {};

process.on('message', (orders: ListenerOrders | 'report' | 'stop') => {
  if (orders === 'stop') process.exit(0);
  else if (orders === 'report') process.send?.(receipts);
  else
    void Promise.all(orders.headers.map((headers) => listen(orders, headers))).then((all) =>
      process.send?.(all.length),
    );
});
process.on('disconnect', () => process.exit(0));

/** Resolves once the stream has said hello. */
function listen({ url, path }: ListenerOrders, headers: Readonly<Record<string, string>>): Promise<void> {
  return new Promise((resolve, reject) => {
    // The certificate is the service's own and its pin was checked when the team joined.
    const outgoing = request(new URL(path, url), { headers, rejectUnauthorized: false, agent: false });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      if (response.statusCode !== 200) return reject(new Error(`the stream answered ${response.statusCode}`));
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const at = Date.now();
        const frames = (rest + chunk).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) {
          if (frame.startsWith('event: hello')) resolve();
          const [, data] = /^id: \d+\n.*\ndata: (.*)$/s.exec(frame) ?? [];
          if (data === undefined) continue;
          const event = JSON.parse(data) as { seq: number; at: number };
          receipts[event.seq] ??= [];
          receipts[event.seq]?.push(at - event.at);
        }
      });
    });
    outgoing.end();
  });
}

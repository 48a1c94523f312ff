/**
 * One event to 500 clients. Each has a TLS connection of its own; they are 63 people with at most 8 streams per device, which
 * is what a service allows. Measured from the event's own time stamp, which is taken inside the transaction before its durable
 * commit, so the commit itself is inside the number.
 */
import { until } from '../../bed';
import { figure } from '../figure';
import type { ListenerOrders, Receipts } from '../parts/listeners-process';
import { answerOf, endChild, forkScript, must, startTeam, type Team } from '../parts/team';
import type { Measure } from '.';

const CLIENT_COUNT = 500;
const STREAMS_PER_DEVICE = 8;
/** Between two events, so that each is measured alone. */
const PAUSE_MS = 250;
const EVENTS = '/v1/events';

export const measureFanOut: Measure = async ({ quick }) => {
  const team = await startTeam(Math.ceil(CLIENT_COUNT / STREAMS_PER_DEVICE));
  const listeners = forkScript('listeners-process.ts');
  try {
    listeners.send(ordersFor(team));
    const listening = await answerOf<number>(listeners);
    if (listening !== CLIENT_COUNT) throw new Error(`${listening} clients listen`);
    const wanted: number[] = [];
    const eventCount = quick ? 8 : 60;
    for (let n = 0; n < eventCount; n += 1) {
      must(await team.owner.call('PUT', `/v1/groups/team-${n}`, { members: [] })); // one event, for everybody
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    const receipts = await until('every client to have every event', async () => {
      listeners.send('report');
      const all = await answerOf<Receipts>(listeners);
      wanted.splice(0, wanted.length, ...Object.values(all).flat());
      return wanted.length >= CLIENT_COUNT * eventCount ? all : undefined;
    });
    const events = Object.values(receipts).map((lengths) => Math.max(...lengths));
    return [
      figure('event to 500 SSE clients', 'ms', wanted, {
        ...{ statistic: 'p99', goal: 250 },
        note: `${eventCount} events, each to ${CLIENT_COUNT} TLS connections in another process`,
      }),
      figure('event to the last of 500 clients', 'ms', events, { statistic: 'p50', goal: null }),
    ];
  } finally {
    await endChild(listeners);
    await team.stop();
  }
};

function ordersFor({ members, where }: Team): ListenerOrders {
  const headers = Array.from({ length: CLIENT_COUNT }, (_, n) => {
    const client = members[n % members.length]?.client;
    if (!client) throw new Error('the team is empty');
    return { authorization: `DPoP ${client.token()}`, dpop: client.proof('GET', EVENTS) };
  });
  return { url: where.url, path: EVENTS, headers };
}

/**
 * The app's only event stream. It resumes after the last event that was handled (the cursor is durable), reconnects with
 * back-off, watches the heartbeat, and says `resync` when the cursor is older than what the service keeps.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { EVENTS_PATH } from '../../../shared/contract/api';
import { parseEvent, type ServiceEvent, StreamHello } from '../../../shared/contract/events';
import type { Log } from '../lifecycle/log';
import { ApiProblem, isProblem, problemIn } from '../session/api-problem';
import type { Transport } from '../session/transport';
import { createSseParser, type SseMessage } from './sse';

/** The service beats every 15 s. */
export const SILENCE_MS = 40_000;
const MAX_PAUSE_MS = 15_000;
/** Pause before try number `attempt`. Pure; `spread` in 0…1 keeps a team's desktops from coming back in the same instant. */
export const reconnectPauseMs = (attempt: number, spread: number): number =>
  attempt === 0 ? 0 : Math.min(MAX_PAUSE_MS, 250 * 2 ** (attempt - 1)) * (0.5 + spread / 2);

export interface StreamDeps {
  readonly transport: Transport;
  readonly cursor: { get(): number | null; set(seq: number | null): void };
  readonly monotonicMs: () => number;
  readonly spread: () => number;
  readonly onHello: (hello: { serverTime: number; seq: number }, roundTripMs: number) => void;
  readonly onBeat: (serverTime: number) => void;
  readonly onEvent: (event: ServiceEvent) => Promise<void> | void;
  readonly onResync: () => void;
  readonly onState: (state: 'online' | 'offline', cause: unknown) => void;
  readonly log: Log;
}
export interface EventStream {
  start(): void;
  /** Reconnects at once, for example after resume or when the bundled service is ready again. */
  nudge(): void;
  stop(): void;
}

export function createEventStream(deps: StreamDeps): EventStream {
  const over = new AbortController();
  let connection: AbortController | null = null;
  let pause: AbortController | null = null;
  let attempt = 0;

  async function connectOnce(): Promise<void> {
    const own = new AbortController();
    connection = own;
    const cursor = deps.cursor.get();
    const askedAt = deps.monotonicMs();
    const answer = await deps.transport.send({
      method: 'GET',
      path: EVENTS_PATH,
      headers: { accept: 'text/event-stream', ...(cursor === null ? {} : { 'last-event-id': String(cursor) }) },
      signal: own.signal,
      idleTimeoutMs: 0,
    });
    if (answer.status >= 400) throw new ApiProblem(await problemIn(answer));
    let silence = setTimeout(() => own.abort(), SILENCE_MS);
    const messages: SseMessage[] = [];
    const parse = createSseParser((message) => messages.push(message));
    const text = new TextDecoder();
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        clearTimeout(silence);
        silence = setTimeout(() => own.abort(), SILENCE_MS);
        parse(text.decode(chunk, { stream: true }));
        for (const message of messages.splice(0)) await take(message, deps.monotonicMs() - askedAt);
      }
    } finally {
      clearTimeout(silence);
      answer.body.destroy();
    }
  }

  async function take(message: SseMessage, roundTripMs: number): Promise<void> {
    switch (message.event) {
      case 'hello': {
        const hello = StreamHello.parse(JSON.parse(message.data));
        attempt = 0;
        if (deps.cursor.get() === null) deps.cursor.set(hello.seq);
        deps.onHello(hello, roundTripMs);
        deps.onState('online', null);
        return;
      }
      case 'beat':
        deps.onBeat(StreamHello.parse(JSON.parse(message.data)).serverTime);
        return;
      case 'resync': {
        const now = StreamHello.parse(JSON.parse(message.data));
        deps.cursor.set(now.seq);
        deps.onResync();
        return;
      }
      case 'presence':
        return;
      default:
        await handle(message);
    }
  }

  async function handle(message: SseMessage): Promise<void> {
    let event: ServiceEvent;
    try {
      event = parseEvent(JSON.parse(message.data));
    } catch {
      deps.log('warn', 'an event was not understood', { type: message.event }); // a newer service: skip it, keep the order
      if (message.id !== null && /^\d+$/.test(message.id)) deps.cursor.set(Number(message.id));
      return;
    }
    if (event.seq <= (deps.cursor.get() ?? -1)) return; // seen before: once means once
    await deps.onEvent(event);
    deps.cursor.set(event.seq);
  }

  async function loop(): Promise<void> {
    while (!over.signal.aborted) {
      let cause: unknown = null;
      try {
        await connectOnce();
      } catch (error) {
        cause = error;
        if (isProblem(error, 'cursor-too-old')) {
          deps.cursor.set(null);
          deps.onResync();
        }
      }
      if (over.signal.aborted) return;
      deps.onState('offline', cause);
      if (isProblem(cause, 'device-revoked')) return;
      attempt += 1;
      pause = new AbortController();
      await wait(reconnectPauseMs(attempt, deps.spread()), undefined, { signal: pause.signal }).catch(() => undefined);
    }
  }

  return {
    start: () => void loop(),
    nudge() {
      attempt = 0;
      pause?.abort();
    },
    stop() {
      over.abort();
      connection?.abort();
      pause?.abort();
    },
  };
}

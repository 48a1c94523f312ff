/**
 * Live events: one reader of the outbox, many streams. Each client gets every event it may see, once, in order, also
 * across reconnects (I13): a stream first replays from its cursor, and joins the live ones at the very event where it has
 * caught up; nothing is awaited between that check and the joining.
 * Rights are judged at delivery: an event that changes a person or device makes the hub re-read them before it goes on.
 * A client that doesn't read is cut at a bounded buffer, and resumes from its cursor when it comes back.
 */
import type { ServerResponse } from 'node:http';
import { type Clock, plusMs, SECOND_MS } from '../../../shared/domain/instant';
import type { Caller } from '../access/caller';
import { AppError } from '../errors';
import type { Logger } from '../log';
import { loadCaller } from '../people/callers';
import type { Store } from '../store/store';
import { type EventFrame, eventFrame, maySee, signalFrame } from './event-frames';
import type { PresenceBook } from './presence';

export const BEAT_MS = 15 * SECOND_MS;
/** A replaying client that takes nothing for this long is cut. */
export const DRAIN_TIMEOUT_MS = 30 * SECOND_MS;
const PAGE_ROWS = 500;

export interface StreamLimits {
  readonly total: number;
  /** Per device on TCP; the local socket belongs to one person and is bound by `total` alone. */
  readonly perDevice: number;
  /** Unsent bytes of one client; more, and it is cut. */
  readonly bufferBytes: number;
}
export const DEFAULT_STREAM_LIMITS: StreamLimits = { total: 2_000, perDevice: 8, bufferBytes: 1024 * 1024 };

interface Stream {
  readonly response: ServerResponse;
  /** Replaced when the person's roles change. */
  caller: Caller;
  cursor: number;
  phase: 'replaying' | 'live' | 'closed';
  leave: () => void;
}
export interface EventHub {
  /** Throws AppError `too-many-requests` when no further stream may be opened; asked just before `connect`. */
  admit(caller: Caller): void;
  /** Takes the response over. `after`: the last event number the client has, null to start with what comes next. */
  connect(caller: Caller, response: ServerResponse, after: number | null): Promise<void>;
  streamCount(): number;
  /** Ends every stream. */
  close(): void;
}

export async function startEventHub(deps: {
  store: Store;
  clock: Clock;
  presence: PresenceBook;
  log: Logger;
  limits?: StreamLimits;
}): Promise<EventHub> {
  const { store, clock, presence, log, limits = DEFAULT_STREAM_LIMITS } = deps;
  const streams = new Set<Stream>();
  let delivered = await newestSeq(store);
  let wanted = delivered;
  let pumping = false;
  let closed = false;

  const signal = (name: 'hello' | 'beat' | 'resync') =>
    signalFrame({ name, data: { serverTime: clock.now(), seq: delivered, mode: store.mode().mode } });

  function end(stream: Stream): void {
    if (stream.phase === 'closed') return;
    stream.phase = 'closed';
    streams.delete(stream);
    stream.leave();
    stream.response.end();
  }
  /** Unlike `end`, doesn't wait for what the client never takes. */
  function cut(stream: Stream, why: string): void {
    if (stream.phase === 'closed') return;
    log.info({ deviceId: stream.caller.deviceId, cursor: stream.cursor, why }, 'event stream cut');
    end(stream);
    stream.response.destroy();
  }
  function send(stream: Stream, bytes: Buffer): void {
    stream.response.write(bytes);
    if (stream.response.writableLength > limits.bufferBytes) cut(stream, 'slow');
  }

  /** Re-reads who is behind the streams that `concerns` names; ends those that may no longer listen. */
  async function refresh(concerns: (caller: Caller) => boolean): Promise<void> {
    for (const stream of [...streams].filter((candidate) => concerns(candidate.caller))) {
      try {
        stream.caller = await loadCaller(store, stream.caller.deviceId, stream.caller.via);
      } catch (error) {
        if (error instanceof AppError) end(stream);
        else log.error({ err: error }, 'could not re-read a stream’s person');
      }
    }
  }
  async function deliver(frame: EventFrame): Promise<void> {
    if (frame.type.startsWith('person.') || frame.type.startsWith('device.'))
      await refresh((caller) => caller.personId === frame.subject || caller.deviceId === frame.subject);
    delivered = frame.seq;
    for (const stream of streams) {
      if (stream.phase !== 'live') continue;
      stream.cursor = frame.seq;
      if (maySee(frame.audience, stream.caller)) send(stream, frame.bytes);
    }
  }
  async function pump(): Promise<void> {
    if (pumping) return;
    pumping = true;
    try {
      while (!closed && delivered < wanted) {
        const rows = await readEvents(store, delivered, PAGE_ROWS);
        if (rows.length === 0) break;
        for (const row of rows) await deliver(eventFrame(row));
      }
    } catch (error) {
      log.error({ err: error }, 'events could not be read; the next commit or beat tries again');
    } finally {
      // In the same breath as the last look at `wanted`: no commit can slip in between.
      pumping = false;
    }
  }
  function wake(seq: number): void {
    wanted = Math.max(wanted, seq);
    void pump();
  }

  /** From the cursor to the present, at the client's own pace; then live. */
  async function replay(stream: Stream): Promise<void> {
    while (stream.phase === 'replaying') {
      if (stream.cursor >= delivered) {
        stream.phase = 'live';
        stream.leave = presence.connect(stream.caller.personId, stream.caller.deviceId);
        return;
      }
      const rows = await readEvents(store, stream.cursor, PAGE_ROWS, delivered);
      if (rows.length === 0) stream.cursor = delivered;
      for (const row of rows) {
        if (stream.phase !== 'replaying') return;
        const frame = eventFrame(row);
        stream.cursor = frame.seq;
        if (maySee(frame.audience, stream.caller)) stream.response.write(frame.bytes);
      }
      if (stream.response.writableNeedDrain && !(await drained(stream.response, clock))) cut(stream, 'not reading');
    }
  }

  function admit(caller: Caller): void {
    const own = [...streams].filter((stream) => stream.caller.deviceId === caller.deviceId).length;
    if (streams.size < limits.total && (caller.via === 'socket' || own < limits.perDevice)) return;
    throw new AppError('too-many-requests', 'Too many event streams are open.', { next: 'Close one and try again.' });
  }

  const offCommit = store.onCommit(wake);
  const offPresence = presence.onChange((change) => {
    const bytes = signalFrame({ name: 'presence', data: change });
    for (const stream of streams) if (stream.phase === 'live') send(stream, bytes);
  });
  /** Should an event, or one about a revocation, ever have been missed. */
  async function lookAgain(): Promise<void> {
    const gone = await revokedDevices(store);
    for (const stream of [...streams]) if (gone.has(stream.caller.deviceId)) end(stream);
    wake(await newestSeq(store));
  }
  let beat = clock.wakeAt(plusMs(clock.now(), BEAT_MS), onBeat);
  function onBeat(): void {
    if (closed) return;
    const bytes = signal('beat');
    for (const stream of streams) if (stream.phase === 'live') send(stream, bytes);
    void lookAgain().catch((error) => log.error({ err: error }, 'the store could not be read'));
    beat = clock.wakeAt(plusMs(clock.now(), BEAT_MS), onBeat);
  }

  return {
    admit,
    async connect(caller, response, after) {
      const stream: Stream = { response, caller, cursor: delivered, phase: 'replaying', leave: () => undefined };
      streams.add(stream);
      response.on('close', () => end(stream));
      response.on('error', () => end(stream));
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        'x-content-type-options': 'nosniff',
      });
      response.write(signal('hello'));
      try {
        if (after !== null && (after > delivered || (await isPruned(store, after, delivered)))) {
          response.write(signal('resync'));
        } else if (after !== null) stream.cursor = after;
        await replay(stream);
      } catch (error) {
        log.error({ err: error }, 'an event stream could not be started');
        cut(stream, 'store');
      }
    },
    streamCount: () => streams.size,
    close() {
      closed = true;
      beat.cancel();
      offCommit();
      offPresence();
      for (const stream of [...streams]) end(stream);
    },
  };
}

async function newestSeq(store: Store): Promise<number> {
  const head = await store.db.selectFrom('log_head').select('next_seq').executeTakeFirst();
  return Number(head?.next_seq ?? 1) - 1;
}
const readEvents = (store: Store, after: number, limit: number, upTo = Number.MAX_SAFE_INTEGER) =>
  store.db
    .selectFrom('outbox')
    .selectAll()
    .where('seq', '>', after)
    .where('seq', '<=', upTo)
    .orderBy('seq')
    .limit(limit)
    .execute();
async function revokedDevices(store: Store): Promise<ReadonlySet<string>> {
  const rows = await store.db
    .selectFrom('devices')
    .innerJoin('people', 'people.id', 'devices.person_id')
    .select('devices.id')
    .where((either) => either.or([either('devices.state', '=', 'revoked'), either('people.state', '=', 'removed')]))
    .execute();
  return new Set(rows.map((row) => row.id));
}
/** Whether an event that the client has not seen is no longer kept. */
async function isPruned(store: Store, after: number, newest: number): Promise<boolean> {
  if (after >= newest) return false;
  const next = await store.db
    .selectFrom('outbox')
    .select('seq')
    .where('seq', '=', after + 1)
    .executeTakeFirst();
  return next === undefined;
}
/** True when the client has taken what was written, false when it took nothing in time or is gone. */
function drained(response: ServerResponse, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.wakeAt(plusMs(clock.now(), DRAIN_TIMEOUT_MS), () => done(false));
    const done = (ok: boolean) => {
      timer.cancel();
      response.off('drain', yes).off('close', no);
      resolve(ok);
    };
    const yes = () => done(true);
    const no = () => done(false);
    response.once('drain', yes).once('close', no);
  });
}

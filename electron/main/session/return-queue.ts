/**
 * Things the service must still hear: returns, and what became of files here. Kept on disk, sent when the service is there,
 * at least once (idempotency keys make it count once). Local removal never waits for this.
 */
import { z } from 'zod';
import { GrantId } from '../../../shared/contract/fields';
import type { UserError } from '../../../shared/contract/ipc';
import { END_SIGNALS } from '../../../shared/domain/end-signals';
import { keptAsideNotice, readJsonFile, writeJsonFile } from '../lifecycle/json-file';
import type { Log } from '../lifecycle/log';
import type { CallApi } from './api-client';
import { ApiProblem } from './api-problem';

const Message = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('return'),
    grantId: GrantId,
    key: z.string(),
    signal: z.enum(END_SIGNALS).optional(),
  }),
  z.strictObject({
    kind: z.literal('report'),
    grantId: GrantId,
    key: z.string(),
    state: z.enum(['injected', 'failed', 'removed', 'removal_failed']),
    error: z.string().max(500).optional(),
  }),
]);
type Message = z.infer<typeof Message>;
const MAX_QUEUED = 500;
/** Refusals that mean: it is over already, there is nothing to return. */
const SETTLED: ReadonlySet<string> = new Set(['wrong-state', 'not-found', 'idempotency-mismatch']);
/** In one round; more at the next. */
const MAX_TRIES = 2;

type Omitted<T> = T extends unknown ? Omit<T, 'key'> : never;
export interface ReturnQueue {
  /** Stores, then tries to send all that waits. Resolves when it is stored and one round of sending is over. */
  push(message: Omitted<Message>): Promise<void>;
  flush(): Promise<void>;
  size(): number;
  /** A return of this grant still waits to be heard. */
  returning(grantId: string): boolean;
  readonly notices: readonly UserError[];
}

export function createReturnQueue(deps: {
  file: string;
  callApi: CallApi;
  nowMs: () => number;
  newKey: () => string;
  log: Log;
}): ReturnQueue {
  const read = readJsonFile(deps.file, z.array(Message), deps.nowMs());
  if (read.kind === 'corrupt') deps.log('warn', 'queued returns could not be read', { keptAs: read.keptAs });
  const notices =
    read.kind === 'corrupt'
      ? [
          keptAsideNotice(
            'list of returns that the service had not heard yet',
            'What was returned is gone from this machine; on the target it may go on until its time is over.',
            read.keptAs,
          ),
        ]
      : [];
  let queue: Message[] = read.kind === 'read' ? read.value : [];
  let sending: Promise<void> | null = null;

  const save = () => {
    try {
      writeJsonFile(deps.file, queue);
    } catch (cause) {
      deps.log('error', 'queued returns could not be saved', { cause }); // they are still sent from memory
    }
  };
  async function send(message: Message): Promise<void> {
    const options = { params: { id: message.grantId }, idempotencyKey: message.key };
    if (message.kind === 'return')
      await deps.callApi('grants.return', {
        ...options,
        ...(message.signal === undefined ? {} : { body: { signal: message.signal } }),
      });
    else {
      const body = { state: message.state, ...(message.error === undefined ? {} : { error: message.error }) };
      await deps.callApi('grants.report', { ...options, body });
    }
  }
  const forget = (message: Message) => {
    queue = queue.filter((other) => other !== message);
    save();
  };
  const renewed = (message: Message): Message => {
    const anew = { ...message, key: deps.newKey() };
    queue = queue.map((other) => (other === message ? anew : other));
    save();
    return anew;
  };
  /** `later`: it stays in the queue. `away`: so do all others. */
  async function tell(first: Message): Promise<'heard' | 'later' | 'away'> {
    let message = first;
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      try {
        await send(message);
        forget(message);
        return 'heard';
      } catch (cause) {
        if (!(cause instanceof ApiProblem) || cause.problem.status >= 500 || cause.problem.status === 401)
          return 'away';
        const { kind, grantId } = message;
        const problem = cause.problem.code;
        if (problem === 'conflict') {
          // The service was killed while it heard this, or somebody else changed the grant at the same moment: that it was
          // heard is not known. What is said here may be said twice, so it is said again, as something new.
          message = renewed(message);
        } else if (kind === 'return' && !SETTLED.has(problem)) {
          deps.log('error', 'a return was refused; it is tried again', { grantId, problem });
          return 'later'; // whoever returned it must not go on holding it
        } else {
          deps.log('info', 'the service had no use for a report', { kind, grantId, problem });
          forget(message);
          return 'heard';
        }
      }
    }
    return 'later';
  }
  async function round(): Promise<void> {
    for (const message of [...queue]) if ((await tell(message)) === 'away') return;
  }
  const flush = (): Promise<void> => {
    sending ??= round().finally(() => {
      sending = null;
    });
    return sending;
  };
  return {
    notices,
    size: () => queue.length,
    returning: (grantId) => queue.some((message) => message.kind === 'return' && message.grantId === grantId),
    flush,
    async push(message) {
      queue = [...queue, { ...message, key: deps.newKey() } as Message].slice(-MAX_QUEUED);
      save();
      await sending;
      await flush();
    },
  };
}

/**
 * Keeps the bundled service running: fork, start message, ready handshake with a time-out, restart with back-off.
 * What the user reads when it does not come up holds the service's own last words (its crash file, else its last lines),
 * because a crashing utility process loses its output one time in six.
 */
import type { UserError } from '../../../shared/contract/ipc';
import { FromService, type ServiceReady, type ServiceStart } from '../../../shared/contract/process';
import type { Log } from '../lifecycle/log';

export const READY_TIMEOUT_MS = 20_000;
export const STOP_TIMEOUT_MS = 5_000;
const HEALTHY_AFTER_MS = 10_000;
const MAX_BACKOFF_MS = 30_000;
const KEPT_LINES = 50;
const MAX_LINE_CHARS = 500;

/** Length of the pause before restart number `attempt` (0 is at once). Pure. */
export const restartPauseMs = (attempt: number): number =>
  attempt === 0 ? 0 : Math.min(MAX_BACKOFF_MS, 250 * 2 ** (attempt - 1));

export interface ServiceChild {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  onExit(listener: (code: number) => void): void;
  onOutput(listener: (text: string) => void): void;
  kill(): void;
}
export type SupervisorState =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'ready'; readonly ready: ServiceReady }
  | { readonly kind: 'down'; readonly error: UserError; readonly attempts: number };

export interface Supervisor {
  /** Forks at once, so that the bundle loads while the window does; `start` then tells it what to do. */
  warmUp(): void;
  start(config: ServiceStart): void;
  /** Tries again now, without waiting for the back-off. */
  retry(): void;
  state(): SupervisorState;
  onState(listener: (state: SupervisorState) => void): () => void;
  sweep(): Promise<{ ended: number; left: number }>;
  /** Graceful, then by force after a time-out. */
  stop(): Promise<void>;
}

export function createSupervisor(deps: {
  fork: () => ServiceChild;
  /** Last words of a crash, if the service left a crash file. */
  lastWords: () => string | null;
  after: (lengthMs: number, callback: () => void) => () => void;
  now: () => number;
  log: Log;
}): Supervisor {
  let child: ServiceChild | null = null;
  let config: ServiceStart | null = null;
  let state: SupervisorState = { kind: 'stopped' };
  let attempts = 0;
  let readyAt = 0;
  let wanted: 'running' | 'stopped' = 'running';
  let cancelTimer = () => {};
  let lines: string[] = [];
  const listeners = new Set<(state: SupervisorState) => void>();
  const waiting = {
    stopped: new Set<() => void>(),
    swept: new Set<(answer: { ended: number; left: number }) => void>(),
  };

  const become = (next: SupervisorState) => {
    state = next;
    for (const listener of listeners) listener(next);
  };
  const remember = (text: string) => {
    for (const line of text.split('\n')) if (line.trim() !== '') lines.push(line.slice(0, MAX_LINE_CHARS));
    lines = lines.slice(-KEPT_LINES);
  };

  function fork(): ServiceChild {
    lines = [];
    const made = deps.fork();
    child = made;
    made.onOutput(remember);
    made.onMessage((raw) => {
      const message = FromService.safeParse(raw);
      if (message.success) hear(made, message.data);
      else deps.log('warn', 'the service said something unknown');
    });
    made.onExit((code) => gone(made, `it ended with code ${code}`));
    return made;
  }

  function hear(from: ServiceChild, message: FromService): void {
    if (from !== child) return;
    switch (message.kind) {
      case 'ready':
        cancelTimer();
        readyAt = deps.now();
        if (config?.tcp?.port === 0) config = { ...config, tcp: { ...config.tcp, port: portOf(message.tcpUrl) } };
        become({ kind: 'ready', ready: message });
        return;
      case 'failed':
        deps.log('error', 'the service could not start', { reason: message.code, what: message.what });
        down({ code: message.code, what: message.what, safe: SAFE, next: message.next, detail: lastLines() });
        child = null;
        from.kill();
        later();
        return;
      case 'stopped':
        for (const resolve of waiting.stopped) resolve();
        return;
      case 'swept':
        for (const resolve of waiting.swept) resolve({ ended: message.ended, left: message.left });
        waiting.swept.clear();
        return;
    }
  }

  const lastLines = () => deps.lastWords()?.slice(-4_000) ?? (lines.length > 0 ? lines.slice(-12).join('\n') : null);
  const down = (error: UserError) => {
    cancelTimer();
    become({ kind: 'down', error, attempts });
  };

  function gone(from: ServiceChild, how: string): void {
    for (const resolve of waiting.stopped) resolve();
    if (from !== child) return;
    child = null;
    if (wanted === 'stopped') {
      become({ kind: 'stopped' });
      return;
    }
    if (config === null) return; // it died while warming up: `start` forks anew
    deps.log('error', 'the service is gone', { how, lines: lines.slice(-5) });
    if (state.kind === 'ready' && deps.now() - readyAt >= HEALTHY_AFTER_MS) attempts = 0;
    down({
      code: 'service-down',
      what: `The service stopped: ${how}.`,
      safe: SAFE,
      next: 'It is being started again by itself.',
      detail: lastLines(),
    });
    later();
  }

  function later(): void {
    const pause = restartPauseMs(attempts);
    attempts += 1;
    cancelTimer = deps.after(pause, run);
  }

  function run(): void {
    cancelTimer();
    if (config === null || wanted === 'stopped') return;
    const running = child ?? fork();
    if (state.kind !== 'down') become({ kind: 'starting' });
    cancelTimer = deps.after(READY_TIMEOUT_MS, () => {
      child = null;
      running.kill();
      down({
        code: 'service-timeout',
        what: 'The service did not start in time.',
        safe: SAFE,
        next: 'It is being started again by itself.',
        detail: lastLines(),
      });
      later();
    });
    running.post(config);
  }

  return {
    warmUp() {
      if (child === null) fork();
    },
    start(next) {
      config = next;
      wanted = 'running';
      run();
    },
    retry() {
      if (state.kind !== 'down') return;
      attempts = 0;
      run();
    },
    state: () => state,
    onState(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    sweep: () =>
      new Promise((resolve, reject) => {
        if (child === null) reject(new Error('the service is not running'));
        else {
          waiting.swept.add(resolve);
          child.post({ kind: 'sweep' });
        }
      }),
    async stop() {
      wanted = 'stopped';
      cancelTimer();
      const leaving = child;
      if (leaving === null) return;
      await new Promise<void>((resolve) => {
        const cancel = deps.after(STOP_TIMEOUT_MS, resolve);
        waiting.stopped.add(() => {
          cancel();
          resolve();
        });
        if (config === null) resolve();
        else leaving.post({ kind: 'stop' });
      });
      child = null;
      leaving.kill();
      become({ kind: 'stopped' });
    },
  };
}

/** The port that was taken when any free one would do: a restart must come back where its members look for it. */
export const portOf = (tcpUrl: string | null): number => (tcpUrl === null ? 0 : Number(new URL(tcpUrl).port) || 443);

const SAFE = 'Access on this machine still ends on time.';

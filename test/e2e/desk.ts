/** What several end-to-end tests do to an app: ask its main process and its service as its own page does, and look at what it left. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SessionState } from '../../shared/contract/ipc';
import { type BedApp, until } from '../bed';

/** A call over the page's bridge; an error comes back as an Error whose message is the UserError as JSON. */
export async function invoke<T>(app: BedApp, channel: string, ...args: unknown[]): Promise<T> {
  const page = await app.window();
  return (await page.evaluate(
    ([name, list]) =>
      (window as never as { hallpass: { invoke(c: string, ...a: unknown[]): Promise<unknown> } }).hallpass
        .invoke(name, ...list)
        .catch((error) => {
          throw new Error(JSON.stringify(error)); // plain objects come through as "Object"
        }),
    [channel, args] as const,
  )) as T;
}
/** The code of the UserError with which a call was refused; `done` when it was not. */
export const refusalOf = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'done',
    (error: Error) => /"code":"([a-z-]+)"/.exec(error.message)?.[1] ?? error.message,
  );

export interface PageReply<T> {
  readonly status: number;
  readonly body: T;
}
/** `fetch` on the page's own origin. */
export async function ask<T>(app: BedApp, method: string, path: string, body?: unknown): Promise<PageReply<T>> {
  const page = await app.window();
  return (await page.evaluate(
    async ([verb, url, data]) => {
      const reply = await fetch(`/api${url}`, {
        method: verb,
        ...(data === null ? {} : { body: data, headers: { 'content-type': 'application/json' } }),
      });
      return { status: reply.status, body: await reply.json() };
    },
    [method, path, body === undefined ? null : JSON.stringify(body)] as const,
  )) as PageReply<T>;
}
export async function api<T>(app: BedApp, method: string, path: string, body?: unknown): Promise<T> {
  const answer = await ask<T>(app, method, path, body);
  if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export const sessionPhase = (app: BedApp, wanted: SessionState['phase']): Promise<SessionState> =>
  until(
    `the phase ${wanted}`,
    async () => {
      const state = await invoke<SessionState>(app, 'session.state');
      return state.phase === wanted && (state.phase !== 'ready' || state.online) ? state : null;
    },
    30_000,
  );

/** Process id of the bundled service; 0 while there is none. */
export const servicePid = (app: BedApp): Promise<number> =>
  app.inMain(
    ({ app: electron }) => electron.getAppMetrics().find((each) => each.name === 'Hallpass Service')?.pid ?? 0,
  );

/** Every file under a folder, by its path. Sockets and what vanishes meanwhile are left out. */
export function filesUnder(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  if (!existsSync(folder)) return found;
  for (const each of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!each.isFile()) continue;
    const path = join(each.parentPath, each.name);
    try {
      found[path] = readFileSync(path, 'latin1');
    } catch {
      // Chromium removes its own while we look
    }
  }
  return found;
}

/** Arguments of every process of this machine, and the environment of those that live in `folder`. */
export function processesNow(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      found[`arguments of ${pid}`] = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      if (environment.includes(folder)) found[`environment of ${pid}`] = environment;
    } catch {
      // it ended
    }
  }
  return found;
}

/** Puts a program in front of the one the desktop would call, which only writes down that it was called. */
export function decoy(folder: string, name: string): { readonly path: string; called(): string } {
  const notes = join(folder, `${name}.called`);
  execFileSync('sh', [
    '-c',
    'mkdir -p "$1" && printf \'#!/bin/sh\\necho "$@" >> "%s"\\n\' "$3" > "$1/$2" && chmod 755 "$1/$2"',
    'sh',
    join(folder, 'decoys'),
    name,
    notes,
  ]);
  return { path: join(folder, 'decoys'), called: () => (existsSync(notes) ? readFileSync(notes, 'utf8') : '') };
}

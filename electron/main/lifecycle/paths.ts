/**
 * Where this desktop keeps its things. All of it lies under Electron's userData folder (which follows HOME and
 * XDG_CONFIG_HOME), but for the socket, whose path must be short and whose folder should be on tmpfs.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Node 20 cuts longer Unix socket paths silently, and the server then listens somewhere else. */
export const MAX_SOCKET_PATH_BYTES = 107;

export interface AppPaths {
  readonly userData: string;
  readonly profileFile: string;
  readonly deviceKeysFile: string;
  readonly dataKeyFile: string;
  readonly syncFile: string;
  readonly returnsFile: string;
  readonly injectionDir: string;
  readonly serviceDir: string;
  readonly logDir: string;
  readonly logFile: string;
}

export function appPaths(userData: string): AppPaths {
  const logDir = join(userData, 'log');
  return {
    userData,
    profileFile: join(userData, 'profile.json'),
    deviceKeysFile: join(userData, 'device-keys.json'),
    dataKeyFile: join(userData, 'data-key.json'),
    syncFile: join(userData, 'sync.json'),
    returnsFile: join(userData, 'returns.json'),
    injectionDir: join(userData, 'injection'),
    serviceDir: join(userData, 'service'),
    logDir,
    logFile: join(logDir, 'hallpass.log'),
  };
}

export interface SocketPlace {
  readonly platform: NodeJS.Platform;
  readonly runtimeDir: string | undefined;
  readonly userData: string;
  readonly uid: number;
  /** Whose socket it is: the service's (`s`, when left out), or the one that helpers talk to (`h`). */
  readonly name?: 's' | 'h';
}

/** Candidates for a socket, best first; a named pipe on Windows. Pure. */
export function socketCandidates(place: SocketPlace): string[] {
  const tag = createHash('sha256').update(place.userData).digest('hex').slice(0, 12);
  if (place.platform === 'win32') return [`\\\\.\\pipe\\hallpass-${tag}${place.name === 'h' ? '-helpers' : ''}`];
  const folders = [
    place.runtimeDir === undefined ? undefined : join(place.runtimeDir, `hallpass-${tag}`),
    join(place.userData, 'run'),
    join(tmpdir(), `hallpass-${place.uid}-${tag}`),
  ];
  return folders
    .filter((folder) => folder !== undefined)
    .map((folder) => join(folder, place.name ?? 's'))
    .filter((path) => Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES);
}

/** Takes the first candidate whose folder is ours alone (0700, no symlink). Throws when there is none. */
export function prepareSocketPath(place: SocketPlace): string {
  const candidates = socketCandidates(place);
  if (place.platform === 'win32' && candidates[0] !== undefined) return candidates[0];
  const refusals: string[] = [];
  for (const path of candidates) {
    const folder = join(path, '..');
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const stat = lstatSync(folder);
      if (stat.isDirectory() && stat.uid === place.uid && (stat.mode & 0o077) === 0) return path;
      refusals.push(`${folder} is not private to this user`);
    } catch (cause) {
      refusals.push(`${folder}: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
  throw new Error(`no private folder for the service's socket (${refusals.join('; ')})`);
}

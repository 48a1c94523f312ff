/**
 * Settings of this desktop in electron-store, checked by zod at both ends. A corrupt file is kept aside, and the user is told.
 * A start reads the file itself: the store and its schema compiler take as long to load as the whole page.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type Store from 'electron-store';
import type { UserError } from '../../../shared/contract/ipc';
import { Settings } from '../../../shared/contract/settings';
import { keepAside, keptAsideNotice } from './json-file';

export interface SettingsStore {
  get(): Settings;
  /** Checks, saves and tells. Throws a ZodError for values that are none. */
  set(change: Partial<Settings>): Settings;
  onChange(listener: (settings: Settings) => void): () => void;
  /** Loads the store that keeps what is set, and keeps what was set until now. What to tell when it can't; null: all is well. */
  keep(): Promise<UserError | null>;
}
type Disk = Pick<Store<Record<string, unknown>>, 'store'>;

/** Opens the settings. Values that no longer fit (an older or newer version) fall back to their defaults one by one. */
export function openSettings(userData: string, nowMs: number): { store: SettingsStore; notices: UserError[] } {
  const file = join(userData, 'settings.json');
  const notices: UserError[] = [];
  const raw = readRaw(file);
  if (raw === 'corrupt')
    notices.push(
      keptAsideNotice('settings', 'The app starts with its defaults; access is not affected.', keepAside(file, nowMs)),
    );
  let current = salvage(raw === 'corrupt' ? {} : raw);
  let disk: Disk | null = null;
  let unkept = false;
  const listeners = new Set<(settings: Settings) => void>();
  const write = () => {
    try {
      if (disk !== null) disk.store = current;
    } catch {
      // read-only home or full disk: the choice holds until the app ends
    }
    unkept = disk === null;
  };
  const store: SettingsStore = {
    get: () => current,
    set(change) {
      current = Settings.parse({ ...current, ...change });
      write();
      for (const listener of listeners) listener(current);
      return current;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async keep() {
      disk ??= await openDisk(userData);
      if (unkept) write();
      return disk === null ? notKept(userData) : null;
    },
  };
  return { store, notices };
}

const notKept = (userData: string): UserError => ({
  code: 'settings-not-kept',
  what: 'The settings can’t be kept on this machine now.',
  safe: 'The app works with its defaults; access is not affected.',
  next: `Check that ${userData} can be written, and that the disk is not full.`,
  detail: null,
});

/** Null when the folder can't be made or read: a read-only home must not keep the app from starting. */
async function openDisk(userData: string): Promise<Disk | null> {
  try {
    const { default: ElectronStore } = await import('electron-store');
    const disk = new ElectronStore<Record<string, unknown>>({
      name: 'settings',
      cwd: userData,
      clearInvalidConfig: true,
    });
    return typeof disk.store === 'object' ? disk : null; // reads it, now and not later
  } catch {
    return null;
  }
}

/** What the file holds; nothing when there is none, or none that can be reached. */
function readRaw(file: string): Record<string, unknown> | 'corrupt' {
  try {
    const raw: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return 'corrupt';
    return raw as Record<string, unknown>;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return code === undefined || code === 'EISDIR' ? 'corrupt' : {};
  }
}

/** Every field that still fits, defaults for the rest. Pure. */
export function salvage(raw: Record<string, unknown>): Settings {
  const kept: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(Settings.shape)) {
    const parsed = schema.safeParse(raw[key]);
    if (parsed.success) kept[key] = parsed.data;
  }
  return Settings.parse(kept);
}

/** Settings of this desktop in electron-store, checked by zod at both ends. A corrupt file is kept aside, and the user is told. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Store from 'electron-store';
import type { UserError } from '../../../shared/contract/ipc';
import { Settings } from '../../../shared/contract/settings';
import { keepAside, keptAsideNotice } from './json-file';

export interface SettingsStore {
  get(): Settings;
  /** Checks, saves and tells. Throws a ZodError for values that are none. */
  set(change: Partial<Settings>): Settings;
  onChange(listener: (settings: Settings) => void): () => void;
}

/** Opens the settings. Values that no longer fit (an older or newer version) fall back to their defaults one by one. */
export function openSettings(userData: string, nowMs: number): { store: SettingsStore; notices: UserError[] } {
  const notices: UserError[] = [];
  const file = join(userData, 'settings.json');
  if (isCorrupt(file))
    notices.push(
      keptAsideNotice('settings', 'The app starts with its defaults; access is not affected.', keepAside(file, nowMs)),
    );
  const disk = openDisk(userData);
  if (disk === null)
    notices.push({
      code: 'settings-not-kept',
      what: 'The settings can’t be kept on this machine now.',
      safe: 'The app works with its defaults; access is not affected.',
      next: `Check that ${userData} can be written, and that the disk is not full.`,
      detail: null,
    });
  let current = salvage(disk?.store ?? {});
  const listeners = new Set<(settings: Settings) => void>();
  const store: SettingsStore = {
    get: () => current,
    set(change) {
      current = Settings.parse({ ...current, ...change });
      try {
        if (disk !== null) disk.store = current;
      } catch {
        // read-only home or full disk: the choice holds until the app ends
      }
      for (const listener of listeners) listener(current);
      return current;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return { store, notices };
}

/** Null when the folder can't be made or read: a read-only home must not keep the app from starting. */
function openDisk(userData: string): Store<Record<string, unknown>> | null {
  try {
    const disk = new Store<Record<string, unknown>>({ name: 'settings', cwd: userData, clearInvalidConfig: true });
    return typeof disk.store === 'object' ? disk : null; // reads it, now and not later
  } catch {
    return null;
  }
}

function isCorrupt(file: string): boolean {
  try {
    const raw: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return typeof raw !== 'object' || raw === null || Array.isArray(raw);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    return code === undefined || code === 'EISDIR';
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

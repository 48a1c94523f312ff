/** Who is connected to this instance now, counted by open event streams. */
import type { Presence } from '../use-cases';

export interface PresenceBook extends Presence {
  /** Counts a stream in. Returns what counts it out again (once). */
  connect(personId: string, deviceId: string): () => void;
  onChange(listener: (change: { personId: string; online: boolean }) => void): () => void;
}

export function createPresence(): PresenceBook {
  const people = new Map<string, number>();
  const devices = new Map<string, number>();
  const onConnected = new Set<(deviceId: string) => void>();
  const onChange = new Set<(change: { personId: string; online: boolean }) => void>();
  const subscribe = <T>(set: Set<T>, listener: T) => {
    set.add(listener);
    return () => void set.delete(listener);
  };
  const count = (book: Map<string, number>, id: string, by: 1 | -1): number => {
    const total = (book.get(id) ?? 0) + by;
    if (total > 0) book.set(id, total);
    else book.delete(id);
    return total;
  };
  return {
    isOnline: (personId) => people.has(personId),
    isDeviceConnected: (deviceId) => devices.has(deviceId),
    onDeviceConnected: (listener) => subscribe(onConnected, listener),
    onChange: (listener) => subscribe(onChange, listener),
    connect(personId, deviceId) {
      count(devices, deviceId, 1);
      if (count(people, personId, 1) === 1) for (const listener of onChange) listener({ personId, online: true });
      for (const listener of onConnected) listener(deviceId);
      let open = true;
      return () => {
        if (!open) return;
        open = false;
        count(devices, deviceId, -1);
        if (count(people, personId, -1) === 0) for (const listener of onChange) listener({ personId, online: false });
      };
    },
  };
}

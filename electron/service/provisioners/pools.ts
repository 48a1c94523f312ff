/** What kinds that keep connections share: who may use them in which order, and how they are told apart. */
import { createHash } from 'node:crypto';

/** Lets `size` callers per key in at once, the others in order. A driver's own queue would count waiting as a failed connection. */
export function createTurns(size: number) {
  const inside = new Map<string, { count: number; readonly waiting: (() => void)[] }>();
  return {
    /** Resolves when it is the caller's turn, with what must be called when done. */
    async enter(key: string): Promise<() => void> {
      const room = inside.get(key) ?? { count: 0, waiting: [] };
      inside.set(key, room);
      if (room.count < size) room.count += 1;
      else await new Promise<void>((resolve) => room.waiting.push(resolve));
      return () => {
        const next = room.waiting.shift();
        if (next) return next(); // the place goes straight to the next in line
        room.count -= 1;
        if (room.count === 0) inside.delete(key);
      };
    },
  };
}

/** The key of a pool, from all that makes it another one; a digest, so that no secret is a key in memory dumps or messages. */
export const poolKey = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

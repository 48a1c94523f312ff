/** Waiting for a fact instead of sleeping: the test goes on as soon as the fact holds, and says which one never did. */

/** How often the fact is looked at. */
const LOOK_EVERY_MS = 20;

/**
 * Waits until `look` gives something other than `undefined`, `null` or `false`.
 * @param what the fact in words, for the error
 * @throws {Error} "… did not happen within …" with the last error of `look` as its cause
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  timeoutMs = 10_000,
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false) {
        return found as Exclude<T, undefined | null | false>;
      }
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`${what} did not happen within ${timeoutMs} ms`, cause === undefined ? {} : { cause });
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/**
 * Stands in for Node's AsyncLocalStorage, which makes every promise of the program dearer. The store uses it for one thing: to
 * refuse a write inside a write at once. Here such a write waits for itself, for ever, and the calm at a world's end finds that.
 */
export class AsyncLocalStorage<T> {
  getStore(): T | undefined {
    return undefined;
  }
  run<R>(_scope: T, work: () => R): R {
    return work();
  }
  exit<R>(work: () => R): R {
    return work();
  }
  disable(): void {}
}

/** What happens next, earliest first; of the same moment, what was put in first. A heap: the simulator asks it at every step. */
export interface Entry {
  at: number;
  readonly order: number;
}
const isBefore = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order);

export class Agenda<T extends Entry> {
  private readonly heap: T[] = [];

  first(): T | undefined {
    return this.heap[0];
  }
  put(entry: T): void {
    const { heap } = this;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(entry, heap[parent] as T)) break;
      heap[index] = heap[parent] as T;
      index = parent;
    }
    heap[index] = entry;
  }
  take(): T | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as T, heap[child] as T)) child++;
      if (!isBefore(heap[child] as T, last)) break;
      heap[index] = heap[child] as T;
      index = child;
    }
    heap[index] = last;
    return first;
  }
  /** Everything, in no order; nothing is left. */
  takeAll(): T[] {
    return this.heap.splice(0);
  }
}
export function firstOf<T extends Entry>(one: Agenda<T>, other: Agenda<T>): Agenda<T> {
  const a = one.first();
  const b = other.first();
  return a !== undefined && (b === undefined || isBefore(a, b)) ? one : other;
}

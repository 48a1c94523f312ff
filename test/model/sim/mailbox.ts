/** A desktop's end of the event stream: what arrived and was not read yet. Who waits at it is woken by news, or by its end. */
import type { StreamEvent } from './watcher';

export class Mailbox {
  private waiting: StreamEvent[] = [];
  private wake: (() => void) | null = null;

  readonly heard = (event: StreamEvent): void => {
    this.waiting.push(event);
    this.wake?.();
  };
  /** The other end is gone. */
  readonly broken = (): void => this.wake?.();
  isEmpty(): boolean {
    return this.waiting.length === 0;
  }
  take(): readonly StreamEvent[] {
    const events = this.waiting;
    this.waiting = [];
    return events;
  }
  /** At the next news, once. */
  onNews(go: () => void): void {
    this.wake = () => {
      this.wake = null;
      go();
    };
  }
}

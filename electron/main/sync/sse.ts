/** Reads text/event-stream (HTML standard, section 9.2) from chunks that may be cut anywhere. Pure. */
export interface SseMessage {
  readonly id: string | null;
  readonly event: string;
  readonly data: string;
}
/** Longest single message: an event carries one view, not a table. */
export const MAX_MESSAGE_CHARS = 4 * 1024 * 1024;

/** Feeds text in, calls back per message. Throws RangeError when a message grows beyond its limit. */
export function createSseParser(onMessage: (message: SseMessage) => void): (text: string) => void {
  let rest = '';
  let event = '';
  let id: string | null = null;
  let data: string[] = [];
  const line = (text: string) => {
    if (text === '') {
      if (data.length > 0) onMessage({ id, event: event === '' ? 'message' : event, data: data.join('\n') });
      event = '';
      id = null;
      data = [];
      return;
    }
    if (text.startsWith(':')) return;
    const colon = text.indexOf(':');
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\0')) id = value;
  };
  return (text) => {
    rest += text;
    if (rest.length > MAX_MESSAGE_CHARS) throw new RangeError('an event is too long');
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(rest);
      if (end === null) return;
      line(rest.slice(0, end.index));
      rest = rest.slice(end.index + end[0].length);
    }
  };
}

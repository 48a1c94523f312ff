/** HTTP handlers of test servers that wait for something while they answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * What fails while it is answered (a call that is cut in the middle, a server behind this one that has ended with its test)
 * breaks the connection off, as a server that died would. Without it, that is an error outside of every test, which fails
 * the run and names nobody. A handler that is wrong is still found: who called it gets no answer.
 */
export const answering =
  (handle: (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<unknown>) =>
  (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    handle(incoming, outgoing).catch(() => incoming.destroy());
  };

/** The whole body as text. Rejects when the call is broken off. */
export async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

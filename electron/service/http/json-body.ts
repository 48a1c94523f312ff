/**
 * Reads JSON bodies. Why not the framework's parser alone: `[[[[…` nested a hundred thousand deep is small, parses for
 * long, and recursion over the result (zod, canonical JSON) can exhaust the stack. The depth is checked on the text, first.
 */
import { AppError } from '../errors';

export const MAX_JSON_DEPTH = 32;

/** Whether no array or object of the text lies deeper than `maxDepth`. Brackets within strings don't count. */
export function fitsDepth(text: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (inString) {
      if (char === 0x5c) i++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x5b || char === 0x7b) {
      if (++depth > maxDepth) return false;
    } else if (char === 0x5d || char === 0x7d) depth--;
  }
  return true;
}

/** Drops nothing and adds nothing: a key that could reach a prototype is an error. */
function refusePrototypeKeys(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('a key may not be __proto__');
  return value;
}

const unreadable = (why: string) =>
  new AppError('invalid-input', `The body can not be read: ${why}.`, {
    safe: 'Nothing was changed.',
    next: 'Send one JSON value.',
  });

/** The value of a body, undefined when there is none. Throws AppError `invalid-input`. */
export function parseJsonBody(text: string): unknown {
  if (text.length === 0) return undefined;
  if (!fitsDepth(text, MAX_JSON_DEPTH)) throw unreadable(`it is nested deeper than ${MAX_JSON_DEPTH} levels`);
  try {
    return JSON.parse(text, refusePrototypeKeys);
  } catch {
    throw unreadable('it is not JSON');
  }
}

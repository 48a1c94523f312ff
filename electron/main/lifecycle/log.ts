/**
 * The app's own log: JSON lines in one file that is turned over at 1 MB, so two files at most.
 * Why our own: it is forty lines, it must never hold a secret, and a dependency would decide that for us.
 * Redaction is by key name *and* by shape: what looks like a token, a password in a URL or an Authorization header goes too.
 */
import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

export const MAX_LOG_BYTES = 1_000_000;
const MAX_TEXT_CHARS = 2_000;
const MAX_DEPTH = 5;
const SECRET_KEY = /pass(word|phrase)?$|secret|token|authorization|cookie|^code$|credential|dataKey|privateKey|proof$/i;
const SECRET_SHAPES: readonly [RegExp, string][] = [
  [/\b(Bearer|DPoP|Basic)\s+[A-Za-z0-9._~+/=-]+/g, '$1 [redacted]'],
  [/(\b\w{1,20}:\/\/[^\s:/@]{0,200}):[^\s@/]{1,500}@/g, '$1:[redacted]@'],
  [/\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, '[redacted]'],
  [/(password|passphrase|secret|token)(["']?\s*[=:]\s*["']?)[^\s"',;}]+/gi, '$1$2[redacted]'],
];

export type LogLevel = 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, what: string, facts?: Record<string, unknown>) => void;

/** Takes secrets out of a value before it is written anywhere. Pure. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') {
    let text = value.slice(0, MAX_TEXT_CHARS);
    for (const [shape, instead] of SECRET_SHAPES) text = text.replace(shape, instead);
    return text;
  }
  if (value instanceof Error)
    return { name: value.name, message: redact(value.message, depth + 1), stack: redact(value.stack ?? '', depth + 1) };
  if (value === null || typeof value !== 'object') return typeof value === 'bigint' ? String(value) : value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_KEY.test(key) && item !== null && item !== undefined ? '[redacted]' : redact(item, depth + 1),
    ]),
  );
}

/** Opens the log. A log that can't be written is silent: the app must also run on a full or read-only disk. */
export function createLog(file: string, now: () => number): Log {
  let bytes = -1;
  return (level, what, facts) => {
    try {
      if (bytes < 0) {
        mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
        bytes = sizeOf(file);
      }
      const line = `${JSON.stringify({ at: new Date(now()).toISOString(), level, what: redact(what), ...(facts === undefined ? {} : { facts: redact(facts) }) })}\n`;
      if (bytes + line.length > MAX_LOG_BYTES) {
        renameSync(file, `${file}.1`);
        bytes = 0;
      }
      appendFileSync(file, line, { mode: 0o600 });
      bytes += line.length;
    } catch {
      bytes = -1; // disk full or read-only home: try again with the next line
    }
  };
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

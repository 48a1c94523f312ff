/**
 * The log of the service: JSON lines on stderr. Nothing secret may reach it, so errors are written by name, code and
 * scrubbed message only (a driver's error object may carry statements, rows or a connection string).
 */
import pino from 'pino';

export type Logger = pino.Logger;
const MAX_CAUSES = 3;
const MAX_TEXT_CHARS = 4_000;

/** Field names whose values never belong in a log, at the top and one level down. */
const SECRET_FIELDS = [
  ...['secret', 'password', 'code', 'link', 'token', 'accessToken', 'launchToken', 'authorization', 'dpop', 'proof'],
  ...['signature', 'dataKey', 'secretKey', 'credential', 'sealed', 'challenge', 'nonce', 'storeUrl', 'headers', 'body'],
];

/** Takes the secret out of text that may quote one: credentials in URLs, authorization values, `password=…`, SCRAM verifiers, invite codes. */
export function scrub(text: string): string {
  return text
    .slice(0, MAX_TEXT_CHARS)
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi, '$1[secret]@')
    .replace(/\b(Bearer|DPoP)\s+[\w.~+/=-]{8,}/gi, '$1 [secret]')
    .replace(/\b(password|passwd|secret|token|code)(["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&]+)/gi, '$1$2[secret]')
    .replace(/SCRAM-SHA-256\$\S+/g, '[secret]')
    .replace(/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '[secret]');
}

interface LoggedError {
  readonly type: string;
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}
/** What of an error may be logged. */
export function loggedError(error: unknown, causesLeft = MAX_CAUSES): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error' };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    ...(typeof code === 'string' && { code }),
    message: scrub(error.message),
    ...(error.stack !== undefined && { stack: scrub(error.stack) }),
    ...(error.cause !== undefined && causesLeft > 0 && { cause: loggedError(error.cause, causesLeft - 1) }),
  };
}

/** Writes to `stream` (stderr unless given), at once: the last line before a crash is the one that matters. */
export function createLog(
  options: { level?: pino.LevelWithSilent; stream?: pino.DestinationStream; base?: object } = {},
): Logger {
  const settings: pino.LoggerOptions = {
    level: options.level ?? 'info',
    base: options.base ?? { name: 'hallpass-service', pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: loggedError, error: loggedError },
    redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '[secret]' },
  };
  return pino(settings, options.stream ?? pino.destination({ dest: 2, sync: true }));
}

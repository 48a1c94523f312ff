/**
 * What helpers may ask this app, as lines: one line in, an answer, and the connection is closed. Words and no JSON on the way
 * in, because the helper is a shell script. Pure.
 *
 *   1 <token> credential-process <name>        → ok, then what the AWS tools read
 *   1 <token> run <sh|json> <name> <pid>       → ok, then how a command uses the credential
 *   1 <token> ended <grant> <run>              → ok
 *   1 <token> list                             → ok, then one line per access
 *   anything else                              → error <why>
 */
import { z } from 'zod';
import { GrantId } from '../../../shared/contract/fields';

/** A line is shorter than this, its end included; longer is not read. */
export const MAX_LINE_BYTES = 512;
export const TOKEN_BYTES = 32;
const VERSION = '1';
const MAX_PID = 2 ** 31;

/** A grant, a resource, or `<resource>.<level>`. */
const Name = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,99}$/);
export const RunId = z.string().regex(/^[0-9a-f]{16}$/);
export const Ask = z.discriminatedUnion('ask', [
  z.strictObject({ ask: z.literal('credential-process'), name: Name }),
  z.strictObject({
    ask: z.literal('run'),
    format: z.enum(['sh', 'json']),
    name: Name,
    pid: z
      .string()
      .regex(/^[1-9]\d{0,9}$/)
      .transform(Number)
      .pipe(z.int().max(MAX_PID)),
  }),
  z.strictObject({ ask: z.literal('ended'), grantId: GrantId, run: RunId }),
  z.strictObject({ ask: z.literal('list') }),
]);
export type Ask = z.infer<typeof Ask>;

const WORDS: Record<Ask['ask'], readonly string[]> = {
  'credential-process': ['name'],
  run: ['format', 'name', 'pid'],
  ended: ['grantId', 'run'],
  list: [],
};

/** The line without its end. Null when it is none of ours; nothing of it is repeated to anybody. */
export function readLine(line: string): { readonly token: string; readonly ask: Ask } | null {
  const [version, token, ask, ...values] = line.replace(/\r$/, '').split(' ');
  if (version !== VERSION || token === undefined || ask === undefined || !Object.hasOwn(WORDS, ask)) return null;
  const names = WORDS[ask as Ask['ask']];
  if (values.length !== names.length) return null;
  const read = Ask.safeParse({ ask, ...Object.fromEntries(names.map((name, at) => [name, values[at]])) });
  return read.success ? { token, ask: read.data } : null;
}

export const okText = (body: string): string => (body === '' ? 'ok\n' : `ok\n${body}\n`);
/** One line, whatever is in it. */
export const errorText = (why: string): string => `error ${why.replace(/\s+/g, ' ').trim().slice(0, 300)}\n`;

/** One word for a shell, always quoted: what comes out of `eval` is what went in. @throws for NUL, which no variable can hold */
function quoted(text: string): string {
  if (text.includes('\0')) throw new RangeError('a variable can not hold NUL');
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;

export interface RunAnswer {
  readonly grantId: string;
  readonly run: string;
  /** The command may run as long as this file is there. */
  readonly leaseFile: string;
  readonly environment: Readonly<Record<string, string>>;
}
/** `sh`: assignments for `eval`. @throws RangeError for a variable that no environment can hold */
export function runText(answer: RunAnswer, format: 'sh' | 'json'): string {
  for (const name of Object.keys(answer.environment))
    if (!VARIABLE.test(name)) throw new RangeError(`"${name}" is no name of a variable`);
  if (format === 'json') return JSON.stringify(answer);
  return [
    `hallpass_grant=${quoted(answer.grantId)}`,
    `hallpass_run=${quoted(answer.run)}`,
    `hallpass_lease=${quoted(answer.leaseFile)}`,
    ...Object.entries(answer.environment).map(([name, value]) => `export ${name}=${quoted(value)}`),
  ].join('\n');
}

/**
 * Variables as lines that a POSIX shell (`set -a; . file`) reads back unchanged, and usual readers of `.env` files too wherever
 * they agree with it. Pure.
 */
import type { Values } from '../../../../shared/contract/values';

const PLAIN = /^[\w@%+=:,./-]+$/;
/** `NAME=value`, in single quotes where the shell would act on a sign. */
export const envLine = (name: string, value: string): string =>
  `${name}=${PLAIN.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`}`;
export const envText = (values: Values): string =>
  Object.entries(values)
    .map(([name, value]) => `${envLine(name, value)}\n`)
    .join('');

/** Reads what `envText` wrote; null when it is another text. */
export function valuesIn(text: string): Record<string, string> | null {
  const values: Record<string, string> = {};
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const match = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line);
    if (!match) return null;
    const [, name = '', written = ''] = match;
    values[name] = written.startsWith("'") ? written.slice(1, -1).replaceAll(`'\\''`, "'") : written;
    if (envLine(name, values[name] ?? '') !== line) return null;
  }
  return Object.keys(values).length === 0 ? null : values;
}

/** Shells and readers of `.env` files disagree about quotes and doubled backslashes inside of quotes. */
export const isReadAlike = (value: string): boolean => PLAIN.test(value) || !/'|\\\\/.test(value);

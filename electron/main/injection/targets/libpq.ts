/**
 * How libpq reads passfiles and connection service files, and how to write values that it reads back unchanged. Pure.
 * Source: parseServiceFile and passwordFromFile in PostgreSQL's src/interfaces/libpq/fe-connect.c.
 */

/** A line of this many bytes, its line end included, makes libpq refuse the whole service file. */
export const LIBPQ_LINE_LIMIT_BYTES = 1_023;

/** `:` and `\` would end or alter a field, a leading `#` would make the line a comment. */
const escapeField = (field: string): string => field.replace(/[\\:]/g, '\\$&').replace(/^#/, '\\#');

/** One line per address under which libpq may look: the default socket folder is looked up as `localhost`. */
export function passfileText(credential: {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
}): string {
  const database = /[\r\n]/.test(credential.database) ? '*' : escapeField(credential.database);
  const hosts = credential.host.startsWith('/') ? [credential.host, 'localhost'] : [credential.host];
  return hosts
    .map((host) =>
      [
        escapeField(host),
        String(credential.port),
        database,
        escapeField(credential.user),
        escapeField(credential.password),
      ]
        .join(':')
        .concat('\n'),
    )
    .join('');
}

/** The password in a passfile that `passfileText` made; null when it is another. */
export function passwordIn(text: string): string | null {
  const fields: string[] = [''];
  const line = text.split('\n')[0] ?? '';
  for (let i = 0; i < line.length; i++) {
    const char = line[i] ?? '';
    if (char === ':') fields.push('');
    else fields[fields.length - 1] += char === '\\' ? (line[++i] ?? '') : char;
  }
  return fields.length === 5 && fields[4] ? fields[4] : null;
}

/** libpq cuts white space at the end of a line and knows no way to write a line end into a value. */
export const fitsServiceLine = (key: string, value: string): boolean =>
  !/[\0\r\n]/.test(value) && !/\s$/.test(value) && Buffer.byteLength(`${key}=${value}\r\n`) < LIBPQ_LINE_LIMIT_BYTES;

/** `dbname='it\'s'` for a connection string. */
export const connectionPart = (key: string, value: string): string => `${key}='${value.replace(/[\\']/g, '\\$&')}'`;

/** One word for a POSIX shell. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** Why libpq could not use this service file; null when it can. Line numbers start at 1. */
export function serviceFileProblem(text: string): { what: string; next: string } | null {
  if (text.includes('\0'))
    return { what: 'is not a plain text file (it holds NUL bytes).', next: 'Save it as UTF-8 text.' };
  const long = text.split('\n').findIndex((line) => line.length + 1 >= LIBPQ_LINE_LIMIT_BYTES);
  if (long < 0) return null;
  return {
    what: `has a line of over ${LIBPQ_LINE_LIMIT_BYTES - 1} bytes (line ${long + 1}): no PostgreSQL program can use the file.`,
    next: `Shorten or remove line ${long + 1}.`,
  };
}

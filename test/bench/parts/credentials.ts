/**
 * The requester's files, read as libpq reads them: a section of the service file names host, port, database and passfile, and
 * the passfile's last field is the password. Seen the moment they are written: the kernel says so, nothing is polled.
 */
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import path from 'node:path';
import pg from 'pg';

export interface InjectedCredential {
  readonly section: string;
  readonly passfile: string;
  readonly config: pg.ClientConfig;
}

/** The home's service file as text; empty when there is none. */
export const serviceFileText = (home: string): string => textOf(path.join(home, '.pg_service.conf'));

/** What a section of the service file leads to; undefined while it, or its passfile, is not there. */
export function credentialIn(text: string, section: string): InjectedCredential | undefined {
  const lines = text.split('\n');
  const from = lines.indexOf(`[${section}]`);
  if (from < 0) return undefined;
  const keys = new Map<string, string>();
  for (const line of lines.slice(from + 1)) {
    if (line.startsWith('[')) break;
    const at = line.indexOf('=');
    if (at > 0 && !line.startsWith('#')) keys.set(line.slice(0, at), line.slice(at + 1));
  }
  const passfile = keys.get('passfile') ?? '';
  // Host, port, database, user, password; ours holds neither ":" nor "\" in the password.
  const password = textOf(passfile).trim().split('\n').at(-1)?.split(':').at(-1);
  if (!password) return undefined;
  const [host, port, user, database] = ['host', 'port', 'user', 'dbname'].map((key) => keys.get(key) ?? '');
  return { section, passfile, config: { host, port: Number(port), user, database, password } };
}

/** Opens a session with it. The caller ends it. */
export async function logIn(credential: InjectedCredential): Promise<pg.Client> {
  const client = new pg.Client(credential.config);
  client.on('error', () => undefined); // to be cut is what it is for
  await client.connect();
  return client;
}

/** Resolves with the credential of the first grant whose passfile `isNew`, as soon as the service file points to it. */
export function nextCredential(
  home: string,
  section: string,
  isNew: (passfile: string) => boolean,
  timeoutMs: number,
): Promise<InjectedCredential> {
  return new Promise((resolve, reject) => {
    let watcher: FSWatcher | null = null;
    const limit = setTimeout(() => {
      watcher?.close();
      reject(new Error(`no credential for ${section} within ${timeoutMs} ms`));
    }, timeoutMs);
    const look = () => {
      const found = credentialIn(serviceFileText(home), section);
      if (found === undefined || !isNew(found.passfile)) return;
      clearTimeout(limit);
      watcher?.close();
      resolve(found);
    };
    watcher = watch(home, look);
    look();
  });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** The command line of the standalone service. Nothing secret is accepted here: other users see the arguments of a process. */

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isLoopback } from './http/hosts';
import { StartError } from './start-error';

export const USAGE = `Usage: npm run service -- --data DIR --listen HOST:PORT [options]

  --data DIR               where everything is kept (made if missing, closed to other users)
  --listen HOST:PORT       port 0 takes a free one; a non-loopback host needs a certificate
  --tls-cert FILE          PEM certificate (chain), and
  --tls-key FILE           its PEM key
  --public-address H:P     how others reach it, when that differs (stands in invites)
  --store-url-file FILE    a file (0600) with a postgres:// URL; without it: SQLite in DIR.
                           Several services may share one; each has its own DIR, with the same data.key in it
  --name NAME              what people see (default: Hallpass)
  --ready-json             nothing on stdout but one JSON line when ready
  --sweep                  end what is over, then exit; serves nobody (needs no --listen)

When ready it prints { "url", "invite", "codeFile" }. Invite and file are null once somebody has joined;
the file (0600) holds the code that the first person types to become the owner.`;

export interface CliArguments {
  readonly dataDir: string;
  readonly listen: { readonly host: string; readonly port: number } | null;
  readonly tls: { readonly certificateFile: string; readonly keyFile: string } | null;
  readonly publicAddress: string | null;
  readonly storeUrlFile: string | null;
  readonly name: string;
  readonly output: 'json-only' | 'explained';
  readonly task: 'serve' | 'sweep' | 'help';
}

const wrong = (what: string) => new StartError('arguments', what, USAGE);

/** `host:port`, where the host may be a name, an IPv4 address or an IPv6 address in brackets, and the port 0. */
function listenAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) throw wrong(`--listen expected HOST:PORT, got "${text}".`);
  return { host, port };
}

/** Throws StartError `arguments`; its `next` is the usage. */
export function parseCliArguments(argv: readonly string[]): CliArguments {
  let values: ReturnType<typeof parse>['values'];
  try {
    values = parse(argv).values;
  } catch (error) {
    throw wrong(`${(error as Error).message}.`);
  }
  const task = values.help ? 'help' : values.sweep ? 'sweep' : 'serve';
  if (values.data === undefined && task !== 'help') throw wrong('--data is missing.');
  const listen = values.listen === undefined ? null : listenAddress(values.listen);
  if (listen === null && task === 'serve') throw wrong('--listen is missing.');
  const [certificateFile, keyFile] = [values['tls-cert'], values['tls-key']];
  if ((certificateFile === undefined) !== (keyFile === undefined)) throw wrong('--tls-cert and --tls-key go together.');
  const tls = certificateFile !== undefined && keyFile !== undefined ? { certificateFile, keyFile } : null;
  if (task === 'serve' && listen !== null && tls === null && !isLoopback(listen.host))
    throw new StartError(
      'arguments',
      `${listen.host} can be reached from other machines, so a certificate is needed.`,
      'Give --tls-cert and --tls-key, or listen on 127.0.0.1.',
    );
  return {
    dataDir: resolve(values.data ?? '.'),
    listen,
    tls,
    publicAddress: values['public-address'] ?? null,
    storeUrlFile: values['store-url-file'] ?? null,
    name: values.name ?? 'Hallpass',
    output: values['ready-json'] ? 'json-only' : 'explained',
    task,
  };
}
const parse = (argv: readonly string[]) =>
  parseArgs({
    args: [...argv],
    strict: true,
    allowPositionals: false,
    options: {
      data: { type: 'string' },
      listen: { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      'public-address': { type: 'string' },
      'store-url-file': { type: 'string' },
      name: { type: 'string' },
      'ready-json': { type: 'boolean' },
      sweep: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });

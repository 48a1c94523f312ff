/**
 * Command line around `verifyExport`: reads files and arguments, prints sentences, and ends with 0 (holds), 1 (does not
 * hold) or 2 (could not be checked). All judgement is in shared/crypto, so the app's own check says the same.
 */
import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { parseVerifierKey } from '../../shared/crypto/note';
import { verifyExport } from '../../shared/crypto/verify-export';

const USAGE = `usage: npm run verify -- FILE [--checkpoint FILE] [--log-key KEY|FILE] [--json]

FILE           an exported audit log or an evidence file (JSON lines)
--checkpoint   a signed checkpoint kept from elsewhere, for example the last one your desktop saw
--log-key      the log's verifier key as known from elsewhere; without it the key in the file is used
--json         prints the report as JSON

Ends with 0 when everything holds, 1 when something does not, 2 when it could not be checked.`;
/** Checkpoints and keys are a few lines; anything longer is a mistake. */
const MAX_SMALL_FILE_BYTES = 64 * 1024;

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 2;
});

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      checkpoint: { type: 'string' },
      'log-key': { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [file] = positionals;
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (file === undefined || positionals.length > 1) throw new Error(USAGE);
  const report = await verifyExport(linesOf(file), {
    ...(values.checkpoint === undefined ? {} : { checkpoint: await smallFile(values.checkpoint, 'checkpoint') }),
    ...(values['log-key'] === undefined ? {} : { logKey: await keyOf(values['log-key']) }),
  });
  const text = values.json ? JSON.stringify(report, null, 2) : report.sentences.join('\n');
  process.stdout.write(`${text}\n`);
  return report.ok ? 0 : 1;
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file} can't be read (${error.code ?? error.message}).`);
  });
  try {
    yield* createInterface({ input: createReadStream(file, { fd: handle, autoClose: false }), crlfDelay: Infinity });
  } finally {
    await handle.close();
  }
}

async function smallFile(file: string, what: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(`The ${what} file ${file} can't be read (${error.code ?? error.message}).`);
  });
  if (text.length > MAX_SMALL_FILE_BYTES) throw new Error(`${file} is too long to be a ${what}.`);
  return text;
}

/** A verifier key (`name+hash+key`, with slashes in name and key), or a file that holds one. */
async function keyOf(given: string): Promise<string> {
  return parseVerifierKey(given) === undefined ? (await smallFile(given, 'log key')).trim() : given;
}

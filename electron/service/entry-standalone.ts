/**
 * The service alone, on plain Node, for a team. stdout carries one JSON line when it is ready; the log goes to stderr.
 * The first person joins with an owner invite: its link is in that line, its code in a 0600 file of the data folder (not in
 * argv, not in the log, not on stdout, where a supervisor would keep it). Whoever can read that file can read the database too.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { type CliArguments, parseCliArguments, USAGE } from './cli-arguments';
import { writeCrashFile } from './crash-file';
import { openDataFolder, writePrivateFile } from './data-folder';
import { createLog, scrub } from './log';
import { type Service, type ServiceConfig, startService, sweepOnce } from './service';
import { StartError } from './start-error';

const CODE_FILE = 'owner-invite-code.txt';
const EXIT = { done: 0, failed: 1, wrongArguments: 2, leftOver: 3 } as const;

function readGiven(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new StartError(
      'arguments',
      `The ${what} ${file} can not be read: ${(cause as Error).message}.`,
      'Check its path and rights.',
      { cause },
    );
  }
}
function configOf(given: CliArguments, log: ServiceConfig['log']): ServiceConfig {
  const { tls, listen } = given;
  return {
    dataDir: given.dataDir,
    dataKey: null,
    serviceName: given.name,
    storeUrl: given.storeUrlFile === null ? null : readGiven(given.storeUrlFile, 'store URL file').trim(),
    local: null,
    tcp: listen && {
      ...listen,
      publicAddress: given.publicAddress,
      certificate: tls && {
        certificatePem: readGiven(tls.certificateFile, 'certificate'),
        keyPem: readGiven(tls.keyFile, 'key'),
      },
      plain: 'served',
    },
    log,
  };
}

/** The code's file, while an owner is awaited; an old one is removed. */
function putCodeFile(dataDir: string, service: Service): string | null {
  const file = join(dataDir, CODE_FILE);
  if (service.ownerInvite === null) {
    rmSync(file, { force: true });
    return null;
  }
  writePrivateFile(file, `${service.ownerInvite.code}\n`);
  return file;
}

async function serve(given: CliArguments): Promise<void> {
  const log = createLog();
  openDataFolder(given.dataDir);
  writeCrashFile(given.dataDir);
  let stopped: Promise<void> | null = null;
  const codeFile = join(given.dataDir, CODE_FILE);
  const service = await startService({
    ...configOf(given, log),
    onOwnerJoined: () => rmSync(codeFile, { force: true }),
  });
  const stop = (signal: string) => {
    if (stopped !== null) process.exit(EXIT.failed); // asked twice: at once
    log.info({ signal }, 'stopping');
    stopped = service.stop().then(() => process.exit(EXIT.done));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const ready = {
    url: service.url,
    invite: service.ownerInvite?.link ?? null,
    codeFile: putCodeFile(given.dataDir, service),
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
  if (given.output === 'explained' && ready.invite !== null)
    process.stderr.write(
      `Nobody has joined yet. Open the invite in Hallpass and type the code in ${ready.codeFile}: that makes the owner.\n`,
    );
}

async function sweep(given: CliArguments): Promise<void> {
  const { ended, left } = await sweepOnce(configOf({ ...given, listen: null }, createLog()));
  process.stdout.write(`${JSON.stringify({ ended, left })}\n`);
  process.exitCode = left === 0 ? EXIT.done : EXIT.leftOver;
}

async function main(): Promise<void> {
  process.umask(0o077);
  const given = parseCliArguments(process.argv.slice(2));
  switch (given.task) {
    case 'help':
      process.stdout.write(`${USAGE}\n`);
      return;
    case 'sweep':
      return sweep(given);
    case 'serve':
      return serve(given);
  }
}

main().catch((error: unknown) => {
  if (!(error instanceof StartError)) throw error; // a bug: the crash file and the stack tell
  process.stderr.write(`${scrub(error.message)}\n${error.next}\n`);
  process.exit(error.code === 'arguments' ? EXIT.wrongArguments : EXIT.failed);
});

/**
 * Runs one of the rotators that the service's own machine allows: files in a folder which only its owner can write. Settings name
 * a file there and nothing else, so an administrator of Hallpass can't run what the machine's administrator has not put there.
 * Secrets go in on standard input and come out on standard output; none is in the arguments or the environment. What the
 * program writes to its standard error is not read: it may hold anything.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { RotatorFile } from '../../../../shared/contract/secret';
import { TargetError } from '../provisioner';

/** Longer than the engine waits for one try: what goes on after that is found done by the next. */
const COMMAND_LIMIT_MS = 30_000;
const MAX_OUTPUT_BYTES = 64 * 1024;

/** Exit status and standard output. @throws TargetError when it may not, or could not, run */
export type RunCommand = (
  file: string,
  operation: string,
  input: string,
) => Promise<{ status: number; output: string }>;

/** `folder`: null where a service has none (then there are no rotators). */
export function createRunCommand(folder: string | null, limitMs = COMMAND_LIMIT_MS): RunCommand {
  return async (file, operation, input) => {
    if (folder === null) throw new TargetError('refused', 'This service has no folder of rotators.');
    const path = join(folder, RotatorFile.parse(file));
    await checkPrivate(folder, 'folder');
    await checkPrivate(path, 'file');
    return await run(path, file, operation, input, folder, limitMs);
  };
}

/** Whoever may write it may become this service: so nobody but its owner, and no link to elsewhere. */
async function checkPrivate(path: string, what: 'folder' | 'file'): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (found === null)
    throw refused(path, what === 'folder' ? `is not there. Run: mkdir -m 700 "${path}"` : 'is not there.');
  if (what === 'folder' ? !found.isDirectory() : !found.isFile()) throw refused(path, `is not a plain ${what}.`);
  if (process.platform === 'win32') return; // the access list of the service's folder holds
  const own = process.getuid?.();
  if (found.uid !== own && found.uid !== 0) throw refused(path, 'belongs to somebody else.');
  if ((found.mode & 0o022) !== 0) throw refused(path, `can be written by others. Run: chmod go-w "${path}"`);
  if (what === 'file' && (found.mode & 0o100) === 0) throw refused(path, `can not be run. Run: chmod u+x "${path}"`);
}
const refused = (path: string, why: string) => new TargetError('refused', `${path} ${why}`);

/** What a shell script needs, and nothing of ours. */
const environment = (): Record<string, string> =>
  process.platform === 'win32'
    ? { SystemRoot: process.env.SystemRoot ?? 'C:\\Windows', HALLPASS_ROTATOR: '1' }
    : { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', HALLPASS_ROTATOR: '1' };

function run(
  path: string,
  file: string,
  operation: string,
  input: string,
  folder: string,
  limitMs: number,
): Promise<{ status: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, [operation], {
      cwd: folder,
      env: environment(),
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true, // a group of its own, so that what it started can be ended with it
      windowsHide: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    const giveUp = (error: TargetError) => {
      clearTimeout(timer);
      endGroup(child);
      child.stdout.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => giveUp(new TargetError('unreachable', `${file} did not end within ${limitMs / 1_000} s.`)),
      limitMs,
    );
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT_BYTES) giveUp(new TargetError('refused', `${file} writes more than an answer.`));
      else chunks.push(chunk);
    });
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(input);
    child.once('error', (cause: NodeJS.ErrnoException) =>
      giveUp(new TargetError('refused', `${file} could not be started (${cause.code ?? 'unknown'}).`)),
    );
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (signal !== null) reject(new TargetError('unreachable', `${file} was ended by ${signal}.`));
      else resolve({ status: code ?? 1, output: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

function endGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined && process.platform !== 'win32') process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    child.kill('SIGKILL'); // its group is gone already
  }
}

/**
 * Puts the helper where files of other tools can point to it: `<user data>/bin/hallpass`, at a path that no update, mount or
 * move of the app changes. It is our text, rewritten at each start, and knows where this app's socket is.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { helperFile } from '../injection/helper-file';
import type { HelperPlace } from './server';

/** What is written: hallpass.sh and hallpass.ps1 (texts.ts has them in the app). */
export interface HelperTexts {
  readonly shell: string;
  readonly powershell: string;
}
/** Line of the script that says where the socket is; empty in the copy that comes with the package. */
const PLACE_LINE = /^hallpass_at=''$/m;

const shellWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The helper of this app. Pure. */
export const helperScript = ({ shell }: HelperTexts, place: HelperPlace): string =>
  shell.replace(PLACE_LINE, () => `hallpass_at=${shellWord(dirname(place.socket))}`);

/** Windows: a PowerShell script that speaks to the pipe, and a command file that starts it. Built, not run. */
const windowsFiles = (
  { powershell }: HelperTexts,
  folder: string,
  place: HelperPlace,
): readonly (readonly [path: string, text: string])[] => {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const name = place.socket.replace(/^\\\\\.\\pipe\\/, '');
  const text = powershell
    .replace("$Pipe = ''", () => `$Pipe = ${quoted(name)}`)
    .replace("$TokenFile = ''", () => `$TokenFile = ${quoted(place.tokenFile)}`);
  const start = '@powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -File "%~dp0hallpass.ps1" %*\r\n';
  return [
    [join(folder, 'hallpass.ps1'), text],
    [join(folder, 'hallpass.cmd'), start],
  ];
};

/** Writes what is not there yet, each file in one step. @throws when the folder can't be written */
export function installHelper(
  texts: HelperTexts,
  userData: string,
  place: HelperPlace,
  platform: NodeJS.Platform,
): string {
  const file = helperFile(userData, platform);
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const wanted =
    platform === 'win32' ? windowsFiles(texts, dirname(file), place) : [[file, helperScript(texts, place)] as const];
  for (const [path, text] of wanted) replace(path, text);
  return file;
}

function replace(path: string, text: string): void {
  try {
    if (readFileSync(path, 'utf8') === text) return;
  } catch {
    // not there yet
  }
  const fresh = `${path}.new`;
  writeFileSync(fresh, text, { mode: 0o700 });
  chmodSync(fresh, 0o700); // a file of an earlier crash keeps its mode
  renameSync(fresh, path);
}

/**
 * Our marked blocks in a file of variables (`.env`) that belongs to the user. Pure text work, as in marked-blocks.ts, which knows
 * files of sections; here there are none, and the block holds the values themselves.
 * Why at the end: of two lines with the same name readers take the last, so a variable the user has already stays as it is, byte
 * for byte, and ours counts while the grant lives.
 * Text is handled as latin1, one character per byte, so that no byte can change.
 *
 *   # >>> hallpass <profile> <grant> env:<kind> NAME,NAME +file +newline:<hash of the line before>
 *   NAME=value
 *   # <<< hallpass <profile> <grant> env:<kind> NAME,NAME
 *
 * What goes at removal: the markers, and in an intact block every assignment to a name of ours, the user's edits of it included;
 * what else somebody wrote between the markers stays. When one marker is lost, the assignments next to the other one go.
 */
import { createHash } from 'node:crypto';
import { asBytes, type BlockEdit } from './marked-blocks';

export interface EnvBlock {
  readonly grantId: string;
  /** `NAME=value`, each one line. */
  readonly lines: readonly string[];
}
/** Two profiles of the app, and two kinds of targets, may share a file: nobody touches what is another's. */
export interface EnvOwner {
  readonly profile: string;
  readonly kind: string;
}
interface Marker extends EnvOwner {
  readonly edge: 'begin' | 'end';
  readonly grantId: string;
  readonly names: readonly string[];
  readonly madeFile: boolean;
  /** Hash of the line before, to which we gave its line end. */
  readonly newline: string | null;
}
const MARKER =
  /^# (>>>|<<<) hallpass ([0-9a-f]{8}) (grt_[0-9a-z]{26}) env:([a-z]+) ([A-Za-z0-9_,]+)( \+file)?(?: \+newline:([0-9a-f]{8}))?\s*$/;

const splitLines = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
const hashOf = (line: string): string => createHash('sha256').update(line, 'latin1').digest('hex').slice(0, 8);
const lineEndOf = (text: string): string => (/^[^\r\n]*\r\n/.test(text) ? '\r\n' : '\n');
const nameOf = (line: string): string | undefined => /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=/.exec(line)?.[1];

function readMarker(line: string): Marker | null {
  const match = MARKER.exec(line);
  if (!match) return null;
  const [, edge, profile = '', grantId = '', kind = '', names = '', file, newline] = match;
  return {
    ...{ profile, grantId, kind },
    edge: edge === '>>>' ? 'begin' : 'end',
    names: names.split(','),
    madeFile: file !== undefined,
    newline: newline ?? null,
  };
}
const writeMarker = ({ edge, profile, grantId, kind, names, madeFile, newline }: Marker): string =>
  `# ${edge === 'begin' ? '>>>' : '<<<'} hallpass ${profile} ${grantId} env:${kind} ${names.join(',')}` +
  `${madeFile ? ' +file' : ''}${newline ? ` +newline:${newline}` : ''}`;
const isOf = (marker: Marker | null, owner: EnvOwner): marker is Marker =>
  marker !== null && marker.profile === owner.profile && marker.kind === owner.kind;

/** Index of the end marker of the block that begins at `index`; -1 when another marker comes first, or none. */
function endOfBlock(lines: readonly string[], index: number, begin: Marker): number {
  for (let i = index + 1; i < lines.length; i++) {
    const marker = readMarker(lines[i] ?? '');
    if (marker) return marker.edge === 'end' && marker.grantId === begin.grantId && isOf(marker, begin) ? i : -1;
  }
  return -1;
}

/** The lines that a marker at `index` takes with it, as a range, and what of them stays. */
function extentOf(
  lines: readonly string[],
  index: number,
  marker: Marker,
): { from: number; to: number; kept: string[] } {
  const isOurs = (line: string | undefined): boolean => marker.names.includes(nameOf(line ?? '') ?? '');
  const end = marker.edge === 'begin' ? endOfBlock(lines, index, marker) : -1;
  if (end >= 0) return { from: index, to: end + 1, kept: lines.slice(index + 1, end).filter((line) => !isOurs(line)) };
  let [from, to] = [index, index + 1];
  if (marker.edge === 'begin') while (to < lines.length && isOurs(lines[to])) to++;
  else while (from > 0 && isOurs(lines[from - 1])) from--;
  return { from, to, kept: [] };
}

/** What a removed begin marker leaves to do: give its flags on, or take back the line end that we added. */
function settle(before: string[], after: string[], gone: Marker): void {
  const give = (index: number, flags: Partial<Marker>) => {
    const line = after[index] ?? '';
    const marker = readMarker(line);
    if (marker) after[index] = `${writeMarker({ ...marker, ...flags })}${line.endsWith('\r\n') ? '\r\n' : '\n'}`;
  };
  const heir = after.findIndex((line) => readMarker(line)?.edge === 'begin');
  if (gone.madeFile && heir >= 0) give(heir, { madeFile: true });
  if (!gone.newline) return;
  if (heir === 0) give(0, { newline: gone.newline });
  const last = before.at(-1);
  if (after.length > 0 || last === undefined) return; // somebody wrote on: the line end is theirs now
  const bare = ['\r\n', '\n']
    .filter((end) => last.endsWith(end))
    .map((end) => last.slice(0, -end.length))
    .find((line) => hashOf(line) === gone.newline);
  if (bare !== undefined) before[before.length - 1] = bare;
}

function drop(start: readonly string[], owner: EnvOwner, isGone: (grantId: string) => boolean): string[] {
  let lines = [...start];
  for (let i = 0; i < lines.length; i++) {
    const marker = readMarker(lines[i] ?? '');
    if (!isOf(marker, owner) || !isGone(marker.grantId)) continue;
    const { from, to, kept } = extentOf(lines, i, marker);
    const before = lines.slice(0, from);
    const after = [...kept, ...lines.slice(to)];
    if (marker.edge === 'begin') settle(before, after, marker);
    lines = [...before, ...after];
    i = from - 1;
  }
  return lines;
}

/** An intact block with exactly these assignments is left as it is. */
function isInPlace(lines: readonly string[], owner: EnvOwner, block: EnvBlock): boolean {
  const index = lines.findIndex((line) => {
    const marker = readMarker(line);
    return isOf(marker, owner) && marker.edge === 'begin' && marker.grantId === block.grantId;
  });
  const marker = index < 0 ? null : readMarker(lines[index] ?? '');
  const end = marker ? endOfBlock(lines, index, marker) : -1;
  if (!marker || end < 0) return false;
  const inside = lines.slice(index + 1, end).map((line) => line.replace(/\r?\n$/, ''));
  return block.lines.map(asBytes).every((line) => inside.includes(line));
}

function append(lines: string[], owner: EnvOwner, block: EnvBlock, madeFile: boolean): void {
  const end = lineEndOf(lines.join(''));
  const last = lines.at(-1);
  const needsLineEnd = last !== undefined && !last.endsWith('\n');
  if (needsLineEnd) lines[lines.length - 1] = `${last}${end}`;
  const names = block.lines.map((line) => nameOf(line) ?? '');
  const common = { ...owner, grantId: block.grantId, names };
  const begin = writeMarker({ ...common, edge: 'begin', madeFile, newline: needsLineEnd ? hashOf(last) : null });
  const close = writeMarker({ ...common, edge: 'end', madeFile: false, newline: null });
  for (const line of [begin, ...block.lines.map(asBytes), close]) lines.push(`${line}${end}`);
}

/**
 * Makes the text hold exactly these blocks of this owner: others of theirs go, missing ones are added at the end.
 * @param before content as latin1, null when there is no file
 */
export function setEnvBlocks(before: string | null, owner: EnvOwner, blocks: readonly EnvBlock[]): BlockEdit {
  const start = splitLines(before ?? '');
  const inPlace = new Set(blocks.filter((block) => isInPlace(start, owner, block)).map(({ grantId }) => grantId));
  const isGone = (grantId: string) => !inPlace.has(grantId);
  const wasOurs = start.some((line) => {
    const marker = readMarker(line);
    return isOf(marker, owner) && marker.madeFile && isGone(marker.grantId);
  });
  const lines = drop(start, owner, isGone);
  let madeFile = (before === null || wasOurs) && lines.length === 0; // else somebody wrote into it: it is theirs now
  const fileIsOurs = madeFile && blocks.length === inPlace.size;
  for (const block of blocks) {
    if (inPlace.has(block.grantId)) continue;
    append(lines, owner, block, madeFile);
    madeFile = false;
  }
  return { text: lines.join(''), fileIsOurs };
}

/** Grants of this owner that left any marker in the text. */
export function grantsInEnv(text: string, owner: EnvOwner): Set<string> {
  const markers = splitLines(text).map(readMarker);
  return new Set(markers.filter((marker) => isOf(marker, owner)).map((marker) => marker?.grantId ?? ''));
}

/** Which of these names somebody else sets in the text, with the line's number (from 1). */
export function setByOthers(
  text: string,
  names: readonly string[],
): { readonly name: string; readonly lineNumber: number }[] {
  const lines = splitLines(text);
  const found: { name: string; lineNumber: number }[] = [];
  let open: Marker | null = null;
  for (const [index, line] of lines.entries()) {
    const marker = readMarker(line);
    if (marker) open = marker.edge === 'begin' && endOfBlock(lines, index, marker) >= 0 ? marker : null;
    const name = nameOf(line.replace(/^\xef\xbb\xbf/, ''));
    if (name !== undefined && names.includes(name) && !open?.names.includes(name))
      found.push({ name, lineNumber: index + 1 });
  }
  return found;
}

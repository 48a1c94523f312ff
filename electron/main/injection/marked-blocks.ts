/**
 * Our marked blocks in a file of sections (`[name]`, `key=value`, `#` comments) that belongs to the user. Pure text work.
 * Why no INI library: parsers drop comments, order and odd bytes; people compare these files by eye.
 * Why markers carry everything needed for removal: the journal may be lost, the block must still go without a trace.
 * Text is handled as latin1, one character per byte, so that no byte can change.
 *
 *   # >>> hallpass <profile> <grant> [section] [section] +file +newline:<hash of the line before>
 *   …
 *   # <<< hallpass <profile> <grant>
 *
 * What goes at removal: an intact block, all of it but sections in it that we did not name (the user wrote those). Were
 * the markers damaged: single marker lines of ours, and every section whose secret path is ours, its header and its keys
 * up to the next header; comments and blank lines there stay.
 */
import { createHash } from 'node:crypto';

export interface Section {
  readonly name: string;
  /** `key=value` lines without line ends. */
  readonly lines: readonly string[];
}
export interface Block {
  readonly grantId: string;
  readonly sections: readonly Section[];
}
export interface BlockOwner {
  /** Eight hex digits: two profiles of the app may share a file and don't touch each other's blocks. */
  readonly profile: string;
  /** The grant whose secret this line points to, when it is one of ours. */
  grantOfLine(line: string): string | null;
  /**
   * For files in which a line that points to us may stand in any section, also in the user's own: only that line goes when its
   * markers were damaged, and its section's header when it has such a name and nothing else is in it. Left out: the section goes.
   */
  readonly headerGoesWithLine?: (name: string) => boolean;
}
export interface BlockEdit {
  readonly text: string;
  /** True when nothing but our own work is left in a file that we made. */
  readonly fileIsOurs: boolean;
}

interface Marker {
  readonly edge: 'begin' | 'end';
  readonly profile: string;
  readonly grantId: string;
  readonly names: readonly string[];
  readonly madeFile: boolean;
  /** Hash of the line before, to which we gave its line end. */
  readonly newline: string | null;
}
const MARKER =
  /^# (>>>|<<<) hallpass ([0-9a-f]{8}) (grt_[0-9a-z]{26})((?: \[[^\]\r\n]+\])*)( \+file)?(?: \+newline:([0-9a-f]{8}))?\s*$/;

const splitLines = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
const hashOf = (line: string): string => createHash('sha256').update(line, 'latin1').digest('hex').slice(0, 8);
const lineEndOf = (text: string): string => (/^[^\r\n]*\r\n/.test(text) ? '\r\n' : '\n');
/** UTF-8 bytes as latin1 characters. */
export const asBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

function readMarker(line: string): Marker | null {
  const match = MARKER.exec(line);
  if (!match) return null;
  const [, edge, profile = '', grantId = '', names = '', file, newline] = match;
  return {
    edge: edge === '>>>' ? 'begin' : 'end',
    profile,
    grantId,
    names: [...names.matchAll(/\[([^\]]+)\]/g)].map(([, name]) => name ?? ''),
    madeFile: file !== undefined,
    newline: newline ?? null,
  };
}
const beginLine = (marker: Omit<Marker, 'edge'>): string =>
  `# >>> hallpass ${marker.profile} ${marker.grantId}${marker.names.map((name) => ` [${name}]`).join('')}` +
  `${marker.madeFile ? ' +file' : ''}${marker.newline ? ` +newline:${marker.newline}` : ''}`;
const endLine = (profile: string, grantId: string): string => `# <<< hallpass ${profile} ${grantId}`;

/** `[name]` as the first thing on a line, as libpq reads it; undefined for other lines. */
function headerOf(line: string): string | undefined {
  const trimmed = line.trim();
  if (!trimmed.startsWith('[')) return undefined;
  const close = trimmed.indexOf(']');
  return close < 0 ? trimmed.slice(1) : trimmed.slice(1, close);
}
const isKeyLine = (line: string): boolean => {
  const trimmed = line.trim();
  return trimmed !== '' && !trimmed.startsWith('#') && !trimmed.startsWith('[');
};

/** Index of the end marker of the block that begins at `index`; -1 when it is missing or another block comes first. */
function endOfBlock(lines: readonly string[], index: number, begin: Marker): number {
  for (let i = index + 1; i < lines.length; i++) {
    const marker = readMarker(lines[i] ?? '');
    if (!marker) continue;
    const isOwnEnd = marker.edge === 'end' && marker.grantId === begin.grantId && marker.profile === begin.profile;
    return isOwnEnd ? i : -1;
  }
  return -1;
}

/** Sections inside our block that we did not write. */
function foreignPart(inside: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = [];
  let foreign = false;
  for (const line of inside) {
    const header = headerOf(line);
    if (header !== undefined) foreign = !names.includes(header);
    if (foreign) kept.push(line);
  }
  return kept;
}

/** What a removed begin marker leaves to do: give its flags on, or take back the line end that we added. */
function settle(before: string[], after: string[], gone: Marker): void {
  const next = after[0] === undefined ? null : readMarker(after[0]);
  const heir = after.findIndex((line) => readMarker(line)?.edge === 'begin');
  if (gone.madeFile && heir >= 0) regive(after, heir, { madeFile: true });
  if (!gone.newline) return;
  if (next?.edge === 'begin') regive(after, 0, { newline: gone.newline });
  const last = before.at(-1);
  if (after.length > 0 || last === undefined) return; // somebody wrote on: the line end is theirs now
  const bare = ['\n', '\r\n']
    .filter((end) => last.endsWith(end))
    .map((end) => last.slice(0, -end.length))
    .find((line) => hashOf(line) === gone.newline);
  if (bare !== undefined) before[before.length - 1] = bare;
}
function regive(lines: string[], index: number, flags: Partial<Marker>): void {
  const line = lines[index] ?? '';
  const marker = readMarker(line);
  if (marker) lines[index] = `${beginLine({ ...marker, ...flags })}${line.endsWith('\r\n') ? '\r\n' : '\n'}`;
}

/** Takes away whole blocks and stray markers of grants for which `isGone` holds. */
function dropBlocks(lines: string[], profile: string, isGone: (grantId: string) => boolean): string[] {
  let rest = [...lines];
  for (let i = 0; i < rest.length; i++) {
    const marker = readMarker(rest[i] ?? '');
    if (marker?.profile !== profile || !isGone(marker.grantId)) continue;
    const end = marker.edge === 'begin' ? endOfBlock(rest, i, marker) : -1;
    const kept = end < 0 ? [] : foreignPart(rest.slice(i + 1, end), marker.names);
    const before = rest.slice(0, i);
    const after = [...kept, ...rest.slice(end < 0 ? i + 1 : end + 1)];
    if (marker.edge === 'begin') settle(before, after, marker);
    rest = [...before, ...after];
    i--;
  }
  return rest;
}

/** What stays of a section that points to a secret of ours. */
function leftOf(section: readonly string[], owner: BlockOwner, isGone: (grantId: string) => boolean): string[] {
  const { headerGoesWithLine } = owner;
  if (!headerGoesWithLine) return section.slice(1).filter((line) => !isKeyLine(line));
  const rest = section.filter((line) => {
    const grantId = owner.grantOfLine(line.trim());
    return grantId === null || !isGone(grantId);
  });
  const isBare = !rest.slice(1).some(isKeyLine) && headerGoesWithLine(headerOf(section[0] ?? '') ?? '');
  return isBare ? rest.slice(1) : rest;
}

/** Takes away sections that point to a secret of ours although no intact block holds them. */
function dropSections(lines: readonly string[], owner: BlockOwner, isGone: (grantId: string) => boolean): string[] {
  const kept: string[] = [];
  for (let i = 0; i < lines.length; ) {
    if (headerOf(lines[i] ?? '') === undefined) {
      kept.push(lines[i++] ?? '');
      continue;
    }
    let end = i + 1;
    while (end < lines.length && headerOf(lines[end] ?? '') === undefined && !readMarker(lines[end] ?? '')) end++;
    const section = lines.slice(i, end);
    const isOurs = section.some((line) => {
      const grantId = owner.grantOfLine(line.trim());
      return grantId !== null && isGone(grantId);
    });
    // One by one: a hundred thousand arguments are more than a call can take.
    for (const line of isOurs ? leftOf(section, owner, isGone) : section) kept.push(line);
    i = end;
  }
  return kept;
}

/** Sections first: what a lost end marker left behind must be gone before a begin marker settles what follows it. */
const dropOwned = (lines: readonly string[], owner: BlockOwner, isGone: (grantId: string) => boolean): string[] =>
  dropBlocks(dropSections(lines, owner, isGone), owner.profile, isGone);

/** Grants of this profile that have any trace in the text. */
export function grantsIn(text: string, owner: BlockOwner): Set<string> {
  const found = new Set<string>();
  for (const line of splitLines(text)) {
    const marker = readMarker(line);
    if (marker?.profile === owner.profile) found.add(marker.grantId);
    const pointed = owner.grantOfLine(line.trim());
    if (pointed !== null) found.add(pointed);
  }
  return found;
}

/** Names of the sections in the text that are not this profile's. */
export function foreignNames(text: string, owner: BlockOwner): Set<string> {
  const lines = dropOwned(splitLines(text), owner, () => true);
  return new Set(lines.map(headerOf).filter((name) => name !== undefined));
}

/** An intact block that already has these section names is left as it is, the user's edits included. */
function isInPlace(lines: readonly string[], profile: string, block: Block): boolean {
  const index = lines.findIndex((line) => {
    const marker = readMarker(line);
    return marker?.edge === 'begin' && marker.profile === profile && marker.grantId === block.grantId;
  });
  const marker = index < 0 ? null : readMarker(lines[index] ?? '');
  if (!marker || endOfBlock(lines, index, marker) < 0) return false;
  const wanted = block.sections.map((section) => section.name);
  return marker.names.length === wanted.length && wanted.every((name, i) => marker.names[i] === name);
}

function append(lines: string[], profile: string, block: Block, madeFile: boolean): void {
  const end = lineEndOf(lines.join(''));
  const last = lines.at(-1);
  const needsLineEnd = last !== undefined && !last.endsWith('\n');
  if (needsLineEnd) lines[lines.length - 1] = `${last}${end}`;
  const marker = {
    profile,
    grantId: block.grantId,
    names: block.sections.map((section) => section.name),
    madeFile,
    newline: needsLineEnd ? hashOf(last) : null,
  };
  const body = block.sections.flatMap((section) => [`[${section.name}]`, ...section.lines.map(asBytes)]);
  for (const line of [beginLine(marker), ...body, endLine(profile, block.grantId)]) lines.push(`${line}${end}`);
}

/**
 * Makes the text hold exactly these blocks of ours: others of this profile go, missing ones are added at the end.
 * @param before content as latin1, null when there is no file
 */
export function setBlocks(before: string | null, owner: BlockOwner, blocks: readonly Block[]): BlockEdit {
  const start = splitLines(before ?? '');
  const inPlace = new Set(blocks.filter((block) => isInPlace(start, owner.profile, block)).map((b) => b.grantId));
  const isGone = (grantId: string) => !inPlace.has(grantId);
  let madeFile =
    before === null ||
    start.some((line) => {
      const marker = readMarker(line);
      return marker?.madeFile === true && marker.profile === owner.profile && isGone(marker.grantId);
    });
  const lines = dropOwned(start, owner, isGone);
  madeFile = madeFile && lines.length === 0; // the user wrote into the file that we made: it is theirs now
  const fileIsOurs = madeFile && blocks.length === inPlace.size;
  for (const block of blocks) {
    if (inPlace.has(block.grantId)) continue;
    append(lines, owner.profile, block, madeFile);
    madeFile = false;
  }
  return { text: lines.join(''), fileIsOurs };
}

/** Section names of each intact or damaged block of this profile, by its begin marker. */
export function namesIn(text: string, owner: BlockOwner): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const line of splitLines(text)) {
    const marker = readMarker(line);
    if (marker?.edge === 'begin' && marker.profile === owner.profile) found.set(marker.grantId, marker.names);
  }
  return found;
}

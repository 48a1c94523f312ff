/**
 * Reads what is typed into the palette: "orders-db ro 30m INC-12 check stuck orders".
 * Words may come in any order until the reason begins; from then on everything is the reason, as typed.
 * Pure: knows the catalog it is given and nothing else. Whether it may be asked is the policy's to say.
 */
import { parseDuration } from '../../../shared/domain/duration';

export interface PaletteResource {
  readonly id: string;
  readonly name: string;
  readonly levels: readonly string[];
}
export type TokenKind = 'resource' | 'level' | 'duration' | 'ticket' | 'reason';
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}
export interface ParsedRequest {
  readonly tokens: readonly Token[];
  readonly resource: PaletteResource | null;
  /** Other resources that the same word could mean, best first. */
  readonly alternatives: readonly PaletteResource[];
  readonly level: string | null;
  readonly ttlMs: number | null;
  readonly ticketRef: string;
  readonly reason: string;
}

const LEVEL_WORDS: Readonly<Record<string, string>> = {
  ro: 'read-only',
  r: 'read-only',
  read: 'read-only',
  readonly: 'read-only',
  rw: 'read-write',
  w: 'read-write',
  write: 'read-write',
  readwrite: 'read-write',
  adm: 'admin',
  root: 'admin',
};
const TICKET = /^(?:[a-z][a-z0-9_]{0,15}-\d{1,9}|#\d{1,9})$/i;

/** How well a word names a resource: 0 exact, 1 start, 2 start of a part, 3 somewhere; null not at all. */
export function fitOf(word: string, name: string): number | null {
  const wanted = word.toLowerCase();
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (name.split(/[-._]/).some((part) => part.startsWith(wanted))) return 2;
  return wanted.length >= 3 && name.includes(wanted) ? 3 : null;
}
/** Resources that a word could mean, best first; same fit: shorter name, then by the alphabet. */
export function findResources(word: string, resources: readonly PaletteResource[]): PaletteResource[] {
  return resources
    .map((resource) => ({ resource, rank: fitOf(word, resource.name) }))
    .filter((one): one is { resource: PaletteResource; rank: number } => one.rank !== null)
    .sort(
      (a, b) =>
        a.rank - b.rank ||
        a.resource.name.length - b.resource.name.length ||
        a.resource.name.localeCompare(b.resource.name),
    )
    .map((one) => one.resource);
}

/** The level a word means, of the levels there are. */
export function findLevel(word: string, levels: readonly string[]): string | null {
  const wanted = word.toLowerCase();
  if (levels.includes(wanted)) return wanted;
  const known = LEVEL_WORDS[wanted];
  if (known !== undefined && levels.includes(known)) return known;
  const starting = wanted.length >= 2 ? levels.filter((level) => level.startsWith(wanted)) : [];
  return starting.length === 1 ? (starting[0] ?? null) : null;
}

/** Reads a line. Never throws; what is not understood is the reason. */
export function parsePalette(line: string, resources: readonly PaletteResource[]): ParsedRequest {
  const tokens: Token[] = [];
  const allLevels = [...new Set(resources.flatMap((resource) => resource.levels))];
  let found: PaletteResource[] = [];
  let level: string | null = null;
  let ttlMs: number | null = null;
  let ticketRef = '';
  let reason = '';
  for (const match of line.matchAll(/\S+/g)) {
    const word = match[0];
    const length: number | undefined = ttlMs === null ? parseDuration(word) : undefined;
    const levels: readonly string[] = found[0]?.levels ?? allLevels;
    const asLevel: string | null = level === null ? findLevel(word, levels) : null;
    if (length !== undefined) {
      ttlMs = length;
      tokens.push({ kind: 'duration', text: word });
    } else if (asLevel !== null && (found.length > 0 || findResources(word, resources).length === 0)) {
      level = asLevel;
      tokens.push({ kind: 'level', text: word });
    } else if (found.length === 0 && findResources(word, resources).length > 0) {
      found = findResources(word, resources);
      tokens.push({ kind: 'resource', text: word });
    } else if (ticketRef === '' && TICKET.test(word)) {
      ticketRef = word.startsWith('#') ? word : word.toUpperCase();
      tokens.push({ kind: 'ticket', text: word });
    } else {
      reason = line.slice(match.index).trim();
      tokens.push({ kind: 'reason', text: reason });
      break;
    }
  }
  const [resource = null, ...alternatives] = found;
  if (resource !== null && level !== null && !resource.levels.includes(level)) level = null;
  return { tokens, resource, alternatives, level, ttlMs, ticketRef, reason };
}

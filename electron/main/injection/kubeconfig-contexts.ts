/**
 * Our clusters, contexts and users in a kubeconfig that belongs to the user. Pure text work.
 * Why no YAML library: parsers drop comments, order and spelling; people keep these files by hand. So only what can be edited
 * line by line is edited: a block-style file with the three lists. Anything else is said, and the grant has its own file alone.
 *
 *   clusters:
 *   # >>> hallpass <profile> <grant>
 *   - name: "hallpass-<profile>-<grant>"
 *     cluster: …
 *   # <<< hallpass <profile> <grant>
 *
 * Why the names carry profile and grant: `kubectl config` writes the whole file anew and drops comments, markers too. Ours
 * are then still found by their names, in whatever order and quotes, and go without a trace.
 * Text is handled as latin1, one character per byte, so that no byte can change. No secret is ever in here.
 */
import { asBytes } from './marked-blocks';

export interface KubeContext {
  readonly grantId: string;
  /** What people type behind `--context`. */
  readonly names: readonly string[];
  readonly server: string;
  readonly caFile: string | null;
  readonly tokenFile: string;
  readonly namespace: string;
}
export interface KubeconfigEdit {
  readonly text: string;
  /** True when nothing but our own work is left in a file that we made. */
  readonly fileIsOurs: boolean;
}

const LISTS = ['clusters', 'contexts', 'users'] as const;
type ListName = (typeof LISTS)[number];
const MARKER = /^\s*# (>>>|<<<) hallpass ([0-9a-f]{8}) (grt_[0-9a-z]{26})\s*$/;
const OUR_NAME = /^hallpass-([0-9a-f]{8})-(grt_[0-9a-z]{26})$/;
const ours = (profile: string, grantId: string): string => `hallpass-${profile}-${grantId}`;
/** A file that we made: the lists of others are empty, and it goes when it has nothing but this. */
const skeleton = (profile: string): string =>
  [
    `# Made by Hallpass ${profile}. It goes away with the last access in it, unless somebody writes more.`,
    'apiVersion: v1',
    'kind: Config',
    ...LISTS.map((list) => `${list}:`),
    '',
  ].join('\n');

const splitLines = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
const bare = (line: string): string => line.replace(/\r?\n$/, '').replace(/^\u00ef\u00bb\u00bf/, ''); // a BOM, as latin1
const isBlank = (line: string): boolean => /^\s*(#.*)?$/.test(bare(line));
const indentOf = (line: string): number => /^ */.exec(bare(line))?.[0].length ?? 0;
const listAt = (line: string): ListName | undefined =>
  LISTS.find((list) => new RegExp(`^${list}:\\s*(#.*)?$`).test(bare(line)));

/** Why the file can't be edited line by line; null when it can. Line numbers start at 1. */
export function kubeconfigProblem(text: string): string | null {
  if (text.includes('\0')) return 'is not a plain text file';
  const lines = splitLines(text);
  for (const [index, line] of lines.entries()) {
    const content = bare(line);
    const where = `(line ${index + 1})`;
    if (isBlank(line)) continue;
    if (/^ *\t/.test(content)) return `is indented with tabs ${where}`;
    if (content.startsWith(' ')) continue;
    if (content === '---' && lines.slice(0, index).every(isBlank)) continue;
    if (/^-( |$)/.test(content)) continue;
    const key = /^([A-Za-z][\w-]*):(?:\s+(.*))?$/.exec(content);
    if (!key) return `has a line that is not block-style YAML ${where}`;
    const [, name = '', value = ''] = key;
    const isList = (LISTS as readonly string[]).includes(name);
    if (isList && !listAt(line)) return `spells its list “${name}” on one line ${where}`;
    if (/^["'{[|>&*!]/.test(value) && !/^("[^"]*"|'[^']*'|\{[^{}]*\}|\[[^[\]]*\])\s*(#.*)?$/.test(value))
      return `has a value that goes over several lines ${where}`;
  }
  for (const list of LISTS) {
    const at = lines.flatMap((line, i) => (listAt(line) === list ? [i] : []));
    if (at.length !== 1) return at.length === 0 ? `has no list “${list}”` : `has the list “${list}” twice`;
    if (!lines[at[0] ?? 0]?.endsWith('\n')) return 'has no line end after its last list';
  }
  return null;
}

interface Item {
  readonly list: ListName;
  readonly from: number;
  /** Index behind its last line. */
  readonly to: number;
  /** Values of `key: value` lines in it, by key, without quotes. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

/** The items of the three lists: from a dash to the next line that is not deeper. */
function itemsOf(lines: readonly string[]): Item[] {
  const items: Item[] = [];
  let list: ListName | undefined;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    if (isBlank(line)) continue;
    const indent = indentOf(line);
    const isDash = /^ *-( |\r?\n?$)/.test(line);
    if (indent === 0 && !isDash) list = listAt(line);
    if (!list || !isDash) continue;
    let to = i + 1;
    for (let j = i + 1; j < lines.length; j++) {
      const next = lines[j] ?? '';
      if (isBlank(next)) continue;
      if (indentOf(next) <= indent) break;
      to = j + 1;
    }
    items.push({ list, from: i, to, values: valuesIn(lines.slice(i, to)) });
    i = to - 1;
  }
  return items;
}
const PLAIN = /^[\s-]*([\w-]+):\s+(.+?)\s*$/;
/** `{name: a, context: {cluster: b}}`: people write whole items so; ours never are. */
const FLOW = /([\w-]+):\s*("[^"]*"|'[^']*'|[^\s,{}"'][^,{}]*)/g;
function valuesIn(lines: readonly string[]): Map<string, string[]> {
  const values = new Map<string, string[]>();
  const add = (key: string | undefined, written: string | undefined) => {
    if (!key || !written) return;
    const value = /^(["'])(.*)\1$/.exec(written.trim())?.[2] ?? written.trim();
    values.set(key, [...(values.get(key) ?? []), value]);
  };
  for (const line of lines.map(bare)) {
    if (line.includes('{')) for (const [, key, value] of line.matchAll(FLOW)) add(key, value);
    const [, key, value] = PLAIN.exec(line) ?? [];
    add(key, value);
  }
  return values;
}
/** The grant of this profile that an item belongs to: a cluster or user by its name, a context by its user. */
function grantOf(item: Item, profile: string): string | null {
  for (const name of item.values.get(item.list === 'contexts' ? 'user' : 'name') ?? []) {
    const found = OUR_NAME.exec(name);
    if (found?.[1] === profile && found[2]) return found[2];
  }
  return null;
}

/** Grants of this profile that have any trace in the text, also where it can't be edited. */
export function kubeGrantsIn(text: string, profile: string): Set<string> {
  const found = new Set<string>();
  for (const [, grantId] of text.matchAll(new RegExp(`hallpass[- ]${profile}[- ](grt_[0-9a-z]{26})`, 'g')))
    if (grantId) found.add(grantId);
  return found;
}
/** Names of contexts that are not this profile's. */
export function foreignContexts(text: string, profile: string): Set<string> {
  const items = itemsOf(splitLines(text)).filter(({ list }) => list === 'contexts');
  return new Set(
    items.filter((item) => grantOf(item, profile) === null).flatMap((item) => item.values.get('name') ?? []),
  );
}
/** Context names of each grant of this profile. */
export function contextsIn(text: string, profile: string): Map<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const item of itemsOf(splitLines(text)).filter(({ list }) => list === 'contexts')) {
    const grantId = grantOf(item, profile);
    if (grantId) found.set(grantId, [...(found.get(grantId) ?? []), ...(item.values.get('name') ?? [])]);
  }
  return found;
}

/** Takes away items and markers of grants for which `isGone` holds; every other byte stays. */
function drop(lines: readonly string[], profile: string, isGone: (grantId: string) => boolean): string[] {
  const gone = new Set<number>();
  for (const item of itemsOf(lines)) {
    const grantId = grantOf(item, profile);
    if (grantId !== null && isGone(grantId)) for (let i = item.from; i < item.to; i++) gone.add(i);
  }
  for (const [index, line] of lines.entries()) {
    const [, , markedFor, grantId] = MARKER.exec(bare(line)) ?? [];
    if (markedFor === profile && grantId && isGone(grantId)) gone.add(index);
  }
  return lines.filter((_, index) => !gone.has(index));
}

function itemLines(list: ListName, profile: string, context: KubeContext): string[] {
  const own = JSON.stringify(ours(profile, context.grantId));
  switch (list) {
    case 'clusters':
      return [
        `- name: ${own}`,
        '  cluster:',
        `    server: ${JSON.stringify(context.server)}`,
        ...(context.caFile === null ? [] : [`    certificate-authority: ${JSON.stringify(context.caFile)}`]),
      ];
    case 'users':
      return [`- name: ${own}`, '  user:', `    tokenFile: ${JSON.stringify(context.tokenFile)}`];
    case 'contexts':
      return context.names.flatMap((name) => [
        `- name: ${JSON.stringify(name)}`,
        '  context:',
        `    cluster: ${own}`,
        `    user: ${own}`,
        `    namespace: ${JSON.stringify(context.namespace)}`,
      ]);
  }
}

/** In each list once, and under these very names. */
function isInPlace(lines: readonly string[], profile: string, context: KubeContext): boolean {
  const items = itemsOf(lines).filter((item) => grantOf(item, profile) === context.grantId);
  const names = items.filter(({ list }) => list === 'contexts').flatMap((item) => item.values.get('name') ?? []);
  const count = (list: ListName) => items.filter((item) => item.list === list).length;
  const hasNames = names.length === context.names.length && context.names.every((name) => names.includes(name));
  return count('clusters') === 1 && count('users') === 1 && hasNames;
}

/** Puts an item first in its list, as deep as the items that are there. */
function insert(lines: string[], profile: string, context: KubeContext): void {
  for (const list of LISTS) {
    const header = lines.findIndex((line) => listAt(line) === list);
    if (header < 0) return;
    const next = lines.slice(header + 1).find((line) => !isBlank(line));
    const isItem = next !== undefined && /^ *-( |\r?\n?$)/.test(next);
    const indent = ' '.repeat(isItem ? indentOf(next) : 0);
    const end = (lines[header] ?? '').endsWith('\r\n') ? '\r\n' : '\n';
    const marker = `hallpass ${profile} ${context.grantId}`;
    const body = [`# >>> ${marker}`, ...itemLines(list, profile, context), `# <<< ${marker}`];
    lines.splice(header + 1, 0, ...body.map((line) => `${indent}${asBytes(line)}${end}`));
  }
}

/**
 * Makes the text hold exactly these contexts of ours: others of this profile go, missing ones are added.
 * A text that can't be edited (`kubeconfigProblem`) only loses what is ours.
 * @param before content as latin1, null when there is no file
 */
export function setContexts(before: string | null, profile: string, contexts: readonly KubeContext[]): KubeconfigEdit {
  const empty = skeleton(profile);
  const lines = splitLines(before ?? empty);
  const staying = new Set(
    contexts.filter((context) => isInPlace(lines, profile, context)).map(({ grantId }) => grantId),
  );
  const rest = drop(lines, profile, (grantId) => !staying.has(grantId));
  const canAdd = kubeconfigProblem(rest.join('')) === null;
  const fileIsOurs = rest.join('') === empty && !(canAdd && contexts.length > 0);
  for (const context of contexts) if (canAdd && !staying.has(context.grantId)) insert(rest, profile, context);
  return { text: rest.join(''), fileIsOurs };
}

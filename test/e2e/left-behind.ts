/**
 * What an app has left on its machine, read from outside: nobody is asked, nothing is believed. For PostgreSQL credentials.
 * Blocks are found by a pattern of their own, not by the code that wrote them.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { keepersUnder } from '../integration/injection/keepers';

const GRANT = 'grt_[0-9a-hjkmnp-tv-z]{26}';
const IS_GRANT = new RegExp(`^${GRANT}$`);
const BLOCK = new RegExp(
  `# >>> hallpass [0-9a-f]{8} (${GRANT})[^\\n]*\\n(?:(?!# (?:>>>|<<<) hallpass)[^\\n]*\\n)*# <<< hallpass [0-9a-f]{8} \\1\\r?\\n`,
  'y',
);
/** `host:port:database:user:password`, one line and its end. */
const WHOLE_PASSFILE = /^(?:[^:\n]+:){4}[^\n]+\n$/;

export interface LeftBehind {
  /** Grants whose secret lies there. */
  readonly secrets: readonly string[];
  /** Of those, the ones whose secret is there to its last byte. */
  readonly whole: readonly string[];
  /** Grants that a keeper watches over. */
  readonly kept: readonly string[];
  /** State of each grant in the journal. */
  readonly journal: Readonly<Record<string, string>>;
  /** Grants with a whole block in the connection service file. */
  readonly blocks: readonly string[];
  /** That file without them, byte for byte; null when there is none. */
  readonly foreign: string | null;
  /** Temp files and locks. */
  readonly unfinished: readonly string[];
  /** What others than the user may read or enter, and why that is too much. */
  readonly tooWide: readonly string[];
}
export interface Machine {
  readonly home: string;
  readonly runtime: string;
}
/** The person's own file. */
export const serviceFileOf = (machine: Machine): string => join(machine.home, '.pg_service.conf');
export const dataOf = (machine: Machine): string => join(machine.home, '.config', 'Hallpass');

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);
/** On a private tmpfs where there is one, else on the disk. */
function leaseFolders(machine: Machine): string[] {
  const inMemory = join(machine.runtime, 'hallpass');
  const roots = [join(dataOf(machine), 'credentials'), ...namesIn(inMemory).map((name) => join(inMemory, name))];
  return roots.flatMap((root) =>
    namesIn(root)
      .filter((name) => IS_GRANT.test(name))
      .map((name) => join(root, name)),
  );
}

export function lookAt(machine: Machine): LeftBehind {
  // Keepers first: what is there afterwards was there before, and a dead app starts none.
  const kept = keepersUnder(dirname(machine.home))
    .flatMap(({ args }) => args.map((arg) => basename(arg)))
    .filter((name) => IS_GRANT.test(name));
  const folders = leaseFolders(machine);
  const secrets = folders.filter((folder) => existsSync(join(folder, 'passfile')));
  const service = serviceFileOf(machine);
  const { blocks, foreign } = takeApart(existsSync(service) ? readFileSync(service, 'latin1') : null);
  const journal = join(dataOf(machine), 'injections');
  return {
    secrets: secrets.map((folder) => basename(folder)).sort(),
    whole: secrets
      .filter(isWhole)
      .map((folder) => basename(folder))
      .sort(),
    kept: [...new Set(kept)].sort(),
    journal: journalIn(journal),
    blocks,
    foreign,
    unfinished: [
      ...namesIn(machine.home).filter((name) => name.includes('.hallpass')),
      ...namesIn(journal).filter((name) => name.includes('.new-') || name.includes('.kept-aside')),
      ...folders.flatMap(namesIn).filter((name) => name.includes('.new-')),
      ...namesIn(dataOf(machine)).filter((name) => /\.json\.\d+\.tmp$/.test(name)),
    ],
    tooWide: tooWideOf(machine, [journal, ...folders]),
  };
}

const isWhole = (folder: string): boolean => {
  try {
    return WHOLE_PASSFILE.test(readFileSync(join(folder, 'passfile'), 'latin1'));
  } catch {
    return false; // a keeper was faster
  }
};
function journalIn(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of namesIn(folder).filter((one) => IS_GRANT.test(one.replace(/\.json$/, '')))) {
    try {
      found[name.replace(/\.json$/, '')] = JSON.parse(readFileSync(join(folder, name), 'utf8')).state;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // half an entry
    }
  }
  return found;
}

function takeApart(text: string | null): { readonly blocks: string[]; readonly foreign: string | null } {
  if (text === null) return { blocks: [], foreign: null };
  const blocks: string[] = [];
  let foreign = '';
  for (let at = 0; at < text.length; ) {
    BLOCK.lastIndex = at;
    const block = BLOCK.exec(text);
    if (block?.[1] === undefined) foreign += text[at++];
    else {
      blocks.push(block[1]);
      at += block[0].length;
    }
  }
  return { blocks: blocks.sort(), foreign };
}

/** Every file and folder of ours, and what lies beside the user's file with our name on it. */
function tooWideOf(machine: Machine, folders: readonly string[]): string[] {
  const data = dataOf(machine);
  const own = [
    serviceFileOf(machine),
    ...namesIn(machine.home).flatMap((name) => (name.includes('.hallpass') ? [join(machine.home, name)] : [])),
    ...namesIn(data).flatMap((name) => (name.includes('.json') ? [join(data, name)] : [])),
    ...[...folders, join(data, 'service')].flatMap((folder) => [
      folder,
      ...namesIn(folder).map((name) => join(folder, name)),
    ]),
  ];
  return own.flatMap((path) => {
    const facts = lstatSync(path, { throwIfNoEntry: false });
    if (!facts || (facts.mode & 0o077) === 0) return [];
    return [`${path} ${(statSync(path, { throwIfNoEntry: false })?.mode ?? 0).toString(8)}`];
  });
}

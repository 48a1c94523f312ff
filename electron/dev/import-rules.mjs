/**
 * Checks who imports whom. The rooms of the house keep their promises (a service that never imports Electron, pages that
 * never see Node, a consent card without foreign code) only as long as nobody makes a convenient import.
 * Reads the syntax tree, so comments and strings can't fool it. `npm test` runs it; `node electron/dev/import-rules.mjs` too.
 */
import { readdir, readFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { say } from './progress.mjs';
import { PROJECT_FOLDER } from './run.mjs';

const CODE_FILE = /\.(ts|tsx|mts|mjs|js)$/;
const NODE_MODULES = new Set(builtinModules);

/**
 * @typedef {object} Import
 * @property {string} from what stands in the quotes
 * @property {'value' | 'type'} kind
 * @property {string[]} names imported names, empty for a namespace or a side effect
 */
/**
 * @typedef {object} Room
 * @property {string} folder
 * @property {readonly string[]} own folders it may import at run time
 * @property {readonly string[]} types folders it may import types from
 * @property {'any' | 'no-electron' | 'pure' | 'none'} packages `pure`: neither Electron nor Node; `none`: no package at all
 * @property {string} because
 * @property {'open' | 'shut'} door `shut`: nobody outside may import from it
 */

/** The first room whose folder holds the file counts, so narrower rooms come first. @type {readonly Room[]} */
export const ROOMS = [
  {
    folder: 'renderer/consent',
    own: ['renderer/consent', 'renderer/ui/geometry', 'renderer/ui/tokens.css', 'renderer/ui/ticket.css'],
    types: ['shared/contract'],
    packages: 'none',
    because:
      'the consent card takes nothing but types from the contract and our own drawing, so that no foreign code is in it',
    door: 'shut',
  },
  {
    folder: 'renderer/ui/geometry',
    own: ['renderer/ui/geometry'],
    types: [],
    packages: 'none',
    because: 'the consent card uses these shapes and takes no foreign code, not even by a detour',
    door: 'open',
  },
  {
    folder: 'renderer',
    own: ['renderer', 'shared'],
    types: [],
    packages: 'pure',
    because: 'pages know the shared rules and never Node or Electron',
    door: 'open',
  },
  {
    folder: 'shared',
    own: ['shared'],
    types: [],
    packages: 'pure',
    because: 'shared code runs in pages, in the service and in the desktop agent',
    door: 'open',
  },
  {
    folder: 'electron/service',
    own: ['electron/service', 'shared', 'package.json'],
    types: [],
    packages: 'no-electron',
    because: 'the service also runs alone, without Electron',
    door: 'open',
  },
  {
    folder: 'electron/main',
    own: ['electron/main', 'shared', 'package.json'],
    types: [],
    packages: 'any',
    because: 'the desktop agent talks to the service and does not import it',
    door: 'open',
  },
  {
    folder: 'electron/boot',
    own: ['electron/boot', 'electron/main', 'electron/service'],
    types: [],
    packages: 'any',
    because: 'what runs first only hands over to the two processes',
    door: 'shut',
  },
  {
    folder: 'electron/preload',
    own: ['electron/preload', 'shared/contract'],
    types: [],
    packages: 'any',
    because: 'a bridge carries the contract and nothing else',
    door: 'open',
  },
];

/** Raw IPC is allowed in one room on each side. @type {readonly { name: string, folders: readonly string[] }[]} */
const RAW_IPC = [
  { name: 'ipcMain', folders: ['electron/main/ipc'] },
  { name: 'ipcRenderer', folders: ['electron/preload'] },
];

/**
 * Checks one file.
 * @param {string} file path inside the project, with forward slashes
 * @param {readonly Import[]} imports
 * @returns {string[]} what is wrong, one sentence each
 */
export function checkImports(file, imports) {
  const room = ROOMS.find(({ folder }) => isInside(file, folder));
  return imports.flatMap((each) => [
    ...(room ? checkImport(file, each, room) : []),
    ...(each.from === 'electron' ? checkRawIpc(file, each) : []),
  ]);
}

/**
 * @param {string} file
 * @param {Import} each
 * @param {Room} room
 */
function checkImport(file, each, room) {
  /** @param {string} what */
  const wrong = (what) => [`${file} imports ${what}: ${room.because}.`];
  if (each.from.startsWith('.')) {
    const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), each.from));
    const targetRoom = ROOMS.find(({ folder }) => isInside(target, folder));
    const isShut = targetRoom?.door === 'shut' && targetRoom.folder !== room.folder;
    if (!isShut && room.own.some((folder) => isInside(target, folder))) return [];
    if (each.kind === 'type' && room.types.some((folder) => isInside(target, folder))) return [];
    return wrong(`${target}${each.kind === 'type' ? ' (types)' : ''}`);
  }
  if (path.posix.isAbsolute(each.from) || each.from.includes(':\\')) return wrong(`the absolute path ${each.from}`);
  const bare = each.from.replace(/^node:/, '');
  const isNode = each.from.startsWith('node:') || NODE_MODULES.has(bare);
  const isElectron = bare === 'electron' || bare.startsWith('electron/') || bare.startsWith('electron-store');
  switch (room.packages) {
    case 'any':
      return [];
    case 'no-electron':
      return isElectron ? wrong(each.from) : [];
    case 'pure':
      return isElectron || isNode ? wrong(each.from) : [];
    case 'none':
      return wrong(each.from);
    default:
      throw new Error(`unknown kind of room: ${String(room.packages)}`);
  }
}

/**
 * @param {string} file
 * @param {Import} each
 */
function checkRawIpc(file, each) {
  if (isInside(file, 'test')) return [];
  return RAW_IPC.filter(
    ({ name, folders }) => each.names.includes(name) && !folders.some((f) => isInside(file, f)),
  ).map(
    ({ name, folders }) =>
      `${file} uses ${name} itself: raw IPC belongs into ${folders.join(' or ')}, where senders are checked.`,
  );
}

/**
 * @param {string} file
 * @param {string} folder
 */
function isInside(file, folder) {
  return file === folder || file.startsWith(`${folder}/`);
}

/**
 * All imports of a source text: static, re-exports, dynamic and `require`.
 * @param {string} source
 * @param {'ts' | 'tsx' | 'js'} language
 * @returns {Promise<Import[]>}
 */
export async function importsOf(source, language) {
  const { parseAstAsync } = await import('vite');
  const tree = await parseAstAsync(source, { lang: language });
  /** @type {Import[]} */
  const found = [];
  visit(tree, (node) => {
    const kind = node.importKind === 'type' || node.exportKind === 'type' ? 'type' : 'value';
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration': {
        if (typeof node.source?.value !== 'string') return;
        const specifiers = node.specifiers ?? [];
        const allTypes =
          specifiers.length > 0 && specifiers.every((/** @type {any} */ each) => each.importKind === 'type');
        const names = specifiers.flatMap((/** @type {any} */ each) =>
          each.imported?.name ? [each.imported.name] : [],
        );
        found.push({ from: node.source.value, kind: kind === 'type' || allTypes ? 'type' : 'value', names });
        return;
      }
      case 'ImportExpression':
        found.push({ from: literalOf(node.source), kind: 'value', names: [] });
        return;
      case 'TSImportType':
        found.push({ from: literalOf(node.source ?? node.argument), kind: 'type', names: [] });
        return;
      case 'CallExpression':
        if (node.callee?.name === 'require' && node.arguments?.length === 1) {
          found.push({ from: literalOf(node.arguments[0]), kind: 'value', names: [] });
        }
        return;
      default:
        return;
    }
  });
  return found.filter(({ from }) => from !== '');
}

/** A computed name can't be judged; those are for tests and the dev scripts. @param {any} node */
function literalOf(node) {
  if (typeof node?.value === 'string') return node.value;
  return typeof node?.literal?.value === 'string' ? node.literal.value : '';
}

/**
 * @param {any} node
 * @param {(node: any) => void} look
 */
function visit(node, look) {
  if (node === null || typeof node !== 'object') return;
  if (Array.isArray(node)) {
    for (const each of node) visit(each, look);
    return;
  }
  if (typeof node.type === 'string') look(node);
  for (const value of Object.values(node)) visit(value, look);
}

/**
 * Checks the whole project.
 * @returns {Promise<{ fileCount: number, wrong: string[] }>}
 */
export async function checkProject() {
  const wrong = [];
  let fileCount = 0;
  for (const folder of ['electron', 'renderer', 'shared', 'test']) {
    const entries = await readdir(path.join(PROJECT_FOLDER, folder), { recursive: true });
    for (const entry of entries.filter((name) => CODE_FILE.test(name)).sort()) {
      const file = path.posix.join(folder, entry.split(path.sep).join('/'));
      const source = await readFile(path.join(PROJECT_FOLDER, file), 'utf8');
      const language = file.endsWith('.tsx') ? 'tsx' : /\.m?ts$/.test(file) ? 'ts' : 'js';
      fileCount += 1;
      wrong.push(...checkImports(file, await importsOf(source, language)));
    }
  }
  return { fileCount, wrong };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { fileCount, wrong } = await checkProject();
  for (const line of wrong) say(line);
  say(
    wrong.length === 0
      ? `${fileCount} files import only what their room may.`
      : `${wrong.length} imports break the rules.`,
  );
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

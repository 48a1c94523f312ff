/**
 * MySQL and MariaDB: option files of our own in the lease folder, and a section in `~/.my.cnf` that includes one, so that
 * `mysql --defaults-group-suffix=_<resource>` works, and every program that reads option files.
 * Why an include: `~/.my.cnf` then holds no secret, and once the keeper has removed ours, an include of what is not there
 * is nothing to these programs. Why a file per name: in an option file a group has its name once and for all, and who holds
 * the plain name changes as grants end.
 * Overlap: as with PostgreSQL, each level's name belongs to its newest live grant, the plain one to the newest of all; every
 * grant has a name of its own besides.
 * On Windows there is no such file in the home folder: the command names our file.
 * Not here: how option files are read (option-file.ts), line surgery (marked-blocks.ts), writing (file-surgery.ts).
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MysqlCredential } from '../../../../shared/contract/mysql';
import { InjectionError } from '../errors';
import { editShared, readShared, type SurgeryDeps } from '../file-surgery';
import type { FilePort } from '../files';
import {
  type Block,
  type BlockOwner,
  foreignNames,
  grantsIn,
  namesIn,
  type Section,
  setBlocks,
} from '../marked-blocks';
import type { MysqlPlace } from '../place';
import { createWhole, unlinkIfThere } from '../private-files';
import { shellWord } from './libpq';
import { findMysqlClient } from './mysql-client';
import {
  fitsInclude,
  fitsOption,
  includedPath,
  includeLine,
  optionFileProblem,
  optionIn,
  optionLine,
  overriddenBy,
} from './option-file';
import type { Description, InjectionTarget, Live, LiveAt, TargetContext } from './target';

export interface MysqlTargetDeps {
  readonly surgery: SurgeryDeps;
  readonly platform: NodeJS.Platform;
  readonly homeDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly profile: string;
  /** The grant to which a secret path of ours belongs. */
  readonly grantOf: (path: string) => string | null;
}

const CA_FILE = 'ca.pem';
const caFileOf = (entry: Live): string => join(entry.leaseFolder, CA_FILE);
/** The three names a grant can have, and the file for each. */
type NameKind = 'resource' | 'level' | 'own';
const NAME_KINDS: readonly NameKind[] = ['resource', 'level', 'own'];
const nameOf = ({ resource, level, grantId }: Live, kind: NameKind): string =>
  ({ resource, level: `${resource}.${level}`, own: `${resource}.${level}.${grantId.slice(-6)}` })[kind];
const optionFileOf = (entry: Live, kind: NameKind): string => join(entry.leaseFolder, `${kind}.cnf`);

const GROUP_PREFIX = 'client_';
/** What a suffix picks: `orders-db` of `[mysql_orders-db]`. Groups of servers don't count. */
const suffixOf = (group: string): string | null =>
  /^(?!mysqld|mariadbd?_|server)[\w-]*?_(.+)$/.exec(group)?.[1] ?? null;

/** Newest first in, names out. The name of its own is always there: `hallpass run` uses it. */
export function allocateSuffixes(live: readonly Live[], taken: ReadonlySet<string>): Map<string, readonly NameKind[]> {
  const used = new Set(taken);
  const names = new Map<string, readonly NameKind[]>();
  for (const entry of live) {
    const got = NAME_KINDS.filter((kind) => kind === 'own' || !used.has(nameOf(entry, kind)));
    for (const kind of got) used.add(nameOf(entry, kind));
    names.set(entry.grantId, got);
  }
  return names;
}

/** Options that only MariaDB's programs read: their word for what MySQL's call `ssl-mode`. */
const MARIADB_TLS: Readonly<Record<MysqlPlace['tls'], readonly string[]>> = {
  disable: ['ssl=0'],
  prefer: ['ssl=1', 'ssl-verify-server-cert=0'],
  require: ['ssl=1', 'ssl-verify-server-cert=0'],
  'verify-full': ['ssl=1', 'ssl-verify-server-cert=1'],
};
const SSL_MODE: Readonly<Record<MysqlPlace['tls'], string>> = {
  disable: 'DISABLED',
  prefer: 'PREFERRED',
  require: 'REQUIRED',
  'verify-full': 'VERIFY_IDENTITY',
};

/** The whole option file for one name. */
export function optionFileText(entry: LiveAt<MysqlPlace>, credential: MysqlCredential, kind: NameKind): string {
  const { host, port, user, password, database, tls } = credential;
  const suffix = nameOf(entry, kind);
  const place = host.startsWith('/')
    ? ['protocol=socket', optionLine('socket', host)]
    : ['protocol=tcp', optionLine('host', host), `port=${port}`];
  // `loose-`: a program of MariaDB says that it does not know the option, and goes on.
  const mode = entry.place.client === 'mariadb' ? [] : [`loose-ssl-mode=${SSL_MODE[tls]}`];
  return [
    `[client_${suffix}]`,
    ...place,
    optionLine('user', user),
    optionLine('password', password),
    ...(entry.place.hasCa ? [optionLine('ssl-ca', caFileOf(entry))] : []),
    ...mode,
    `[client-mariadb_${suffix}]`,
    ...MARIADB_TLS[tls],
    `[mysql_${suffix}]`,
    // Without it a name goes out in the character set of the terminal, and another schema is asked for.
    ...(/[^\x20-\x7e]/.test(database) ? ['default-character-set=utf8mb4'] : []),
    optionLine('database', database),
    '',
  ].join('\n');
}

/** What can't be expressed is refused before anything is written. */
function checkCredential(credential: MysqlCredential): void {
  const bad = (['host', 'user', 'password', 'database'] as const).find((key) => !fitsOption(key, credential[key]));
  if (!bad) return;
  throw new InjectionError({
    code: 'credential-unusable',
    what: `The credential’s ${bad} holds characters that MySQL programs can’t read from a file.`,
    safe: 'Nothing was written.',
    next: 'Tell an administrator to correct the resource.',
  });
}

const isMysql = (entry: Live): entry is LiveAt<MysqlPlace> => entry.place.kind === 'mysql';

export function createMysqlTarget(
  deps: MysqlTargetDeps,
  context: TargetContext,
): InjectionTarget<MysqlCredential, MysqlPlace> {
  const files: FilePort = deps.surgery.files;
  const owner: BlockOwner = {
    profile: deps.profile,
    grantOfLine(line) {
      const path = includedPath(line);
      return path === null ? null : deps.grantOf(Buffer.from(path, 'latin1').toString('utf8'));
    },
    headerGoesWithLine: (name) => name.startsWith(GROUP_PREFIX),
  };
  const usualFile = deps.platform === 'win32' ? null : join(deps.homeDir, '.my.cnf');

  const textOf = async (path: string): Promise<string | null> =>
    (await readShared(files, path))?.toString('latin1') ?? null;
  const usable = (path: string, text: string) => {
    const problem = optionFileProblem(text);
    if (problem) throw unusable(path, problem.what, problem.next);
  };
  const ours = () => context.live().filter(isMysql);
  const blocksFor = (path: string, text: string): Block[] => {
    const live = ours().filter(({ place }) => place.optionFile === path);
    const taken = new Set([...foreignNames(text, owner)].map(suffixOf).filter((suffix) => suffix !== null));
    const names = allocateSuffixes(live, taken);
    return live.map((entry) => ({
      grantId: entry.grantId,
      sections: (names.get(entry.grantId) ?? []).map(
        (kind): Section => ({
          name: `${GROUP_PREFIX}${nameOf(entry, kind)}`,
          lines: [includeLine(optionFileOf(entry, kind))],
        }),
      ),
    }));
  };
  const clean = async (path: string): Promise<void> =>
    editShared(deps.surgery, path, (before) => {
      const text = before?.toString('latin1') ?? null;
      const blocks = blocksFor(path, text ?? '');
      const known = grantsIn(text ?? '', owner);
      if (blocks.some((block) => !known.has(block.grantId))) usable(path, text ?? '');
      const result = setBlocks(text, owner, blocks);
      if (result.fileIsOurs) return before === null ? { kind: 'same' } : { kind: 'delete' };
      return result.text === text ? { kind: 'same' } : { kind: 'write', bytes: Buffer.from(result.text, 'latin1') };
    });
  const suffixesOf = async (entry: LiveAt<MysqlPlace>): Promise<readonly string[]> => {
    if (entry.place.optionFile === null) return [];
    const names = namesIn((await textOf(entry.place.optionFile)) ?? '', owner).get(entry.grantId) ?? [];
    return names.map((name) => name.slice(GROUP_PREFIX.length));
  };
  const warningsFor = async (entry: LiveAt<MysqlPlace>, suffixes: readonly string[]): Promise<string[]> => {
    const { optionFile, client, tls, hasCa } = entry.place;
    const warnings: string[] = [];
    const text = optionFile === null ? '' : ((await textOf(optionFile)) ?? '');
    const beaten = overriddenBy(text, (line) => owner.grantOfLine(line) === entry.grantId);
    if (beaten.length > 0)
      warnings.push(`${optionFile} sets ${beaten.join(', ')} after our part, which beats it: move that above.`);
    const isNewest = ours().find((other) => other.resource === entry.resource)?.grantId === entry.grantId;
    if (optionFile !== null && suffixes.length > 0 && !suffixes.includes(entry.resource) && isNewest)
      warnings.push(`${optionFile} has a group for “_${entry.resource}” of yours; use the command as shown.`);
    if (client !== 'mariadb' && (await files.facts(join(deps.homeDir, '.mylogin.cnf'))))
      warnings.push('You have a ~/.mylogin.cnf: what it says under [client] beats this credential.');
    if (client !== 'mariadb' && tls === 'verify-full' && !hasCa)
      warnings.push(
        'MySQL’s own programs check a server only against a named CA certificate: add one to the resource.',
      );
    if (client === 'none') warnings.push('No mysql or mariadb program was found in your PATH.');
    return warnings;
  };

  return {
    kind: 'mysql',
    async plan(credential) {
      checkCredential(credential);
      let bytes: Buffer | null = null;
      if (usualFile !== null) {
        bytes = await readShared(files, usualFile);
        usable(usualFile, bytes?.toString('latin1') ?? '');
        const facts = bytes && (await files.facts(await files.resolve(usualFile)));
        if (facts && (facts.mode & 0o002) !== 0)
          throw unusable(
            usualFile,
            'may be written by everybody, so MySQL programs ignore it.',
            `Run: chmod o-w "${usualFile}"`,
          );
      }
      const { host, port, database, user, tls, caCertificate } = credential;
      const found = await findMysqlClient({ files, env: deps.env, platform: deps.platform });
      const place: MysqlPlace = {
        kind: 'mysql',
        optionFile: usualFile,
        ...found,
        host,
        port,
        database,
        user,
        tls,
        hasCa: caCertificate !== undefined,
      };
      return { place, preImageHash: bytes && createHash('sha256').update(bytes).digest('hex') };
    },
    async inject(entry, credential) {
      if (!NAME_KINDS.every((kind) => fitsInclude(optionFileOf(entry, kind))))
        throw new InjectionError({
          code: 'service-file-unusable',
          what: 'The path of the credential is too long for an option file.',
          safe: 'Nothing was written.',
        });
      for (const path of [caFileOf(entry), ...NAME_KINDS.map((kind) => optionFileOf(entry, kind))])
        await unlinkIfThere(files, path);
      if (credential.caCertificate !== undefined)
        await createWhole(files, caFileOf(entry), Buffer.from(credential.caCertificate));
      for (const kind of NAME_KINDS)
        await createWhole(files, optionFileOf(entry, kind), Buffer.from(optionFileText(entry, credential, kind)));
      if (entry.place.optionFile !== null) await clean(entry.place.optionFile);
    },
    async clean(paths) {
      for (const path of paths) await clean(path);
    },
    sharedFiles(known) {
      const all = [...known, ...ours().map(({ place }) => place.optionFile), usualFile];
      return [...new Set(all.filter((path) => path !== null))];
    },
    async traces(path) {
      return grantsIn((await textOf(path)) ?? '', owner);
    },
    sharedFileOf: (place) => place.optionFile,
    async describe(entry): Promise<Description> {
      const { optionFile, hasCa } = entry.place;
      const suffixes = await suffixesOf(entry);
      const own = NAME_KINDS.map((kind) => optionFileOf(entry, kind));
      return {
        files: [...own, ...(hasCa ? [caFileOf(entry)] : []), ...(optionFile === null ? [] : [optionFile])],
        command: commandFor(entry, suffixes),
        warnings: await warningsFor(entry, suffixes),
      };
    },
    async secretOf(entry) {
      const { host, port, database, user, tls, hasCa } = entry.place;
      const file = optionFileOf(entry, 'own');
      if (!(await files.facts(file))) return null;
      const password = optionIn((await files.read(file)).toString('utf8'), 'password');
      if (password === null) return null;
      const caCertificate = hasCa ? (await files.read(caFileOf(entry))).toString('utf8') : undefined;
      return MysqlCredential.parse({ kind: 'mysql', host, port, database, user, password, tls, caCertificate });
    },
    environment: (entry, credential) => environmentOf(entry, credential),
    copyText: (credential) => credential.password,
    facts: (credential) => [
      ['Host', credential.host],
      ['Port', String(credential.port)],
      ['Schema', credential.database],
      ['User', credential.user],
      ['Password', credential.password],
      ['TLS', credential.tls],
    ],
  };
}

const unusable = (path: string, what: string, next: string): InjectionError =>
  new InjectionError({ code: 'service-file-unusable', what: `${path} ${what}`, safe: 'It was not touched.', next });

function commandFor(entry: LiveAt<MysqlPlace>, suffixes: readonly string[]): string | null {
  const { optionFile, program } = entry.place;
  if (optionFile === null) {
    const file = optionFileOf(entry, 'own');
    return `${program} "--defaults-extra-file=${file}" --defaults-group-suffix=_${nameOf(entry, 'own')}`;
  }
  const suffix = suffixes.includes(entry.resource) ? entry.resource : suffixes[0];
  return suffix === undefined ? null : `${program} ${shellWord(`--defaults-group-suffix=_${suffix}`)}`;
}

/** Programs of both products take the suffix from the environment; the rest is for those that read no option file. */
function environmentOf(entry: LiveAt<MysqlPlace>, credential: MysqlCredential): Record<string, string> {
  const { host, port, user, database, password } = credential;
  const where: Record<string, string> = host.startsWith('/')
    ? { MYSQL_UNIX_PORT: host }
    : { MYSQL_HOST: host, MYSQL_TCP_PORT: String(port) };
  const facts = { ...where, MYSQL_USER: user, MYSQL_DATABASE: database };
  // On Windows no option file of the person's points to ours, so the password has to go this way.
  if (entry.place.optionFile === null) return { ...facts, MYSQL_PWD: password };
  return { ...facts, MYSQL_GROUP_SUFFIX: `_${nameOf(entry, 'own')}` };
}

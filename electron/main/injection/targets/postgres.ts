/**
 * PostgreSQL: a passfile per grant and a section in the connection service file that points to it, so that
 * `psql service=<resource>` works, and every program that uses libpq.
 * Why not ~/.pgpass: a shared file of secrets; ours is alone in its folder and removal is unlinking.
 * Overlap: each level's section belongs to the newest live grant of that level, the plain `[<resource>]` to the newest of
 * all; when it ends, the next newest gets the names.
 * Not here: line surgery (marked-blocks.ts), writing (file-surgery.ts).
 */
import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { PostgresCredential } from '../../../../shared/contract/credential';
import { InjectionError } from '../errors';
import { editShared, readShared, type SurgeryDeps } from '../file-surgery';
import type { FilePort } from '../files';
import type { LoginShell, ShellAnswer } from '../login-shell';
import {
  type Block,
  type BlockOwner,
  foreignNames,
  grantsIn,
  namesIn,
  type Section,
  setBlocks,
} from '../marked-blocks';
import type { PostgresPlace } from '../place';
import { createWhole, unlinkIfThere } from '../private-files';
import { connectionPart, fitsServiceLine, passfileText, passwordIn, serviceFileProblem, shellWord } from './libpq';
import type { CredentialFacts, Description, InjectionTarget, Live, LiveAt, TargetContext } from './target';

export interface PostgresTargetDeps {
  readonly surgery: SurgeryDeps;
  readonly platform: NodeJS.Platform;
  readonly homeDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly loginShell: LoginShell;
  readonly pgServiceFile: () => string | null;
  readonly profile: string;
  /** The grant to which a secret path of ours belongs. */
  readonly grantOf: (path: string) => string | null;
}

const PASSFILE = 'passfile';
const CA_FILE = 'ca.pem';
const passfileOf = (entry: Live): string => join(entry.leaseFolder, PASSFILE);
const caFileOf = (entry: Live): string => join(entry.leaseFolder, CA_FILE);
/** Keys whose values come from people and may not fit a service file; they then go into the command. */
const FREE_KEYS = [
  ['dbname', 'database'],
  ['user', 'user'],
] as const;

/** Newest first in, section names out. A grant that gets no plain name has one of its own. */
export function allocateNames(live: readonly Live[], taken: ReadonlySet<string>): Map<string, readonly string[]> {
  const used = new Set(taken);
  const names = new Map<string, readonly string[]>();
  for (const { grantId, resource, level } of live) {
    const got = [`${resource}.${level}`, resource].filter((name) => !used.has(name));
    if (got.length === 0) got.push(`${resource}.${level}.${grantId.slice(-6)}`);
    for (const name of got) used.add(name);
    names.set(grantId, got);
  }
  return names;
}

function sectionLines(entry: Live, place: PostgresPlace): string[] {
  const free = FREE_KEYS.filter(([key, field]) => fitsServiceLine(key, place[field]));
  return [
    `host=${place.host}`,
    `port=${place.port}`,
    ...free.map(([key, field]) => `${key}=${place[field]}`),
    `passfile=${passfileOf(entry)}`,
    `sslmode=${place.tls}`,
    ...(place.hasCa ? [`sslrootcert=${caFileOf(entry)}`] : []),
  ];
}

/** What can't be expressed is refused before anything is written. */
function checkCredential(credential: PostgresCredential): void {
  const bad =
    /[\0\r\n]/.test(credential.host) || !fitsServiceLine('host', credential.host) || credential.host === ''
      ? 'host'
      : /[\0\r\n]/.test(credential.password)
        ? 'password'
        : null;
  if (!bad) return;
  throw new InjectionError({
    code: 'credential-unusable',
    what: `The credential’s ${bad} holds characters that PostgreSQL programs can’t read from a file.`,
    safe: 'Nothing was written.',
    next: 'Tell an administrator to correct the resource.',
  });
}

/** What the reveal window lists. Pure; holds the password. */
export const postgresFacts = (credential: PostgresCredential): CredentialFacts => [
  ['Host', credential.host],
  ['Port', String(credential.port)],
  ['Database', credential.database],
  ['User', credential.user],
  ['Password', credential.password],
  ['TLS', credential.tls],
];

const isPostgres = (entry: Live): entry is LiveAt<PostgresPlace> => entry.place.kind === 'postgres';

export function createPostgresTarget(
  deps: PostgresTargetDeps,
  context: TargetContext,
): InjectionTarget<PostgresCredential, PostgresPlace> {
  const files: FilePort = deps.surgery.files;
  const owner: BlockOwner = {
    profile: deps.profile,
    grantOfLine: (line) =>
      line.startsWith('passfile=')
        ? deps.grantOf(Buffer.from(line.slice('passfile='.length), 'latin1').toString('utf8'))
        : null,
  };
  const usualFile =
    deps.platform === 'win32'
      ? join(deps.env.APPDATA ?? join(deps.homeDir, 'AppData', 'Roaming'), 'postgresql', '.pg_service.conf')
      : join(deps.homeDir, '.pg_service.conf');

  const textOf = async (path: string): Promise<string | null> =>
    (await readShared(files, path))?.toString('latin1') ?? null;
  const usable = (path: string, text: string) => {
    const problem = serviceFileProblem(text);
    if (!problem) return;
    throw new InjectionError({
      code: 'service-file-unusable',
      what: `${path} ${problem.what}`,
      safe: 'It was not touched.',
      next: problem.next,
    });
  };
  const ours = () => context.live().filter(isPostgres);
  const blocksFor = (path: string, text: string): Block[] => {
    const live = ours().filter(({ place }) => place.serviceFile === path);
    const names = allocateNames(live, foreignNames(text, owner));
    return live.map((entry) => ({
      grantId: entry.grantId,
      sections: (names.get(entry.grantId) ?? []).map(
        (name): Section => ({ name, lines: sectionLines(entry, entry.place) }),
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

  /** The setting, else what the shell says, else the usual place. */
  const whichFile = (shell: ShellAnswer): { serviceFile: string; nameFile: boolean } => {
    const setting = deps.pgServiceFile();
    const said = shell.values.PGSERVICEFILE;
    const theirs = said && isAbsolute(said) ? said : said ? null : usualFile;
    const serviceFile = setting ?? theirs ?? usualFile;
    return { serviceFile, nameFile: serviceFile !== theirs };
  };

  const warningsFor = async (place: PostgresPlace, names: readonly string[], entry: Live): Promise<string[]> => {
    const shell = await deps.loginShell.environment();
    const warnings: string[] = [];
    if (shell.values.PGPASSWORD)
      warnings.push('PGPASSWORD is set in your shell and beats this credential: run “unset PGPASSWORD” first.');
    if (shell.values.PGSERVICEFILE && !isAbsolute(shell.values.PGSERVICEFILE))
      warnings.push('PGSERVICEFILE in your shell is a relative path: name the file in the command, as shown.');
    if (!shell.asked && !deps.pgServiceFile())
      warnings.push(`Your login shell could not be asked where its service file is (${shell.problem}).`);
    const isNewest = ours().find((other) => other.resource === entry.resource)?.grantId === entry.grantId;
    if (names.length > 0 && !names.includes(entry.resource) && isNewest)
      warnings.push(`${place.serviceFile} has a section [${entry.resource}] of yours; use the command as shown.`);
    for (const [key, field] of FREE_KEYS)
      if (!fitsServiceLine(key, place[field]))
        warnings.push(`The ${field} name can’t be written into a service file; it is part of the command.`);
    return warnings;
  };
  const commandFor = (place: PostgresPlace, names: readonly string[], entry: Live): string | null => {
    const name = names.includes(entry.resource) ? entry.resource : names[0];
    if (!name) return null;
    const extra = FREE_KEYS.filter(([key, field]) => !fitsServiceLine(key, place[field]));
    const target = [`service=${name}`, ...extra.map(([key, field]) => connectionPart(key, place[field]))].join(' ');
    const prefix = !place.nameFile
      ? ''
      : deps.platform === 'win32'
        ? `set "PGSERVICEFILE=${place.serviceFile}" && `
        : `PGSERVICEFILE=${shellWord(place.serviceFile)} `;
    return `${prefix}psql ${shellWord(target)}`;
  };

  return {
    kind: 'postgres',
    async plan(credential) {
      checkCredential(credential);
      const { serviceFile, nameFile } = whichFile(await deps.loginShell.environment());
      if (!isAbsolute(serviceFile))
        throw new InjectionError({
          code: 'service-file-unusable',
          what: `“${serviceFile}” is not a full path.`,
          safe: 'Nothing was written.',
          next: 'Give the full path of the service file in Settings.',
        });
      const bytes = await readShared(files, serviceFile);
      usable(serviceFile, bytes?.toString('latin1') ?? '');
      const { host, port, database, user, tls, caCertificate } = credential;
      const hasCa = caCertificate !== undefined;
      const place: PostgresPlace = { kind: 'postgres', serviceFile, nameFile, host, port, database, user, tls, hasCa };
      return { place, preImageHash: bytes && createHash('sha256').update(bytes).digest('hex') };
    },
    async inject(entry, credential) {
      for (const line of sectionLines(entry, entry.place))
        if (!fitsServiceLine('', line))
          throw new InjectionError({
            code: 'service-file-unusable',
            what: 'The path of the credential is too long for a service file.',
            safe: 'Nothing was written.',
          });
      for (const path of [passfileOf(entry), caFileOf(entry)]) await unlinkIfThere(files, path);
      await createWhole(files, passfileOf(entry), Buffer.from(passfileText(credential)));
      if (credential.caCertificate !== undefined)
        await createWhole(files, caFileOf(entry), Buffer.from(credential.caCertificate));
      await clean(entry.place.serviceFile);
    },
    async clean(paths) {
      for (const path of paths) await clean(path);
    },
    sharedFiles(known) {
      const fromEnv = deps.env.PGSERVICEFILE;
      const all = [
        ...known,
        ...ours().map(({ place }) => place.serviceFile),
        usualFile,
        deps.pgServiceFile(),
        fromEnv && isAbsolute(fromEnv) ? fromEnv : null,
      ];
      return [...new Set(all.filter((path) => path !== null))];
    },
    async traces(path) {
      return grantsIn((await textOf(path)) ?? '', owner);
    },
    sharedFileOf: (place) => place.serviceFile,
    async describe(entry): Promise<Description> {
      const { place } = entry;
      const names = namesIn((await textOf(place.serviceFile)) ?? '', owner).get(entry.grantId) ?? [];
      return {
        files: [passfileOf(entry), ...(place.hasCa ? [caFileOf(entry)] : []), place.serviceFile],
        command: commandFor(place, names, entry),
        warnings: await warningsFor(place, names, entry),
      };
    },
    async secretOf(entry) {
      const { host, port, database, user, tls, hasCa } = entry.place;
      if (!(await files.facts(passfileOf(entry)))) return null;
      const password = passwordIn((await files.read(passfileOf(entry))).toString('utf8'));
      if (password === null) return null;
      const caCertificate = hasCa ? (await files.read(caFileOf(entry))).toString('utf8') : undefined;
      return PostgresCredential.parse({ kind: 'postgres', host, port, database, user, password, tls, caCertificate });
    },
    environment: (entry, { host, port, database, user, tls, caCertificate }) => ({
      PGHOST: host,
      PGPORT: String(port),
      PGDATABASE: database,
      PGUSER: user,
      PGPASSFILE: passfileOf(entry),
      PGSSLMODE: tls,
      ...(caCertificate === undefined ? {} : { PGSSLROOTCERT: caFileOf(entry) }),
    }),
    copyText: (credential) => credential.password,
    facts: postgresFacts,
  };
}

/**
 * AWS: a profile per grant, so that `aws --profile <resource>` and every SDK work. By default the profile holds no secret: it
 * names our helper (`credential_process`), which asks this app for the keys each time they are needed. On wish it is a section
 * of the shared credentials file with the keys in it, for tools that know nothing else.
 * The keys themselves lie in the grant's lease folder (in memory where the system has such a place), which the keeper empties.
 * A profile of the same name that is the person's own is kept: ours then gets another name.
 * Not here: line surgery (marked-blocks.ts), the helper and its socket (helpers/).
 */
import { createHash } from 'node:crypto';
import { dirname, isAbsolute, join } from 'node:path';
import { AwsCredential } from '../../../../shared/contract/aws';
import { errorCode, InjectionError } from '../errors';
import { editShared, readShared, realTarget, type SurgeryDeps } from '../file-surgery';
import { helperFile } from '../helper-file';
import type { LoginShell, ShellAnswer } from '../login-shell';
import { type Block, type BlockOwner, foreignNames, grantsIn, namesIn, setBlocks } from '../marked-blocks';
import type { AwsPlace } from '../place';
import { PRIVATE_FOLDER_MODE, replaceOwn } from '../private-files';
import {
  type AwsFile,
  fileProblem,
  fitsProcess,
  fitsProcessOnWindows,
  grantOfLine,
  headerFor,
  NOTE_KEY,
  processValue,
  profileOfHeader,
} from './aws-config';
import { shellWord } from './libpq';
import { allocateNames } from './postgres';
import type { CredentialFacts, InjectionTarget, Live, LiveAt, TargetContext } from './target';

export interface AwsTargetDeps {
  readonly surgery: SurgeryDeps;
  readonly platform: NodeJS.Platform;
  readonly homeDir: string;
  readonly userDataDir: string;
  readonly loginShell: LoginShell;
  readonly profile: string;
  /** The setting `awsCredentials`. */
  readonly awsCredentials?: () => 'process' | 'file';
}
type AwsInjection = InjectionTarget<AwsCredential, AwsPlace>;

const KEYS_FILE = 'aws.json';
const RUN_CONFIG = 'aws-config';
const keysOf = (entry: Pick<Live, 'leaseFolder'>): string => join(entry.leaseFolder, KEYS_FILE);
const runConfigOf = (entry: Pick<Live, 'leaseFolder'>): string => join(entry.leaseFolder, RUN_CONFIG);
const VARIABLES = { config: 'AWS_CONFIG_FILE', credentials: 'AWS_SHARED_CREDENTIALS_FILE' } as const;
const isAws = (entry: Live): entry is LiveAt<AwsPlace> => entry.place.kind === 'aws';

const unusable = (what: string, next: string): InjectionError =>
  new InjectionError({ code: 'aws-file-unusable', what, safe: 'Nothing was written.', next });

/** What the reveal window lists. Pure; holds the keys. */
export const awsFacts = (credential: AwsCredential): CredentialFacts => [
  ['Access key id', credential.accessKeyId],
  ['Secret access key', credential.secretAccessKey],
  ['Session token', credential.sessionToken],
  ['Region', credential.region],
  ['Role', credential.roleArn],
];

/** The keys as a shell takes them. */
const exportLines = (credential: AwsCredential): string =>
  [
    `export AWS_ACCESS_KEY_ID=${shellWord(credential.accessKeyId)}`,
    `export AWS_SECRET_ACCESS_KEY=${shellWord(credential.secretAccessKey)}`,
    `export AWS_SESSION_TOKEN=${shellWord(credential.sessionToken)}`,
    `export AWS_REGION=${shellWord(credential.region)}`,
  ].join('\n');

export function createAwsTarget(deps: AwsTargetDeps, context: TargetContext): AwsInjection {
  const { files } = deps.surgery;
  const helper = helperFile(deps.userDataDir, deps.platform);
  const owner: BlockOwner = {
    profile: deps.profile,
    grantOfLine: (line) => grantOfLine(Buffer.from(line, 'latin1').toString('utf8'), helper, deps.profile),
  };
  const usual = (file: AwsFile): string => join(deps.homeDir, '.aws', file);
  const ours = () => context.live().filter(isAws);
  const textOf = async (path: string): Promise<string | null> =>
    (await readShared(files, path))?.toString('latin1') ?? null;

  /** What the shell says, else the usual place. */
  const pathOf = (file: AwsFile, shell: ShellAnswer): { path: string; nameFile: boolean } => {
    const said = shell.values[VARIABLES[file]];
    if (said === undefined) return { path: usual(file), nameFile: false };
    return isAbsolute(said) ? { path: said, nameFile: false } : { path: usual(file), nameFile: true };
  };
  const linesFor = (entry: LiveAt<AwsPlace>, keys: AwsCredential | null): string[] => {
    const { place } = entry;
    const secret =
      place.file === 'config'
        ? [`credential_process = ${processValue(helper, entry.grantId)}`]
        : [
            `${NOTE_KEY} = ${deps.profile} ${entry.grantId}`,
            ...(keys
              ? [
                  `aws_access_key_id = ${keys.accessKeyId}`,
                  `aws_secret_access_key = ${keys.secretAccessKey}`,
                  `aws_session_token = ${keys.sessionToken}`,
                ]
              : []),
          ];
    const endpoint = place.endpointUrl ? [`endpoint_url = ${place.endpointUrl}`] : [];
    return [...secret, `region = ${place.region}`, ...endpoint];
  };
  const keysIn = async (entry: Pick<Live, 'leaseFolder'>): Promise<AwsCredential | null> => {
    if (!(await files.facts(keysOf(entry)))) return null;
    const read = AwsCredential.safeParse(JSON.parse((await files.read(keysOf(entry))).toString('utf8')));
    return read.success ? read.data : null;
  };
  /** Profiles that are there already, in either file: keys in `credentials` would win over a process in `config`. */
  const takenIn = (file: AwsFile, text: string): string[] =>
    [...foreignNames(text, owner)].flatMap((header) => {
      const profile = profileOfHeader(file, Buffer.from(header, 'latin1').toString('utf8'));
      return profile === null ? [] : [profile];
    });
  const otherTaken = async (path: string, file: AwsFile): Promise<string[]> => {
    const other: AwsFile = file === 'config' ? 'credentials' : 'config';
    const { path: otherPath } = pathOf(other, await deps.loginShell.environment());
    if (otherPath === path) return [];
    const text = await textOf(otherPath).catch(() => null); // a strange thing there is the person's own business
    return text === null ? [] : takenIn(other, text);
  };

  const clean = async (path: string): Promise<void> => {
    const live = ours().filter(({ place }) => place.path === path);
    const file = live[0]?.place.file ?? (path === usual('credentials') ? 'credentials' : 'config');
    const elsewhere = live.length > 0 ? await otherTaken(path, file) : [];
    const keys = new Map(await Promise.all(live.map(async (entry) => [entry.grantId, await keysIn(entry)] as const)));
    await editShared(deps.surgery, path, (before) => {
      const text = before?.toString('latin1') ?? null;
      const names = allocateNames(live, new Set([...takenIn(file, text ?? ''), ...elsewhere]));
      const blocks = live.map(
        (entry): Block => ({
          grantId: entry.grantId,
          sections: (names.get(entry.grantId) ?? []).map((name) => ({
            name: headerFor(file, name),
            lines: linesFor(entry, keys.get(entry.grantId) ?? null),
          })),
        }),
      );
      const result = setBlocks(text, owner, blocks);
      if (result.fileIsOurs) return before === null ? { kind: 'same' } : { kind: 'delete' };
      return result.text === text ? { kind: 'same' } : { kind: 'write', bytes: Buffer.from(result.text, 'latin1') };
    });
  };
  /** `~/.aws` is made when nobody has it yet; an own place must be there. */
  const ensureFolder = async (path: string): Promise<void> => {
    if (path !== usual('config') && path !== usual('credentials')) return;
    try {
      await files.makeFolder(dirname(path), PRIVATE_FOLDER_MODE);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  };
  /** Keys are only put where nobody else can read them. A link's own mode says nothing: the file behind it counts. */
  const refuseOpenFile = async (path: string): Promise<void> => {
    if (deps.platform === 'win32' || (await files.facts(path)) === null) return;
    const { facts } = await realTarget(files, path);
    if (facts === null || (facts.mode & 0o077) === 0) return;
    throw unusable(`${path} can be read by others, so no keys were put there.`, `Run: chmod 600 "${path}"`);
  };
  const commandFor = (place: AwsPlace, names: readonly string[], entry: Live): string | null => {
    const name = names.includes(entry.resource) ? entry.resource : names[0];
    if (!name) return null;
    const prefix = !place.nameFile
      ? ''
      : deps.platform === 'win32'
        ? `set "${VARIABLES[place.file]}=${place.path}" && `
        : `${VARIABLES[place.file]}=${shellWord(place.path)} `;
    return `${prefix}aws --profile ${shellWord(name)} sts get-caller-identity`;
  };
  const namesOf = async (entry: LiveAt<AwsPlace>): Promise<string[]> => {
    const headers = namesIn((await textOf(entry.place.path)) ?? '', owner).get(entry.grantId) ?? [];
    return headers.flatMap((header) => profileOfHeader(entry.place.file, header) ?? []);
  };

  return {
    kind: 'aws',
    async plan(credential) {
      const file: AwsFile = deps.awsCredentials?.() === 'file' ? 'credentials' : 'config';
      const fits = deps.platform === 'win32' ? fitsProcessOnWindows : fitsProcess;
      if (!fits(helper))
        throw unusable(
          `The path of the helper (${helper}) holds characters that AWS tools can’t take in a profile.`,
          'Start the app with a user data folder of a plain name, or choose “keys in the credentials file” in Settings.',
        );
      const { path, nameFile } = pathOf(file, await deps.loginShell.environment());
      const bytes = (await files.facts(dirname(path))) ? await readShared(files, path) : null;
      const problem = fileProblem(bytes?.toString('latin1') ?? '');
      if (problem) throw unusable(`${path} ${problem.what}`, problem.next);
      if (file === 'credentials') await refuseOpenFile(path);
      const { roleArn, region, endpointUrl } = credential;
      const place: AwsPlace = {
        kind: 'aws',
        ...{ file, path, nameFile, roleArn, region },
        ...(endpointUrl ? { endpointUrl } : {}),
      };
      return { place, preImageHash: bytes && createHash('sha256').update(bytes).digest('hex') };
    },
    async inject(entry, credential) {
      // In one step each: at an extension a helper may ask at this very moment.
      const own = (path: string, text: string) =>
        replaceOwn(files, path, Buffer.from(text), Buffer.from(deps.surgery.random.bytes(6)).toString('hex'));
      await own(keysOf(entry), JSON.stringify(credential));
      const asking = { ...entry, place: { ...entry.place, file: 'config' as const } };
      await own(runConfigOf(entry), `[default]\n${linesFor(asking, null).join('\n')}\n`);
      await ensureFolder(entry.place.path);
      // Sections that are in place are left alone, so keys that were made anew have to replace them.
      if (entry.place.file === 'credentials') await dropSection(deps.surgery, owner, entry);
      await clean(entry.place.path);
    },
    async clean(paths) {
      for (const path of paths) await clean(path);
    },
    sharedFiles: (known) => [
      ...new Set([...known, ...ours().map(({ place }) => place.path), usual('config'), usual('credentials')]),
    ],
    async traces(path) {
      return grantsIn((await textOf(path)) ?? '', owner);
    },
    sharedFileOf: (place) => place.path,
    async describe(entry) {
      const names = await namesOf(entry);
      const isNewest = ours().find((other) => other.resource === entry.resource)?.grantId === entry.grantId;
      const isTaken = names.length > 0 && !names.includes(entry.resource) && isNewest;
      return {
        files: [keysOf(entry), entry.place.path],
        command: commandFor(entry.place, names, entry),
        warnings: isTaken ? [`You have a profile “${entry.resource}” of your own; use the command as shown.`] : [],
      };
    },
    secretOf: keysIn,
    /** A config of its own with one process, so that neither the person's profiles nor their variables come first. */
    environment: (entry, { region }) => ({
      AWS_CONFIG_FILE: runConfigOf(entry),
      AWS_SHARED_CREDENTIALS_FILE: join(entry.leaseFolder, 'no-keys'),
      AWS_PROFILE: 'default',
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_SESSION_TOKEN: '',
    }),
    copyText: exportLines,
    facts: awsFacts,
  };
}

async function dropSection(surgery: SurgeryDeps, owner: BlockOwner, entry: LiveAt<AwsPlace>): Promise<void> {
  await editShared(surgery, entry.place.path, (before) => {
    if (before === null) return { kind: 'same' };
    const text = before.toString('latin1');
    if (!grantsIn(text, owner).has(entry.grantId)) return { kind: 'same' };
    // Only this grant's block goes; the others are in place and stay.
    const others = [...namesIn(text, owner)].filter(([grantId]) => grantId !== entry.grantId);
    const kept = others.map(([grantId, names]) => ({ grantId, sections: names.map((name) => ({ name, lines: [] })) }));
    const result = setBlocks(text, owner, kept);
    return result.fileIsOurs ? { kind: 'delete' } : { kind: 'write', bytes: Buffer.from(result.text, 'latin1') };
  });
}

/**
 * SSH: the lease folder holds the key that was made here for this grant, its certificate, the host's pinned key and a snippet of
 * configuration; the user's ssh_config includes the snippet, so that `ssh <resource>`, `scp`, `git` and editors work.
 * On wish the key goes into the ssh-agent too, with a lifetime, for tools that ask nobody else.
 * Overlap: `<resource>` belongs to the newest live grant, `<resource>.<level>` to the newest of that level; when it ends, the next
 * newest gets the names. A name that the user has already is never taken.
 * Not here: the block in the user's file (ssh-config.ts), writing it (file-surgery.ts).
 */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { SshCredential } from '../../../../shared/contract/ssh';
import { equalBytes } from '../../../../shared/crypto/bytes';
import {
  certifiedKeyOf,
  privateKeyFile,
  publicLine,
  publicOfSeed,
  seedOfKeyFile,
} from '../../../../shared/crypto/ssh-wire';
import { errorCode, InjectionError, reasonOf } from '../errors';
import { editShared, readShared, realTarget, type SurgeryDeps } from '../file-surgery';
import type { SshPlace } from '../place';
import { createWhole, PRIVATE_FOLDER_MODE, replaceOwn, unlinkIfThere } from '../private-files';
import { allocateNames } from './postgres';
import { createSshAgent } from './ssh-agent';
import {
  BYTE_ORDER_MARK,
  type ConfigOwner,
  grantsIncluded,
  hostNamesIn,
  hostSection,
  pathProblem,
  setIncludes,
} from './ssh-config';
import type { CredentialFacts, Description, InjectionTarget, Live, LiveAt, TargetContext } from './target';

export interface SshTargetDeps {
  readonly surgery: SurgeryDeps;
  readonly platform: NodeJS.Platform;
  readonly homeDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly profile: string;
  /** The setting `sshPlace`; left out: files. */
  readonly sshPlace?: () => 'files' | 'agent';
  readonly grantOf: (path: string) => string | null;
  readonly log: (level: 'info' | 'warn' | 'error', message: string, facts?: Record<string, unknown>) => void;
}

const KEY = 'id';
const CERTIFICATE = 'id-cert.pub';
const KNOWN_HOSTS = 'known_hosts';
const CONFIG = 'config';
const WRITABLE_BY_OTHERS = 0o022;
const fileOf = (entry: Live, name: string): string => join(entry.leaseFolder, name);

type Reached = LiveAt<SshPlace> & { readonly place: { readonly at: NonNullable<SshPlace['at']> } };
const isReached = (entry: Live): entry is Reached => entry.place.kind === 'ssh' && entry.place.at !== null;

const keyLost = (): InjectionError =>
  new InjectionError({
    code: 'device-key-lost',
    what: 'The key that this machine made for this access is gone.',
    safe: 'Its certificate is worth nothing without it.',
    next: 'Request access again.',
  });

/** What the reveal window lists. Pure; the private key is in none of it. */
export const sshFacts = ({ host, port, user, certificate, hostKeys }: SshCredential): CredentialFacts => [
  ['Host', host],
  ['Port', String(port)],
  ['User', user],
  ['Certificate', certificate],
  ...hostKeys.map((key) => ['Host key', key] as const),
];

export function createSshTarget(deps: SshTargetDeps, context: TargetContext): InjectionTarget<SshCredential, SshPlace> {
  const { files, random } = deps.surgery;
  const owner: ConfigOwner = { profile: deps.profile, grantOf: deps.grantOf };
  const usualFile = join(deps.homeDir, '.ssh', 'config');
  const agent = createSshAgent(deps.env.SSH_AUTH_SOCK ?? null, deps.profile);
  const freshName = () => Buffer.from(random.bytes(8)).toString('hex');
  /** Forward slashes: OpenSSH on Windows reads them, and a backslash would be an escape. */
  const spelled = (path: string) => (deps.platform === 'win32' ? path.replaceAll('\\', '/') : path);
  const textOf = async (path: string): Promise<string | null> =>
    (await readShared(files, path))?.toString('latin1') ?? null;
  const ours = () => context.live().filter(isReached);

  const seedOf = async (entry: Live): Promise<Uint8Array | null> => {
    try {
      return seedOfKeyFile((await files.read(fileOf(entry, KEY))).toString('latin1'));
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || error instanceof RangeError) return null;
      throw error;
    }
  };
  const own = (entry: Live, name: string, text: string) =>
    replaceOwn(files, fileOf(entry, name), Buffer.from(text), freshName());

  const writeSnippet = async (entry: Reached, names: readonly string[]): Promise<void> => {
    const { at, agent: isInAgent } = entry.place;
    const text = hostSection({
      ...at,
      names,
      alias: aliasOf(entry),
      knownHosts: spelled(fileOf(entry, KNOWN_HOSTS)),
      identity: spelled(fileOf(entry, KEY)),
      certificate: spelled(fileOf(entry, CERTIFICATE)),
      agent: isInAgent ? 'usual' : 'none',
    });
    const path = fileOf(entry, CONFIG);
    const before = (await files.facts(path)) ? (await files.read(path)).toString('utf8') : null;
    if (before !== text) await own(entry, CONFIG, text);
  };
  const clean = async (path: string): Promise<void> => {
    const live = ours().filter(({ place }) => place.configFile === path);
    if (live.length > 0) {
      const names = allocateNames(live, hostNamesIn((await textOf(path)) ?? '', owner));
      for (const entry of live)
        if (await files.facts(fileOf(entry, CERTIFICATE))) await writeSnippet(entry, names.get(entry.grantId) ?? []);
    }
    await editShared(deps.surgery, path, (before) => {
      const text = before?.toString('latin1') ?? null;
      const result = setIncludes(
        text,
        owner,
        live.map((entry) => spelled(fileOf(entry, CONFIG))),
      );
      if (result.fileIsOurs) return before === null ? { kind: 'same' } : { kind: 'delete' };
      return result.text === text ? { kind: 'same' } : { kind: 'write', bytes: Buffer.from(result.text, 'latin1') };
    });
    await agent.keepOnly(
      new Set(
        ours()
          .filter(({ place }) => place.agent)
          .map(({ grantId }) => grantId),
      ),
    );
  };
  const folderOfConfig = async (): Promise<void> => {
    const folder = dirname(usualFile);
    if ((await files.facts(folder)) !== null) return;
    try {
      await files.makeFolder(folder, PRIVATE_FOLDER_MODE);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  };
  const checkConfig = async (): Promise<Buffer | null> => {
    if ((await files.facts(dirname(usualFile))) === null) return null;
    const bytes = await readShared(files, usualFile);
    const { facts } = await realTarget(files, usualFile);
    const text = bytes?.toString('latin1') ?? '';
    if (text.startsWith(BYTE_ORDER_MARK))
      throw unusable(
        usualFile,
        'begins with a byte order mark, which ssh can’t read.',
        'Save it as UTF-8 without BOM.',
      );
    if (text.includes('\0')) throw unusable(usualFile, 'is not a plain text file.', 'Save it as UTF-8 text.');
    if (facts && deps.platform !== 'win32' && (facts.mode & WRITABLE_BY_OTHERS) !== 0)
      throw unusable(usualFile, 'may be written by others, so ssh refuses it.', `Run: chmod 600 "${usualFile}"`);
    return bytes;
  };
  const commandNames = (entry: Reached, text: string) =>
    allocateNames(
      ours().filter(({ place }) => place.configFile === entry.place.configFile),
      hostNamesIn(text, owner),
    ).get(entry.grantId) ?? [];

  return {
    kind: 'ssh',
    async plan(credential) {
      const bytes = await checkConfig();
      const { host, port, user, hostKeys } = credential;
      const place: SshPlace = {
        kind: 'ssh',
        configFile: usualFile,
        agent: deps.sshPlace?.() === 'agent',
        at: { host, port, user, hostKeys },
      };
      return { place, preImageHash: bytes && createHash('sha256').update(bytes).digest('hex') };
    },
    key: {
      plan: async () => ({ kind: 'ssh', configFile: usualFile, agent: false, at: null }),
      async make(entry) {
        const seed = random.bytes(32);
        await unlinkIfThere(files, fileOf(entry, KEY));
        const text = privateKeyFile(seed, random.bytes(4), `hallpass ${entry.resource}`);
        await createWhole(files, fileOf(entry, KEY), Buffer.from(text));
        return publicLine(publicOfSeed(seed));
      },
      async find(entry) {
        const seed = await seedOf(entry);
        return seed && publicLine(publicOfSeed(seed));
      },
    },
    async inject(entry, credential) {
      const problem = pathProblem(spelled(entry.leaseFolder));
      if (problem !== null)
        throw unusable(
          entry.leaseFolder,
          `${problem}.`,
          'Set XDG_RUNTIME_DIR to a plain path, then start Hallpass anew.',
        );
      const seed = await seedOf(entry);
      const certified = certifiedKeyOf(credential.certificate);
      if (seed === null || certified === null || !equalBytes(certified, publicOfSeed(seed))) throw keyLost();
      await folderOfConfig();
      await own(entry, CERTIFICATE, `${credential.certificate}\n`);
      await own(entry, KNOWN_HOSTS, credential.hostKeys.map((key) => `${aliasOf(entry)} ${key}\n`).join(''));
      if (entry.place.agent) {
        const lifetimeMs = Math.max(1, entry.wallDeadlineAt - deps.surgery.now());
        await agent
          .add({ seed, certificate: credential.certificate, grantId: entry.grantId, lifetimeMs })
          .catch((cause: unknown) => {
            deps.log('warn', 'the key is in its file, but not in the ssh-agent', { reason: reasonOf(cause) });
          });
      }
      await clean(entry.place.configFile);
    },
    async clean(paths) {
      for (const path of paths) if (await files.facts(dirname(path))) await clean(path);
    },
    sharedFiles: (known) => [...new Set([...known, ...ours().map(({ place }) => place.configFile), usualFile])],
    async traces(path) {
      const inFile = (await files.facts(dirname(path))) ? grantsIncluded((await textOf(path)) ?? '', owner) : [];
      return new Set([...inFile, ...(await agent.grants())]);
    },
    sharedFileOf: (place) => place.configFile,
    async describe(entry): Promise<Description> {
      const { configFile } = entry.place;
      if (!isReached(entry)) return { files: [fileOf(entry, KEY)], command: null, warnings: [] };
      const text = (await textOf(configFile)) ?? '';
      const names = commandNames(entry, text);
      const name = names.includes(entry.resource) ? entry.resource : names[0];
      const warnings: string[] = [];
      const isNewest = ours().find((other) => other.resource === entry.resource)?.grantId === entry.grantId;
      if (isNewest && name !== entry.resource)
        warnings.push(`${configFile} has a section “Host ${entry.resource}” of yours; use the command as shown.`);
      if (entry.place.agent && !(await agent.grants().catch(() => new Set<string>())).has(entry.grantId))
        warnings.push('The ssh-agent does not hold this key (SSH_AUTH_SOCK); ssh reads it from its file.');
      return {
        files: [KEY, CERTIFICATE, KNOWN_HOSTS, CONFIG].map((each) => fileOf(entry, each)).concat(configFile),
        command: name === undefined ? null : `ssh ${name}`,
        warnings,
      };
    },
    async secretOf(entry) {
      if (entry.place.at === null || (await seedOf(entry)) === null) return null;
      if (!(await files.facts(fileOf(entry, CERTIFICATE)))) return null;
      const certificate = (await files.read(fileOf(entry, CERTIFICATE))).toString('utf8').trim();
      const read = SshCredential.safeParse({ kind: 'ssh', ...entry.place.at, certificate });
      return read.success ? read.data : null;
    },
    /** For tools that take options and not a name: `ssh -F "$HALLPASS_SSH_CONFIG" <resource>`; git reads its variable by itself. */
    environment: (entry) => {
      const config = spelled(fileOf(entry, CONFIG));
      return { HALLPASS_SSH_CONFIG: config, GIT_SSH_COMMAND: `ssh -F "${config}"` };
    },
    copyText: (credential) => credential.certificate,
    facts: sshFacts,
  };
}

/** Under this name alone the host's pinned key is looked up, whatever its address is. */
const aliasOf = (entry: Live): string => `hallpass-${entry.resource}`;
const unusable = (path: string, what: string, next: string): InjectionError =>
  new InjectionError({ code: 'service-file-unusable', what: `${path} ${what}`, safe: 'It was not touched.', next });

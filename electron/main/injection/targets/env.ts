/**
 * Credentials that are a set of named values (`webhook`, `secret`): a 0600 file of variables in the lease folder, for `set -a; . file`
 * and `hallpass run`, and, where the person chose a file for this resource in Settings, a marked block in that one too.
 * Why the choice is a setting of this device: where somebody's project lies is nobody else's business, neither the service's nor
 * the approver's, and it is the same next time.
 * That block holds the values themselves, so only a file that nobody else can read gets one; another is left out, and it is said.
 */
import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import type { SecretCredential, WebhookCredential } from '../../../../shared/contract/credential';
import { Values } from '../../../../shared/contract/values';
import { type EnvBlock, type EnvOwner, grantsInEnv, setByOthers, setEnvBlocks } from '../env-blocks';
import { InjectionError } from '../errors';
import { editShared, readShared, realTarget, type SurgeryDeps } from '../file-surgery';
import type { SecretPlace, WebhookPlace } from '../place';
import { createWhole, unlinkIfThere } from '../private-files';
import { envLine, envText, isReadAlike, valuesIn } from './env-text';
import { shellWord } from './libpq';
import type { InjectionTarget, Live, LiveAt, TargetContext } from './target';

export interface EnvTargetDeps {
  readonly surgery: SurgeryDeps;
  readonly platform: NodeJS.Platform;
  readonly profile: string;
  /** The file of variables that the person chose for a resource; null: none. */
  readonly envFileOf?: (resource: string) => string | null;
}
type EnvCredential = WebhookCredential | SecretCredential;
type EnvPlace = WebhookPlace | SecretPlace;
type EnvTarget = InjectionTarget<EnvCredential, EnvPlace>;

/** Each is handed its own kind only, so what it gives back is of that kind too. */
export const createSecretTarget = (deps: EnvTargetDeps, context: TargetContext) =>
  createEnvTarget('secret', deps, context) as InjectionTarget<SecretCredential, SecretPlace>;
export const createWebhookTarget = (deps: EnvTargetDeps, context: TargetContext) =>
  createEnvTarget('webhook', deps, context) as InjectionTarget<WebhookCredential, WebhookPlace>;

const ENV_FILE = 'env';
const envFileIn = (entry: Live): string => join(entry.leaseFolder, ENV_FILE);

// Longer than most, since each member is one thing that a target answers; none of them decides anything by itself.
function createEnvTarget(kind: EnvPlace['kind'], deps: EnvTargetDeps, context: TargetContext): EnvTarget {
  const { surgery, profile } = deps;
  const { files } = surgery;
  const owner: EnvOwner = { profile, kind };
  const isOurs = (entry: Live): entry is LiveAt<EnvPlace> => entry.place.kind === kind;
  const textOf = async (path: string) => (await readShared(files, path))?.toString('latin1') ?? null;
  const valuesOf = async (entry: Live): Promise<Values | null> => {
    if (!(await files.facts(envFileIn(entry)))) return null;
    const read = Values.safeParse(valuesIn((await files.read(envFileIn(entry))).toString('utf8')));
    return read.success ? read.data : null;
  };
  /** What the live ones need there. One whose secret is gone needs nothing any more. Oldest first: of two the newest counts. */
  const blocksFor = async (path: string): Promise<EnvBlock[]> => {
    const live = context.live().filter(isOurs);
    const blocks: EnvBlock[] = [];
    for (const entry of live.filter(({ place }) => place.envFile === path).reverse()) {
      const values = await valuesOf(entry);
      if (values === null) continue;
      blocks.push({
        grantId: entry.grantId,
        lines: Object.entries(values).map(([name, value]) => envLine(name, value)),
      });
    }
    return blocks;
  };
  const clean = async (path: string): Promise<void> => {
    const blocks = await blocksFor(path);
    await editShared(surgery, path, (before) => {
      const text = before?.toString('latin1') ?? null;
      const result = setEnvBlocks(text, owner, blocks);
      if (result.fileIsOurs) return before === null ? { kind: 'same' } : { kind: 'delete' };
      return result.text === text ? { kind: 'same' } : { kind: 'write', bytes: Buffer.from(result.text, 'latin1') };
    });
  };

  return {
    kind,
    async plan(credential, about) {
      const chosen = deps.envFileOf?.(about.resource) ?? null;
      const leftOut = chosen === null ? null : await whyNot(deps, chosen);
      const envFile = leftOut === null ? chosen : null;
      const bytes = envFile === null ? null : await readShared(files, envFile);
      const place = { kind, names: Object.keys(credential.values), envFile, leftOut };
      return { place, preImageHash: bytes && createHash('sha256').update(bytes).digest('hex') };
    },
    async inject(entry, credential) {
      await unlinkIfThere(files, envFileIn(entry));
      await createWhole(files, envFileIn(entry), Buffer.from(envText(credential.values)));
      if (entry.place.envFile !== null) await clean(entry.place.envFile);
    },
    async clean(paths) {
      for (const path of paths) await clean(path);
    },
    sharedFiles(known) {
      const live = context.live().filter(isOurs);
      return [...new Set([...known, ...live.flatMap(({ place }) => (place.envFile === null ? [] : [place.envFile]))])];
    },
    traces: async (path) => grantsInEnv((await textOf(path)) ?? '', owner),
    sharedFileOf: (place) => place.envFile,
    async describe(entry) {
      const { envFile, leftOut, names } = entry.place;
      const path = envFileIn(entry);
      const warnings = leftOut === null ? [] : [leftOut];
      if (envFile !== null)
        warnings.push(...warningsFor(envFile, (await textOf(envFile)) ?? '', names, (await valuesOf(entry)) ?? {}));
      // dot sources it in every POSIX shell; `set -a` makes what it sets part of the environment
      const command = deps.platform === 'win32' ? null : `set -a; . ${shellWord(path)}; set +a`;
      return { files: [path, ...(envFile === null ? [] : [envFile])], command, warnings };
    },
    async secretOf(entry) {
      const values = await valuesOf(entry);
      return values === null ? null : { kind, values };
    },
    environment: (_entry, { values }) => values,
    copyText({ values }) {
      const [only, ...more] = Object.values(values);
      return only !== undefined && more.length === 0 ? only : envText(values);
    },
    facts: ({ values }) => Object.entries(values),
  };
}

/** What the person has to know of the chosen file: names that are theirs too, and values that readers disagree about. Pure. */
function warningsFor(file: string, text: string, names: readonly string[], values: Values): string[] {
  const theirs = setByOthers(text, names).map(
    ({ name, lineNumber }) =>
      `${name} is set on line ${lineNumber} of ${file} too. Yours stays as it is; programs take the last one, ours, until access ends.`,
  );
  const odd = Object.entries(values).filter(([, value]) => !isReadAlike(value));
  const unlike = odd.map(
    ([name]) => `${name} holds signs that not every program reads alike from ${file}: use the command as shown.`,
  );
  return [...theirs, ...unlike];
}

/** Why the chosen file gets no block, as a sentence; null when it can have one. Access itself doesn't hang on it. */
async function whyNot(deps: EnvTargetDeps, path: string): Promise<string | null> {
  const { files } = deps.surgery;
  const leave = (what: string, next: string) => `${path} ${what}, so nothing was written there. ${next}`.slice(0, 500);
  if (!isAbsolute(path)) return leave('is not a full path', 'Give the full path in Settings.');
  try {
    const { path: real, facts } = await realTarget(files, path);
    if (facts === null) return null;
    if (deps.platform !== 'win32' && (facts.mode & 0o077) !== 0)
      return leave('can be read by others', `Run: chmod 600 ${shellWord(path)}`);
    return (await files.read(real)).includes(0)
      ? leave('is not a plain text file', 'Name another file in Settings.')
      : null;
  } catch (error) {
    if (!(error instanceof InjectionError)) throw error;
    const { what, next } = error.userError;
    return `${what.replace(/\.$/, '')}, so nothing was written there.${next === null ? '' : ` ${next}`}`.slice(0, 500);
  }
}

/**
 * Each lease has a folder of its own, 0700, for its secret files: removal is unlinking, and nothing of anybody else lies there.
 * In memory where the system gives us a private tmpfs (gone at power-off by itself), else under the app's own data.
 * The folder's path holds the profile, so that two profiles of the app never sweep each other's.
 */
import { createHash } from 'node:crypto';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { GrantId } from '../../../shared/contract/fields';
import { errorCode, InjectionError, reasonOf } from './errors';
import type { FilePort } from './files';
import { ensurePrivateFolder, isPrivateFolder, unlinkIfThere } from './private-files';

export interface LeaseFolders {
  /** Where the folder of a new lease would be; makes nothing. */
  choose(grantId: string): Promise<string>;
  ensure(folder: string): Promise<void>;
  /** Unlinks every file in it, then the folder. All are tried; fine on something already gone. @throws the first failure */
  remove(folder: string): Promise<void>;
  isGone(folder: string): Promise<boolean>;
  /** Every lease folder of this profile that is there. */
  list(): Promise<readonly { grantId: string; folder: string }[]>;
  /** The grant to which a path inside a lease folder of this profile belongs. */
  grantOf(path: string): string | null;
}

/** Eight hex digits that name one userData folder. */
export const profileOf = (userDataDir: string): string =>
  createHash('sha256').update(userDataDir).digest('hex').slice(0, 8);

export function createLeaseFolders(deps: {
  files: FilePort;
  platform: NodeJS.Platform;
  env: Readonly<Record<string, string | undefined>>;
  userDataDir: string;
  profile: string;
}): LeaseFolders {
  const { files, platform } = deps;
  const runtime = deps.env.XDG_RUNTIME_DIR;
  const memoryRoot = runtime && isAbsolute(runtime) ? join(runtime, 'hallpass', deps.profile) : null;
  const diskRoot = join(deps.userDataDir, 'credentials');
  const roots = memoryRoot ? [memoryRoot, diskRoot] : [diskRoot];

  const hasMemory = async (): Promise<boolean> => {
    if (!runtime || !memoryRoot) return false;
    try {
      return (await isPrivateFolder(files, runtime, platform)) && (await files.inMemory(runtime));
    } catch {
      return false; // can't tell: the disk is always there
    }
  };
  return {
    choose: async (grantId) => join((await hasMemory()) && memoryRoot ? memoryRoot : diskRoot, grantId),
    async ensure(folder) {
      const root = dirname(folder);
      if (root === memoryRoot) await ensurePrivateFolder(files, dirname(root), platform);
      await ensurePrivateFolder(files, root, platform);
      await ensurePrivateFolder(files, folder, platform);
    },
    async remove(folder) {
      const failures: unknown[] = [];
      const attempt = async (work: () => Promise<void>) => work().catch((error: unknown) => void failures.push(error));
      for (const name of await files.readFolder(folder)) await attempt(() => unlinkIfThere(files, join(folder, name)));
      await attempt(async () => {
        try {
          await files.removeFolder(folder);
        } catch (error) {
          const isThere = errorCode(error) !== 'ENOENT' && (await files.facts(folder)) !== null;
          if (isThere) throw error;
        }
      });
      if (failures.length === 0) return;
      throw new InjectionError(
        {
          code: 'credential-not-removed',
          what: `The credential in ${folder} could not be removed.`,
          safe: 'It stops working on the target at its deadline.',
          next: 'We keep trying. To end it now, delete that folder.',
          detail: reasonOf(failures[0]),
        },
        { cause: failures[0] },
      );
    },
    isGone: async (folder) => (await files.facts(folder)) === null,
    async list() {
      const found: { grantId: string; folder: string }[] = [];
      for (const root of roots)
        for (const name of await files.readFolder(root))
          if (GrantId.safeParse(name).success) found.push({ grantId: name, folder: join(root, name) });
      return found;
    },
    grantOf(path) {
      const folder = dirname(path);
      const grantId = basename(folder);
      return roots.includes(dirname(folder)) && GrantId.safeParse(grantId).success ? grantId : null;
    },
  };
}

/**
 * Whose client programs a machine has. It matters for TLS: MySQL's programs want `ssl-mode`, which MariaDB's don't know and
 * would warn about at every start.
 */
import { basename, delimiter, isAbsolute, join } from 'node:path';
import type { FilePort } from '../files';

/** `any`: MySQL's, or it can't be told; `none`: no program was found. */
export type MysqlClient = 'mariadb' | 'any' | 'none';
/** Where programs are that a desktop's PATH may leave out. */
const USUAL_FOLDERS = ['/usr/local/bin', '/usr/bin', '/opt/homebrew/bin', '/opt/local/bin'];

export async function findMysqlClient(deps: {
  files: Pick<FilePort, 'facts' | 'resolve'>;
  env: Readonly<Record<string, string | undefined>>;
  platform: NodeJS.Platform;
}): Promise<{ readonly client: MysqlClient; readonly program: 'mysql' | 'mariadb' }> {
  const ending = deps.platform === 'win32' ? '.exe' : '';
  const folders = [...(deps.env.PATH ?? '').split(delimiter), ...(deps.platform === 'win32' ? [] : USUAL_FOLDERS)];
  const find = async (name: string): Promise<string | null> => {
    for (const folder of folders.filter((candidate) => isAbsolute(candidate))) {
      try {
        const path = join(folder, `${name}${ending}`);
        if (await deps.files.facts(path)) return await deps.files.resolve(path);
      } catch {
        // a link to nothing, or a folder we may not look into: as good as not there
      }
    }
    return null;
  };
  const [mysql, mariadb] = [await find('mysql'), await find('mariadb')];
  if (mysql === null)
    return { client: mariadb === null ? 'none' : 'mariadb', program: mariadb === null ? 'mysql' : 'mariadb' };
  // One is a link to the other, whichever way: then both are MariaDB's.
  const isMariadb = mysql === mariadb || basename(mysql).startsWith('mariadb');
  return { client: isMariadb ? 'mariadb' : 'any', program: 'mysql' };
}

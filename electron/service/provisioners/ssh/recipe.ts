/** What an administrator does once on a host, as text for a root shell; made from the settings, so that it can be pasted as it is. */
import { SSH_HOOK_PRINCIPAL, type SshSettings } from '../../../../shared/contract/ssh';
import type { Authority } from './authority';
import { HOOK_FILE, HOOK_FOLDERS, hostHook } from './host-hook';

const CA_FILE = '/etc/ssh/hallpass-ca.pub';
const CONFIG_FILE = '/etc/ssh/sshd_config.d/hallpass.conf';
const PRINCIPALS_FOLDER = HOOK_FOLDERS.principals;

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
/** Adds what is not there yet: a host may have more than one resource, and an authority of others. */
const addLine = (file: string, lines: readonly string[]): string =>
  `touch ${file} && printf '%s\\n' ${lines.map(quoted).join(' ')} | sort -u -o ${file} - ${file}`;
const RELOAD = 'sshd -t && { systemctl reload ssh || systemctl reload sshd; }';
/** What a level's certificates carry: its own principals, or the account's name. */
export const principalsOf = ({ user, principals }: SshSettings['logins'][number]): readonly string[] =>
  principals.length > 0 ? principals : [user];

/** Accounts whose principals are not just their own name, with all that may log in to each. */
export function principalFiles(settings: SshSettings): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>();
  const add = (user: string, principals: readonly string[]) =>
    files.set(user, [...new Set([...(files.get(user) ?? []), ...principals])]);
  for (const login of settings.logins) add(login.user, principalsOf(login));
  if (settings.hook) add(settings.hook.user, [SSH_HOOK_PRINCIPAL]);
  for (const [user, principals] of files)
    if (user !== 'root' && principals.length === 1 && principals[0] === user) files.delete(user);
  return files;
}

/** The recipe: with the hook, everything; without, the authority only. `authority` null: its key could not be read yet. */
export function recipeFor(settings: SshSettings, authority: Authority | null): string {
  const key = authority?.line ?? '<the public half of the authority: shown once its private half can be read>';
  const head = ['# As root on the host. Can be run again, also for another resource on it.', addLine(CA_FILE, [key])];
  return [...head, ...(settings.hook ? hooked(settings) : bare(settings))].join('\n');
}

function hooked(settings: SshSettings): string[] {
  const isRoot = settings.hook?.user === 'root';
  return [
    `cat > ${HOOK_FILE} <<'HALLPASS'`,
    hostHook().trimEnd(),
    'HALLPASS',
    `chown root:root ${HOOK_FILE} && chmod 755 ${HOOK_FILE} && ${HOOK_FILE} setup`,
    ...[...principalFiles(settings)].map(([user, principals]) => addLine(`${PRINCIPALS_FOLDER}/${user}`, principals)),
    `cat > ${CONFIG_FILE} <<'HALLPASS'`,
    `TrustedUserCAKeys ${CA_FILE}`,
    `RevokedKeys ${HOOK_FOLDERS.state}/revoked.krl`,
    `AuthorizedPrincipalsCommand ${HOOK_FILE} principals %s %i %u`,
    'AuthorizedPrincipalsCommandUser root',
    ...(isRoot ? ['PermitRootLogin forced-commands-only'] : []),
    'HALLPASS',
    `printf '%s\\n' '* * * * * root ${HOOK_FILE} sweep' > /etc/cron.d/hallpass-ssh`,
    RELOAD,
  ];
}

function bare(settings: SshSettings): string[] {
  // Once sshd looks into such files, an account without one is open to no certificate: then every level's account gets one.
  const isDefault = principalFiles(settings).size === 0;
  const files = isDefault ? [] : settings.logins.map((login) => [login.user, principalsOf(login)] as const);
  return [
    ...(isDefault ? [] : [`mkdir -p ${PRINCIPALS_FOLDER}`]),
    ...files.map(([user, principals]) => addLine(`${PRINCIPALS_FOLDER}/${user}`, principals)),
    `cat > ${CONFIG_FILE} <<'HALLPASS'`,
    `TrustedUserCAKeys ${CA_FILE}`,
    ...(isDefault ? [] : [`AuthorizedPrincipalsFile ${PRINCIPALS_FOLDER}/%u`]),
    'HALLPASS',
    RELOAD,
  ];
}

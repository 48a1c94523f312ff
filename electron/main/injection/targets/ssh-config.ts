/**
 * One marked block of ours at the head of the user's ssh_config, with an `Include` for each live grant. Pure text work.
 * Why at the head: ssh takes the first value it finds, and an `Include` further down would belong to the `Host` above it.
 * Why `Include`: what ssh reads of a grant lies beside its key, so a keeper that removes the folder leaves a line that ssh
 * passes over, and nothing else. Text is latin1, one character per byte, so that no byte can change.
 *
 *   # >>> hallpass <profile> +file
 *   Include "/run/user/1000/hallpass/<profile>/<grant>/config"
 *   # <<< hallpass <profile>
 */
import { asBytes } from '../marked-blocks';

export interface ConfigOwner {
  /** Eight hex digits: two profiles of the app may share a file and don't touch each other's block. */
  readonly profile: string;
  /** The grant to whose lease folder a path belongs, when it is one of ours. */
  grantOf(path: string): string | null;
}
export interface ConfigEdit {
  readonly text: string;
  /** True when nothing but our own work is left in a file that we made. */
  readonly fileIsOurs: boolean;
}

const MARKER = /^# (>>>|<<<) hallpass ([0-9a-f]{8})( \+file)?\s*$/;
const INCLUDE = /^\s*include\s+"([^"]+)"\s*$/i;
export const BYTE_ORDER_MARK = '\u00ef\u00bb\u00bf';

const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
const lineEndOf = (text: string): string => (/^[^\r\n]*\r\n/.test(text) ? '\r\n' : '\n');

function ourGrant(line: string, owner: ConfigOwner): string | null {
  const path = INCLUDE.exec(line)?.[1];
  return path === undefined ? null : owner.grantOf(Buffer.from(path, 'latin1').toString('utf8'));
}

/** The lines that are not ours, and whether our block said that we made the file. */
function strip(text: string, owner: ConfigOwner): { rest: string[]; madeFile: boolean } {
  let madeFile = false;
  const rest = linesOf(text).filter((line) => {
    const [found, , profile, file] = MARKER.exec(line) ?? [];
    if (found !== undefined && profile === owner.profile) {
      madeFile ||= file !== undefined;
      return false;
    }
    return ourGrant(line, owner) === null;
  });
  return { rest, madeFile };
}

/**
 * Makes the file include exactly these, in this order. What the user wrote inside of our block stays.
 * @param before content as latin1, null when there is no file
 */
export function setIncludes(before: string | null, owner: ConfigOwner, paths: readonly string[]): ConfigEdit {
  const { rest, madeFile } = strip(before ?? '', owner);
  const isEmpty = rest.length === 0;
  const made = isEmpty && (before === null || madeFile);
  if (paths.length === 0) return { text: rest.join(''), fileIsOurs: made };
  const end = lineEndOf(rest.join(''));
  const block = [
    `# >>> hallpass ${owner.profile}${made ? ' +file' : ''}`,
    ...paths.map((path) => `Include "${asBytes(path)}"`),
    `# <<< hallpass ${owner.profile}`,
  ];
  return { text: [...block.map((line) => `${line}${end}`), ...rest].join(''), fileIsOurs: false };
}

/** Grants of this profile that the file includes. */
export const grantsIncluded = (text: string, owner: ConfigOwner): Set<string> =>
  new Set(linesOf(text).flatMap((line) => ourGrant(line, owner) ?? []));

/** Names that the user's own `Host` lines have, patterns left out: those are general and may stand beside ours. */
export function hostNamesIn(text: string, owner: ConfigOwner): Set<string> {
  const names = new Set<string>();
  for (const line of strip(text, owner).rest) {
    const found = /^\s*host(?:\s*=\s*|\s+)(.*?)\s*$/i.exec(line);
    for (const [, quoted, bare] of (found?.[1] ?? '').matchAll(/"([^"]*)"|(\S+)/g)) {
      const name = quoted ?? bare ?? '';
      if (name.startsWith('#')) break;
      if (!/[*?!]/.test(name)) names.add(name);
    }
  }
  return names;
}

/** Why a path can't stand in an ssh_config; null when it can. `Include` knows patterns, other keywords know `%` and `$`. */
export const pathProblem = (path: string): string | null =>
  /["%$*?[\]\\\u0000-\u001f]/.test(path) ? 'holds characters that an ssh configuration can’t name' : null;

export interface HostSection {
  readonly names: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly alias: string;
  readonly knownHosts: string;
  readonly identity: string;
  readonly certificate: string;
  /** `none`: ssh takes the key from its file. `usual`: from the agent too. */
  readonly agent: 'none' | 'usual';
}
/** What ssh reads of one grant. Everything that decides who is reached, and as whom, is said here and not left to `Host *`. */
export function hostSection(section: HostSection): string {
  const lines = [
    `HostName ${section.host}`,
    `Port ${section.port}`,
    `User ${section.user}`,
    `HostKeyAlias ${section.alias}`,
    `UserKnownHostsFile "${section.knownHosts}"`,
    'StrictHostKeyChecking yes',
    'UpdateHostKeys no',
    `IdentityFile "${section.identity}"`,
    `CertificateFile "${section.certificate}"`,
    'IdentitiesOnly yes',
    ...(section.agent === 'none' ? ['IdentityAgent none'] : []),
    'ControlPath none',
  ];
  return [`Host ${section.names.join(' ')}`, ...lines.map((line) => `  ${line}`), ''].join('\n');
}

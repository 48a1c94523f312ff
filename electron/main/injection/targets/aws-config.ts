/**
 * How the AWS tools read their two files, and how to write values that all of them read back unchanged. Pure.
 * `config` has `[profile name]` (and `[default]`), `credentials` has `[name]`. Values end at a `#` or `;` behind white space
 * for some SDKs, and `credential_process` is split by a shell for others, so what doesn't fit all of them is refused.
 */

export type AwsFile = 'config' | 'credentials';

/** The header of a profile's section. */
export const headerFor = (file: AwsFile, profile: string): string =>
  file === 'config' && profile !== 'default' ? `profile ${profile}` : profile;

/** The profile that a section header speaks of: `profile name`, `profile "name"`; null for other sections (`sso-session x`). */
export function profileOfHeader(file: AwsFile, header: string): string | null {
  const text = header.trim();
  if (file === 'credentials' || text === 'default') return unquoted(text);
  const [, name] = /^profile\s+(.+)$/.exec(text) ?? [];
  return name === undefined ? null : unquoted(name.trim());
}
const unquoted = (text: string): string => /^"(.*)"$/.exec(text)?.[1] ?? /^'(.*)'$/.exec(text)?.[1] ?? text;

/** A path that stands as one word in `credential_process`, whoever splits it: a shell, Python's shlex, or the Windows rules. */
export const fitsProcess = (path: string): boolean => !/["'`$\\!%\n\r\0]|\s[#;]/.test(path);
export const fitsProcessOnWindows = (path: string): boolean => !/["'`$!%\n\r\0]|\s[#;]/.test(path);
/** The value of `credential_process`. */
export const processValue = (helper: string, grantId: string): string => {
  const word = /\s/.test(helper) ? `"${helper}"` : helper;
  return `${word} credential-process ${grantId}`;
};
/** The grant that a line of ours points to: a process of `helper`, or the note in a section of keys. */
export function grantOfLine(line: string, helper: string, profile: string): string | null {
  const [, key, value] = /^([a-z_]+)\s*=\s*(.*)$/.exec(line) ?? [];
  const [, grantId] = /\b(grt_[0-9a-hjkmnp-tv-z]{26})$/.exec(value ?? '') ?? [];
  if (!key || !value || !grantId) return null;
  if (key === 'credential_process') return value === processValue(helper, grantId) ? grantId : null;
  return key === NOTE_KEY && value === `${profile} ${grantId}` ? grantId : null;
}
/** The tools pass over keys that they don't know. */
export const NOTE_KEY = 'hallpass';

/** Why the tools could not use this file; null when they can. */
export const fileProblem = (text: string): { what: string; next: string } | null =>
  text.includes('\0')
    ? { what: 'is not a plain text file (it holds NUL bytes).', next: 'Save it as UTF-8 text.' }
    : null;

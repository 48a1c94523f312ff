/** Text of .desktop files: one for the scheme handler, one for autostart. Pure; https://specifications.freedesktop.org/desktop-entry-spec */

export interface DesktopEntry {
  readonly name: string;
  readonly command: readonly string[];
  /** A field code such as `%u` after the command, behind `--` so that a link can never be taken for a switch. */
  readonly linkCode?: '%u';
  readonly mimeType?: string;
  readonly hidden?: 'NoDisplay';
  readonly keys?: Readonly<Record<string, string>>;
}

/** What needs no quotes. The specification then wants none, and xdg-open on a plain desktop understands none. */
const PLAIN = /^[\w@+=:,./-]+$/;

/** One Exec argument as the specification wants it: as it is, or a quoted string with the general escape rule for the value. */
export function execArgument(text: string): string {
  if (PLAIN.test(text)) return text;
  const quoted = `"${text.replace(/(["`$\\])/g, '\\$1')}"`;
  return quoted.replace(/\\/g, '\\\\').replace(/%/g, '%%');
}

export function desktopEntryText(entry: DesktopEntry): string {
  const exec = [...entry.command.map(execArgument), ...(entry.linkCode === undefined ? [] : ['--', entry.linkCode])];
  const lines = [
    '[Desktop Entry]',
    'Type=Application',
    'Version=1.0',
    `Name=${entry.name}`,
    'Comment=Just-in-time access',
    `Exec=${exec.join(' ')}`,
    'Terminal=false',
    'StartupNotify=false',
    ...(entry.mimeType === undefined ? [] : [`MimeType=${entry.mimeType};`]),
    ...(entry.hidden === undefined ? [] : ['NoDisplay=true']),
    ...Object.entries(entry.keys ?? {}).map(([key, value]) => `${key}=${value}`),
  ];
  return `${lines.join('\n')}\n`;
}

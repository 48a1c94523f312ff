/** A shortcut as it is pressed, as Electron wants it, and as people read it. Pure. */
export interface Pressed {
  readonly key: string;
  /** The physical key; letters and digits are taken from it, so that Shift or another layout does not change them. */
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}
export type Recorded =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'shortcut'; readonly accelerator: string };

const NAMED: Readonly<Record<string, string>> = {
  Space: 'Space',
  Enter: 'Enter',
  Insert: 'Insert',
  Home: 'Home',
  End: 'End',
  PageUp: 'PageUp',
  PageDown: 'PageDown',
  ArrowUp: 'Up',
  ArrowDown: 'Down',
  ArrowLeft: 'Left',
  ArrowRight: 'Right',
  Minus: '-',
  Equal: '=',
  Comma: ',',
  Period: '.',
  Slash: '/',
  Semicolon: ';',
  Backquote: '`',
};
const MODIFIERS = new Set(['Control', 'Shift', 'Alt', 'Meta', 'AltGraph', 'Dead', 'Process', 'Unidentified']);

/** What a press means: still waiting (modifiers alone), not good for the whole desktop, or a shortcut. */
export function recordShortcut(pressed: Pressed): Recorded {
  if (MODIFIERS.has(pressed.key)) return { kind: 'waiting' };
  const key =
    /^Key([A-Z])$/.exec(pressed.code)?.[1] ??
    /^Digit(\d)$/.exec(pressed.code)?.[1] ??
    /^(F([1-9]|1\d|2[0-4]))$/.exec(pressed.code)?.[1] ??
    NAMED[pressed.code];
  if (key === undefined)
    return { kind: 'refused', why: 'That key can’t be used. Take a letter, a digit, Space or a function key.' };
  const held = [
    pressed.ctrlKey && 'Control',
    pressed.metaKey && 'Super',
    pressed.altKey && 'Alt',
    pressed.shiftKey && 'Shift',
  ].filter((one) => one !== false);
  const strong = held.some((one) => one !== 'Shift');
  if (!strong && !/^F\d/.test(key))
    return { kind: 'refused', why: 'Hold Ctrl, Alt or Super with it: a plain key would be missing everywhere else.' };
  return { kind: 'shortcut', accelerator: [...held, key].join('+') };
}

const READ: Readonly<Record<string, string>> = {
  CommandOrControl: 'Ctrl',
  CmdOrCtrl: 'Ctrl',
  Control: 'Ctrl',
  Command: 'Cmd',
  Up: '↑',
  Down: '↓',
  Left: '←',
  Right: '→',
};
/** "CommandOrControl+Shift+Space" → ["Ctrl", "Shift", "Space"]; empty when there is none. */
export const shortcutKeys = (accelerator: string): string[] =>
  accelerator === '' ? [] : accelerator.split('+').map((part) => READ[part] ?? part);

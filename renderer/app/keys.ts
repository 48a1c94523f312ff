/**
 * The keyboard. One listener per window; screens add their keys with `useKeys` while they are shown.
 * Plain letters never fire while somebody types, nor inside a dialog; Ctrl combinations do.
 */
import { useEffect, useRef, useSyncExternalStore } from 'react';

export interface KeyBinding {
  /** "n", "/", "?", "ctrl+k", "ctrl+enter", "g r" (one after the other). */
  readonly keys: string;
  /** What it does, for the help sheet. */
  readonly label: string;
  readonly run: () => void;
}

/** "ctrl+k" for an event. Command counts as Ctrl. Shift is left to the character it makes. */
export function chordOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): string {
  return `${event.ctrlKey || event.metaKey ? 'ctrl+' : ''}${event.altKey ? 'alt+' : ''}${event.key.toLowerCase()}`;
}

const SEQUENCE_MS = 1_200;
export type Match =
  | { readonly run: KeyBinding; readonly waiting: false }
  | { readonly run: null; readonly waiting: boolean };
/** Which binding fits, after `before` was pressed (or null). The newest layer wins. Pure. */
export function matchKey(layers: readonly (readonly KeyBinding[])[], before: string | null, chord: string): Match {
  const wanted = before === null ? chord : `${before} ${chord}`;
  const all = [...layers].reverse().flat();
  const exact = all.find((binding) => binding.keys === wanted);
  if (exact !== undefined) return { run: exact, waiting: false };
  return { run: null, waiting: all.some((binding) => binding.keys.startsWith(`${wanted} `)) };
}

const layers: { current: readonly KeyBinding[] }[] = [];
const listeners = new Set<() => void>();
let snapshot: readonly (readonly KeyBinding[])[] = [];
function changed(): void {
  snapshot = layers.map((layer) => layer.current);
  for (const listener of listeners) listener();
}
/** All keys that work now, oldest layer first. */
export const useAllKeys = () =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    () => snapshot,
  );

/** Adds keys while the component is shown. */
export function useKeys(bindings: readonly KeyBinding[]): void {
  const layer = useRef(bindings);
  layer.current = bindings;
  const names = bindings.map((binding) => `${binding.keys}=${binding.label}`).join('\n');
  useEffect(() => {
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
      changed();
    };
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the help sheet is told when names change, not on each render
  useEffect(changed, [names]);
}

const TYPING = 'input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable], [role=combobox]';
let before: { readonly chord: string; readonly at: number } | null = null;
function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || ['Control', 'Shift', 'Alt', 'Meta'].includes(event.key)) return;
  const chord = chordOf(event);
  const target = event.target instanceof Element ? event.target : null;
  const held = chord.startsWith('ctrl+');
  if (!held && target?.closest(`${TYPING}, [role=menu], [role=listbox]`)) return;
  if (document.querySelector('.hp-dialog') !== null && chord !== 'ctrl+k') return;
  const recent = before !== null && event.timeStamp - before.at < SEQUENCE_MS ? before.chord : null;
  const live = layers.map((layer) => layer.current);
  let match = matchKey(live, recent, chord);
  if (match.run === null && !match.waiting && recent !== null) match = matchKey(live, null, chord);
  before = match.waiting ? { chord: recent === null ? chord : `${recent} ${chord}`, at: event.timeStamp } : null;
  if (match.run === null && !match.waiting) return;
  event.preventDefault();
  match.run?.run();
}
/** Starts the listener. Returns its stop. */
export function listenToKeys(): () => void {
  window.addEventListener('keydown', onKey);
  return () => window.removeEventListener('keydown', onKey);
}

/** J and K (and the arrows) move through a list of `count`; returns nothing, calls `select` with the next index. */
export function useListKeys(count: number, selected: number, select: (index: number) => void): void {
  const move = (by: number) => count > 0 && select(Math.min(count - 1, Math.max(0, selected + by)));
  useKeys([
    { keys: 'j', label: 'Next in the list', run: () => move(1) },
    { keys: 'k', label: 'Previous in the list', run: () => move(-1) },
    { keys: 'arrowdown', label: 'Next in the list', run: () => move(1) },
    { keys: 'arrowup', label: 'Previous in the list', run: () => move(-1) },
  ]);
}

/**
 * YAML with line numbers: to read, or to write in a plain text area that lies over the painted lines.
 * Why a text area: undo, input methods, spelling of screen readers and selection are the platform's own.
 * Tab indents; Escape and then Tab leaves, so that nobody is caught in it.
 */
import { type KeyboardEvent, memo, type Ref, useEffect, useId, useImperativeHandle, useRef } from 'react';
import styles from './code.module.css';
import { breakLine, type Edit, indent, outdent, placeOfLine, type Selection, toggleComment } from './editing';
import { tokensOf } from './highlight';

export interface Mark {
  readonly tone: 'bad' | 'warn';
  readonly message: string;
}
export interface LitLines {
  readonly fromLine: number;
  readonly toLine: number;
}
/** More lines than this are shown without colours, so that typing stays quick. */
const MOST_COLOURED = 3_000;
const NO_MARKS: ReadonlyMap<number, Mark> = new Map();

interface LineProps {
  readonly text: string;
  readonly colours: 'on' | 'off';
  readonly tone: Mark['tone'] | undefined;
  readonly message: string | undefined;
  readonly lit: boolean;
}
const Line = memo(function Line({ text, colours, tone, message, lit }: LineProps) {
  let at = 0;
  return (
    <div className={styles.line} data-tone={tone} data-lit={lit || undefined}>
      {colours === 'off'
        ? text
        : tokensOf(text).map((token) => {
            const key = at;
            at += token.text.length;
            return (
              <span key={key} data-kind={token.kind}>
                {token.text}
              </span>
            );
          })}
      {message !== undefined && <span className={styles.said}>{message}</span>}
    </div>
  );
});

interface LinesProps {
  readonly lines: readonly string[];
  readonly marks: ReadonlyMap<number, Mark>;
  readonly lit: LitLines | null;
}
const Lines = ({ lines, marks, lit }: LinesProps) =>
  lines.map((text, index) => {
    const line = index + 1;
    const mark = marks.get(line);
    return (
      <Line
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
        key={index}
        text={text}
        colours={lines.length > MOST_COLOURED ? 'off' : 'on'}
        tone={mark?.tone}
        message={mark?.message}
        lit={lit !== null && line >= lit.fromLine && line <= lit.toLine}
      />
    );
  });
const Gutter = ({ lines, marks, lit }: LinesProps) => (
  <div className={styles.gutter} aria-hidden>
    {lines.map((_, index) => (
      <div
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number
        key={index}
        data-tone={marks.get(index + 1)?.tone}
        data-lit={(lit !== null && index + 1 >= lit.fromLine && index + 1 <= lit.toLine) || undefined}
      >
        {index + 1}
      </div>
    ))}
  </div>
);

export interface SourceProps {
  readonly text: string;
  readonly label: string;
  readonly lit?: LitLines | null;
}
/** To read. The lit lines are scrolled to. */
export function Source({ text, label, lit = null }: SourceProps) {
  const box = useRef<HTMLElement>(null);
  const lines = text.replace(/\n$/, '').split('\n');
  const litFrom = lit?.fromLine;
  useEffect(() => {
    if (litFrom !== undefined) box.current?.querySelector('[data-lit]')?.scrollIntoView({ block: 'nearest' });
  }, [litFrom]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
    <section ref={box} className={styles.code} aria-label={label} tabIndex={0}>
      <Gutter lines={lines} marks={NO_MARKS} lit={lit} />
      <div className={styles.sheet}>
        <pre>
          <Lines lines={lines} marks={NO_MARKS} lit={lit} />
        </pre>
      </div>
    </section>
  );
}

export interface EditorHandle {
  /** Puts the caret on a line and shows it. */
  goTo(line: number): void;
  /** Makes an edit that Undo takes back. */
  put(edit: Edit): void;
}
export interface EditorProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly label: string;
  readonly marks: ReadonlyMap<number, Mark>;
  /** Id of the element that lists the errors. */
  readonly describedBy?: string;
  readonly ref?: Ref<EditorHandle>;
}
export function Editor({ value, onChange, label, marks, describedBy, ref }: EditorProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const leaving = useRef(false);
  const help = useId();
  const lines = value.split('\n');
  useImperativeHandle(ref, () => ({
    goTo(line) {
      if (area.current === null) return;
      const { from, to } = placeOfLine(area.current.value, line);
      area.current.focus();
      area.current.setSelectionRange(from, to);
      showLine(box.current, line);
    },
    put(edit) {
      if (area.current === null) return;
      put(area.current, edit);
      showLine(box.current, area.current.value.slice(0, edit.select.from).split('\n').length);
    },
  }));
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const target = event.currentTarget;
    if (event.key === 'Tab' && leaving.current) return;
    leaving.current = event.key === 'Escape';
    const edit = editOf(event, target.value, { from: target.selectionStart, to: target.selectionEnd });
    if (edit === null) return;
    event.preventDefault();
    put(target, edit);
  };
  return (
    <div ref={box} className={styles.code} data-editable>
      <Gutter lines={lines} marks={marks} lit={null} />
      <div className={styles.sheet}>
        <pre aria-hidden>
          <Lines lines={lines} marks={marks} lit={null} />
        </pre>
        <textarea
          ref={area}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          onKeyDown={onKeyDown}
          onBlur={() => {
            leaving.current = false;
          }}
          aria-label={label}
          aria-invalid={[...marks.values()].some((mark) => mark.tone === 'bad') || undefined}
          aria-describedby={describedBy === undefined ? help : `${describedBy} ${help}`}
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          wrap="off"
        />
        <span id={help} className="sr-only">
          Tab indents. Press Escape and then Tab to leave the editor.
        </span>
      </div>
    </div>
  );
}

function editOf(event: KeyboardEvent, text: string, selection: Selection): Edit | null {
  if (event.nativeEvent.isComposing || event.altKey) return null;
  if (event.ctrlKey || event.metaKey) return event.key === '/' ? toggleComment(text, selection) : null;
  if (event.key === 'Tab') return event.shiftKey ? outdent(text, selection) : indent(text, selection);
  return event.key === 'Enter' && !event.shiftKey ? breakLine(text, selection) : null;
}
/** `insertText` is the one way to change a text area that Undo knows of. */
function put(area: HTMLTextAreaElement, edit: Edit): void {
  area.focus();
  area.setSelectionRange(edit.from, edit.to);
  const done =
    edit.text === '' && edit.from === edit.to
      ? true
      : document.execCommand(edit.text === '' ? 'delete' : 'insertText', false, edit.text);
  if (!done) {
    area.setRangeText(edit.text, edit.from, edit.to);
    area.dispatchEvent(new Event('input', { bubbles: true }));
  }
  area.setSelectionRange(edit.select.from, edit.select.to);
}
const showLine = (box: HTMLElement | null, line: number) =>
  box?.querySelector(`.${styles.gutter} > :nth-child(${line})`)?.scrollIntoView({ block: 'nearest' });

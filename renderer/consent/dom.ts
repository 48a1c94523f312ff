/**
 * The only way this page makes elements. Text goes in as text nodes, never as markup, so whatever a requester
 * writes is shown and not run.
 */
type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | ((event: Event) => void) | undefined>;

const SVG_TAGS = new Set(['svg', 'path', 'circle', 'line', 'rect', 'g']);

/** Makes an element. `onclick` and the like take a function; `false` and `undefined` attributes are left out. */
export function h(tag: string, attributes: Attributes = {}, ...children: Child[]): HTMLElement {
  const element = SVG_TAGS.has(tag)
    ? (document.createElementNS('http://www.w3.org/2000/svg', tag) as unknown as HTMLElement)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** Replaces what is in `parent`, keeping the focus on the element with the same id. */
export function show(parent: HTMLElement, ...children: Child[]): void {
  const focused = document.activeElement?.id;
  parent.replaceChildren(...children.filter((child): child is Node | string => Boolean(child)));
  if (focused) document.getElementById(focused)?.focus();
}

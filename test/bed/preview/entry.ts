/** The page of the preview: one scene (`?scene=home&theme=dark`), then the real app, then what the scene does to it. */
import { pretendConsent } from './consent';
import { pretend } from './fake';
import * as fixtures from './fixtures';
import { SCENES } from './scenes';

declare global {
  interface Window {
    previewDone?: boolean;
    previewScenes?: readonly string[];
    previewEmit(channel: string, payload: unknown): void;
  }
}
const wish = new URLSearchParams(location.search);
window.previewScenes = Object.keys(SCENES);
const scene = SCENES[wish.get('scene') ?? 'home'];
if (scene === undefined) throw new Error(`no scene ${wish.get('scene')}`);
const session = scene.session ?? fixtures.readySession;
const clockOffsetMs = fixtures.NOW - Date.now();
pretend({
  ...scene,
  session: session.phase === 'ready' ? { ...session, clockOffsetMs } : session,
  settings: { ...scene.settings, theme: wish.get('theme') === 'dark' ? 'dark' : 'light' },
});
// the hash history of the router would take our own search for the screen's
history.replaceState(null, '', `${location.pathname}#${scene.route ?? '/'}`);
if (scene.consent === undefined) await import('../../../renderer/app/main');
else {
  pretendConsent(scene.consent, wish.get('theme') === 'dark' ? 'dark' : 'light');
  await import('../../../renderer/consent/main');
}

const frame = () => new Promise((done) => requestAnimationFrame(done));
/** Waits for an element, at most two seconds of frames. */
const find = async (selector: string): Promise<HTMLElement> => {
  for (let i = 0; i < 120; i++) {
    const found = document.querySelector<HTMLElement>(selector);
    if (found !== null) return found;
    await frame();
  }
  throw new Error(`scene ${wish.get('scene')}: no ${selector}`);
};
await document.fonts.ready;
await find('h1, h2, .side, main');
for (let i = 0; i < 12; i++) await frame();
try {
  await scene.act?.({
    find,
    async press(key, init = {}) {
      const target = document.activeElement ?? document.body;
      target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...init }));
      await frame();
    },
    async click(selector) {
      const element = await find(selector);
      element.focus();
      element.click();
      await frame();
    },
    async type(selector, text) {
      const field = (await find(selector)) as HTMLInputElement;
      field.focus();
      const prototype =
        field instanceof HTMLTextAreaElement ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
      Object.getOwnPropertyDescriptor(prototype, 'value')?.set?.call(field, text);
      field.dispatchEvent(new Event('input', { bubbles: true }));
      await frame();
    },
    emit: (channel, payload) => window.previewEmit(channel, payload),
  });
} catch (error) {
  console.error(error);
}
await document.fonts.ready;
for (let i = 0; i < 45; i++) await frame(); // debounced previews, transitions
window.previewDone = true;

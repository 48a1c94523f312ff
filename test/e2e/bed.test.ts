/** Proves the headless desktop itself, on an app of a few lines, so that a red test elsewhere means the product. */
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { electronRuntime } from '../../electron/dev/electron-runtime.mjs';
import { type Bed, type BedApp, openLink, startBed, until } from '../bed';

const TINY_APP = fileURLToPath(new URL('../bed/fixtures/tiny-app', import.meta.url));

interface Tiny {
  readonly seen: { clicks: string[]; notification: string[]; power: string[]; links: string[] };
  readonly safeStorage: { isEncryptionAvailable(): boolean; getSelectedStorageBackend(): string };
  notify(title: string, body: string): void;
}

const seenBy = (app: BedApp) => app.inMain(() => Reflect.get(globalThis, 'tiny').seen as Tiny['seen']);
const notify = (app: BedApp, title: string) =>
  app.inMain((_electron, text) => Reflect.get(globalThis, 'tiny').notify(text, 'from the tiny app'), title);

describe('a whole bed', () => {
  let bed: Bed;
  let app: BedApp;
  beforeAll(async () => {
    bed = await startBed();
    app = await bed.launchApp({ app: TINY_APP });
    await app.window();
  });
  afterAll(() => bed?.stop());

  test('a window opens and can be clicked', async () => {
    const window = await app.window();
    await window.click('button');
    expect(await window.textContent('button')).toBe('pressed');
  });

  test('the tray shows tooltip, icon and menu, and its lines can be pressed', async () => {
    const tray = await app.tray();
    expect(await tray.tooltip()).toBe('tiny is here');
    expect((await tray.icon()).width).toBeGreaterThanOrEqual(16);
    const labels = (await tray.menu()).map(({ label, kind }) => (kind === 'separator' ? '—' : label));
    expect(labels).toEqual(['Press me', 'Not now', '—', 'More']);
    await tray.click('Press me');
    await tray.click('More', 'Deep_down');
    await tray.activate();
    await until('three clicks', async () => (await seenBy(app)).clicks.length === 3);
    expect((await seenBy(app)).clicks).toEqual(['Press me', 'Deep_down', 'icon']);
    await expect(tray.click('Not now')).rejects.toThrow("can't be pressed");
    await expect(tray.click('Nowhere')).rejects.toThrow('Press me');
  });

  test('a notification is recorded, and pressing or dismissing it reaches the app', async () => {
    await notify(app, 'first');
    const first = await bed.notifications.waitFor('first', ({ summary }) => summary === 'first');
    expect(first.body).toBe('from the tiny app');
    expect((await bed.notifications.of(app.processId)).map(({ id }) => id)).toContain(first.id);
    bed.notifications.invoke(first.id, 'default');
    await until('the click', async () => (await seenBy(app)).notification.includes('click'));
    await notify(app, 'second');
    const second = await bed.notifications.waitFor('second', ({ summary }) => summary === 'second');
    bed.notifications.dismiss(second.id);
    await until('the close', async () => (await seenBy(app)).notification.includes('close'));
    expect(bed.notifications.open()).toEqual([]);
  });

  test('the keyring is real', async () => {
    const storage = await app.inMain(() => {
      const { safeStorage } = Reflect.get(globalThis, 'tiny') as Tiny;
      return { available: safeStorage.isEncryptionAvailable(), backend: safeStorage.getSelectedStorageBackend() };
    });
    expect(storage).toEqual({ available: true, backend: 'gnome_libsecret' });
  });

  test('sleep and wake arrive', async () => {
    bed.logind.suspend();
    bed.logind.resume();
    await until('the wake-up', async () => (await seenBy(app)).power.includes('resume'));
    expect((await seenBy(app)).power[0]).toBe('suspend');
  });

  test('a link opened on the desktop reaches the running app', async () => {
    const folder = path.join(app.home, '.local', 'share', 'applications');
    const { path: electron } = await electronRuntime();
    const entry = ['[Desktop Entry]', 'Type=Application', 'Name=Tiny', 'MimeType=x-scheme-handler/tiny;'];
    // xdg-open splits this line at blanks and knows no quotes.
    const exec = `Exec=${electron} --no-sandbox --log-level=3 ${TINY_APP} -- %u`;
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, 'tiny-app.desktop'), `${[...entry, exec].join('\n')}\n`);
    await writeFile(
      path.join(folder, 'mimeapps.list'),
      '[Default Applications]\nx-scheme-handler/tiny=tiny-app.desktop\n',
    );
    await openLink(app, 'tiny://hello/42');
    await until('the link', async () => (await seenBy(app)).links.includes('tiny://hello/42'));
  });

  test('two people have their own homes and their own tray icons', async () => {
    const other = await bed.launchApp({ app: TINY_APP, person: 'other' });
    await other.window();
    expect(other.home).not.toBe(app.home);
    await (await other.tray()).click('Press me');
    await until('the click', async () => (await seenBy(other)).clicks.length === 1);
    await other.close();
  });

  test('the desktop can be photographed', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pictures-'));
    await bed.pictures.desktop(path.join(folder, 'desktop.png'));
    expect((await stat(path.join(folder, 'desktop.png'))).size).toBeGreaterThan(1000);
    await rm(folder, { recursive: true });
  });

  test('tray menu and notification are photographed as a real desktop draws them, or it is said why not', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'pictures-'));
    const other = await bed.launchApp({ app: TINY_APP, person: 'third' });
    await other.tray();
    await notify(app, 'in the picture');
    await bed.notifications.waitFor('in the picture', ({ summary }) => summary === 'in the picture');
    const results = [
      await bed.pictures.trayMenu(app, path.join(folder, 'tray.png'), ['More']),
      await bed.pictures.notification(path.join(folder, 'notification.png')),
    ];
    for (const result of results) {
      if (result.taken) expect((await stat(result.file)).size).toBeGreaterThan(1000);
      else expect(result.why).toMatch(/^not installed: /);
    }
    expect((await seenBy(app)).clicks).toHaveLength(3);
    await other.close();
    await rm(folder, { recursive: true });
  });
});

test('a bed without keyring, tray and notifications is possible, and the tray may come late', async () => {
  const bed = await startBed({ keyring: 'absent', tray: 'absent', notifications: 'absent' });
  try {
    const app = await bed.launchApp({ app: TINY_APP });
    await app.window();
    const available = await app.inMain(() => {
      const { safeStorage } = Reflect.get(globalThis, 'tiny') as Tiny;
      return safeStorage.isEncryptionAvailable();
    });
    expect(available).toBe(false);
    await expect(app.tray(100)).rejects.toThrow('did not happen');
    await bed.tray.start();
    await app.kill();
    const again = await bed.launchApp({ app: TINY_APP });
    expect(await (await again.tray()).tooltip()).toBe('tiny is here');
  } finally {
    await bed.stop();
  }
});

test('a stopped bed leaves no folder behind', async () => {
  const bed = await startBed({ keyring: 'absent' });
  await bed.folders('someone');
  await bed.stop();
  await expect(readdir(bed.folder)).rejects.toThrow('ENOENT');
});

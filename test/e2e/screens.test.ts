/**
 * Every screen of the real app, filled by the sample, in both themes and both sizes: axe finds nothing serious, nothing is
 * wider than the window, and the page complains of nothing (a CSP violation would be a complaint).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningSampleTarget, startSampleTarget } from '../../electron/dev/sample/target';
import { type Bed, startBed, until } from '../bed';
import { Person } from '../demo/person';

const SCREENS = ['/', '/request', '/inbox', '/activity', '/resources', '/people', '/policy', '/settings'] as const;
const THEMES = ['light', 'dark'] as const;
const SIZES = [
  { width: 1280, height: 800 },
  { width: 900, height: 600 },
] as const;

describe('every screen', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'screens-'));
  let bed: Bed;
  let target: RunningSampleTarget;
  let ada: Person;
  const complaints: string[] = [];

  beforeAll(async () => {
    [bed, target] = await Promise.all([startBed(), startSampleTarget()]);
    const file = join(folder, 'target.json');
    writeFileSync(file, JSON.stringify(target.target), { mode: 0o600 });
    ada = await Person.at('Ada', await bed.launchApp({ person: 'ada', env: { HALLPASS_SAMPLE_FILE: file } }));
    ada.page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    ada.page.on('pageerror', (error) => complaints.push(error.message));
    await ada.ready();
    await ada.page.getByText('the sample is ready').waitFor({ timeout: 30_000 });
    await ada.page.getByRole('link', { name: 'Inbox, 1 wait for you' }).waitFor();
    complaints.length = 0; // while the service starts, a page that asks too early is told 503: that is an answer
  }, 90_000);
  afterAll(async () => {
    await bed?.stop();
    await target?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const resize = (size: (typeof SIZES)[number]) =>
    ada.app.inMain(
      ({ BrowserWindow }, { width, height }) => BrowserWindow.getAllWindows()[0]?.setContentSize(width, height),
      size,
    );
  /** axe in the page alone: Electron gives it no second page to finish in. Base UI's hidden focus guards pass focus on. */
  const seriousOn = async (): Promise<string[]> => {
    const { violations } = await new AxeBuilder({ page: ada.page })
      .setLegacyMode(true)
      .exclude('[data-base-ui-focus-guard]')
      .analyze();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
  };

  test.each(SCREENS)('%s has nothing that keeps people out, and fits', async (route) => {
    await ada.goTo(`#${route}`);
    await until('the screen', async () => (await ada.page.getByRole('heading', { level: 1 }).count()) > 0);
    await ada.page.locator('[aria-busy=true]').first().waitFor({ state: 'detached' });
    for (const theme of THEMES) {
      await ada.invoke('settings.set', { theme });
      await ada.page.locator(`html[data-theme=${theme}]`).waitFor();
      for (const size of SIZES) {
        await resize(size);
        await until('the size', () => ada.page.evaluate((width) => innerWidth === width, size.width));
        // a toast on its way out is half transparent, and no part of the screen
        await until('no toast', async () => (await ada.page.locator('.hp-toast').count()) === 0, 30_000);
        const where = `${route}, ${theme}, ${size.width}`;
        expect(await seriousOn(), where).toEqual([]);
        const wider = await ada.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(wider, `${where}: wider than the window`).toBeLessThanOrEqual(0);
      }
    }
    expect(complaints, route).toEqual([]);
  });
});

/**
 * The sample workspace as `npm start -- --sample` opens it, and in it what the desktop does around a grant: the card over the
 * inbox, keys, the credential's window and copies, exports, warnings, sleep and clock, quitting. One app, real PostgreSQL.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_FOLDER, tsxCommand } from '../../electron/dev/run.mjs';
import { type RunningSampleTarget, startSampleTarget } from '../../electron/dev/sample/target';
import type { GrantView } from '../../shared/contract/grants';
import { principalName } from '../../shared/domain/ids';
import { MINUTE_MS, SECOND_MS } from '../../shared/domain/instant';
import { type Bed, startBed, until } from '../bed';
import { Person } from '../demo/person';
import { psql } from '../demo/psql';
import { grantOf, injections, mine } from './scene';

describe('the sample workspace', { timeout: 90_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sample-'));
  let bed: Bed;
  let target: RunningSampleTarget;
  let ada: Person;
  let grant: GrantView;

  const children = () =>
    ada.app.inMain(({ BrowserWindow }) =>
      (BrowserWindow.getAllWindows()[0]?.contentView.children ?? []).map((view) => view.getBounds()),
    );
  const card = (): Promise<Page> =>
    until('the card', () => ada.app.electron.windows().find((page) => page.url().startsWith('consent:')));
  const focusIn = () =>
    ada.app.inMain(({ webContents }) => webContents.getFocusedWebContents()?.getURL().split(':')[0] ?? 'nowhere');
  const resourceIdOf = async (name: string): Promise<string> =>
    (await ada.call('catalog.list')).items.find(({ resource }) => resource.name === name)?.resource.id ?? '';
  const ask = async (name: string, level: string, ttlMs: number) =>
    ada.call('requests.submit', {
      body: {
        resourceId: await resourceIdOf(name),
        level,
        ttlMs,
        reason: 'to see how it works',
        ticketRef: '',
        startWhen: 'connected',
      },
    });
  const active = (requestId: string): Promise<GrantView> =>
    until(
      'the grant',
      async () => (await mine(ada)).find((one) => one.requestId === requestId && one.state === 'active'),
      30_000,
    );
  /** What the next native question is answered with: the index of a button. */
  const answerWith = (response: number) =>
    ada.app.inMain(({ dialog }, index) => {
      dialog.showMessageBox = () => Promise.resolve({ response: index, checkboxChecked: false }) as never;
    }, response);

  /** Timers of the main process of just this length wait until `letThemPass`. */
  const holdTimersOf = (lengthMs: number) =>
    ada.app.inMain((_electron, wanted) => {
      const honest = globalThis.setTimeout;
      const held: (() => void)[] = [];
      Object.assign(globalThis, {
        heldTimers: held,
        setTimeout: (run: () => void, ms: number, ...more: unknown[]) =>
          ms === wanted ? held.push(run) : honest(run, ms, ...(more as [])),
      });
    }, lengthMs);
  const letThemPass = () =>
    ada.app.inMain(() => {
      for (const run of (globalThis as never as { heldTimers: (() => void)[] }).heldTimers.splice(0)) run();
    });

  beforeAll(async () => {
    [bed, target] = await Promise.all([startBed(), startSampleTarget()]);
    const file = join(folder, 'target.json');
    writeFileSync(file, JSON.stringify(target.target), { mode: 0o600 });
    ada = await Person.at('Ada', await bed.launchApp({ person: 'ada', env: { HALLPASS_SAMPLE_FILE: file } }));
  }, 90_000);
  afterAll(async () => {
    await bed?.stop();
    await target?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test('asks nothing, says what it does, and a colleague asks soon', async () => {
    await ada.ready();
    await ada.page.getByText('the sample is ready').waitFor({ timeout: 30_000 });
    const notice = await bed.notifications.waitFor('a colleague’s request', ({ summary }) =>
      summary.startsWith('Alan Turing asks for read-only on orders-db'),
    );
    expect(notice.actions.map(({ key }) => key)).toContain('approve');
    await ada.page.getByRole('link', { name: 'Inbox, 1 wait for you' }).waitFor();
    expect(await ada.invoke('app.info')).toMatchObject({ sample: true, notifications: { available: true } });
    const applications = join(ada.app.home, '.local', 'share', 'applications', 'hallpass.desktop');
    expect(existsSync(applications)).toBe(false);
  });

  test('the card lies exactly over its pane, in the page’s theme, and steps aside for the palette', async () => {
    await ada.goTo('#/inbox');
    const hole = ada.page.locator('[data-consent-pane]');
    await hole.waitFor();
    const page = await card();
    await page.getByRole('heading', { name: /Alan Turing/ }).waitFor();
    const box = await hole.boundingBox();
    const round = (value: number | undefined) => Math.round(value ?? -1);
    await until('the view over the pane', async () => (await children()).length === 1);
    expect((await children())[0]).toEqual({
      x: round(box?.x),
      y: round(box?.y),
      width: round(box?.width),
      height: round(box?.height),
    });
    await ada.invoke('settings.set', { theme: 'dark' });
    await page.locator('html[data-theme=dark]').waitFor();
    await ada.invoke('settings.set', { theme: 'light' });
    await page.locator('html[data-theme=light]').waitFor();
    await ada.page.keyboard.press('Control+k');
    await ada.page.keyboard.type('playground rw'); // at once, without waiting for the palette
    await until('the view gone', async () => (await children()).length === 0);
    expect(await ada.page.getByRole('combobox', { name: 'Find or ask' }).inputValue()).toBe('playground rw');
    await ada.page.keyboard.press('Escape');
    await until('the view back', async () => (await children()).length === 1);
  });

  test('Enter goes to the card, A approves, the next request is one J away, D denies, Escape leaves', async () => {
    await ada.page.keyboard.press('Enter');
    await until('the card has the keyboard', async () => (await focusIn()) === 'consent');
    const page = await card();
    await page.locator('#approve:enabled').waitFor();
    await page.keyboard.press('a');
    await page
      .getByText(/^Approved/)
      .first()
      .waitFor();
    const second = await bed.notifications.waitFor('the second request', ({ summary }) =>
      summary.startsWith('Alan Turing asks for read-write on orders-db'),
    );
    expect(second.actions.map(({ key }) => key)).not.toContain('approve'); // production-write wants the card
    await ada.page.getByRole('button', { name: /Alan Turing.*read-write/ }).waitFor();
    await page.keyboard.press('j'); // from the card: the list moves
    await page.getByRole('heading', { name: /Alan Turing asks for read-write/ }).waitFor();
    await page.locator('#approve:enabled').waitFor();
    await page.keyboard.press('d');
    await page.locator('#reason').fill('Please open an incident first');
    await page.keyboard.press('Enter');
    await page.getByText('Denied. Alan Turing has been told.').waitFor();
    await page.keyboard.press('Escape');
    await until('the page has the keyboard', async () => (await focusIn()) === 'app');
  });

  test('the sample’s approver says yes to what the owner asks, and it says that it is the sample', async () => {
    const asked = await ask('orders-db', 'read-only', 15 * MINUTE_MS);
    expect(asked.state).toBe('pending');
    await ada.page.getByText('Sample: Grace Hopper approved your request').waitFor({ timeout: 30_000 });
    grant = await active(asked.id);
    const answer = await until('psql', async () => {
      const said = await psql(ada.env, 'orders-db', 'SELECT count(*) FROM sales.orders');
      return said.code === 0 ? said : undefined;
    });
    expect(answer.out).toBe('2000');
  });

  test('a copied password leaves the clipboard by itself, and the credential’s window holds it without a script', async () => {
    const readClipboard = () => ada.app.inMain(({ clipboard }) => clipboard.readText());
    const [local] = (await injections(ada)).filter((one) => one.grantId === grant.id);
    const passfile = local?.files.find((file) => !file.endsWith('.pg_service.conf')) ?? '';
    const password = readFileSync(passfile, 'utf8').trim().split(':').at(-1) ?? '';
    const opened = ada.app.electron.waitForEvent('window');
    await ada.invoke('credential.reveal', grant.id);
    const window = await opened;
    expect(window.url()).toBe('reveal://credential/');
    // the page is there a moment before its own process says the address it committed to
    const preferences = await until('the window’s preferences', () =>
      ada.app.inMain(({ webContents }) => {
        const found = webContents.getAllWebContents().find((each) => each.getURL().startsWith('reveal:'));
        const asked = found as unknown as { getLastWebPreferences(): { javascript?: boolean } } | undefined;
        return asked && { javascript: asked.getLastWebPreferences().javascript };
      }),
    );
    expect(preferences.javascript).toBe(false);
    await ada.app.inMain(({ BrowserWindow }) => {
      for (const each of BrowserWindow.getAllWindows())
        if (each.webContents.getURL().startsWith('reveal:')) each.close();
    });
    await holdTimersOf(30 * SECOND_MS);
    expect(await ada.invoke('credential.copy', grant.id)).toEqual({ clearsInMs: 30 * SECOND_MS });
    expect(await readClipboard()).toBe(password);
    await letThemPass();
    await until('the clipboard empty', async () => (await readClipboard()) === '');
    await ada.invoke('credential.copy', grant.id);
    await ada.invoke('text.copy', { text: 'something of their own' });
    await letThemPass();
    expect(await readClipboard()).toBe('something of their own');
  });

  test('the log is saved to a file that the verifier accepts', async () => {
    const file = join(folder, 'audit.jsonl');
    await ada.app.inMain(({ dialog }, path) => {
      dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: path }) as never;
    }, file);
    const saved = await ada.invoke<{ path: string; entries: number }>('audit.save', { kind: 'log' });
    expect(saved.path).toBe(file);
    expect(saved.entries).toBeGreaterThan(30);
    expect(statSync(file).mode & 0o077).toBe(0);
    const { command, args } = tsxCommand('electron/dev/verify-cli.ts', [file]);
    const code = await new Promise((resolve, reject) => {
      const child = spawn(command, args, { cwd: PROJECT_FOLDER, stdio: 'ignore', env: process.env });
      child.once('error', reject);
      child.once('exit', resolve);
    });
    expect(code).toBe(0);
  });

  test('a minute before the end it says so, and Extend in the notification gives more', async () => {
    const short = await active((await ask('playground', 'read-only', 62 * SECOND_MS)).id);
    const warning = await bed.notifications.waitFor(
      'the warning',
      ({ summary }) => summary === 'playground ends in 1 minute',
    );
    bed.notifications.invoke(warning.id, 'extend');
    const longer = await until('a later end', async () => {
      const now = await grantOf(ada, short.id);
      return (now.expiresAt ?? 0) > (short.expiresAt ?? 0) ? now : undefined;
    });
    expect((longer.expiresAt ?? 0) - (short.expiresAt ?? 0)).toBe(62 * SECOND_MS);
    await ada.invoke('grant.return', short.id);
    await until('ended', async () => (await grantOf(ada, short.id)).state === 'ended', 20_000);
  });

  test('a clock that jumps past the end ends it here at once, and nothing else', async () => {
    const jumped = await active((await ask('playground', 'read-write', 5 * MINUTE_MS)).id);
    await until('written', async () =>
      (await injections(ada)).some((one) => one.grantId === jumped.id && one.state === 'injected'),
    );
    await ada.app.inMain((_electron, lengthMs) => {
      const honest = Date.now;
      Date.now = () => honest() + lengthMs;
    }, 6 * MINUTE_MS);
    await until(
      'gone here',
      async () => (await injections(ada)).find((one) => one.grantId === jumped.id)?.state === 'removed',
    );
    expect((await injections(ada)).find((one) => one.grantId === grant.id)?.state).toBe('injected'); // 15 minutes are not over
  });

  test('quitting with a live grant asks: cancel, stay in the tray, or end it and go', async () => {
    const visible = () =>
      ada.app.inMain(({ BrowserWindow }) =>
        BrowserWindow.getAllWindows()
          .find((each) => each.webContents.getURL().startsWith('app:'))
          ?.isVisible(),
      );
    await answerWith(2);
    await ada.invoke('app.quit');
    expect(await visible()).toBe(true);
    await answerWith(0);
    await ada.invoke('app.quit');
    await until('hidden', async () => (await visible()) === false);
    expect((await grantOf(ada, grant.id)).state).toBe('active');
    await answerWith(1);
    const gone = new Promise<void>((resolve) => ada.app.electron.once('close', () => resolve()));
    await ada.invoke('app.quit').catch(() => undefined); // the page may go before the answer comes
    await gone;
    const [row] = await target.server.query<{ n: number }>(
      'postgres',
      'SELECT count(*)::int AS n FROM pg_roles WHERE rolname = $1',
      [principalName(grant.id)],
    );
    expect(row?.n).toBe(0);
    expect((await psql(ada.env, 'orders-db', 'SELECT 1')).code).not.toBe(0);
  });
});

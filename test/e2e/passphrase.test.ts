/**
 * A desktop without keyring and without notifications, and links that open the app: the invite that begins the first run, the
 * passphrase, what is swept while the key is still locked, opening at log-in. Real xdg-open, real files.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MINUTE_MS } from '../../shared/domain/instant';
import { inviteLink } from '../../shared/domain/links';
import { type Bed, openLink, startBed, until } from '../bed';
import { type PostgresServer, startPostgres } from '../bed/postgres';
import { chance26 } from '../bed/postgres-target';
import { Person } from '../demo/person';
import { addResource, injections, obtain, RESOURCE } from './scene';

const PASSPHRASE = 'correct horse battery';
const newInvite = (port: number) =>
  inviteLink({ address: `127.0.0.1:${port}`, pin: 'ab'.repeat(32), inviteId: `inv_${chance26()}` });
/** Ends the detached process that watches this lease, as a power cut would. */
function endKeeperOf(folder: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let words: string[];
    try {
      words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    } catch {
      continue; // it ended meanwhile
    }
    if (words.includes('hallpass-keeper') && words.includes(folder)) process.kill(Number(pid), 'SIGKILL');
  }
}

describe('a desktop without a keyring', { timeout: 90_000 }, () => {
  let bed: Bed;
  let server: PostgresServer;
  let ada: Person;
  const joinLink = async () => {
    const state = await ada.session();
    return state.phase === 'first-run' ? state.joinLink : undefined;
  };

  beforeAll(async () => {
    [bed, server] = await Promise.all([startBed({ keyring: 'absent', notifications: 'absent' }), startPostgres()]);
  }, 90_000);
  afterAll(async () => {
    await bed?.stop();
    await server?.stop();
  }, 60_000);

  test('an invite that starts the app begins the first run: Join is chosen and the link is there', async () => {
    const link = newInvite(7443);
    ada = await Person.at('Ada', await bed.launchApp({ person: 'ada', args: ['--', link] }));
    expect(await until('the link', joinLink)).toBe(link);
    expect(await ada.page.locator('input[value=join]').isChecked()).toBe(true);
    expect(await ada.page.getByRole('textbox', { name: 'Invite link' }).inputValue()).toBe(link);
    await ada.page.getByRole('textbox', { name: 'Passphrase' }).waitFor();
  });

  test('an invite opened on the desktop reaches the running app', async () => {
    const file = join(ada.app.home, '.local', 'share', 'applications', 'hallpass.desktop');
    await until('the desktop entry', () => existsSync(file));
    const link = newInvite(7444);
    await openLink(ada.app, link);
    await until('the new link', async () => (await joinLink()) === link);
    const field = ada.page.getByRole('textbox', { name: 'Invite link' });
    await until('it stands in the field', async () => (await field.inputValue()) === link);
    await ada.page.getByRole('button', { name: 'Join', exact: true }).waitFor();
  });

  test('a damaged link says so, also before anything is set up', async () => {
    await openLink(ada.app, 'hallpass://join?address=nowhere');
    await ada.page.getByText('That Hallpass link is damaged or incomplete.').first().waitFor();
  });

  test('set up under a passphrase; an invite is not taken any more', async () => {
    await ada.invoke('setup.choose', { mode: 'alone', displayName: 'Ada', passphrase: PASSPHRASE });
    expect(await ada.ready()).toMatchObject({ keyStorage: 'passphrase' });
    await openLink(ada.app, newInvite(7445));
    await ada.page.getByText('This desktop already belongs to a service.').first().waitFor();
  });

  test('a notification that nobody shows is known and does no harm', async () => {
    const info = await ada.invoke<{ notifications: { available: boolean; reason: string | null } }>('app.info');
    expect(info.notifications.available).toBe(false);
    expect(info.notifications.reason).toBeTruthy();
    const resourceId = await addResource(ada, server);
    await obtain(ada, resourceId, 15 * MINUTE_MS);
    const log = join(ada.app.home, '.config', 'Hallpass', 'log', 'hallpass.log');
    await until('it is logged', () => readFileSync(log, 'utf8').includes('a notification was not delivered'));
  });

  test('opening at log-in is a file, and no file', async () => {
    const file = join(ada.app.home, '.config', 'autostart', 'hallpass.desktop');
    await ada.invoke('settings.set', { openAtLogin: true });
    expect(readFileSync(file, 'utf8')).toMatch(/^Exec=.*--hidden/m);
    await ada.invoke('settings.set', { openAtLogin: false });
    expect(existsSync(file)).toBe(false);
  });

  test('what ran out is swept while the key is still locked; then the passphrase unlocks', async () => {
    const [local] = await injections(ada);
    const secret = local?.files.find((file) => !file.endsWith('.pg_service.conf')) ?? '';
    await ada.app.kill();
    endKeeperOf(join(secret, '..'));
    const entry = join(ada.app.home, '.config', 'Hallpass', 'injections', `${local?.grantId}.json`);
    const known = JSON.parse(readFileSync(entry, 'utf8')) as Record<string, unknown>;
    writeFileSync(entry, JSON.stringify({ ...known, expiresAt: 1, wallDeadlineAt: 1, bootDeadlineMs: 1 })); // as if the minutes had gone by
    expect(existsSync(secret)).toBe(true);
    ada = await Person.start(bed, 'Ada', 'ada');
    await ada.waitFor('locked');
    await until('swept', () => !existsSync(secret));
    const conf = join(ada.app.home, '.pg_service.conf');
    expect(existsSync(conf) ? readFileSync(conf, 'utf8') : '').not.toContain(RESOURCE);

    const field = ada.page.getByRole('textbox', { name: 'Passphrase' });
    await field.fill('not this one');
    await ada.page.getByRole('button', { name: 'Unlock' }).click();
    await ada.page.getByText('That passphrase does not fit.').waitFor();
    await field.fill(PASSPHRASE);
    await ada.page.getByRole('button', { name: 'Unlock' }).click();
    await ada.ready();
  });
});

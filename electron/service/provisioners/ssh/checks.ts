/**
 * The connection test: everything is tried on the host for real and changes nothing there. Each level's account is logged in to
 * with a certificate that may run `true` only; the revocation list is tried with a certificate that is always on it.
 * It stops at the first refusal: sshd counts those, and shuts out an address that collects them.
 */

import { spawn } from 'node:child_process';
import type { ConnectionReport } from '../../../../shared/contract/resources';
import type { SshSettings } from '../../../../shared/contract/ssh';
import { type Check, fine, wrong } from '../checks';
import { type Target, TargetError } from '../provisioner';
import { type Authority, authorityOf } from './authority';
import type { HookClient, HostCheck } from './hook-client';
import { principalsOf, recipeFor } from './recipe';
import { CANARY_SERIAL, OWN_SERIAL } from './serial';
import type { SshClient } from './ssh-client';

export interface CheckDeps {
  readonly ssh: SshClient;
  readonly hook: HookClient;
}
const PROBE_ID = 'hallpass-probe';
const SCAN_LIMIT_MS = 6_000;
const LABEL = 'SSH host';

/** Logs in to a level's account and runs `true`. @throws TargetError when the host says no */
export async function probe(
  ssh: SshClient,
  settings: SshSettings,
  authority: Authority,
  login: SshSettings['logins'][number],
  serial = OWN_SERIAL,
): Promise<void> {
  const certificate = { serial, keyId: PROBE_ID, principals: principalsOf(login), forceCommand: 'true' };
  await ssh.call({ settings, authority, user: login.user, certificate });
}

export async function checkHost(deps: CheckDeps, target: Target<SshSettings>): Promise<ConnectionReport> {
  const { settings } = target;
  const checks: Check[] = [];
  let authority: Authority | null = null;
  let answered = false;
  const done = (): ConnectionReport => ({
    ok: checks.every(({ ok }) => ok),
    targetLabel: LABEL,
    serverVersion: answered ? 'SSH-2.0' : null,
    checks,
    recipe: recipeFor(settings, authority),
  });
  try {
    authority = authorityOf(target.secret);
    checks.push(fine('Certificate authority', `its public half is ${authority.line}`));
  } catch (error) {
    checks.push(
      wrong(
        'Certificate authority',
        wordsOf(error),
        'Paste a private key as this makes one:',
        'ssh-keygen -t ed25519 -f hallpass-ca',
      ),
    );
    return done();
  }
  for (const login of settings.logins) {
    const name = `Log-in as ${login.user}`;
    try {
      await probe(deps.ssh, settings, authority, login);
      answered = true;
      checks.push(fine(name, `level ${login.level}; a certificate for ${principalsOf(login).join(', ')} is accepted`));
    } catch (error) {
      answered = error instanceof TargetError && error.kind === 'refused';
      checks.push(await refusal(settings, name, error));
      return done();
    }
  }
  if (settings.hook === null)
    checks.push(
      fine('Hook', 'there is none: open sessions are not cut, and an early end waits for the certificate to run out'),
    );
  else checks.push(...(await hookChecks(deps, settings, authority)));
  return done();
}

async function hookChecks({ ssh, hook }: CheckDeps, settings: SshSettings, authority: Authority): Promise<Check[]> {
  if (settings.hook === null) return [];
  let found: HostCheck;
  try {
    found = await hook.check({ settings, hook: settings.hook, authority });
  } catch (error) {
    return [
      wrong('Hook', wordsOf(error), 'Run the recipe on the host: it installs the hook and its settings for sshd.'),
    ];
  }
  const checks = [fine('Hook', `answers as ${settings.hook.user}, version ${found.version}`)];
  checks.push(
    found.seesSessions
      ? fine('Sessions', 'sshd asks the hook at each log-in, so sessions are seen and cut')
      : wrong(
          'Sessions',
          'sshd does not ask the hook at log-ins, so it sees none',
          'Set AuthorizedPrincipalsCommand as in the recipe, then reload sshd.',
        ),
  );
  const [login] = settings.logins;
  if (login === undefined || !found.list.serials.has(CANARY_SERIAL)) return checks;
  try {
    await probe(ssh, settings, authority, login, CANARY_SERIAL);
    checks.push(
      wrong(
        'Revocation list',
        'sshd accepted a certificate that is on the list',
        'Set RevokedKeys as in the recipe, then reload sshd.',
      ),
    );
  } catch (error) {
    const isRefusal = error instanceof TargetError && error.kind === 'refused';
    checks.push(
      isRefusal
        ? fine('Revocation list', 'sshd refuses a certificate that is on it')
        : wrong('Revocation list', wordsOf(error), null),
    );
  }
  return checks;
}

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown error');

async function refusal(settings: SshSettings, name: string, error: unknown): Promise<Check> {
  const words = wordsOf(error);
  if (error instanceof TargetError && error.kind === 'unreachable')
    return wrong('Connection', words, 'Check host and port, and that a firewall lets this service through.');
  if (words.includes('another host key')) {
    const keys = await hostKeysOf(settings);
    return keys.length > 0
      ? wrong(
          'Host key',
          words,
          'The host shows these now:',
          ['# Not proven: compare on the host’s console before you pin one.', ...keys].join('\n'),
        )
      : wrong('Host key', words, 'Look on the host’s console for its key; it showed none just now.');
  }
  return wrong(name, words, 'Run the recipe on the host, and check that the account exists and may log in.');
}

/** What the host shows to anybody, as `type key`. Not proof of anything: somebody in between would show their own. */
function hostKeysOf({ host, port }: Pick<SshSettings, 'host' | 'port'>): Promise<string[]> {
  return new Promise((resolve) => {
    const child = spawn('ssh-keyscan', ['-T', '4', '-p', String(port), '--', host], {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: SCAN_LIMIT_MS,
      windowsHide: true,
    });
    let text = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (part: string) => {
      text = (text + part).slice(0, 64_000);
    });
    child.once('error', () => resolve([]));
    child.once('close', () =>
      resolve(
        text
          .split('\n')
          .filter((line) => line !== '' && !line.startsWith('#'))
          .map((line) => line.split(' ').slice(1, 3).join(' '))
          .sort(),
      ),
    );
  });
}

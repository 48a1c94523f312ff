/**
 * The provisioner for SSH hosts: a certificate per grant for a key that the requester's device made, valid no longer than the
 * grant, with a serial that follows from the principal's name.
 * With the hook on the host (host-hook.ts) an end is real and read back: the serial is on the host's revocation list, and its
 * sessions are killed. Without, a certificate runs out by itself and nothing else: limits() says so before anybody approves.
 * Here only the order of things; how each is done is in the files beside it.
 */
import type { Level, LevelPlan } from '../../../../shared/contract/resources';
import { hostKeyOf, type SshCredential, type SshLogin, type SshSettings } from '../../../../shared/contract/ssh';
import { publicKeyOf } from '../../../../shared/crypto/ssh-wire';
import type { Random } from '../../../../shared/domain/instant';
import { isSameHost } from '../../../../shared/domain/same-place';
import { checkShown, NOTHING_TO_RUN, planDigest } from '../level-plan';
import { checkDeadlineIn, checkPrincipalName, checkValidFor } from '../principal-name';
import { type CreateOrder, type Provisioner, type ReadBack, type Target, TargetError } from '../provisioner';
import { authorityOf } from './authority';
import { type Extension, signCertificate } from './certificate';
import { checkHost, probe } from './checks';
import { createHookClient, type HookTarget } from './hook-client';
import { principalFiles, principalsOf } from './recipe';
import { CANARY_SERIAL, serialOf } from './serial';
import { createSshClient } from './ssh-client';

type SshTarget = Target<SshSettings>;
export type SshProvisioner = Provisioner<SshSettings, SshCredential>;

/** A host whose clock is behind must not refuse a fresh certificate. */
const CLOCK_DOUBT_S = 300n;
const SECOND_MS = 1_000;
const NO_HOOK: ReadBack = { exists: true, canLogIn: true, sessionCount: 0, proof: 'ran_out' };

export function createSshProvisioner(deps: { readonly random: Random; readonly now?: () => number }): SshProvisioner {
  const now = deps.now ?? (() => Date.now());
  const ssh = createSshClient({ random: deps.random, now });
  const hook = createHookClient(ssh, { now });

  /** Announces it on the host where there is a hook, else tries the account: an unreachable host is known before a certificate exists. */
  async function announce(target: SshTarget, order: CreateOrder, login: SshLogin) {
    const hooked = hookOf(target);
    const validForS = Math.ceil(order.validForMs / SECOND_MS);
    if (hooked === null) {
      await probe(ssh, target.settings, authorityOf(target.secret), login);
      const nowS = Math.floor(now() / SECOND_MS);
      return { nowS, untilS: nowS + validForS };
    }
    const { principal } = order;
    const { resourceId } = target;
    return hook.issue(hooked, { serial: serialOf(principal), principal, resourceId, user: login.user, validForS });
  }

  return {
    kind: 'ssh',
    extension: 'reissues',
    deviceKey: 'ssh-ed25519',
    serverOf: ({ host, port }) => `${host}:${port}`,
    placeFacts: ({ host, port }) => ({ host, port: String(port) }),
    secretBarredBy: (stored, next) =>
      isSameHost(stored, next) ? null : 'Host, port, or account or command of the hook',
    limits: limitsOf,
    proposedLevels: (_resourceName, settings) => (settings?.logins ?? [ANY_SHELL]).map(levelOf),
    test: (target) => checkHost({ ssh, hook }, target),
    async plan(target) {
      const hooked = hookOf(target);
      if (hooked === null) return planOf(target, null);
      const { list, accounts } = await hook.check(hooked);
      return planOf(target, { hasCanary: list.serials.has(CANARY_SERIAL), accounts });
    },
    async apply(target, digest) {
      const plan = await this.plan(target);
      checkShown(plan, digest, 'The host has changed');
      const hooked = hookOf(target);
      const left = plan.steps.filter((step) => !step.done);
      if (hooked === null || left.length === 0) return NOTHING_TO_RUN;
      await hook.plantCanary(hooked);
      return { ok: true, ran: left.length, error: null, failedSql: null };
    },
    async create(target, order) {
      checkPrincipalName(order.principal);
      checkValidFor(order.validForMs);
      const login = loginOf(target.settings, order.level);
      const publicKey = publicKeyOf(order.devicePublicKey ?? '');
      if (publicKey === null) throw new TargetError('refused', 'The device has not sent a key for this grant.');
      const authority = authorityOf(target.secret);
      const { nowS, untilS } = await announce(target, order, login);
      const certificate = signCertificate(
        authority,
        {
          publicKey,
          serial: serialOf(order.principal),
          keyId: order.principal,
          principals: principalsOf(login),
          validAfter: BigInt(nowS) - CLOCK_DOUBT_S,
          validBefore: BigInt(untilS),
          ...(login.command === '' ? {} : { forceCommand: login.command }),
          sourceAddresses: target.settings.sourceAddresses,
          extensions: login.permits.map((what): Extension => `permit-${what}`),
        },
        deps.random,
      );
      const { host, port, hostKeys } = target.settings;
      return { kind: 'ssh', host, port, user: login.user, certificate, hostKeys: hostKeys.map(hostKeyOf) };
    },
    /** A certificate carries its end: a longer one is a new one (`reissues`). */
    async setDeadline(_target, principal, validForMs) {
      checkPrincipalName(principal);
      checkDeadlineIn(validForMs);
    },
    async end(target, principal) {
      checkPrincipalName(principal);
      const hooked = hookOf(target);
      if (hooked === null) return { readBack: NO_HOOK, sessionsCut: 0 };
      const { cut, found } = await hook.end(hooked, serialOf(principal));
      return {
        sessionsCut: cut,
        readBack: { exists: found.issued, canLogIn: !found.ended, sessionCount: found.sessionCount },
      };
    },
    async readBack(target, principal) {
      checkPrincipalName(principal);
      const hooked = hookOf(target);
      if (hooked === null) return NO_HOOK;
      const found = await hook.look(hooked, serialOf(principal));
      const canLogIn = found.issued && !found.ended && found.nowS < found.until;
      return { exists: found.issued, canLogIn, sessionCount: found.sessionCount };
    },
    /** The mark and the entry on the list stay until no certificate of this serial can be valid any more; they give nobody access. */
    async cleanUp(target, principal) {
      checkPrincipalName(principal);
      const hooked = hookOf(target);
      if (hooked === null) return { done: true, residue: [] };
      const { issued } = await hook.forget(hooked, serialOf(principal));
      return {
        done: !issued,
        residue: issued ? [{ kind: 'note', detail: `${principal} is still noted on the host` }] : [],
      };
    },
    async list(target) {
      const hooked = hookOf(target);
      if (hooked !== null) return hook.list(hooked, target.resourceId);
      const [login] = target.settings.logins;
      if (login) await probe(ssh, target.settings, authorityOf(target.secret), login); // says whether the host is there
      return [];
    },
    async close() {},
  };
}

const hookOf = ({ settings, secret }: SshTarget): HookTarget | null =>
  settings.hook === null ? null : { settings, hook: settings.hook, authority: authorityOf(secret) };

function loginOf(settings: SshSettings, level: Level): SshLogin {
  const login = settings.logins.find((one) => one.level === level.name);
  if (!login) throw new TargetError('refused', `The settings name no account for the level ${level.name}.`);
  return login;
}

/** Stands for the levels of a resource whose settings are not known yet. */
const ANY_SHELL: SshLogin = {
  level: 'shell',
  user: 'user',
  principals: [],
  command: '',
  rights: 'limited',
  permits: [],
};
const levelOf = (login: SshLogin): Level => ({
  name: login.level,
  description:
    login.command === ''
      ? `A shell as ${login.user}.`
      : `Runs “${login.command}” as ${login.user}, nothing else.`.slice(0, 200),
  targetRole: login.user,
  createsAccess: canCreateAccess(login),
});
const canCreateAccess = ({ rights, user, command }: SshLogin): boolean =>
  rights === 'admin' || (user === 'root' && command === '');

function limitsOf(settings: SshSettings, level: Level): readonly string[] {
  const login = settings.logins.find((one) => one.level === level.name);
  const limits: string[] = [];
  if (settings.hook === null)
    limits.push(
      'This host has no hook: when access ends early, its certificate goes on working until it runs out.',
      'Sessions that are open at the end are not cut on this host, and Hallpass can not see them.',
    );
  if (level.createsAccess)
    limits.push('A holder of this level can make accounts, keys or jobs of their own. Those outlive the grant.');
  else if (login?.command === '')
    limits.push(
      'Programs that are detached from their session (nohup, tmux, cron) go on after it was cut, and a key left in authorized_keys stays where sshd reads that file.',
    );
  return limits;
}

function planOf(
  { settings, resourceName }: SshTarget,
  found: { readonly hasCanary: boolean; readonly accounts: ReadonlyMap<string, number> } | null,
): LevelPlan {
  const levels = settings.logins.map(levelOf);
  const place = `${settings.host}:${settings.port}`;
  const notes: string[] = [];
  if (found === null)
    notes.push('Without the hook nothing has to be put on the host but the public half of the authority.');
  else
    for (const { user } of settings.logins)
      if (!found.accounts.has(user))
        notes.push(`There is no account ${user} on the host. As root: useradd --create-home ${user}`);
  for (const [user, principals] of principalFiles(settings))
    notes.push(`The account ${user} is opened to: ${principals.join(', ')} (a file of that name, see the recipe).`);
  const steps =
    found === null
      ? []
      : [
          {
            database: place,
            sql: 'hallpass-ssh-hook: revoke serial 1',
            why: 'Puts the test certificate on the revocation list, so that each connection test proves that sshd reads the list.',
            done: found.hasCanary,
          },
        ];
  return { digest: planDigest([resourceName, levels, steps.map(({ sql }) => sql)]), levels, steps, notes };
}

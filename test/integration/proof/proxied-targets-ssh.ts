/**
 * An OpenSSH server that the fault proxy is put before. Nobody in between can hear the words, so moments are of two kinds:
 * `within` cuts the line by counted bytes; the others are on the host: its hook (the installed script, with a few lines put in
 * between) stands still before or after a step, the line is reset meanwhile, and then the hook goes on with nobody to listen.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from '../../../electron/service/provisioners/provisioner';
import { createSshProvisioner } from '../../../electron/service/provisioners/ssh';
import { serialOf } from '../../../electron/service/provisioners/ssh/serial';
import type { SshCredential, SshSettings } from '../../../shared/contract/ssh';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { startFaultProxy } from '../../bed/fault-proxy';
import { chance26, systemRandom } from '../../bed/postgres-target';
import { newDeviceKey, runSsh, type SshHost, type SshRun, startSshHost } from '../../bed/targets/ssh';
import { until } from '../../bed/until';
import { type Moment, PATIENCE_MS, type ProxiedTarget } from './proxied-targets';

/** Where the hook can stand still, and the line of it that the place is before. */
const PLACES = {
  'issue-before': 'until=$(( $(date +%s) + $5 ))',
  'issue-after': 'printf \'until %s\\n\' "$until";;',
  'end-before': 'lock; : > "$state/ended/$1" || fail "disk"; unlock',
  'end-marked': 'printf \'cut %s\\n\' "$(cut_sessions "$1")"',
  'end-listed': 'printf \'stored %s\\n\' "$(digest)"',
} as const;
type Place = keyof typeof PLACES;
/** As a share of the bytes that a whole call sends: amid its log-in, before the host was told what to do. */
const WITHIN = 0.6;

export async function proxiedSsh(): Promise<ProxiedTarget> {
  const host = await startSshHost();
  putPlacesIn(host);
  const provisioner = createSshProvisioner({ random: systemRandom });
  const key = newDeviceKey();
  const about = { resourceId: `res_${chance26()}`, resourceName: 'orders-host' };
  const target = { ...about, settings: host.settings, secret: host.secret };
  const plan = await provisioner.plan(target);
  await provisioner.apply(target, plan.digest);
  const [level] = plan.levels;
  if (level === undefined) throw new Error('the plan names no level');
  const through = (port: number) => ({ ...target, settings: { ...target.settings, port } });
  const withinBytes = Math.floor(WITHIN * (await bytesOfACall(host.port, (port) => provisioner.list(through(port)))));
  const at = (call: Moment['call'], before: Place, after: Place) =>
    momentAt(host, call, { before, after, withinBytes });
  const daemon = processes().find(({ words }) => words.includes(`${host.folder}/sshd_config`))?.pid;
  if (daemon === undefined) throw new Error('sshd is not among the processes');
  const open = new Set<SshRun>();
  /** A certificate for longer. */
  const extend = (over: Target, principal: string) => {
    const order = { principal, level, validForMs: 30 * MINUTE_MS, devicePublicKey: key.line };
    return provisioner.create(over as Target<SshSettings>, order);
  };
  return {
    provisioner,
    target,
    port: host.port,
    through,
    level,
    moments: [
      at('create', 'issue-before', 'issue-after'),
      at('extend', 'issue-before', 'issue-after'),
      at('end', 'end-before', 'end-marked'),
      at('end', 'end-marked', 'end-listed'),
    ],
    order: { devicePublicKey: key.line },
    extend,
    sessions: 'seen',
    attacks: 'one by one',
    silence: 'also on a kept line', // each call has a line of its own
    async logIn(credential) {
      let text = '';
      const straight = { ...(credential as SshCredential), port: host.port };
      const run = runSsh(straight, key.seed, {
        command: ['echo here; cat'],
        onOutput: (all) => {
          text = all;
        },
      });
      open.add(run);
      const cut = run.done.then(() => void open.delete(run));
      const isIn = await Promise.race([until('a session', () => text.includes('here'), PATIENCE_MS), cut]);
      if (isIn !== true) throw new Error((await run.done).err);
      return { cut };
    },
    /** The certificate is public, and its key never left the device. */
    secretsOf: () => [target.secret.slice(target.secret.indexOf(':') + 1)],
    async look(principal) {
      const serial = serialOf(principal);
      const state = (folder: string) => join(host.folder, 'state', folder);
      const isKnown = existsSync(join(state('issued'), String(serial)));
      const isEnded = existsSync(join(state('ended'), String(serial)));
      const sessions = readdirSync(state('sessions')).filter((pid) => {
        const [noted, began] = readOrNothing(join(state('sessions'), pid))
          .trim()
          .split(' ');
        return noted === String(serial) && began !== undefined && began === startedAt(pid);
      });
      return { canLogIn: isKnown && !isEnded, sessions: sessions.length };
    },
    /** Of sshd only the processes of open sessions are left, and no hook is running. */
    settled: () =>
      until(
        'the host letting go of the broken connections',
        () => {
          const all = processes();
          const isBusy = all.some(({ words }) => words.includes(`${host.folder}/hook`));
          return !isBusy && all.filter(({ parent }) => parent === daemon).length <= open.size;
        },
        PATIENCE_MS,
      ),
    async stop() {
      await provisioner.close();
      await host.stop();
    },
  };
}

/** The installed hook, with a place to stand still at before each of those lines. */
function putPlacesIn(host: SshHost): void {
  const file = join(host.folder, 'hook');
  let script = readFileSync(file, 'utf8').replace(
    'set -u\n',
    () =>
      `set -u\nat() { if mv '${host.folder}'/stop."$1" '${host.folder}'/standing."$1" 2>/dev/null; then while [ -e '${host.folder}'/standing."$1" ]; do sleep 0.02; done; fi; }\n`,
  );
  for (const [place, line] of Object.entries(PLACES)) {
    if (script.split(line).length !== 2) throw new Error(`the hook has not one line: ${line}`);
    script = script.replace(line, () => `at ${place}; ${line}`);
  }
  writeFileSync(`${file}.new`, script, { mode: 0o755 });
  renameSync(`${file}.new`, file);
}

function momentAt(
  host: SshHost,
  call: Moment['call'],
  places: { readonly before: Place; readonly after: Place; readonly withinBytes: number },
): Moment {
  return {
    call,
    name: `${places.before} … ${places.after}`,
    async arm(proxy, strike, { afterwards } = {}) {
      if (strike === 'within') return proxy.play({ kind: 'cut', from: 'client', afterBytes: places.withinBytes });
      const place = strike === 'in-commit' ? places.before : places.after;
      const file = (what: 'stop' | 'standing') => join(host.folder, `${what}.${place}`);
      writeFileSync(file('stop'), '');
      void until('the hook standing still', () => existsSync(file('standing')), PATIENCE_MS)
        .then(() => {
          proxy.cut();
          if (afterwards) proxy.play(afterwards);
        })
        .catch(() => undefined) // the test says that nothing struck
        .finally(() => rmSync(file('standing'), { force: true }));
    },
  };
}
/** What our client sends for one call of the hook: banner, key exchange, log-in with a certificate, and the words. */
async function bytesOfACall(port: number, call: (port: number) => Promise<unknown>): Promise<number> {
  const proxy = await startFaultProxy(port);
  try {
    await call(proxy.port);
    return proxy.carried().client;
  } finally {
    await proxy.stop();
  }
}

interface Running {
  readonly pid: number;
  readonly parent: number;
  readonly words: string;
}
function processes(): Running[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const stat = readOrNothing(`/proc/${pid}/stat`);
      const words = readOrNothing(`/proc/${pid}/cmdline`);
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return stat === '' ? [] : [{ pid: Number(pid), parent: Number(parent), words }];
    });
}
const startedAt = (pid: string): string | undefined => {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
};
/** Gone meanwhile is nothing. */
function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

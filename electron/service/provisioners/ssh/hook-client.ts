/** What the service asks the hook of a host (host-hook.ts), and how its lines are read. Everything the host says is checked. */
import { createHash } from 'node:crypto';
import { SSH_HOOK_PRINCIPAL, type SshSettings } from '../../../../shared/contract/ssh';
import { fromBase64, toBase64 } from '../../../../shared/crypto/bytes';
import { publicBlob } from '../../../../shared/crypto/ssh-wire';
import { isPrincipalName } from '../principal-name';
import { TargetError } from '../provisioner';
import type { Authority } from './authority';
import { HOOK_VERSION } from './host-hook';
import { type RevocationList, readList, writeList } from './krl';
import { CANARY_SERIAL, OWN_SERIAL } from './serial';
import type { SshClient } from './ssh-client';

export type Hook = NonNullable<SshSettings['hook']>;
export interface HookTarget {
  readonly settings: SshSettings;
  readonly hook: Hook;
  readonly authority: Authority;
}
/** One serial as the host knows it. */
export interface OnHost {
  readonly issued: boolean;
  /** Seconds since 1970 by the host's clock; 0 when it was not announced. */
  readonly until: number;
  readonly ended: boolean;
  readonly sessionCount: number;
}
export interface HostCheck {
  readonly version: number;
  /** Whether sshd asks the script at log-ins, so that sessions are seen. */
  readonly seesSessions: boolean;
  readonly accounts: ReadonlyMap<string, number>;
  readonly list: RevocationList;
}
export interface HookClient {
  check(target: HookTarget): Promise<HostCheck>;
  /** Announces a certificate. Returns until when it is valid, in seconds by the host's clock, and that clock. */
  issue(target: HookTarget, order: IssueOrder): Promise<{ readonly untilS: number; readonly nowS: number }>;
  /** No new log-in, every session cut, the serial on the list; then what the host says. */
  end(target: HookTarget, serial: bigint): Promise<{ readonly cut: number; readonly found: OnHost }>;
  /** What the host knows of a serial, the list included: `ended` is true as soon as either says so. */
  look(target: HookTarget, serial: bigint): Promise<OnHost & { readonly nowS: number }>;
  list(target: HookTarget, resourceId: string): Promise<string[]>;
  forget(target: HookTarget, serial: bigint): Promise<OnHost>;
  /** Puts the canary on the list. */
  plantCanary(target: HookTarget): Promise<void>;
}
export interface IssueOrder {
  readonly serial: bigint;
  readonly principal: string;
  readonly resourceId: string;
  readonly user: string;
  readonly validForS: number;
}

const NONE = 'none';
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const strange = (target: HookTarget, what: string): TargetError =>
  new TargetError('refused', `The hook on ${target.settings.host} ${what}.`);

interface Said {
  readonly nowS: number;
  readonly lines: readonly string[];
}
/** The last line of that form; null when there is none. */
const last = (lines: readonly string[], form: RegExp): RegExpExecArray | null => {
  const found = lines.findLast((line) => form.test(line));
  return found === undefined ? null : form.exec(found);
};
const KRL_LINE = /^krl ([0-9a-f]{64}|none) ([A-Za-z0-9+/=]*)$/;

export function createHookClient(ssh: SshClient, deps: { readonly now: () => number }): HookClient {
  async function ask(
    target: HookTarget,
    words: readonly string[],
    answer?: (line: string) => string | null,
  ): Promise<Said> {
    const { lines, code } = await ssh.call({
      settings: target.settings,
      authority: target.authority,
      user: target.hook.user,
      certificate: {
        serial: OWN_SERIAL,
        keyId: SSH_HOOK_PRINCIPAL,
        principals: [SSH_HOOK_PRINCIPAL],
        forceCommand: target.hook.command,
      },
      words,
      ...(answer ? { answer } : {}),
    });
    const error = last(lines, /^error ([ -~]{1,200})$/);
    if (error) throw errorOf(target, error[1] ?? '');
    const hello = last(lines, /^hook (\d{1,4}) (\d{1,12})$/);
    if (!hello)
      throw strange(target, `did not answer as one: is ${target.hook.command} there? (it ended with ${code})`);
    if (Number(hello[1]) < HOOK_VERSION) throw strange(target, 'is an older one; install it again from the recipe');
    if (lines.at(-1) !== 'done')
      throw new TargetError('unreachable', `The hook on ${target.settings.host} stopped before it was done.`);
    return { nowS: Number(hello[2]), lines };
  }
  const listIn = (target: HookTarget, lines: readonly string[]): { list: RevocationList; digest: string } => {
    const found = last(lines, KRL_LINE);
    if (!found) throw strange(target, 'did not show its revocation list');
    const bytes = fromBase64(found[2] ?? '');
    try {
      return { list: readList(bytes, publicBlob(target.authority.publicKey)), digest: found[1] ?? NONE };
    } catch (error) {
      throw strange(
        target,
        `keeps a revocation list that can’t be extended: ${error instanceof RangeError ? error.message : 'it is damaged'}`,
      );
    }
  };
  const oneIn = (target: HookTarget, lines: readonly string[]): OnHost => {
    const found = last(lines, /^one issued=(yes|no) until=(\d{1,12}) ended=(yes|no) sessions=(\d{1,6})$/);
    if (!found) throw strange(target, 'did not say what it knows of a certificate');
    return {
      issued: found[1] === 'yes',
      until: Number(found[2]),
      ended: found[3] === 'yes',
      sessionCount: Number(found[4]),
    };
  };
  /** Adds serials to the list in a conversation: the host shows its list, we send the next, until ours is in place. */
  async function addTo(target: HookTarget, words: readonly string[], serials: readonly bigint[]): Promise<Said> {
    const heard: string[] = [];
    let wanted: string | null = null;
    const said = await ask(target, words, (line) => {
      heard.push(line);
      if (line !== 'ready') return null;
      const { list, digest } = listIn(target, heard);
      const lapsed = heard.flatMap((one) => /^lapsed (\d{1,20})$/.exec(one)?.[1] ?? []).map(BigInt);
      heard.length = 0;
      const next = new Set([...list.serials, CANARY_SERIAL, ...serials]);
      for (const old of lapsed) if (!serials.includes(old)) next.delete(old);
      const isSame = next.size === list.serials.size && [...next].every((serial) => list.serials.has(serial));
      if (isSame) {
        wanted = digest;
        return 'keep';
      }
      const bytes = writeList(
        { ...list, serials: next, version: list.version + 1n },
        publicBlob(target.authority.publicKey),
        deps.now(),
      );
      wanted = digestOf(bytes);
      return `${digest} ${toBase64(bytes)}`;
    });
    const stored = last(said.lines, /^stored ([0-9a-f]{64}|none)$/);
    if (stored === null || stored[1] !== wanted)
      throw new TargetError('unreachable', `The revocation list on ${target.settings.host} could not be replaced yet.`);
    return said;
  }
  return {
    async check(target) {
      const users = [...new Set(target.settings.logins.map(({ user }) => user))];
      const { lines } = await ask(target, ['check', ...users]);
      const accounts = lines.flatMap((line): [string, number][] => {
        const found = /^account ([a-z_][a-z0-9_.-]*) (\d{1,10})$/.exec(line);
        return found ? [[found[1] ?? '', Number(found[2])]] : [];
      });
      const version = Number(last(lines, /^hook (\d{1,4}) /)?.[1] ?? 0);
      return {
        version,
        seesSessions: lines.includes('seen yes'),
        accounts: new Map(accounts),
        list: listIn(target, lines).list,
      };
    },
    async issue(target, { serial, principal, resourceId, user, validForS }) {
      const { lines, nowS } = await ask(target, ['issue', `${serial}`, principal, resourceId, user, `${validForS}`]);
      const until = last(lines, /^until (\d{1,12})$/);
      if (!until) throw strange(target, 'did not take note of a certificate');
      return { untilS: Number(until[1]), nowS };
    },
    async end(target, serial) {
      const { lines } = await addTo(target, ['end', `${serial}`], [serial]);
      return { cut: Number(last(lines, /^cut (\d{1,6})$/)?.[1] ?? 0), found: oneIn(target, lines) };
    },
    async look(target, serial) {
      const { lines, nowS } = await ask(target, ['one', `${serial}`]);
      const found = oneIn(target, lines);
      return { ...found, ended: found.ended || listIn(target, lines).list.serials.has(serial), nowS };
    },
    async list(target, resourceId) {
      const { lines } = await ask(target, ['list', resourceId]);
      const names = lines.flatMap((line) => /^name (.{1,64})$/.exec(line)?.[1] ?? []);
      return names.filter((name) => isPrincipalName(name)).sort();
    },
    async forget(target, serial) {
      return oneIn(target, (await ask(target, ['forget', `${serial}`])).lines);
    },
    async plantCanary(target) {
      await addTo(target, ['krl'], []);
    },
  };
}

const ERRORS: Readonly<Record<string, readonly [TargetError['kind'], string]>> = {
  busy: ['unreachable', 'is busy'],
  disk: ['unreachable', 'could not write to its disk'],
  ended: ['conflict', 'says that this grant was ended there already'],
  taken: ['conflict', 'knows this serial for another principal'],
  live: ['conflict', 'says that this certificate was not ended'],
  'bad list': ['refused', 'could not read the revocation list it was sent'],
};
function errorOf(target: HookTarget, said: string): TargetError {
  const [kind, what] = ERRORS[said] ?? (['refused', `said: ${said}`] as const);
  return new TargetError(kind, `The hook on ${target.settings.host} ${what}.`);
}

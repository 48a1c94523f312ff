/**
 * What the injection room offers and what it needs.
 * Why all of it comes as arguments: the same code runs in Electron's main process, on plain Node and in tests on real
 * files with every fault we can think of. Nothing here imports Electron.
 */
import type { Credential } from '../../../shared/contract/credential';
import type { LocalInjection, UserError } from '../../../shared/contract/ipc';
import type { EndOn } from '../../../shared/domain/end-signals';
import type { EndReason } from '../../../shared/domain/states';
import type { BootClock } from './boot-clock';
import type { FilePort } from './files';
import type { Keeper } from './keeper';
import type { LoginShell } from './login-shell';
import type { CredentialFacts } from './targets/target';

/** Why something local is taken away: the grant's own reason, or that nobody knows a live grant for it. */
export type RemovalReason = EndReason | 'orphan';

export interface InjectRequest {
  readonly grantId: string;
  /** Resource name (a slug): becomes `service=<resource>`. */
  readonly resource: string;
  readonly level: string;
  readonly credential: Credential;
  /** Deadline in the service's time, epoch milliseconds. Before activation: now + ttl; set the exact one with `extend`. */
  readonly expiresAt: number;
  /** Which of the grant's credentials this is; a higher one takes the place of the one that is here. Left out: the first. */
  readonly issue?: number;
  /** What ends it early by the policy; kept, so that it holds after a restart without the service. */
  readonly endOn?: EndOn;
}

/** A key is wanted for a credential that is made after it. */
export interface DeviceKeyRequest {
  readonly grantId: string;
  readonly resource: string;
  readonly level: string;
  /** Kind of the resource, as the service names it. */
  readonly kind: string;
  /** When it is given up, in the service's time, epoch milliseconds: the keeper then removes it. */
  readonly expiresAt: number;
}

/** A credential as a person is shown it. Secret: never leaves the main process but for the clipboard and the reveal window. */
export interface ShownCredential {
  readonly copyText: string;
  readonly facts: CredentialFacts;
}

/** For helpers that run a command with a credential. */
export interface InjectionUse {
  readonly credential: Credential;
  readonly environment: Readonly<Record<string, string>>;
  /** Gone when the injection is: by the app, or by the keeper at the deadline. Its first words tell the deadline (keeper.ts). */
  readonly leaseFile: string;
}

export interface SweepReport {
  /** Taken away and read back as gone. */
  readonly removed: readonly { readonly grantId: string; readonly why: RemovalReason }[];
  /** Could not be taken away yet; retried with back-off. */
  readonly failed: readonly string[];
  /** Still live: files are whole, the keeper is armed again. Arm the grant clock for these. */
  readonly resumed: readonly LocalInjection[];
  /** The grant may still be live, but its secret is gone (tmpfs after a reboot, deleted by hand): ask the service again. */
  readonly lost: readonly string[];
  /** For the user: journal files kept aside and the like. */
  readonly notices: readonly UserError[];
}

/** Puts credentials where tools look for them, and takes them away again. One call at a time per grant is arranged inside. */
export interface Injector {
  /** Run before anything is unlocked: takes away expired, half-written and orphaned files, resumes live ones. */
  sweep(): Promise<SweepReport>;
  /** Asks the login shell ahead of time, so that no injection waits for it. Once the app stands: starting a shell stops this process for a moment. */
  warmUp(): void;
  /**
   * Journal first, then files, then read back. Resolves with state `injected`.
   * @throws InjectionError when it could not; nothing is left behind, or it says so (state `removal_failed`).
   */
  inject(request: InjectRequest): Promise<LocalInjection>;
  /**
   * Makes the key of a grant, or finds the one that was made: its public half as a line. `inject` then goes on from there.
   * @throws InjectionError when it could not; nothing is left behind.
   */
  deviceKey(request: DeviceKeyRequest): Promise<string>;
  /**
   * Sets the deadline the service gave (later at an extension, exact at activation).
   * @throws InjectionError when the grant is not injected here, or the new deadline could not be stored (the old one then holds).
   */
  extend(grantId: string, expiresAt: number): Promise<LocalInjection>;
  /** Never throws: the answer's state is `removed` (read back) or `removal_failed` (retried for ever with capped back-off). */
  remove(grantId: string, why: RemovalReason): Promise<LocalInjection>;
  /** Newest first; removed ones stay in the list until the app ends. */
  list(): LocalInjection[];
  /**
   * Time left by this machine's clocks as the journal knows them, 0 when over, null when nothing is injected.
   * After a restart give it to the grant clock as `atMostMs`: a wall clock set back meanwhile then prolongs nothing.
   */
  remainingMs(grantId: string): number | null;
  /** For reveal and copy in the main process, read from the injected file itself; null when it is not there any more. */
  secretOf(grantId: string): Promise<Credential | null>;
  /** What a command needs to use it, and the file that lies there as long as it may (its lease). Null when nothing is injected. */
  usageOf(grantId: string): Promise<InjectionUse | null>;
  /** What of a credential is copied and listed: its target says. */
  shown(credential: Credential): ShownCredential;
  /** Called after every change of state, with the whole list. Returns its unsubscribe. */
  onChange(listener: (all: LocalInjection[]) => void): () => void;
  /** Ends timers. Files and keepers stay: live grants outlive a quit, the keepers hold their deadlines. */
  stop(): Promise<void>;
}

export type { CredentialFacts };
export type LogLine = (level: 'info' | 'warn' | 'error', message: string, facts?: Record<string, unknown>) => void;

export interface InjectorDeps {
  /** The app's userData folder: holds `injections/` (journal) and, without a private tmpfs, `credentials/`. */
  readonly userDataDir: string;
  readonly homeDir: string;
  readonly platform: NodeJS.Platform;
  /** Environment of the app; read for XDG_RUNTIME_DIR and PG*. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: FilePort;
  /** Wall clock of this machine, epoch milliseconds. */
  readonly now: () => number;
  readonly bootClock: BootClock;
  /** Service time minus wall clock of this machine (`GrantClock.offsetMs`); 0 while unknown. */
  readonly clockOffsetMs: () => number;
  readonly random: { bytes(count: number): Uint8Array };
  readonly loginShell: LoginShell;
  readonly keeper: Keeper;
  /** The setting `pgServiceFile`; null: ask the login shell. */
  readonly pgServiceFile: () => string | null;
  /** The setting `envFiles`: the file of variables that the person chose for a resource; null: none. */
  readonly envFileOf?: (resource: string) => string | null;
  /** The setting `kubeconfigPlace`; left out: a file of its own. */
  readonly kubeconfigPlace?: () => 'own' | 'merged';
  /** The setting `sshPlace`; left out: files. */
  readonly sshPlace?: () => 'files' | 'agent';
  /** The setting `awsCredentials`: how a profile gets its keys. `process` when left out. */
  readonly awsCredentials?: () => 'process' | 'file';
  /** Calls back once after `lengthMs`; returns its cancel. Only for retries, never for deadlines. */
  readonly after: (lengthMs: number, callback: () => void) => () => void;
  /** For waiting on another program's lock. */
  readonly pause: (lengthMs: number) => Promise<void>;
  readonly processId: number;
  readonly isAlive: (processId: number) => boolean;
  readonly log: LogLine;
}

/** What the desktop hands over; everything else has its usual value. */
export interface DesktopInjectorOptions {
  readonly userDataDir: string;
  readonly clockOffsetMs: () => number;
  readonly pgServiceFile: () => string | null;
  readonly envFileOf?: (resource: string) => string | null;
  readonly kubeconfigPlace?: () => 'own' | 'merged';
  readonly sshPlace?: () => 'files' | 'agent';
  readonly awsCredentials?: () => 'process' | 'file';
  readonly log: LogLine;
  /** Environment and home folder; the process's own when not given. */
  readonly env?: NodeJS.ProcessEnv;
  readonly homeDir?: string;
  /**
   * Started by a keeper after it had to take a credential away itself (the app was killed): `app --sweep`, so that the
   * service file is cleaned and, where this desktop hosts the service, grants are ended on the target. Null: nothing is started.
   */
  readonly sweepCommand: {
    readonly file: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  } | null;
}

/**
 * IPC between the main process and the main renderer (`window.hallpass`) and the consent view (`window.consent`).
 * One map per direction from channel to schemas. Raw ipcMain/ipcRenderer are used in electron/main/ipc and electron/preload only.
 * HTTP goes over the page's own origin: `fetch('/api/v1/…')` on app://hallpass, proxied with authentication by the main process.
 */
import { z } from 'zod';
import { DEVICE_SIGNALS, NOTHING_ENDS } from '../domain/end-signals';
import { INJECTION_STATES } from '../domain/states';
import { ProofState } from './audit';
import { EventEnvelope } from './events';
import { DisplayName, EndOn, GrantId, Reason, RequestId } from './fields';
import { CardFacts } from './requests';
import { Settings, SettingsChange } from './settings';

/** A plan of many statements is copied as one text. */
const MAX_COPY_CHARS = 256 * 1024;
/** What went wrong, in three parts, as the user reads it. */
export const UserError = z.object({
  code: z.string(),
  what: z.string(),
  safe: z.string().nullable(),
  next: z.string().nullable(),
  detail: z.string().nullable(),
});
export type UserError = z.infer<typeof UserError>;

export const SessionState = z.discriminatedUnion('phase', [
  z.object({
    phase: z.literal('first-run'),
    keyStorage: z.enum(['system', 'passphrase']),
    joinLink: z.string().nullable().describe('the invite that opened the app'),
  }),
  z.object({ phase: z.literal('locked') }).describe('device key is under a passphrase'),
  z.object({ phase: z.literal('starting') }),
  z.object({ phase: z.literal('pending-confirmation'), fingerprint: z.string(), serviceName: z.string() }),
  z.object({
    phase: z.literal('ready'),
    mode: z.enum(['alone', 'host', 'join']),
    online: z.boolean(),
    offlineSince: z.number().nullable(),
    reason: z.string().nullable(),
    personId: z.string(),
    deviceId: z.string(),
    deviceName: z.string(),
    fingerprint: z.string(),
    keyStorage: z.enum(['system', 'passphrase']),
    serviceAddress: z.string().nullable(),
    clockOffsetMs: z.number().describe('server minus this machine'),
    clockTrusted: z.boolean(),
    witness: z.object({
      size: z.int(),
      state: z.enum(['verified', 'checking', 'broken', 'unknown']),
      detail: z.string().nullable(),
    }),
  }),
  z.object({ phase: z.literal('failed'), error: UserError, canRetry: z.boolean() }),
]);
export type SessionState = z.infer<typeof SessionState>;

export const SetupChoice = z.discriminatedUnion('mode', [
  z.strictObject({
    mode: z.literal('alone'),
    displayName: DisplayName,
    passphrase: z.string().min(8).max(256).optional(),
  }),
  z.strictObject({
    mode: z.literal('host'),
    displayName: DisplayName,
    teamName: DisplayName,
    address: z.string().min(1).max(255),
    port: z.int().min(0).max(65535),
    passphrase: z.string().min(8).max(256).optional(),
  }),
  z.strictObject({
    mode: z.literal('join'),
    displayName: DisplayName.optional(),
    link: z.string().max(2048),
    code: z.string().min(1).max(64),
    passphrase: z.string().min(8).max(256).optional(),
  }),
]);
export type SetupChoice = z.infer<typeof SetupChoice>;

/** "Just me" becomes a service that others can join. */
export const ShareChoice = z.strictObject({
  teamName: DisplayName,
  address: z.string().min(1).max(255),
  port: z.int().min(0).max(65535),
});
export type ShareChoice = z.infer<typeof ShareChoice>;

export const LocalInjection = z.object({
  grantId: GrantId,
  resource: z.string(),
  level: z.string(),
  state: z.enum(INJECTION_STATES),
  files: z.array(z.string()),
  /** What to type: `psql service=orders-db`. */
  command: z.string().nullable(),
  warnings: z.array(z.string()),
  expiresAt: z.number().nullable(),
  error: z.string().nullable(),
  /** Which of the grant's credentials is here. */
  issue: z.int().default(1),
  /** What ends it early by the policy. */
  endOn: EndOn.default(NOTHING_ENDS),
});
export type LocalInjection = z.infer<typeof LocalInjection>;
export const AppInfo = z.object({
  version: z.string(),
  platform: z.string(),
  electron: z.string(),
  sample: z.boolean(),
  trayAvailable: z.boolean(),
  notifications: z.object({ available: z.boolean(), actions: z.boolean(), reason: z.string().nullable() }),
  notices: z.array(UserError).describe('things kept aside at start, such as a corrupt settings file'),
  /** Signals that this desktop can't notice, and why. */
  unwatched: z.array(z.object({ signal: z.enum(DEVICE_SIGNALS), reason: z.string() })),
  shortcuts: z.object({ palette: z.string().nullable() }),
  dataDir: z.string(),
  logFile: z.string().nullable(),
});
export type AppInfo = z.infer<typeof AppInfo>;
const Bounds = z.strictObject({
  x: z.int().min(0),
  y: z.int().min(0),
  width: z.int().min(0).max(10_000),
  height: z.int().min(0).max(10_000),
});
const ok = z.object({ ok: z.literal(true) });

/** Renderer asks, main answers. Every answer is `{ok:true,value}` or `{ok:false,error:UserError}` on the wire; the bridge throws the error. */
export const IPC_INVOKE = {
  'app.info': { args: z.tuple([]), result: AppInfo },
  'session.state': { args: z.tuple([]), result: SessionState },
  'setup.choose': { args: z.tuple([SetupChoice]), result: ok },
  /** Starts the service again, listening on the network too; refused (and undone) when it can't. */
  'setup.share': { args: z.tuple([ShareChoice]), result: ok },
  'setup.retry': { args: z.tuple([]), result: ok },
  'setup.unlock': { args: z.tuple([z.strictObject({ passphrase: z.string().max(256) })]), result: ok },
  'setup.addresses': { args: z.tuple([]), result: z.array(z.object({ address: z.string(), label: z.string() })) },
  'settings.get': { args: z.tuple([]), result: Settings },
  'settings.set': { args: z.tuple([SettingsChange]), result: Settings },
  'injection.list': { args: z.tuple([]), result: z.array(LocalInjection) },
  /** Opens a window of the main process that shows the credential; nothing secret comes back. */
  'credential.reveal': { args: z.tuple([GrantId]), result: ok },
  'credential.copy': { args: z.tuple([GrantId]), result: z.object({ clearsInMs: z.int() }) },
  'command.copy': { args: z.tuple([GrantId]), result: ok },
  /** Removes here at once, then tells the service (also when it can’t be reached now). */
  'grant.return': { args: z.tuple([GrantId]), result: ok },
  'audit.prove': {
    args: z.tuple([z.array(z.int().min(0)).max(200)]),
    result: z.array(z.object({ index: z.int(), state: ProofState, detail: z.string().nullable() })),
  },
  /** Asks where to save, then writes; null when cancelled. */
  'audit.save': {
    args: z.tuple([z.strictObject({ kind: z.enum(['log', 'evidence']), grantId: GrantId.optional() })]),
    result: z.object({ path: z.string().nullable(), entries: z.int() }),
  },
  /** Lays the consent view over this rectangle of the page (CSS pixels), or takes it away. */
  'consent.place': { args: z.tuple([z.strictObject({ requestId: RequestId, bounds: Bounds }).nullable()]), result: ok },
  'consent.focus': { args: z.tuple([]), result: ok },
  'proxy.cancel': { args: z.tuple([z.string().max(64)]), result: ok },
  'text.copy': { args: z.tuple([z.strictObject({ text: z.string().max(MAX_COPY_CHARS) })]), result: ok },
  'app.quit': { args: z.tuple([]), result: ok },
} as const;
export type InvokeChannel = keyof typeof IPC_INVOKE;

/** Main tells the renderer. */
export const IPC_EVENT = {
  'session.changed': SessionState,
  'service.event': EventEnvelope,
  /** The cursor was too old or the service changed: refetch everything. */
  'service.resync': z.object({}),
  'injection.changed': z.array(LocalInjection),
  'settings.changed': Settings,
  navigate: z.object({ to: z.string().max(200) }),
  'palette.open': z.object({}),
  notice: UserError,
  /** Something that went as it should, or goes on; shown for a moment. */
  news: z.object({ title: z.string(), about: z.string().nullable() }),
  'consent.done': z.object({ requestId: RequestId }),
  /** A key of the list was pressed while the consent view had the keyboard. */
  'consent.key': z.object({ key: z.enum(['next', 'previous', 'leave']) }),
} as const;
export type EventChannel = keyof typeof IPC_EVENT;

export type HallpassBridge = {
  invoke<C extends InvokeChannel>(
    channel: C,
    ...args: z.input<(typeof IPC_INVOKE)[C]['args']>
  ): Promise<z.output<(typeof IPC_INVOKE)[C]['result']>>;
  /** Returns its unsubscribe. */
  on<C extends EventChannel>(channel: C, listener: (payload: z.output<(typeof IPC_EVENT)[C]>) => void): () => void;
};

/** The consent view gets facts and gives a decision; it names no request, the main process knows which one it shows. */
export const ConsentState = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('loading') }),
  z.object({ kind: z.literal('none') }),
  z.object({
    kind: z.literal('card'),
    facts: CardFacts,
    seal: z.string().describe('hex of the device key, to draw the seal'),
    deviceName: z.string(),
    fingerprint: z.string(),
    theme: z.enum(['light', 'dark']),
    surface: z.enum(['pane', 'window']),
    armed: z.boolean(),
  }),
  z.object({
    kind: z.literal('done'),
    text: z.string(),
    outcome: z.enum(['approved', 'denied', 'handled', 'gone']),
    theme: z.enum(['light', 'dark']),
  }),
  z.object({ kind: z.literal('error'), error: UserError, theme: z.enum(['light', 'dark']) }),
]);
export type ConsentState = z.infer<typeof ConsentState>;
export const ConsentDecision = z.strictObject({
  decision: z.enum(['approve', 'deny']),
  requestDigest: z.string().length(64),
  ttlMs: z.int().min(0),
  reason: Reason.default(''),
});
export type ConsentDecision = z.input<typeof ConsentDecision>;
export const CONSENT_INVOKE = {
  'consent.state': { args: z.tuple([]), result: ConsentState },
  'consent.decide': { args: z.tuple([ConsentDecision]), result: ConsentState },
  'consent.close': { args: z.tuple([]), result: ok },
  /** Wanted height of the card in CSS pixels, so that the small window fits. */
  'consent.height': { args: z.tuple([z.int().min(0).max(5000)]), result: ok },
  /** Keyboard leaves the view: J/K moves in the list, Escape goes back. */
  'consent.key': { args: z.tuple([z.enum(['next', 'previous', 'leave'])]), result: ok },
} as const;
export type ConsentChannel = keyof typeof CONSENT_INVOKE;
export type ConsentBridge = {
  state(): Promise<ConsentState>;
  decide(decision: ConsentDecision): Promise<ConsentState>;
  close(): Promise<void>;
  height(px: number): Promise<void>;
  key(key: 'next' | 'previous' | 'leave'): Promise<void>;
  onState(listener: (state: ConsentState) => void): () => void;
};

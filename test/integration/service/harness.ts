/** A real service in this process, and clients that speak to it as desktops do: over its socket, or over TLS with a pinned certificate and DPoP. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { systemClock, systemRandom } from '../../../electron/service/clock';
import { createLog } from '../../../electron/service/log';
import { type Service, type ServiceConfig, startService } from '../../../electron/service/service';
import { parseEvent, type ServiceEvent } from '../../../shared/contract/events';
import { dpopProof } from '../../../shared/crypto/dpop';
import { newSealingKeys, newSigningKeys } from '../../../shared/crypto/keys';
import { joinProof, signChallenge } from '../../../shared/crypto/statements';
import { asInstant, type Clock } from '../../../shared/domain/instant';

export const random = systemRandom;
/** The real clock, moved: timers still run in real time. */
export function movableClock(): Clock & { move(ms: number): void } {
  const real = systemClock();
  let offsetMs = 0;
  return {
    now: () => asInstant(real.now() + offsetMs),
    wakeAt: (at, callback) => real.wakeAt(asInstant(at - offsetMs), callback),
    move: (ms) => {
      offsetMs += ms;
    },
  };
}
export type MovableClock = ReturnType<typeof movableClock>;

export interface DeviceKeyPairs {
  readonly deviceName: string;
  readonly signing: { publicKey: string; secretKey: string };
  readonly sealing: { publicKey: string; secretKey: string };
}
export const newDevice = (deviceName: string): DeviceKeyPairs => ({
  deviceName,
  signing: newSigningKeys(random),
  sealing: newSealingKeys(random),
});
export const publicKeys = (device: DeviceKeyPairs) => ({
  deviceName: device.deviceName,
  signingKey: device.signing.publicKey,
  sealingKey: device.sealing.publicKey,
});

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly json: any;
}
export interface RawCall {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}
type Where = { readonly socketPath: string } | { readonly url: string; readonly pin?: string };

/** One request, nothing added. Over TLS the certificate is checked against the pin, as the app does. */
export function send(where: Where, call: RawCall): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = open(where, call);
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const isJson =
          /json/.test(response.headers['content-type'] ?? '') && !/ndjson/.test(response.headers['content-type'] ?? '');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: isJson ? JSON.parse(text) : undefined,
        });
      });
    });
    outgoing.end(call.body);
  });
}
function open(where: Where, call: RawCall) {
  const options = { method: call.method, headers: { connection: 'close', ...call.headers } };
  if ('socketPath' in where) return httpRequest({ ...options, socketPath: where.socketPath, path: call.path });
  const url = new URL(call.path, where.url);
  if (url.protocol === 'http:') return httpRequest(url, options);
  const outgoing = httpsRequest(url, { ...options, rejectUnauthorized: false, agent: false });
  outgoing.on('socket', (socket) =>
    socket.once('secureConnect', () => {
      const der = (socket as TLSSocket).getPeerCertificate(true).raw;
      const pin = createHash('sha256').update(der).digest('hex');
      if (where.pin !== undefined && pin !== where.pin) outgoing.destroy(new Error('pin mismatch'));
    }),
  );
  return outgoing;
}

/** A signed-in device. */
export interface Client {
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  events(options?: { after?: number; header?: number }): Promise<EventStream>;
}

export function socketClient(socketPath: string, launchToken: string): Client {
  const headersFor = () => ({ authorization: `Bearer ${launchToken}` });
  return {
    call: (method, path, body, headers) =>
      send({ socketPath }, jsonCall(method, path, body, { ...headersFor(), ...headers })),
    events: (options = {}) => openStream({ socketPath }, eventsCall(options, headersFor())),
  };
}
export function jsonCall(method: string, path: string, body: unknown, headers: Record<string, string>): RawCall {
  if (body === undefined) return { method, path, headers };
  return { method, path, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
const eventsCall = (options: { after?: number; header?: number }, headers: Record<string, string>): RawCall => ({
  method: 'GET',
  path: options.after === undefined ? '/v1/events' : `/v1/events?after=${options.after}`,
  headers: { ...headers, ...(options.header === undefined ? {} : { 'last-event-id': String(options.header) }) },
});

export interface TcpClient extends Client {
  readonly deviceId: string;
  readonly device: DeviceKeyPairs;
  signIn(): Promise<Reply>;
  token(): string;
  nonce(): string;
  proof(
    method: string,
    path: string,
    over?: Partial<{
      token: string | null;
      nonce: string | null;
      url: string;
      keys: DeviceKeyPairs['signing'];
      method: string;
      atMs: number;
    }>,
  ): string;
}
export function tcpClient(
  where: { url: string; pin?: string },
  device: DeviceKeyPairs,
  deviceId: string,
  clock: Pick<Clock, 'now'>,
): TcpClient {
  let token: string | null = null;
  let nonce: string | null = null;
  const proof: TcpClient['proof'] = (method, path, over = {}) =>
    dpopProof(
      over.keys ?? device.signing,
      {
        method: over.method ?? method,
        url: over.url ?? `${where.url}${path}`,
        accessToken: over.token === undefined ? token : over.token,
        nonce: over.nonce === undefined ? nonce : over.nonce,
      },
      { now: asInstant(over.atMs ?? clock.now()), random },
    );
  const keepNonce = (reply: Reply): Reply => {
    nonce = String(reply.headers['dpop-nonce'] ?? nonce);
    return reply;
  };
  const headersFor = (method: string, path: string) => ({ authorization: `DPoP ${token}`, dpop: proof(method, path) });
  return {
    deviceId,
    device,
    proof,
    token: () => token ?? '',
    nonce: () => nonce ?? '',
    async signIn() {
      const asked = keepNonce(await send(where, jsonCall('POST', '/v1/session/challenge', { deviceId }, {})));
      const { challenge } = asked.json;
      const signature = signChallenge(device.signing.secretKey, { deviceId, challenge, serviceId: null });
      const body = { deviceId, challenge, signature };
      const path = '/v1/session/token';
      const answer = keepNonce(
        await send(where, jsonCall('POST', path, body, { dpop: proof('POST', path, { token: null }) })),
      );
      if (answer.status === 200) token = answer.json.accessToken;
      return answer;
    },
    call: async (method, path, body, headers) =>
      keepNonce(await send(where, jsonCall(method, path, body, { ...headersFor(method, path), ...headers }))),
    events: (options = {}) => {
      const call = eventsCall(options, {});
      return openStream(where, { ...call, headers: { ...call.headers, ...headersFor('GET', call.path) } });
    },
  };
}

export interface StreamMessage {
  readonly id: string | null;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into data of every shape
  readonly data: any;
}
export interface EventStream {
  readonly status: number;
  readonly messages: StreamMessage[];
  /** Kept events so far, parsed by the contract. */
  events(): ServiceEvent[];
  /** Resolves with the first message (past or coming) that fits. Rejects when the stream ends first. */
  until(fits: (message: StreamMessage) => boolean): Promise<StreamMessage>;
  readonly ended: Promise<void>;
  close(): void;
}
function openStream(where: Where, call: RawCall): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const outgoing = open(where, call);
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const messages: StreamMessage[] = [];
      const waiting = new Set<() => void>();
      let over = false;
      const ended = new Promise<void>((done) => {
        response.on('close', () => {
          over = true;
          done();
          for (const look of waiting) look();
        });
      });
      response.on('error', () => undefined);
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = (rest + chunk).split('\n\n');
        rest = parts.pop() ?? '';
        for (const part of parts) {
          const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1] ?? null;
          messages.push({
            id: field('id'),
            event: field('event') ?? 'message',
            data: JSON.parse(field('data') ?? 'null'),
          });
        }
        for (const look of waiting) look();
      });
      resolve({
        status: response.statusCode ?? 0,
        messages,
        events: () => messages.filter((message) => message.id !== null).map((message) => parseEvent(message.data)),
        ended,
        close: () => void outgoing.destroy(),
        until: (fits) =>
          new Promise((found, missed) => {
            const look = () => {
              const message = messages.find(fits);
              if (message === undefined && !over) return;
              waiting.delete(look);
              if (message === undefined)
                missed(new Error(`the stream ended; seen: ${messages.map((m) => m.event).join(', ')}`));
              else found(message);
            };
            waiting.add(look);
            look();
          }),
      });
    });
    outgoing.end();
  });
}

export interface TestService {
  readonly service: Service;
  readonly config: ServiceConfig;
  readonly clock: MovableClock;
  readonly dataDir: string;
  readonly socketPath: string;
  readonly owner: Client;
  readonly ownerDevice: DeviceKeyPairs;
  readonly tcp: { url: string; pin: string };
  /** What the service logged, as text. */
  log(): string;
  /** Invites somebody, joins as them over TLS and has the owner confirm the device. */
  join(name: string, roles?: string[], groups?: string[]): Promise<TcpClient & { personId: string }>;
  close(): Promise<void>;
}
export async function startTestService(over: Partial<ServiceConfig> = {}): Promise<TestService> {
  const dataDir = over.dataDir ?? mkdtempSync(join(tmpdir(), 'hp-service-'));
  const clock = movableClock();
  const lines: string[] = [];
  const log = createLog({ level: 'debug', stream: { write: (line) => void lines.push(line) } });
  const ownerDevice = newDevice('Ann’s laptop');
  const socketPath = join(dataDir, 's', 'hallpass.sock');
  const launchToken = randomBytes(32).toString('base64url');
  const config: ServiceConfig = {
    dataDir,
    dataKey: randomBytes(32),
    serviceName: 'Test',
    storeUrl: null,
    local: { socketPath, launchToken, owner: { displayName: 'Ann', ...publicKeys(ownerDevice) } },
    tcp: { host: '127.0.0.1', port: 0, publicAddress: null, certificate: null, plain: 'refused' },
    log,
    clock,
    ...over,
  };
  const service = await startService(config);
  const owner = socketClient(socketPath, launchToken);
  const tcp = service.tcp ?? { url: '', pin: '' };
  return {
    ...{ service, config, clock, dataDir, socketPath, owner, ownerDevice, tcp },
    log: () => lines.join(''),
    async join(name, roles = ['member'], groups = []) {
      const issued = await owner.call('POST', '/v1/invites', { displayName: name, roles, groups });
      if (issued.status !== 200) throw new Error(issued.text);
      const device = newDevice(`${name}’s laptop`);
      const joined = await joinWith(tcp, device, issued.json.invite.id, issued.json.code);
      if (joined.status !== 200) throw new Error(joined.text);
      const { deviceId, personId, fingerprint } = joined.json;
      const confirmed = await owner.call('POST', `/v1/devices/${deviceId}/confirm`, { fingerprint });
      if (confirmed.status !== 200) throw new Error(confirmed.text);
      const client = tcpClient(tcp, device, deviceId, clock);
      const signedIn = await client.signIn();
      if (signedIn.status !== 200) throw new Error(signedIn.text);
      return { ...client, personId };
    },
    async close() {
      await service.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
export function joinWith(
  where: { url: string; pin?: string },
  device: DeviceKeyPairs,
  inviteId: string,
  code: string,
): Promise<Reply> {
  const body = { inviteId, code, ...publicKeys(device) };
  return send(where, jsonCall('POST', '/v1/join', { ...body, proof: joinProof(device.signing.secretKey, body) }, {}));
}
export const newKey = (): { 'idempotency-key': string } => ({ 'idempotency-key': randomUUID() });

/** A service of its own process with a team in it: everybody joined by invite, was confirmed, and signs in over TLS with DPoP. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Client,
  type DeviceKeyPairs,
  joinWith,
  newDevice,
  publicKeys,
  socketClient,
  type TcpClient,
  tcpClient,
} from '../../integration/service/harness';
import type { ServiceOrders, ServiceReady } from './service-process';

export interface Member {
  readonly client: TcpClient;
  readonly device: DeviceKeyPairs;
  readonly deviceId: string;
  readonly personId: string;
}
export interface Team {
  readonly processId: number;
  readonly socketPath: string;
  readonly where: ServiceReady;
  readonly owner: Client;
  readonly members: readonly Member[];
  stop(): Promise<void>;
}

export async function startTeam(memberCount: number): Promise<Team> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'hp-bench-'));
  const device = newDevice('owner');
  const orders: ServiceOrders = {
    dataDir,
    socketPath: path.join(dataDir, 's', 'hallpass.sock'),
    launchToken: randomBytes(32).toString('base64url'),
    owner: { displayName: 'Owner', ...publicKeys(device) },
  };
  const child = forkScript('service-process.ts');
  const stop = async () => {
    await endChild(child);
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    child.send(orders);
    const where = await answerOf<ServiceReady>(child);
    const owner = socketClient(orders.socketPath, orders.launchToken);
    const members: Member[] = [];
    for (let n = 1; n <= memberCount; n += 1) members.push(await join(owner, where, `Member ${n}`));
    return { processId: child.pid ?? 0, socketPath: orders.socketPath, where, owner, members, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function join(owner: Client, where: ServiceReady, displayName: string): Promise<Member> {
  const issued = must(await owner.call('POST', '/v1/invites', { displayName, roles: ['member'], groups: [] }));
  const device = newDevice(`${displayName}’s laptop`);
  const { deviceId, personId, fingerprint } = must(await joinWith(where, device, issued.invite.id, issued.code));
  must(await owner.call('POST', `/v1/devices/${deviceId}/confirm`, { fingerprint }));
  const client = staysSignedIn(tcpClient(where, device, deviceId, { now: () => Date.now() as never }));
  must(await client.signIn());
  return { client, device, deviceId, personId };
}

/** As the app does: a token lasts ten minutes, and a long preparation outlasts it. */
function staysSignedIn(client: TcpClient): TcpClient {
  return {
    ...client,
    async call(...request) {
      const reply = await client.call(...request);
      if (reply.status !== 401) return reply;
      must(await client.signIn());
      return client.call(...request);
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: answers of every shape, each checked by what is done with it
export function must(reply: { readonly status: number; readonly text: string; readonly json: any }): any {
  if (reply.status >= 300) throw new Error(`${reply.status} ${reply.text}`);
  return reply.json;
}

/** Runs a TypeScript file of this folder as a process with a port to us. */
export function forkScript(name: string): ChildProcess {
  const file = fileURLToPath(new URL(name, import.meta.url));
  return fork(file, [], { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

/** The next message. Rejects when the process ends first. */
export function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = (code: number | null) => reject(new Error(`the process ended with ${code}`));
    child.once('exit', gone);
    child.once('message', (message) => {
      child.off('exit', gone);
      resolve(message as T);
    });
  });
}

export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (child.connected) child.send('stop');
  await gone;
}

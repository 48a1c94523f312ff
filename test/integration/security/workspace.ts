/**
 * A real service over a real PostgreSQL, with a gate between them that can be shut, so that "the target is down" is what
 * it is for a user: nobody answers, while sessions that are open on the server go on.
 */
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { expect } from 'vitest';
import type { ServiceConfig } from '../../../electron/service/service';
import { PostgresCredential } from '../../../shared/contract/credential';
import type { GrantView } from '../../../shared/contract/grants';
import type { CardFacts, RequestView, SignedDecision } from '../../../shared/contract/requests';
import { openCredential } from '../../../shared/crypto/seal';
import { signDecision } from '../../../shared/crypto/statements';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { type PostgresServer, startPostgres } from '../../bed/postgres';
import { makeTarget, type PgTestTarget } from '../../bed/postgres-target';
import type { TestService } from '../service/harness';
import {
  type Client,
  type DeviceKeyPairs,
  type EventStream,
  startTestService,
  type TcpClient,
} from '../service/harness';

/** A door to a server: shut, it cuts what is open and refuses what comes. */
export class Gate {
  private server: Server | null = null;
  private readonly sockets = new Set<Socket>();
  private constructor(
    private readonly to: { host: string; port: number },
    public port: number,
  ) {}
  static async open(to: { host: string; port: number }): Promise<Gate> {
    const gate = new Gate(to, 0);
    await gate.open();
    return gate;
  }
  async open(): Promise<void> {
    const server = createServer((near) => {
      const far = dial(this.to);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.sockets.delete(one);
          other.destroy();
        });
      }
      near.pipe(far);
      far.pipe(near);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.server = server;
    this.port = (server.address() as { port: number }).port;
  }
  async shut(): Promise<void> {
    const { server } = this;
    this.server = null;
    for (const socket of this.sockets) socket.destroy();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

export const POLICY = `version: 1
rules:
  - name: staging
    match: { resource: { environment: staging } }
    effect: approve
    max_duration: 1h
    approvals: [{ from: approvers, count: 1 }]
    confirm: notification
`;

export interface Workspace {
  readonly it: TestService;
  readonly server: PostgresServer;
  readonly gate: Gate;
  readonly target: PgTestTarget;
  readonly resourceId: string;
  /** Asks. */
  readonly bob: TcpClient & { personId: string };
  /** Approves, over TCP; the owner, who approves too, is on the socket. */
  readonly ann: TcpClient & { personId: string };
  /** Everything the owner may see, from the first event on. */
  readonly stream: EventStream;
  /** Code of the invite that nobody used. */
  readonly inviteCode: string;
  ask(more?: object): Promise<RequestView>;
  statement(by: Client, deviceId: string, id: string, more?: object): Promise<SignedDecision['statement']>;
  approve(id: string): Promise<RequestView>;
  grant(id: string): Promise<GrantView>;
  credential(id: string): Promise<PostgresCredential>;
  close(): Promise<void>;
}

export async function openWorkspace(over: Partial<ServiceConfig> = {}): Promise<Workspace> {
  const server = await startPostgres();
  const gate = await Gate.open({ host: server.host, port: server.port });
  const it = await startTestService(over);
  const made = await makeTarget(server);
  const target = { ...made, settings: { ...made.settings, host: '127.0.0.1', port: gate.port } };
  const stream = await it.owner.events({ after: 0 });
  const ok = async (reply: ReturnType<Client['call']>) => {
    const { status, json, text } = await reply;
    if (status >= 300) throw new Error(`${status} ${text}`);
    return json;
  };
  const [bob, ann] = [await it.join('Bob'), await it.join('Anna')];
  await ok(it.owner.call('PUT', '/v1/groups/approvers', { members: [ann.personId] }));
  const address = { settings: target.settings, secret: target.secret, name: 'orders-db' };
  const plan = await ok(it.owner.call('POST', '/v1/targets/plan', address));
  await ok(it.owner.call('POST', '/v1/targets/apply', { target: address, digest: plan.digest }));
  const resource = await ok(
    it.owner.call('POST', '/v1/resources', {
      name: 'orders-db',
      environment: 'staging',
      risk: 'low',
      settings: target.settings,
      secret: target.secret,
    }),
  );
  const policy = await ok(it.owner.call('GET', '/v1/policy'));
  await ok(it.owner.call('PUT', '/v1/policy', { yaml: POLICY, baseVersion: policy.version }));
  const issued = await ok(
    it.owner.call('POST', '/v1/invites', { displayName: 'Nobody', roles: ['member'], groups: [] }),
  );
  const statement: Workspace['statement'] = async (by, deviceId, id, more = {}) => {
    const facts: CardFacts = await ok(by.call('GET', `/v1/requests/${id}/card`));
    return {
      v: 1,
      kind: 'decision',
      requestId: facts.request.id,
      requestDigest: facts.request.digest,
      decision: 'approve',
      stage: facts.request.stage,
      ttlMs: facts.request.ttlMs,
      reason: '',
      policyVersion: facts.answer.policyVersion,
      policyDigest: facts.answer.policyDigest,
      nonce: facts.nonce,
      via: 'notification',
      deviceId: deviceId as never,
      at: it.clock.now(),
      ...more,
    };
  };
  const grant = (id: string): Promise<GrantView> => ok(bob.call('GET', `/v1/grants/${id}`));
  return {
    ...{
      it,
      server,
      gate,
      target,
      resourceId: resource.id,
      bob,
      ann,
      stream,
      inviteCode: issued.code,
      statement,
      grant,
    },
    ask: (more = {}) =>
      ok(
        bob.call('POST', '/v1/requests', {
          resourceId: resource.id,
          level: 'read-only',
          ttlMs: 5 * MINUTE_MS,
          reason: 'look at orders',
          ...more,
        }),
      ),
    async approve(id) {
      const signed = signDecision(ann.device.signing.secretKey, await statement(ann, ann.deviceId, id));
      return ok(ann.call('POST', `/v1/requests/${id}/decisions`, signed));
    },
    async credential(id) {
      const sealed = await ok(bob.call('GET', `/v1/grants/${id}/credential`));
      const keys: DeviceKeyPairs = bob.device;
      const opened = openCredential(sealed, {
        grantId: id,
        deviceId: bob.deviceId,
        sealingSecretKey: keys.sealing.secretKey,
      });
      return PostgresCredential.parse(opened);
    },
    async close() {
      stream.close();
      await it.close();
      await gate.shut();
      await server.stop();
    },
  };
}

/** The log-in roles of ours that are on the server now. */
export const rolesOn = async (server: PostgresServer): Promise<string[]> =>
  (
    await server.query<{ rolname: string }>(
      'postgres',
      "SELECT rolname FROM pg_roles WHERE rolname ~ '^hp_[0-9a-z]{26}$' AND rolcanlogin ORDER BY 1",
    )
  ).map((row) => row.rolname);

/** A secret as it is, and as it would look in JSON, a URL, base64 or hex. */
export const formsOf = (secret: string): string[] => {
  const bytes = Buffer.from(secret);
  return [
    ...new Set([
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      bytes.toString('base64').replace(/=+$/, ''),
      bytes.toString('base64url'),
      bytes.toString('hex'),
    ]),
  ];
};
/** Fails with the name of the place and of the secret, never with the secret. */
export function expectNoSecret(
  places: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
): void {
  const found: string[] = [];
  for (const [what, secret] of Object.entries(secrets)) {
    expect(secret.length, what).toBeGreaterThanOrEqual(8);
    for (const [place, text] of Object.entries(places))
      if (formsOf(secret).some((form) => text.includes(form))) found.push(`${what} in ${place}`);
  }
  expect(found).toEqual([]);
}

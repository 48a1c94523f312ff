/**
 * Fills a fresh workspace with the sample, as its owner, over the HTTP API. Each step looks first what is there already, so a
 * run that was cut off is simply repeated. People join with real device keys; where the service takes nobody from
 * outside (it listens on this machine alone), the owner stays alone and the answer says so.
 */
import { z } from 'zod';
import { API, type ApiBody, type ApiName } from '../contract/api';
import { NewResource } from '../contract/resources';
import { fingerprintOf, type KeyPair, newSealingKeys, newSigningKeys } from '../crypto/keys';
import { joinProof } from '../crypto/statements';
import type { Random } from '../domain/instant';
import type { Environment, RiskClass, Role } from '../domain/states';
import { SAMPLE_POLICY } from './policy';

export { SAMPLE_POLICY };

/** The throw-away server behind the sample; travels in a 0600 file, since it holds the manager's password. */
export const SampleTarget = z.strictObject({
  host: z.string(),
  port: z.int(),
  managerUser: z.string(),
  secret: z.string(),
});
export type SampleTarget = z.infer<typeof SampleTarget>;
/** One call of the API as the owner: route name, path parameters, body. Throws an error with the problem's `code`. */
export type SampleClient = (name: ApiName, params: unknown, body: unknown) => Promise<unknown>;

interface SampleResource {
  readonly name: string;
  readonly description: string;
  readonly environment: Environment;
  readonly risk: RiskClass;
  readonly tags: readonly string[];
  readonly owners: readonly string[];
  readonly dependsOn: readonly string[];
  readonly database: string;
  readonly schemas: readonly string[];
}
export const SAMPLE_RESOURCES: readonly SampleResource[] = [
  {
    name: 'orders-db',
    description: 'Orders, customers and stock of the shop.',
    environment: 'production',
    risk: 'high',
    tags: ['personal-data'],
    owners: ['dba'],
    dependsOn: [],
    database: 'orders',
    schemas: ['sales', 'inventory'],
  },
  {
    name: 'orders-db-staging',
    description: 'The same with made-up customers.',
    environment: 'staging',
    risk: 'low',
    tags: [],
    owners: ['dba'],
    dependsOn: [],
    database: 'orders_staging',
    schemas: ['sales', 'inventory'],
  },
  {
    name: 'reports',
    description: 'Monthly figures, filled from orders-db each night.',
    environment: 'production',
    risk: 'moderate',
    tags: ['financial'],
    owners: ['analytics'],
    dependsOn: ['orders-db'],
    database: 'reports',
    schemas: ['finance'],
  },
  {
    name: 'playground',
    description: 'Try things out.',
    environment: 'development',
    risk: 'low',
    tags: [],
    owners: ['engineering'],
    dependsOn: [],
    database: 'playground',
    schemas: ['play'],
  },
];

interface SamplePersonPlan {
  readonly displayName: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  /** Who invites them; the owner when left out. */
  readonly invitedBy?: string;
}
/** Grace is invited by somebody else than the owner: nobody's request is approved by one whom they let in themselves. */
export const SAMPLE_PEOPLE: readonly SamplePersonPlan[] = [
  { displayName: 'Katherine Johnson', roles: ['member', 'admin', 'auditor'], groups: ['analytics'] },
  {
    displayName: 'Grace Hopper',
    roles: ['member'],
    groups: ['dba', 'engineering'],
    invitedBy: 'Katherine Johnson',
  },
  { displayName: 'Alan Turing', roles: ['member'], groups: ['engineering', 'on-call'] },
  { displayName: 'Margaret Hamilton', roles: ['member'], groups: ['contractors'] },
];
/** Groups and whether the owner is in them. */
const GROUPS: Readonly<Record<string, 'with-owner' | 'without-owner'>> = {
  dba: 'with-owner',
  engineering: 'with-owner',
  analytics: 'without-owner',
  'on-call': 'with-owner',
  contractors: 'without-owner',
};

/** Somebody who joined here. The keys are theirs to sign in with; they live as long as the caller keeps them. */
export interface SamplePerson {
  readonly displayName: string;
  readonly personId: string;
  readonly deviceId: string;
  readonly signing: KeyPair;
  readonly sealing: KeyPair;
  /** The link they joined by: it names the service's address and the pin of its certificate. */
  readonly inviteLink: string;
}
export interface SeededSample {
  readonly resourceIds: Readonly<Record<string, string>>;
  /** Empty when nobody could join, or all had joined before. */
  readonly people: readonly SamplePerson[];
  readonly policyVersion: number;
  /** Why there is nobody else, in a sentence; null when people are there. */
  readonly alone: string | null;
}

export interface SeedDeps {
  readonly random: Random;
  /** A client that calls as this person of the sample. Without it the owner does everything. */
  readonly as?: (person: SamplePerson) => SampleClient;
}

/** Groups, people, resources (their level roles made on the target), then the policy. Throws what the client throws. */
export async function seedSample(client: SampleClient, target: SampleTarget, deps: SeedDeps): Promise<SeededSample> {
  const call = typed(client);
  const me = await call('me.get', undefined, undefined);
  await seedGroups(call, me.person.id);
  const { people, alone } = await seedPeople(call, deps);
  const resourceIds: Record<string, string> = {};
  for (const resource of SAMPLE_RESOURCES) resourceIds[resource.name] = await seedResource(call, target, resource);
  return { resourceIds, people, alone, policyVersion: await seedPolicy(call) };
}

type Reply<N extends ApiName> = z.output<(typeof API)[N]['reply']>;
type Call = <N extends ApiName>(name: N, params: unknown, body: ApiBody<N> | undefined) => Promise<Reply<N>>;
const typed =
  (client: SampleClient): Call =>
  async (name, params, body) =>
    API[name].reply.parse(await client(name, params, body)) as Reply<typeof name>;

async function seedGroups(call: Call, ownerId: string): Promise<void> {
  const known = new Set((await call('groups.list', undefined, undefined)).items.map((group) => group.name));
  for (const [name, owner] of Object.entries(GROUPS)) {
    if (known.has(name)) continue;
    await call('groups.put', { name }, { members: owner === 'with-owner' ? [ownerId] : [] });
  }
}

async function seedPeople(call: Call, { random, as }: SeedDeps): Promise<Pick<SeededSample, 'people' | 'alone'>> {
  const known = new Set((await call('people.list', undefined, undefined)).items.map((person) => person.displayName));
  const people: SamplePerson[] = [];
  for (const plan of SAMPLE_PEOPLE) {
    if (known.has(plan.displayName)) continue;
    try {
      const inviter = people.find((person) => person.displayName === plan.invitedBy);
      const invites = inviter === undefined || as === undefined ? call : typed(as(inviter));
      people.push(await joinAs(call, invites, plan, random));
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'wrong-state') throw error;
      return { people, alone: error instanceof Error ? error.message : 'Nobody else can join this service.' };
    }
  }
  return { people, alone: null };
}
/** The whole way in: invite, join with fresh keys, and the owner's look at the fingerprint. */
async function joinAs(call: Call, invites: Call, plan: SamplePersonPlan, random: Random): Promise<SamplePerson> {
  const { displayName } = plan;
  const issued = await invites('invites.create', undefined, {
    displayName,
    roles: [...plan.roles],
    groups: [...plan.groups],
  });
  const [signing, sealing] = [newSigningKeys(random), newSealingKeys(random)];
  const join = {
    inviteId: issued.invite.id,
    code: issued.code,
    deviceName: `${displayName.split(' ')[0]}'s laptop`,
    signingKey: signing.publicKey,
    sealingKey: sealing.publicKey,
  };
  const joined = await call('join', undefined, { ...join, proof: joinProof(signing.secretKey, join) });
  const fingerprint = fingerprintOf({ signingKey: signing.publicKey, sealingKey: sealing.publicKey });
  await call('devices.confirm', { id: joined.deviceId }, { fingerprint });
  const { personId, deviceId } = joined;
  return { displayName, personId, deviceId, signing, sealing, inviteLink: issued.link };
}

async function seedResource(call: Call, target: SampleTarget, resource: SampleResource): Promise<string> {
  const known = (await call('resources.list', undefined, undefined)).items.find((r) => r.name === resource.name);
  if (known) return known.id;
  const { database, schemas, ...facts } = resource;
  const { host, port, managerUser, secret } = target;
  const body = NewResource.parse({
    ...facts,
    settings: { kind: 'postgres', host, port, database, managerUser, tls: 'prefer', schemas: [...schemas] },
    secret,
  });
  const address = { settings: body.settings, secret, name: resource.name };
  const plan = await call('resources.plan', undefined, address);
  const applied = await call('resources.apply', undefined, { target: address, digest: plan.digest });
  if (!applied.ok) throw new Error(`The levels of ${resource.name} could not be made: ${applied.error}`);
  return (await call('resources.create', undefined, body)).id;
}

async function seedPolicy(call: Call): Promise<number> {
  const current = await call('policy.get', undefined, undefined);
  if (current.yaml === SAMPLE_POLICY) return current.version;
  const note = 'The sample policy';
  const body = { yaml: SAMPLE_POLICY, baseVersion: current.version, note };
  return (await call('policy.put', undefined, body)).version;
}

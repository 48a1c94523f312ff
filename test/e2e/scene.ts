/** What several stories need: a database that anybody may read for a while, asked for by one of the desktops. */
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { GrantView } from '../../shared/contract/grants';
import type { LocalInjection } from '../../shared/contract/ipc';
import { type Bed, until } from '../bed';
import type { PostgresServer } from '../bed/postgres';
import { makeTarget } from '../bed/postgres-target';
import { Person } from '../demo/person';
import { psql } from '../demo/psql';

export const RESOURCE = 'orders-db';
const AUTO = `version: 1
rules:
  - name: anybody
    effect: auto
    max_duration: 1h
`;

/** That desktop hosts a team. Resolves once it is ready. */
export async function hostTeam(owner: Person): ReturnType<Person['ready']> {
  const port = await freePort();
  await owner.waitFor('first-run');
  await owner.invoke('setup.choose', {
    mode: 'host',
    displayName: owner.name,
    teamName: 'Team',
    address: '127.0.0.1',
    port,
  });
  return owner.ready();
}
/** Starts a second desktop, which joins with an invite of the owner and is confirmed by its fingerprint. */
export async function joinTeam(bed: Bed, owner: Person, name: string): Promise<Person> {
  const { link, code } = await owner.call('invites.create', {
    body: { displayName: name, roles: ['member'], groups: [] },
  });
  const guest = await Person.start(bed, name, name.toLowerCase());
  await guest.waitFor('first-run');
  await guest.invoke('setup.choose', { mode: 'join', link, code });
  await guest.waitFor('pending-confirmation');
  const pending = (await owner.call('devices.list')).items.find((device) => device.state === 'pending');
  const fingerprint = pending?.fingerprint ?? '';
  await owner.call('devices.confirm', { params: { id: pending?.id ?? '' }, body: { fingerprint } });
  await guest.ready();
  return guest;
}

/**
 * Adds the resource and a policy, which unless it is said says yes to everybody. Returns the resource's id.
 * @param port where the database is reached, when that is not its own
 */
export async function addResource(
  owner: Person,
  server: PostgresServer,
  { port, policy = AUTO }: { port?: number; policy?: string } = {},
): Promise<string> {
  const made = await makeTarget(server);
  const target = { secret: made.secret, settings: { ...made.settings, port: port ?? made.settings.port } };
  const address = { settings: target.settings, secret: target.secret, name: RESOURCE };
  const plan = await owner.call('resources.plan', { body: address });
  await owner.call('resources.apply', { body: { target: address, digest: plan.digest } });
  const { id } = await owner.call('resources.create', {
    body: {
      name: RESOURCE,
      description: '',
      environment: 'staging',
      risk: 'low',
      tags: [],
      owners: [],
      dependsOn: [],
      settings: target.settings,
      secret: target.secret,
    },
  });
  const { version } = await owner.call('policy.get');
  await owner.call('policy.put', { body: { yaml: policy, baseVersion: version, note: '' } });
  return id;
}

/** Asks, and waits until the grant is active and its files are on that desktop. */
export async function obtain(person: Person, resourceId: string, ttlMs: number): Promise<GrantView> {
  const known = new Set((await mine(person)).map((grant) => grant.id));
  await person.call('requests.submit', {
    body: { resourceId, level: 'read-only', ttlMs, reason: 'look', ticketRef: '', startWhen: 'connected' },
  });
  const grant = await until(
    `${person.name}: a grant`,
    async () => (await mine(person)).find((one) => one.state === 'active' && !known.has(one.id)),
    20_000,
  );
  await until(`${person.name}: its files`, async () =>
    (await injections(person)).some((one) => one.grantId === grant.id && one.state === 'injected'),
  );
  return grant;
}
export const mine = async (person: Person): Promise<GrantView[]> =>
  (await person.call('grants.list', { query: { scope: 'mine' } })).items;
export const injections = (person: Person): Promise<LocalInjection[]> => person.invoke('injection.list');
export const grantOf = (person: Person, id: string): Promise<GrantView> =>
  person.call('grants.get', { params: { id } });

/** Tries to log in until it is refused and a while longer. Resolves with when it last worked. */
export async function lastLogin(
  env: Readonly<Record<string, string>>,
  service: string,
  untilAt: number,
): Promise<number> {
  let worked = 0;
  while (Date.now() < untilAt) {
    const at = Date.now();
    if ((await psql(env, service, 'SELECT 1')).code === 0) worked = at;
    await pause(200); // how often somebody tries, not a wait for something
  }
  return worked;
}

/** Pid of the bundled service of that desktop. */
export const servicePid = (person: Person): Promise<number> =>
  person.app.inMain(({ app }) => app.getAppMetrics().find((one) => one.name === 'Hallpass Service')?.pid ?? 0);

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/**
 * Two desktops as in a team: one hosts the service and approves, the other joined it over TLS and asks. A real PostgreSQL 18
 * is the target. Reading access is asked for and approved on the notification; writing is given at once.
 */
import { type RunningSampleTarget, startSampleTarget } from '../../../electron/dev/sample/target';
import { type Bed, startBed } from '../../bed';
import { Person } from '../../demo/person';

const POLICY = `version: 1
rules:
  - name: asked
    match:
      resource: { level: read-only }
    effect: approve
    max_duration: 1h
    approvals: [{ from: approvers, count: 1 }]
    confirm: notification
  - name: at-once
    match:
      resource: { level: read-write }
    effect: auto
    max_duration: 1h
`;
export const RESOURCE = 'orders-db';

export interface Desktops {
  readonly bed: Bed;
  readonly target: RunningSampleTarget;
  readonly approver: Person;
  readonly requester: Person;
  readonly resourceId: string;
  stop(): Promise<void>;
}

export async function startDesktops(): Promise<Desktops> {
  const closers: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of closers.reverse()) await close();
  };
  try {
    const target = await startSampleTarget();
    closers.push(target.stop);
    const bed = await startBed();
    closers.push(bed.stop);
    const approver = await Person.start(bed, 'Priya Sharma', 'priya');
    closers.push(() => approver.app.kill()); // quitting a host with live grants asks; there is nobody to answer
    await approver.invoke('setup.choose', {
      ...{ mode: 'host', displayName: approver.name, teamName: 'Bench', address: '127.0.0.1', port: 0 },
    });
    await approver.ready();
    const requester = await join(bed, approver);
    const resourceId = await addResource(approver, target);
    return { bed, target, approver, requester, resourceId, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function join(bed: Bed, approver: Person): Promise<Person> {
  const invite = await approver.call('invites.create', {
    body: { displayName: 'Nadia Rahman', roles: ['member'], groups: [] },
  });
  const requester = await Person.start(bed, 'Nadia Rahman', 'nadia');
  const fingerprint = await requester.join(invite.link, invite.code);
  const waiting = (await approver.call('devices.list')).items.find((device) => device.state === 'pending');
  if (!waiting) throw new Error('nobody waits to be confirmed');
  await approver.call('devices.confirm', { params: { id: waiting.id }, body: { fingerprint } });
  await requester.ready();
  return requester;
}

async function addResource(approver: Person, { target }: RunningSampleTarget): Promise<string> {
  const { host, port, managerUser, secret } = target;
  const settings = {
    ...{ kind: 'postgres' as const, tls: 'disable' as const, schemas: ['sales', 'inventory'] },
    ...{ host, port, managerUser, database: 'orders' },
  };
  const address = { settings, secret, name: RESOURCE };
  const { digest } = await approver.call('resources.plan', { body: address });
  await approver.call('resources.apply', { body: { target: address, digest } });
  const resource = await approver.call('resources.create', {
    body: {
      ...{ name: RESOURCE, description: '', environment: 'staging', risk: 'low', tags: [], owners: [], dependsOn: [] },
      ...{ settings, secret },
    },
  });
  const me = await approver.ready();
  await approver.call('groups.put', { params: { name: 'approvers' }, body: { members: [me.personId] } });
  const { version } = await approver.call('policy.get');
  await approver.call('policy.put', { body: { yaml: POLICY, baseVersion: version, note: '' } });
  return resource.id;
}

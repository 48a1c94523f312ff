/** What people do: ask, decide, work with what they got, give it back, take it away; and edit their own files meanwhile. */
import { ApiProblem } from '../../../electron/main/session/api-problem';
import { ServiceAway } from '../../../electron/main/session/transport';
import { AppError } from '../../../electron/service/errors';
import type { SignedDecision } from '../../../shared/contract/requests';
import { signDecision } from '../../../shared/crypto/statements';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { type Device, SERVICE_FILE } from './device';
import type { Simulation } from './simulation';
import { NAMES } from './workspace';

type Calls = (name: string, options?: unknown) => Promise<never>;

export class People {
  private gone = false;
  constructor(private readonly sim: Simulation) {}

  /** One thing that one person does. What is refused is refused; a defect shows in the invariants. */
  act(): void {
    const { kernel } = this.sim;
    const name = kernel.chance.pick(NAMES);
    const device = this.sim.devices.get(name);
    if (device === undefined || device.isAsleep()) return;
    const moves: [number, string, () => Promise<unknown> | unknown][] = [
      [14, 'asks', () => this.ask(device)],
      [3, 'decides', () => this.decide(device)],
      [10, 'logs in', () => this.logIn()],
      [2, 'logs out', () => this.logOut()],
      [2, 'returns', () => this.giveBack(device)],
      [1, 'revokes', () => this.revoke()],
      [3, 'extends', () => this.extend(device)],
      [4, 'edits the service file', () => this.edit(device)],
      [0.4, 'changes a group', () => this.changeGroup()],
      [0.15, 'publishes a policy', () => this.changePolicy()],
      [0.15, 'attests', () => this.attest()],
      [0.02, 'removes a person', () => this.removePerson()],
    ];
    let left = kernel.chance.next() * moves.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, what, move] of moves) {
      left -= weight;
      if (left > 0) continue;
      this.sim.count(what);
      void Promise.resolve()
        .then(move)
        .catch((cause: unknown) => {
          const expected =
            cause instanceof ServiceAway || cause instanceof ApiProblem || cause instanceof AppError || isFull(cause);
          if (!expected) kernel.failure ??= cause;
        });
      return;
    }
  }

  private calls(device: Device): Calls {
    const { app } = device;
    if (app === null) throw new ServiceAway('aborted', 'the app does not run');
    return app.callApi as unknown as Calls;
  }
  private async ask(device: Device): Promise<void> {
    const { kernel, workspace } = this.sim;
    const resource = kernel.chance.pick([
      'orders-dev',
      'orders-dev',
      'orders-dev',
      'orders-dev',
      'orders-dev',
      'orders-staging',
      'orders-prod',
    ]);
    const body = {
      resourceId: workspace.resources.get(resource) ?? '',
      level: kernel.chance.pick(['read-only', 'read-write']),
      ttlMs: kernel.chance.pick([1, 1, 2, 2, 5, 15]) * MINUTE_MS,
      reason: 'a look',
      ticketRef: '',
      startWhen: 'connected',
    };
    // A double click, or a retry after a lost answer.
    const again = kernel.happens(0.1) ? 2 : 1;
    const call = this.calls(device);
    await Promise.all(Array.from({ length: again }, () => call('requests.submit', { body }).catch(refusedIsFine)));
  }
  private async decide(device: Device): Promise<void> {
    const { kernel } = this.sim;
    const call = this.calls(device);
    const inbox: { items: { id: string; state: string }[] } = await call('requests.list', {
      query: { scope: 'inbox', limit: 20 },
    });
    const open = inbox.items.filter(({ state }) => state === 'pending');
    if (open.length === 0) return;
    const { id } = kernel.chance.pick(open);
    const signed = await this.sign(device, id);
    const again = kernel.happens(0.2) ? 2 : 1;
    const send = () => call('requests.decide', { params: { id }, body: signed }).catch(refusedIsFine);
    await Promise.all(Array.from({ length: again }, send));
  }
  private async sign(device: Device, id: string): Promise<SignedDecision> {
    const { kernel, service } = this.sim;
    const facts: {
      request: { digest: string; stage: number; ttlMs: number };
      answer: { policyVersion: number; policyDigest: string };
      nonce: string;
    } = await this.calls(device)('requests.card', { params: { id } });
    const decision = kernel.happens(0.85) ? 'approve' : 'deny';
    return signDecision(device.member.signing.secretKey, {
      v: 1,
      kind: 'decision',
      requestId: id,
      requestDigest: facts.request.digest,
      decision,
      stage: facts.request.stage,
      ttlMs: decision === 'deny' ? 0 : facts.request.ttlMs,
      reason: '',
      policyVersion: facts.answer.policyVersion,
      policyDigest: facts.answer.policyDigest,
      nonce: facts.nonce,
      via: 'card',
      deviceId: device.member.caller.deviceId,
      at: service.life?.clock.now() ?? kernel.now,
    });
  }
  /** With whatever somebody still has a password of: also of grants that are over. */
  private logIn(): void {
    const { kernel, seen } = this.sim;
    const known = [...seen.values()].slice(-20);
    if (known.length === 0) return;
    const grant = kernel.chance.pick(known);
    if (grant.target.model.logIn(grant.principal)) this.sim.count('sessions');
  }
  private logOut(): void {
    const { kernel, seen } = this.sim;
    const known = [...seen.values()].slice(-20);
    if (known.length === 0) return;
    const grant = kernel.chance.pick(known);
    const login = grant.target.model.logins.get(grant.principal);
    if (login !== undefined && login.sessions > 0) login.sessions--;
  }
  private own(device: Device) {
    return [...this.sim.live.values()].filter(
      ({ person, state }) =>
        person === device.member.caller.personId && (state === 'active' || state === 'provisioning'),
    );
  }
  private async giveBack(device: Device): Promise<void> {
    const { kernel } = this.sim;
    const mine = this.own(device);
    if (mine.length === 0) return;
    const { id } = kernel.chance.pick(mine);
    if (kernel.happens(0.3)) await this.calls(device)('grants.return', { params: { id } });
    else await device.app?.flow.giveBack(id);
  }
  private async revoke(): Promise<void> {
    const { kernel, live, devices } = this.sim;
    const dan = devices.get('dan');
    if (live.size === 0 || dan === undefined) return;
    await this.calls(dan)('grants.revoke', {
      params: { id: kernel.chance.pick([...live.values()]).id },
      body: { reason: '' },
    });
  }
  private async extend(device: Device): Promise<void> {
    const { kernel } = this.sim;
    const mine = this.own(device);
    if (mine.length === 0) return;
    const body = { ttlMs: kernel.chance.pick([1, 2, 10]) * MINUTE_MS, reason: 'more', ticketRef: '' };
    const grant = kernel.chance.pick(mine);
    grant.askedMs += body.ttlMs;
    await this.calls(device)('grants.extend', { params: { id: grant.id }, body });
  }
  private async attest(): Promise<void> {
    const { live, devices } = this.sim;
    const dan = devices.get('dan');
    const stuck = [...live.values()].find(({ row }) => row.alarmed_at !== null);
    if (dan === undefined || stuck === undefined) return;
    await this.calls(dan)('grants.attest', { params: { id: stuck.id }, body: { reason: 'it is gone' } });
  }
  /** In front of everything, as an editor saves it: written whole. */
  private edit(device: Device): void {
    const { kernel, userText } = this.sim;
    const { name } = device.member;
    const text = device.disk.text(SERVICE_FILE);
    const own = userText.get(name) ?? '';
    const line = `# note ${kernel.between(1, 999)}\n`;
    const isNote = /^# note \d+\n/.exec(own)?.[0];
    if (isNote !== undefined && text?.startsWith(isNote) && own.length > isNote.length && kernel.happens(0.5)) {
      device.disk.put(SERVICE_FILE, text.slice(isNote.length), 0o640);
      userText.set(name, own.slice(isNote.length));
    } else if (own !== '') {
      device.disk.put(SERVICE_FILE, `${line}${text ?? ''}`, 0o640);
      userText.set(name, `${line}${own}`);
    }
  }
  private async changeGroup(): Promise<void> {
    const { kernel, service, workspace } = this.sim;
    const { life } = service;
    const person = workspace.members.get(kernel.chance.pick(['bea', 'cid', 'zoe']))?.caller.personId;
    if (life === null || person === undefined) return;
    const group_name = kernel.chance.pick(['dba', 'security']);
    await life.store.write(async (tx) => {
      const row = { group_name, person_id: person };
      const is = await tx.db
        .selectFrom('group_members')
        .selectAll()
        .where('group_name', '=', group_name)
        .where('person_id', '=', person)
        .executeTakeFirst();
      if (is === undefined) await tx.db.insertInto('group_members').values(row).execute();
      else
        await tx.db
          .deleteFrom('group_members')
          .where('group_name', '=', group_name)
          .where('person_id', '=', person)
          .execute();
      await life.lifecycle.onMembershipChanged(tx);
    });
  }
  private async changePolicy(): Promise<void> {
    const { kernel, devices } = this.sim;
    const dan = devices.get('dan');
    if (dan === undefined) return;
    const call = this.calls(dan);
    const now: { version: number; yaml: string } = await call('policy.get');
    const yaml = now.yaml.replace(/(name: dev,.*max_duration: )\w+/, `$1${kernel.chance.pick(['1h', '2h', '10m'])}`);
    await call('policy.put', { body: { yaml, baseVersion: now.version, note: '' } });
  }
  /** One of the team leaves: what they hold ends, nothing that they should have decided hangs. */
  private async removePerson(): Promise<void> {
    const { service, workspace } = this.sim;
    const { life } = service;
    const leaver = workspace.members.get('zoe');
    if (this.gone || life === null || leaver === undefined) return;
    this.gone = true;
    const { personId } = leaver.caller;
    await life.store.write(
      async (tx) => {
        await tx.db.updateTable('people').set({ state: 'removed' }).where('id', '=', personId).execute();
        await tx.db.deleteFrom('group_members').where('person_id', '=', personId).execute();
        await life.lifecycle.onPersonRemoved(tx, personId);
      },
      { purpose: 'removal' },
    );
  }
}
const isFull = (cause: unknown) => cause instanceof Error && /disk is full/.test(cause.message);
const refusedIsFine = (cause: unknown): undefined => {
  if (cause instanceof ServiceAway || cause instanceof ApiProblem) return undefined;
  throw cause;
};

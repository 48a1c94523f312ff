/**
 * A whole service (store, use cases, lease engine) with a clock that is told, whose resources are a real target behind a line
 * that lies: what was recorded first is found and ended, an end is asked for again until it was read back, and nothing is
 * called ended before.
 */
import { expect, test } from 'vitest';
import { RETRY_MAX_MS } from '../../../electron/service/leases/limits';
import type { Provisioner, Target } from '../../../electron/service/provisioners/provisioner';
import { secretContext } from '../../../electron/service/store/secret-context';
import type { Credential } from '../../../shared/contract/credential';
import { type FaultProxy, startFaultProxy } from '../../bed/fault-proxy';
import { MINUTE_MS, World } from '../../model/world';
import type { Moment, ProxiedTarget } from './proxied-targets';

const NOTHING = { canLogIn: false, sessions: 0 };
const SECOND_MS = 1_000;
const TTL_MS = 10 * MINUTE_MS;
/** How fine the clock is told while a line is down: each step asks the target. */
const STEP_MS = 20 * SECOND_MS;
const ENDED = { state: 'ended', endProof: 'read_back', removal: { target: 'gone' } };

interface Try {
  readonly at: number;
  readonly heard: 'answered' | 'silent';
}
interface OnWorld {
  readonly world: World;
  readonly proxy: FaultProxy;
  readonly made: readonly Credential[];
  /** Each call of `end`, by the service's clock. */
  readonly ends: Try[];
  /** Asks for access. Returns the grant's id; its device has sent its key where the kind wants one. */
  ask(): Promise<string>;
  /** Reports it injected. */
  inject(id: string): Promise<void>;
}

/** Names on a target come from the seed, and some targets remember for days what was ended there. */
let seed = 0;
async function withWorld(on: ProxiedTarget, work: (on: OnWorld) => Promise<void>): Promise<void> {
  const proxy = await startFaultProxy(on.port, on.tls);
  const world = await World.open(++seed);
  try {
    const made: Credential[] = [];
    const ends: Try[] = [];
    await putTarget(world, on, on.through(proxy.port), made, ends);
    const ann = world.who('ann');
    const ask = async () => {
      world.connect('ann');
      const { grantId } = await world.ask('ann', 'orders-dev', { ttlMs: TTL_MS, level: on.level.name });
      if (grantId === null) throw new Error('no grant was made');
      await world.leases.drain();
      if (on.order?.devicePublicKey !== undefined) {
        const body = { publicKey: on.order.devicePublicKey };
        await world.access['grants.deviceKey'](ann, { params: { id: grantId }, query: undefined, body });
        await world.leases.drain();
      }
      return grantId;
    };
    const inject = async (id: string) => {
      await world.report('ann', id, 'injected');
      await world.leases.drain();
      expect(await world.grant('ann', id)).toMatchObject({ state: 'active' });
    };
    await work({ world, proxy, made, ends, ask, inject });
  } finally {
    await world.close();
    await proxy.stop();
  }
}
/** Whatever answers were lost on the way opens nothing either. */
export async function expectLostOpenNothing(on: ProxiedTarget, proxy: FaultProxy, kept: Credential | null) {
  for (const reply of proxy.lostReplies()) {
    const lost = on.lostIn?.(reply, kept) ?? null;
    if (lost !== null) await expect(on.logIn(lost), 'a credential whose answer was lost').rejects.toThrow();
  }
}

/** All resources of the world become this target; its calls are real, and written down. */
async function putTarget(world: World, on: ProxiedTarget, through: Target, made: Credential[], ends: Try[]) {
  const real = on.provisioner;
  const watched: Provisioner = {
    ...real,
    async create(target, order) {
      const credential = await real.create(target, order);
      made.push(credential);
      return credential;
    },
    async end(target, principal) {
      const at = world.clock.now();
      try {
        const ended = await real.end(target, principal);
        ends.push({ at, heard: 'answered' });
        return ended;
      } catch (error) {
        ends.push({ at, heard: 'silent' });
        throw error;
      }
    },
  };
  const { settings, secret } = through;
  world.provisioners.set(settings.kind, watched);
  await world.store.write(async (tx) => {
    for (const id of world.resources.values())
      await tx.db
        .updateTable('resources')
        .set({
          kind: settings.kind,
          settings: JSON.stringify(settings),
          secret_enc: world.box.seal(secret, secretContext.resourceSecret(id)),
          levels: JSON.stringify([on.level]),
        })
        .where('id', '=', id)
        .execute();
  });
}
const heard = (ends: readonly Try[]) => ends.map((one) => one.heard);
/** Never given up: from one try to the next it is no longer than the engine's longest pause, with a fifth and a step more. */
function expectNeverGivenUp(ends: readonly Try[], untilAt: number): void {
  const times = [...ends.map(({ at }) => at), untilAt];
  for (const [index, at] of times.slice(1).entries())
    expect(at - (times[index] ?? 0), `pause ${index + 1}`).toBeLessThanOrEqual(RETRY_MAX_MS * 1.2 + STEP_MS);
}
const momentOf = (on: ProxiedTarget, call: Moment['call']): Moment => {
  const moment = on.moments.findLast((one) => one.call === call);
  if (moment === undefined) throw new Error(`no moment of ${call}`);
  return moment;
};

/** The deadline falls into twenty minutes in which the target is away. */
export const downForTwentyMinutes = (on: ProxiedTarget) =>
  withWorld(on, async ({ world, proxy, made, ends, ask, inject }) => {
    const id = await ask();
    await inject(id);
    const principal = world.principalOf(id);
    const [credential] = made;
    if (credential === undefined) throw new Error('no credential was made');
    const session = await on.logIn(credential);

    proxy.play({ kind: 'down' });
    for (let minute = 1; minute <= 20; minute++) {
      await world.pass(MINUTE_MS, STEP_MS);
      const { state, endProof } = await world.grant('ann', id);
      expect([state, endProof], `after ${minute} minutes`).toEqual([minute < 10 ? 'active' : 'ending', null]);
    }
    const waiting = await world.grant('ann', id);
    expect(waiting.removal).toMatchObject({ target: 'unknown', alarmed: true });
    expect(waiting.removal.attempts).toBeGreaterThan(5);
    for (const secret of [on.target.secret, ...on.secretsOf(credential)])
      expect(JSON.stringify(waiting)).not.toContain(secret);
    expect(await on.look(principal, world.id('orders-dev'))).toEqual({
      canLogIn: true,
      sessions: on.sessions === 'seen' ? 1 : 0,
    });
    expect(new Set(heard(ends))).toEqual(new Set(['silent']));
    expectNeverGivenUp(ends, world.clock.now());

    ends.length = 0;
    proxy.lift();
    await world.pass(10 * SECOND_MS, SECOND_MS);
    expect(await world.grant('ann', id)).toMatchObject({ ...ENDED, endReason: 'expired' });
    expect(heard(ends)).toEqual(['answered']);
    expect(await on.look(principal, world.id('orders-dev'))).toEqual(NOTHING);
    if (on.sessions === 'seen') await session.cut;
    await expect(on.logIn(credential)).rejects.toThrow();
  });

/** A credential is made, its answer is lost, and then the target is away: access on the target that nobody holds. */
const neverHeardOf = (on: ProxiedTarget) =>
  withWorld(on, async ({ world, proxy, made, ends, ask }) => {
    await momentOf(on, 'create').arm(proxy, 'reply-lost', { afterwards: { kind: 'down' } });
    const id = await ask();
    const principal = world.principalOf(id);
    await on.settled(proxy);
    expect(proxy.struck()).toBeGreaterThan(0);
    expect(made).toEqual([]);
    expect(await on.look(principal, world.id('orders-dev'))).toEqual({ canLogIn: true, sessions: 0 });
    for (let minute = 1; minute <= 20; minute++) {
      await world.pass(MINUTE_MS, STEP_MS);
      const { state, endProof } = await world.grant('ann', id);
      expect(['provisioning', 'ending'], `after ${minute} minutes`).toContain(state);
      expect(endProof).toBeNull();
    }
    expect(await world.grant('ann', id)).toMatchObject({ state: 'ending', removal: { target: 'unknown' } });
    expect(new Set(heard(ends))).toEqual(new Set(['silent']));
    expect(await on.look(principal, world.id('orders-dev'))).toEqual({ canLogIn: true, sessions: 0 });

    proxy.lift();
    await world.pass(10 * SECOND_MS, SECOND_MS);
    expect(await world.grant('ann', id)).toMatchObject({ ...ENDED, endReason: 'failed' });
    expect(await on.look(principal, world.id('orders-dev'))).toEqual(NOTHING);
    await expectLostOpenNothing(on, proxy, null);
    expect(made).toEqual([]);
  });

/** The target does everything and answers nothing: the creation is made again and is one, the end is asked for until it is heard. */
const answersLost = (on: ProxiedTarget) =>
  withWorld(on, async (at) => {
    const { world, proxy, made, ask } = at;
    await momentOf(on, 'create').arm(proxy, 'reply-lost');
    const id = await ask();
    expect(proxy.struck()).toBeGreaterThan(0);
    expect(made).toEqual([]);
    await world.pass(5 * SECOND_MS, SECOND_MS);
    expect(made).toHaveLength(1);
    const ours = await on.provisioner.list({ ...on.target, resourceId: world.id('orders-dev') });
    expect(ours).toEqual([world.principalOf(id)]);
    await loseTheEnd(on, at, id);
  });
/** Only the end's answer is lost. */
export const endUnheard = (on: ProxiedTarget) => withWorld(on, async (at) => loseTheEnd(on, at, await at.ask()));

/** The end is done at its first try, and for two minutes nobody can know. */
async function loseTheEnd(on: ProxiedTarget, { world, proxy, made, ends, inject }: OnWorld, id: string): Promise<void> {
  await inject(id);
  const [credential] = made;
  if (credential === undefined) throw new Error('no credential was made');
  const session = await on.logIn(credential);
  await momentOf(on, 'end').arm(proxy, 'reply-lost', { afterwards: { kind: 'down' } });
  const struckBefore = proxy.struck();
  await world.pass(TTL_MS, STEP_MS);
  expect(proxy.struck()).toBeGreaterThan(struckBefore);
  await on.settled(proxy);
  for (let half = 1; half <= 4; half++) {
    await world.pass(30 * SECOND_MS, 5 * SECOND_MS);
    expect(await world.grant('ann', id)).toMatchObject({ state: 'ending', endProof: null });
  }
  expect(new Set(heard(ends))).toEqual(new Set(['silent']));
  expect(ends.length).toBeGreaterThan(2);
  expectNeverGivenUp(ends, world.clock.now());
  const pauses = ends.slice(1).map(({ at }, index) => at - (ends[index]?.at ?? 0));
  for (const pause of pauses) expect(pause).toBeGreaterThanOrEqual(SECOND_MS);

  proxy.lift();
  await world.pass(10 * SECOND_MS, SECOND_MS);
  expect(await world.grant('ann', id)).toMatchObject({ ...ENDED, endReason: 'expired' });
  expect(heard(ends).at(-1)).toBe('answered');
  expect(await on.look(world.principalOf(id), world.id('orders-dev'))).toEqual(NOTHING);
  if (on.sessions === 'seen') await session.cut;
  await expect(on.logIn(credential)).rejects.toThrow();
  await expectLostOpenNothing(on, proxy, credential);
}

/** Registers what is asked of the engine. */
export function describeEngine(on: () => ProxiedTarget): void {
  test('down for twenty minutes of the service’s time: claimed by nobody, and gone at its first answer', () =>
    downForTwentyMinutes(on()));
  test('made, its answer lost, then away: what was recorded first is found and ended, though nobody ever held it', () =>
    neverHeardOf(on()));
  test('answers lost, again and again: one credential in the end, and the end is asked for until it is heard', () =>
    answersLost(on()));
}

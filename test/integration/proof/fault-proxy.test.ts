/**
 * Real targets behind a line that lies: late, silent, reset in the middle of a commit, the commit done and its answer lost,
 * down. Whatever the line does, nothing is claimed as ended that the target's own superuser still sees; and once it is well
 * again, ending and reading back say "gone", and so does the superuser.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Provisioner, Target } from '../../../electron/service/provisioners/provisioner';
import { TargetError } from '../../../electron/service/provisioners/provisioner';
import { secretContext } from '../../../electron/service/store/secret-context';
import type { Credential } from '../../../shared/contract/credential';
import { type FaultProxy, type ProxyFault, startFaultProxy } from '../../bed/fault-proxy';
import { chance26, newPrincipal } from '../../bed/postgres-target';
import { mariaDbMissing } from '../../bed/targets/mysql';
import { redisMissing } from '../../bed/targets/redis';
import { until } from '../../bed/until';
import { MINUTE_MS, World } from '../../model/world';
import {
  type ProxiedOperation,
  type ProxiedTarget,
  proxiedMariaDb,
  proxiedPostgres,
  proxiedRedis,
} from './proxied-targets';

const OVER = { canLogIn: false, sessionCount: 0 };
const UNTOUCHED = { canLogIn: true, sessions: 1 };
const NOTHING = { canLogIn: false, sessions: 0 };
/** For hangs only. */
const PATIENCE_MS = 60_000;
/** SCRAM and MySQL verifiers, Redis digests: what stands for a password is no word for an error either. */
const VERIFIERS = /SCRAM-SHA-256\$|\*[0-9A-F]{40}|[0-9a-f]{64}/;
const OPERATIONS: readonly ProxiedOperation[] = ['create', 'setDeadline', 'end'];

interface Fault {
  readonly title: string;
  of(words: RegExp): ProxyFault;
  /** `works`: the call gets through. `unknown`: nobody knows what became of it. */
  readonly call: 'works' | 'unknown';
  /** Nothing can be asked either while it lasts, and what stood before stands. */
  readonly lasts: boolean;
}
const HALF_OPEN = 'a half-open line';
const FAULTS: readonly Fault[] = [
  { title: 'a slow line', of: () => ({ kind: 'latency', eachWayMs: 15 }), call: 'works', lasts: false },
  { title: HALF_OPEN, of: () => ({ kind: 'half-open' }), call: 'unknown', lasts: true },
  { title: 'a line that is down', of: () => ({ kind: 'down' }), call: 'unknown', lasts: true },
  {
    title: 'a reset within the statement',
    of: (at) => ({ kind: 'reset', at, passes: 'half' }),
    call: 'unknown',
    lasts: false,
  },
  {
    title: 'a reset in mid-commit',
    of: (at) => ({ kind: 'reset', at, passes: 'all' }),
    call: 'unknown',
    lasts: false,
  },
  {
    title: 'a commit whose answer is lost',
    of: (at) => ({ kind: 'reply-lost', at }),
    call: 'unknown',
    lasts: false,
  },
];
const KINDS = {
  postgres: { start: proxiedPostgres, missing: null },
  mysql: { start: proxiedMariaDb, missing: mariaDbMissing() },
  redis: { start: proxiedRedis, missing: redisMissing() },
} as const;

/** Everything an error carries, its causes too. */
function wordsOf(error: unknown): string {
  const all: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null && all.length < 20; at = (at as Error).cause)
    all.push(String(at), (at as Error).stack ?? '', JSON.stringify(at));
  return all.join('\n');
}
function expectUnknown(outcome: PromiseSettledResult<unknown>, secrets: readonly string[]): void {
  expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'TargetError', kind: 'unreachable' } });
  const words = wordsOf((outcome as PromiseRejectedResult).reason);
  for (const secret of secrets) expect(words.includes(secret), 'an error carries a secret').toBe(false);
  expect(VERIFIERS.test(words), 'an error carries a verifier').toBe(false);
}
/** Asks again while the target is unreachable, as the engine does: a connection kept from before the fault is found dead once. */
const asking = <T extends object>(what: string, call: () => Promise<T>): Promise<T> =>
  until(
    what,
    () =>
      call().catch((error: unknown) => {
        if (error instanceof TargetError && error.kind === 'unreachable') return null;
        throw error;
      }),
    PATIENCE_MS,
  ) as Promise<T>;
/** The server has let go of every connection that broke: what it was doing there is done or undone for good. */
const settled = (on: ProxiedTarget, proxy: FaultProxy) =>
  until(
    'the server dropping the broken connections',
    async () => {
      const ports = await on.ports();
      return proxy.brokenPorts().every((port) => !ports.has(port));
    },
    PATIENCE_MS,
  );

/** One operation under one fault, over a line of its own. */
async function attack(on: ProxiedTarget, fault: Fault, operation: ProxiedOperation): Promise<void> {
  const { provisioner, level } = on;
  const proxy = await startFaultProxy(on.port);
  try {
    const through = on.through(proxy.port);
    const principal = newPrincipal();
    const order = { principal, level, validForMs: 15 * MINUTE_MS };
    // A connection kept from before falls silent too; waited for on one kind only, for it takes each driver its longest limit.
    const isFresh = fault.title === HALF_OPEN && on.target.settings.kind !== 'postgres';
    const credential = operation === 'create' ? null : await provisioner.create(isFresh ? on.target : through, order);
    const session = credential === null ? null : await on.logIn(credential);
    const secrets = [on.target.secret, ...(credential === null ? [] : [passwordOf(credential)])];

    const script = fault.of(on.words[operation]);
    proxy.play(script);
    const calls: Record<ProxiedOperation, () => Promise<unknown>> = {
      create: () => provisioner.create(through, order),
      setDeadline: () => provisioner.setDeadline(through, principal, 30 * MINUTE_MS),
      end: () => provisioner.end(through, principal),
    };
    const [outcome, asked] = await Promise.allSettled([
      calls[operation](),
      fault.lasts ? provisioner.readBack(through, principal) : null,
    ]);
    if (fault.call === 'unknown') expectUnknown(outcome, secrets);
    else expect(outcome).toMatchObject({ status: 'fulfilled' });
    expect(proxy.struck()).toBe(script.kind === 'reset' || script.kind === 'reply-lost' ? 1 : 0);
    if (operation === 'end' && fault.call === 'works') {
      expect(outcome).toMatchObject({ value: { readBack: OVER } });
      expect(await on.look(principal)).toEqual(NOTHING);
    }
    if (fault.lasts) {
      expectUnknown(asked, secrets);
      expect(await on.look(principal)).toEqual(operation === 'create' ? NOTHING : UNTOUCHED);
    }

    proxy.lift();
    await settled(on, proxy);
    const { readBack } = await asking('an end', () => provisioner.end(through, principal));
    expect(readBack).toMatchObject(OVER);
    expect(await asking('a read-back', () => provisioner.readBack(through, principal))).toMatchObject(OVER);
    expect(await on.look(principal)).toEqual(NOTHING);
    await session?.cut;
    if (credential !== null) await expect(on.logIn(credential)).rejects.toThrow();
    expect(await provisioner.cleanUp(through, principal)).toMatchObject({ done: true });
    expect(await provisioner.list(on.target)).not.toContain(principal);
  } finally {
    await proxy.stop();
  }
}
const passwordOf = (credential: Credential): string => (credential as { readonly password: string }).password;

/** A whole service (store, use cases, lease engine) with a clock that is told, whose resources are this target behind the proxy. */
async function worldOn(on: ProxiedTarget, proxy: FaultProxy) {
  const world = await World.open();
  const made: Credential[] = [];
  const ends: string[] = [];
  const real = on.provisioner;
  const watched: Provisioner = {
    ...real,
    async create(target, order) {
      const credential = await real.create(target, order);
      made.push(credential);
      return credential;
    },
    async end(target, principal) {
      try {
        const ended = await real.end(target, principal);
        ends.push('answered');
        return ended;
      } catch (error) {
        ends.push('silent');
        throw error;
      }
    },
  };
  const { settings, secret } = on.through(proxy.port) as Target;
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
  return { world, made, ends };
}

/** The deadline falls into twenty minutes in which the target is away. */
async function downForTwentyMinutes(on: ProxiedTarget): Promise<void> {
  const proxy = await startFaultProxy(on.port);
  const { world, made, ends } = await worldOn(on, proxy);
  try {
    const id = await world.active('ann', { ttlMs: 10 * MINUTE_MS });
    expect(await world.grant('ann', id)).toMatchObject({ state: 'active' });
    const principal = world.principalOf(id);
    const [credential] = made;
    if (credential === undefined) throw new Error('no credential was made');
    const session = await on.logIn(credential);

    proxy.play({ kind: 'down' });
    for (let minute = 1; minute <= 20; minute++) {
      await world.pass(MINUTE_MS, 20_000);
      const { state, endProof } = await world.grant('ann', id);
      expect([state, endProof], `after ${minute} minutes`).toEqual([minute < 10 ? 'active' : 'ending', null]);
    }
    const waiting = await world.grant('ann', id);
    expect(waiting.removal).toMatchObject({ target: 'unknown', alarmed: true });
    expect(waiting.removal.attempts).toBeGreaterThan(5);
    expect(JSON.stringify(waiting)).not.toContain(passwordOf(credential));
    expect(JSON.stringify(waiting)).not.toContain(on.target.secret);
    expect(await on.look(principal)).toEqual(UNTOUCHED);
    expect(new Set(ends)).toEqual(new Set(['silent']));

    ends.length = 0;
    proxy.lift();
    await world.pass(10_000, 1_000);
    expect(await world.grant('ann', id)).toMatchObject({
      state: 'ended',
      endReason: 'expired',
      endProof: 'read_back',
      removal: { target: 'gone' },
    });
    expect(ends).toEqual(['answered']);
    expect(await on.look(principal)).toEqual(NOTHING);
    await session.cut;
    await expect(on.logIn(credential)).rejects.toThrow();
  } finally {
    await world.close();
    await proxy.stop();
  }
}

for (const [kind, { start, missing }] of Object.entries(KINDS))
  describe.skipIf(missing !== null)(missing ?? `${kind} behind a faulty line`, () => {
    let on: ProxiedTarget;
    beforeAll(async () => {
      on = await start();
    });
    afterAll(() => on?.stop());

    test.each(FAULTS)('$title: nothing is claimed that is not, and it ends once it can', async (fault) => {
      const all = await Promise.allSettled(
        OPERATIONS.map((operation) =>
          attack(on, fault, operation).catch((cause: unknown) => {
            throw new Error(`${kind}, ${operation}: ${String((cause as Error)?.message)}`, { cause });
          }),
        ),
      );
      for (const one of all) if (one.status === 'rejected') throw one.reason;
    });

    test('the very first grants of a resource, made at once: each is usable, ours, and ends', async () => {
      const { provisioner, level } = on;
      // Some over slower lines than others, so that each finds the others at another step.
      const proxies = await Promise.all(Array.from({ length: 6 }, () => startFaultProxy(on.port)));
      const resourceId = `res_${chance26()}`;
      const target = { ...on.target, resourceId };
      const principals = proxies.map(newPrincipal);
      const made = await Promise.all(
        proxies.map((proxy, index) => {
          if (index > 0) proxy.play({ kind: 'latency', eachWayMs: 3 * index });
          const order = { principal: principals[index] ?? '', level, validForMs: 15 * MINUTE_MS };
          return provisioner.create({ ...on.through(proxy.port), resourceId }, order);
        }),
      ).finally(() => Promise.all(proxies.map((proxy) => proxy.stop())));
      await Promise.all(made.map((credential) => on.logIn(credential)));
      expect([...(await provisioner.list(target))].sort()).toEqual([...principals].sort());
      for (const principal of principals) {
        expect((await provisioner.end(target, principal)).readBack).toMatchObject(OVER);
        expect(await on.look(principal)).toEqual(NOTHING);
        await provisioner.cleanUp(target, principal);
      }
    });

    test('down for twenty minutes of the service’s time: claimed by nobody, and gone at its first answer', () =>
      downForTwentyMinutes(on));
  });

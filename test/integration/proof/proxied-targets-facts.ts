/**
 * What is asked of every kind of target behind a line that lies: late, silent, reset in the middle of a commit, the commit done
 * and its answer lost, down. Whatever the line does, nothing is claimed as ended that the target's own superuser still sees;
 * and once it is well again, ending and reading back say "gone", and so does the superuser. The engine: proxied-targets-engine.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TargetError } from '../../../electron/service/provisioners/provisioner';
import { type ProxyFault, startFaultProxy } from '../../bed/fault-proxy';
import { chance26, newPrincipal } from '../../bed/postgres-target';
import { until } from '../../bed/until';
import { MINUTE_MS } from '../../model/world';
import { type Moment, PATIENCE_MS, type ProxiedTarget, type Strike } from './proxied-targets';
import { describeEngine, expectLostOpenNothing } from './proxied-targets-engine';

/** For hangs only: on a busy machine a host asked by programs, one moment after the other, takes its time. */
const LIMIT = { timeout: 360_000 };
const OVER = { canLogIn: false, sessionCount: 0 };
const NOTHING = { canLogIn: false, sessions: 0 };
/** SCRAM and MySQL verifiers, Redis digests: what stands for a password is no word for an error either. */
const VERIFIERS = /SCRAM-SHA-256\$|\*[0-9A-F]{40}|[0-9a-f]{64}/;

interface Fault {
  readonly title: string;
  readonly of: ProxyFault | Strike;
  /** `works`: the call gets through. `unknown`: nobody knows what became of it. */
  readonly call: 'works' | 'unknown';
  /** Nothing can be asked either while it lasts, and what stood before stands. */
  readonly lasts: boolean;
}
const FAULTS: readonly Fault[] = [
  { title: 'a slow line', of: { kind: 'latency', eachWayMs: 15 }, call: 'works', lasts: false },
  { title: 'a half-open line', of: { kind: 'half-open' }, call: 'unknown', lasts: true },
  { title: 'a line that is down', of: { kind: 'down' }, call: 'unknown', lasts: true },
  { title: 'a reset within what is said', of: 'within', call: 'unknown', lasts: false },
  { title: 'a reset in mid-commit', of: 'in-commit', call: 'unknown', lasts: false },
  { title: 'a commit whose answer is lost', of: 'reply-lost', call: 'unknown', lasts: false },
];

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

/** One moment of one operation under one fault, over a line of its own. */
async function attack(on: ProxiedTarget, fault: Fault, moment: Moment): Promise<void> {
  const { provisioner, level } = on;
  const { call } = moment;
  const proxy = await startFaultProxy(on.port, on.tls);
  try {
    const through = on.through(proxy.port);
    const principal = newPrincipal();
    const order = { principal, level, validForMs: 15 * MINUTE_MS, ...on.order };
    const isSilent = typeof fault.of === 'object' && fault.of.kind === 'half-open';
    const isFresh = isSilent && on.silence === 'on a fresh line';
    const credential = call === 'create' ? null : await provisioner.create(isFresh ? on.target : through, order);
    const session = credential === null ? null : await on.logIn(credential);
    const untouched = { canLogIn: true, sessions: on.sessions === 'seen' ? 1 : 0 };
    const secrets = [on.target.secret, ...(credential === null ? [] : on.secretsOf(credential))];

    if (typeof fault.of === 'object') proxy.play(fault.of);
    else await moment.arm(proxy, fault.of);
    const calls: Record<Moment['call'], () => Promise<unknown>> = {
      create: () => provisioner.create(through, order),
      extend: () => on.extend?.(through, principal) ?? provisioner.setDeadline(through, principal, 30 * MINUTE_MS),
      end: () => provisioner.end(through, principal),
    };
    const [outcome, asked] = await Promise.allSettled([
      calls[call](),
      fault.lasts ? provisioner.readBack(through, principal) : null,
    ]);
    if (fault.call === 'unknown') expectUnknown(outcome, secrets);
    else expect(outcome).toMatchObject({ status: 'fulfilled' });
    expect(proxy.struck() > 0).toBe(typeof fault.of === 'string');
    if (call === 'end' && fault.call === 'works') {
      expect(outcome).toMatchObject({ value: { readBack: OVER } });
      expect(await on.look(principal)).toEqual(NOTHING);
    }
    if (fault.lasts) {
      expectUnknown(asked, secrets);
      expect(await on.look(principal)).toEqual(call === 'create' ? NOTHING : untouched);
    }

    proxy.lift();
    await on.settled(proxy);
    const { readBack } = await asking('an end', () => provisioner.end(through, principal));
    expect(readBack).toMatchObject(OVER);
    expect(await asking('a read-back', () => provisioner.readBack(through, principal))).toMatchObject(OVER);
    expect(await on.look(principal)).toEqual(NOTHING);
    if (on.sessions === 'seen') await session?.cut;
    if (credential !== null) await expect(on.logIn(credential)).rejects.toThrow();
    await expectLostOpenNothing(on, proxy, credential);
    expect(await provisioner.cleanUp(through, principal)).toMatchObject({ done: true });
    expect(await provisioner.list(on.target)).not.toContain(principal);
  } finally {
    await proxy.stop();
  }
}

/** The very first grants of a resource, some over slower lines than others, so that each finds the others at another step. */
async function firstAtOnce(on: ProxiedTarget): Promise<void> {
  const { provisioner, level } = on;
  const proxies = await Promise.all(Array.from({ length: 6 }, () => startFaultProxy(on.port, on.tls)));
  const resourceId = `res_${chance26()}`;
  const target = { ...on.target, resourceId };
  const principals = proxies.map(newPrincipal);
  const made = await Promise.all(
    proxies.map((proxy, index) => {
      if (index > 0) proxy.play({ kind: 'latency', eachWayMs: 3 * index });
      const order = { principal: principals[index] ?? '', level, validForMs: 15 * MINUTE_MS, ...on.order };
      return provisioner.create({ ...on.through(proxy.port), resourceId }, order);
    }),
  ).finally(() => Promise.all(proxies.map((proxy) => proxy.stop())));
  await Promise.all(made.map((credential) => on.logIn(credential)));
  expect([...(await provisioner.list(target))].sort()).toEqual([...principals].sort());
  for (const principal of principals) {
    expect((await provisioner.end(target, principal)).readBack).toMatchObject(OVER);
    expect(await on.look(principal, resourceId)).toEqual(NOTHING);
    await provisioner.cleanUp(target, principal);
  }
}

export interface Started {
  readonly name: string;
  readonly start: () => Promise<ProxiedTarget>;
  /** Why this machine can't run it, in words; null when it can. */
  readonly missing: string | null;
  /** What is particular to the kind. */
  readonly more?: (on: () => ProxiedTarget) => void;
}
/** Registers the facts of one kind. */
export function describeBehindFaultyLine({ name, start, missing, more }: Started): void {
  describe.skipIf(missing !== null)(
    `${name} behind a faulty line${missing === null ? '' : ` (${missing})`}`,
    LIMIT,
    () => {
      let on: ProxiedTarget;
      beforeAll(async () => {
        on = await start();
      });
      afterAll(() => on?.stop());

      test.each(FAULTS)('$title: nothing is claimed that is not, and it ends once it can', async (fault) => {
        // Where the whole line is bad, when it strikes makes no difference.
        const moments =
          typeof fault.of === 'string'
            ? on.moments
            : on.moments.filter(({ call }, at) => on.moments.findIndex((one) => one.call === call) === at);
        const one = (moment: Moment) =>
          attack(on, fault, moment).catch((cause: unknown) => {
            const at = `${name}, ${moment.call}, ${moment.name}`;
            throw new Error(`${at}: ${String((cause as Error)?.message)}`, { cause });
          });
        if (on.attacks === 'one by one') for (const moment of moments) await one(moment);
        else {
          const all = await Promise.allSettled(moments.map(one));
          for (const outcome of all) if (outcome.status === 'rejected') throw outcome.reason;
        }
      });

      test('the very first grants of a resource, made at once: each is usable, ours, and ends', () => firstAtOnce(on));
      describeEngine(() => on);
      more?.(() => on);
    },
  );
}

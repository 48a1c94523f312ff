/**
 * What holds for every provisioner, whatever its target: usable, limited, ended with open sessions, repeatable, checkable,
 * silent about secrets. Each kind runs these facts on a real target of its own and adds what is particular to it.
 * A kind says with its traits what its target can't do; a trait weakens one fact and never skips it in silence: its name
 * then says what holds instead.
 *
 *   describeProvisionerContract({ name: 'MariaDB', sessions: 'cut', ended: 'refused', repeated: 'replaces', start });
 */
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CreateOrder, Provisioner, ReadBack, Target } from '../../../electron/service/provisioners/provisioner';
import type { Credential } from '../../../shared/contract/credential';
import type { Level, ResourceSettings } from '../../../shared/contract/resources';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { chance26, newPrincipal } from '../../bed/postgres-target';

/** A log-in that stands, by the target's own protocol. */
export interface ContractSession {
  /** Does what the level is for, over this very session. Rejects once the session is cut. */
  use(): Promise<unknown>;
  /** What the level must not allow. Each attempt has to reject, and the session has to stand afterwards. */
  readonly forbidden: readonly { readonly what: string; attempt(): Promise<unknown> }[];
  /** Resolves when the target has cut the session. */
  readonly cut: Promise<void>;
  /** Resolves when the target no longer counts it. */
  close(): Promise<void>;
}

/** A target with a manager of the least rights, its plan applied. */
export interface Harness<S extends ResourceSettings = ResourceSettings, C extends Credential = Credential> {
  readonly provisioner: Provisioner<S, C>;
  readonly target: Target<S>;
  readonly level: Level;
  /** More that an order needs, such as the public key of a device. Called for each order. */
  orderWith?(): Partial<CreateOrder>;
  /** Logs in with what `create` gave. Rejects when the target says no. */
  logIn(credential: C): Promise<ContractSession>;
  /** The same target where nobody answers: at this port of this machine. */
  at(port: number): Target<S>;
  /** A manager secret of the right form that is wrong. */
  readonly wrongSecret: string;
  /** Something of that name on the target, made by others: it carries no mark of ours. Null: names there are ours alone. */
  readonly foreign: {
    make(name: string): Promise<void>;
    /** Whether it is as it was made: there, and able to log in. */
    isWhole(name: string): Promise<boolean>;
    remove(name: string): Promise<void>;
  } | null;
  stop(): Promise<void>;
}

export interface ProvisionerContract<S extends ResourceSettings, C extends Credential> {
  readonly name: string;
  /** `cut`: the end cuts open sessions. `stay`: it can't. `none`: the target knows no sessions. */
  readonly sessions: 'cut' | 'stay' | 'none';
  /** What the credential is worth after the end. `until-expiry`: the target takes it until it runs out by itself. */
  readonly ended: 'refused' | 'until-expiry';
  /** What a second `create` does to the first one's credential. */
  readonly repeated: 'replaces' | 'keeps';
  /** Whether a principal that was ended can be made again. `refused`: its end is for good on the target. `made` when left out. */
  readonly madeAgain?: 'made' | 'refused';
  start(): Promise<Harness<S, C>>;
}

const GONE: ReadBack = { exists: false, canLogIn: false, sessionCount: 0 };
const OVER = { canLogIn: false, sessionCount: 0 };
/** Ends at once: more than any pool holds. */
const CROWD = 20;
const HOSTILE_NAMES = [
  'root',
  'hp_',
  "hp_'; DROP USER root; --",
  `hp_${'u'.repeat(26)}`,
  `hp_${'0'.repeat(27)}`,
  '*',
  '',
];

/** A port of this machine at which nobody listens (any more). */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Runs the facts against what `start` gives; one target for all of them. */
export function describeProvisionerContract<S extends ResourceSettings, C extends Credential>(
  contract: ProvisionerContract<S, C>,
): void {
  describe(`${contract.name}: what holds for every provisioner`, () => {
    let harness: Harness<S, C>;
    beforeAll(async () => {
      harness = await contract.start();
    });
    afterAll(() => harness?.stop());
    const order = (principal: string, over: Partial<CreateOrder> = {}): CreateOrder => ({
      principal,
      level: harness.level,
      validForMs: 15 * MINUTE_MS,
      ...harness.orderWith?.(),
      ...over,
    });
    const create = (principal: string) => harness.provisioner.create(harness.target, order(principal));
    /** Ends it and takes it away: what every fact leaves behind is nothing. */
    const takeAway = async (principal: string) => {
      const { readBack } = await harness.provisioner.end(harness.target, principal);
      expect(readBack).toMatchObject(contract.sessions === 'stay' ? { canLogIn: false } : OVER);
      expect(await harness.provisioner.cleanUp(harness.target, principal)).toEqual({ done: true, residue: [] });
    };
    const facts = { contract, order, create, takeAway, harness: () => harness };
    describe('settings and plan', () => describeSettings(facts));
    describe('a grant’s life', () => describeLife(facts));
    describe('what is ours', () => describeOurs(facts));
    describe('faults', () => describeFaults(facts));
  });
}

interface Facts<S extends ResourceSettings, C extends Credential> {
  readonly contract: ProvisionerContract<S, C>;
  order(principal: string, over?: Partial<CreateOrder>): CreateOrder;
  create(principal: string): Promise<C>;
  takeAway(principal: string): Promise<void>;
  harness(): Harness<S, C>;
}

function describeSettings<S extends ResourceSettings, C extends Credential>({ harness }: Facts<S, C>): void {
  test('the connection test passes with a manager of the least rights, and repeats no secret', async () => {
    const { provisioner, target } = harness();
    const report = await provisioner.test(target);
    expect(report.checks.filter((check) => !check.ok)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.targetLabel).not.toBe('');
    expect(JSON.stringify(report)).not.toContain(target.secret);
  });

  test('an applied plan has nothing left to do, applying it again runs nothing, and another one’s digest is refused', async () => {
    const { provisioner, target } = harness();
    const plan = await provisioner.plan(target);
    expect(plan.steps.filter((step) => !step.done)).toEqual([]);
    expect(await provisioner.apply(target, plan.digest)).toMatchObject({ ok: true, ran: 0, error: null });
    await expect(provisioner.apply(target, 'another digest')).rejects.toMatchObject({ kind: 'conflict' });
    expect(JSON.stringify(plan)).not.toContain(target.secret);
  });

  test('settings name their server and where they are used, without the secret, and may keep it for themselves', () => {
    const { provisioner, target } = harness();
    const { settings } = target;
    expect(provisioner.kind).toBe(settings.kind);
    expect(provisioner.serverOf(settings)).toBe(provisioner.serverOf({ ...settings }));
    expect(provisioner.serverOf(settings)).not.toBe('');
    expect(provisioner.secretBarredBy(settings, { ...settings })).toBeNull();
    const told = [
      provisioner.serverOf(settings),
      provisioner.placeFacts(settings),
      provisioner.limits(settings, harness().level),
    ];
    expect(JSON.stringify(told)).not.toContain(target.secret);
    expect(provisioner.proposedLevels(target.resourceName).length).toBeGreaterThan(0);
    for (const sentence of provisioner.limits(settings, harness().level)) expect(sentence).toMatch(/\.$/);
  });
}

function describeLife<S extends ResourceSettings, C extends Credential>(facts: Facts<S, C>): void {
  const { contract, harness, create, order, takeAway } = facts;
  const hasSessions = contract.sessions !== 'none';

  test('a creation is usable at once, and the level’s rights hold and no more', async () => {
    const { provisioner, target, logIn } = harness();
    const principal = newPrincipal();
    const credential = await create(principal);
    expect(credential.kind).toBe(provisioner.kind);
    const session = await logIn(credential);
    await session.use();
    for (const { what, attempt } of session.forbidden) await expect(attempt(), what).rejects.toThrow();
    await session.use();
    const readBack = await provisioner.readBack(target, principal);
    expect(readBack).toEqual({ exists: true, canLogIn: true, sessionCount: hasSessions ? 1 : 0 });
    await session.close();
    await takeAway(principal);
  });

  test(`an end is read back, ${sentenceOf(contract)}`, async () => {
    const { provisioner, target, logIn } = harness();
    const principal = newPrincipal();
    const credential = await create(principal);
    const sessions = [await logIn(credential), await logIn(credential), await logIn(credential)];
    const { readBack, sessionsCut } = await provisioner.end(target, principal);
    expect(readBack.canLogIn).toBe(false);
    if (contract.sessions === 'cut') {
      expect({ sessionsCut, left: readBack.sessionCount }).toEqual({ sessionsCut: 3, left: 0 });
      await Promise.all(sessions.map(({ cut }) => cut));
      for (const session of sessions) await expect(session.use()).rejects.toThrow();
    } else for (const session of sessions) await session.close();
    if (contract.ended === 'refused') await expect(logIn(credential)).rejects.toThrow();
    await takeAway(principal);
    expect(await provisioner.readBack(target, principal)).toEqual(GONE);
    expect(await provisioner.list(target)).not.toContain(principal);
  });

  test('ending, reading back and cleaning up can be repeated, also for what never was', async () => {
    const { provisioner, target } = harness();
    let principal = newPrincipal();
    for (const round of ['never made', 'made', 'made and cleaned up']) {
      if (round === 'made' && contract.madeAgain === 'refused') {
        await expect(create(principal)).rejects.toMatchObject({ kind: 'conflict' });
        principal = newPrincipal();
      }
      if (round === 'made') await create(principal);
      for (let again = 0; again < 2; again++) {
        const { readBack } = await provisioner.end(target, principal);
        expect(readBack, round).toMatchObject(OVER);
        expect(await provisioner.readBack(target, principal), round).toMatchObject(OVER);
      }
      expect(await provisioner.cleanUp(target, principal), round).toEqual({ done: true, residue: [] });
      expect(await provisioner.readBack(target, principal), round).toEqual(GONE);
    }
  });

  test(`a creation whose answer was lost is repeated: one principal, and the first credential ${contract.repeated === 'replaces' ? 'is worth nothing' : 'is the same grant’s'}`, async () => {
    const { provisioner, target, logIn } = harness();
    const principal = newPrincipal();
    const lost = await create(principal);
    const kept = await create(principal);
    expect((await provisioner.list(target)).filter((name) => name === principal)).toEqual([principal]);
    await (await logIn(kept)).close();
    if (contract.repeated === 'replaces') await expect(logIn(lost)).rejects.toThrow();
    else await (await logIn(lost)).close();
    await takeAway(principal);
    if (contract.ended === 'refused')
      for (const credential of [lost, kept]) await expect(logIn(credential)).rejects.toThrow();
  });

  test('creations of the same principal at once end in one principal that works', async () => {
    const { provisioner, target, logIn } = harness();
    const principal = newPrincipal();
    const all = await Promise.all([1, 2, 3].map(() => create(principal)));
    const logIns = await Promise.allSettled(all.map(logIn));
    const open = logIns.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(open.length).toBeGreaterThan(0);
    for (const session of open) await session.close();
    expect((await provisioner.list(target)).filter((name) => name === principal)).toEqual([principal]);
    await takeAway(principal);
  });

  test('an extension leaves a grant usable, and there is none for what is not there', async () => {
    const { provisioner, target, logIn } = harness();
    const principal = newPrincipal();
    const first = await create(principal);
    const longer = order(principal, { validForMs: 30 * MINUTE_MS });
    const credential = provisioner.extension === 'reissues' ? await provisioner.create(target, longer) : first;
    await provisioner.setDeadline(target, principal, longer.validForMs);
    const session = await logIn(credential);
    await session.use();
    await session.close();
    await takeAway(principal);
    if (provisioner.extension === 'moves-deadline')
      await expect(provisioner.setDeadline(target, principal, MINUTE_MS)).rejects.toMatchObject({ kind: 'conflict' });
  });

  test('ending one grant leaves another of the same resource and level as it was', async () => {
    const { logIn } = harness();
    const [ending, staying] = [newPrincipal(), newPrincipal()];
    await create(ending);
    const credential = await create(staying);
    const session = await logIn(credential);
    await takeAway(ending);
    await session.use();
    await session.close();
    await (await logIn(credential)).close();
    await takeAway(staying);
  });

  test(`${CROWD} grants that begin and end together leave nothing`, async () => {
    const { provisioner, target } = harness();
    const principals = Array.from({ length: CROWD }, newPrincipal);
    await Promise.all(principals.map(create));
    expect(await provisioner.list(target)).toEqual(expect.arrayContaining(principals));
    await Promise.all(principals.map(takeAway));
    expect((await provisioner.list(target)).filter((name) => principals.includes(name))).toEqual([]);
  });
}

const sentenceOf = ({ sessions, ended }: Pick<ProvisionerContract<never, never>, 'sessions' | 'ended'>): string => {
  const open = { cut: 'every open session is cut', stay: 'open sessions stay', none: 'there are no sessions' }[
    sessions
  ];
  return `${open}, and a new log-in ${ended === 'refused' ? 'is refused' : 'works until the credential runs out'}`;
};

function describeOurs<S extends ResourceSettings, C extends Credential>(facts: Facts<S, C>): void {
  const { harness, create, order, takeAway } = facts;

  test('the list names the principals of this resource and of no other', async () => {
    const { provisioner, target } = harness();
    const neighbour = { ...target, resourceId: `res_${chance26()}` };
    const [ours, theirs] = [newPrincipal(), newPrincipal()];
    await create(ours);
    await provisioner.create(neighbour, order(theirs));
    expect(await provisioner.list(target)).toEqual([ours]);
    expect(await provisioner.list(neighbour)).toEqual([theirs]);
    await takeAway(ours);
    await provisioner.end(neighbour, theirs);
    expect(await provisioner.cleanUp(neighbour, theirs)).toEqual({ done: true, residue: [] });
  });

  test('what others made is not listed, not taken over, and whole after ours has ended', async () => {
    const { provisioner, target, foreign } = harness();
    if (!foreign) return expect(await provisioner.list(target)).toEqual([]);
    const [alike, ours] = [newPrincipal(), newPrincipal()];
    const others = [alike, 'hp_somebody', 'hallpass'];
    for (const name of others) await foreign.make(name);
    await create(ours);
    expect(await provisioner.list(target)).toEqual([ours]);
    await expect(create(alike)).rejects.toMatchObject({ name: 'TargetError', kind: 'conflict' });
    await takeAway(ours);
    for (const name of others) {
      expect(await foreign.isWhole(name), name).toBe(true);
      await foreign.remove(name);
    }
  });

  test('a principal that is not of our form is never touched', async () => {
    const { provisioner, target } = harness();
    for (const name of HOSTILE_NAMES) {
      await expect(provisioner.create(target, order(name)), name).rejects.toBeInstanceOf(RangeError);
      await expect(provisioner.setDeadline(target, name, MINUTE_MS), name).rejects.toBeInstanceOf(RangeError);
      await expect(provisioner.end(target, name), name).rejects.toBeInstanceOf(RangeError);
      await expect(provisioner.readBack(target, name), name).rejects.toBeInstanceOf(RangeError);
      await expect(provisioner.cleanUp(target, name), name).rejects.toBeInstanceOf(RangeError);
    }
  });

  test('a length that is none is refused before anything is made', async () => {
    const { provisioner, target } = harness();
    const principal = newPrincipal();
    for (const validForMs of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      await expect(provisioner.create(target, order(principal, { validForMs }))).rejects.toBeInstanceOf(RangeError);
    expect(await provisioner.list(target)).toEqual([]);
  });
}

function describeFaults<S extends ResourceSettings, C extends Credential>({ harness, order }: Facts<S, C>): void {
  const callsOf = (target: Target<S>): readonly Promise<unknown>[] => {
    const { provisioner } = harness();
    const principal = newPrincipal();
    return [
      provisioner.create(target, order(principal)),
      provisioner.end(target, principal),
      provisioner.readBack(target, principal),
      provisioner.cleanUp(target, principal),
      provisioner.list(target),
    ];
  };
  const expectAll = async (target: Target<S>, kind: 'unreachable' | 'refused', ...secrets: string[]) => {
    for (const outcome of await Promise.allSettled(callsOf(target))) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'TargetError', kind } });
      const { reason } = outcome as PromiseRejectedResult;
      for (const secret of secrets)
        expect(`${reason} ${reason.stack} ${JSON.stringify(reason)} ${String(reason.cause)}`).not.toContain(secret);
    }
  };

  test('a target that is down is unreachable, for every call, and no answer holds the secret', async () => {
    const { provisioner, target, at } = harness();
    const down = at(await closedPort());
    await expectAll(down, 'unreachable', target.secret);
    const report = await provisioner.test(down);
    expect(report.ok).toBe(false);
    expect(JSON.stringify(report)).not.toContain(target.secret);
  });

  test('a wrong secret of the manager is refused, for every call, and not repeated in an answer', async () => {
    const { provisioner, target, wrongSecret } = harness();
    const wrong = { ...target, secret: wrongSecret };
    await expectAll(wrong, 'refused', wrongSecret, target.secret);
    const report = await provisioner.test(wrong);
    expect(report.ok).toBe(false);
    expect(JSON.stringify(report)).not.toContain(wrongSecret);
  });

  test('after the provisioner closed its connections the next call opens new ones', async () => {
    const { provisioner, target } = harness();
    await provisioner.list(target);
    await provisioner.close();
    expect(await provisioner.list(target)).toEqual([]);
  });
}

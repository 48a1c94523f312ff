/** Calls to targets: how long they are waited for, what a failure says and means, and what a target is reached with. */
import { describe, expect, test } from 'vitest';
import {
  isAway,
  isSilent,
  isUnknown,
  type LeaseDeps,
  reach,
  TimedOut,
  withTimeout,
  wordFailure,
} from '../../../electron/service/leases/deps';
import { TargetError } from '../../../electron/service/provisioners/provisioner';
import type { ResourceTable } from '../../../electron/service/store/schema';
import type { Clock } from '../../../shared/domain/instant';
import { ModelTarget } from '../../model/target';
import { ManualClock } from '../../model/world';

/** Counts what still waits. */
class CountingClock extends ManualClock {
  waits = 0;
  override wakeAt(...args: Parameters<Clock['wakeAt']>) {
    this.waits++;
    const timer = super.wakeAt(...args);
    return {
      cancel: () => {
        this.waits--;
        return timer.cancel();
      },
    };
  }
}
const turn = () => new Promise<void>((done) => void setImmediate(done));

describe('a call', () => {
  const start = () => {
    const clock = new CountingClock();
    let settle: { resolve: (value: string) => void; reject: (cause: unknown) => void } | undefined;
    const call = new Promise<string>((resolve, reject) => {
      settle = { resolve, reject };
    });
    let late = 0;
    const wait = { what: 'Ending it', lengthMs: 10_000, onLate: () => void late++ };
    const answer = withTimeout({ clock } as unknown as LeaseDeps, call, wait).then(
      (value) => value,
      (cause: unknown) => cause,
    );
    return { clock, answer, late: () => late, settle: settle as NonNullable<typeof settle> };
  };
  test('that answers in time gives its answer, and nothing waits any more', async () => {
    const { clock, answer, late, settle } = start();
    expect(clock.waits).toBe(1);
    clock.advance(9_999);
    settle.resolve('done');
    expect(await answer).toBe('done');
    expect(clock.waits).toBe(0);
    clock.advance(60_000);
    expect(late()).toBe(0);
  });
  test('that fails in time gives its failure', async () => {
    const { clock, answer, late, settle } = start();
    settle.reject(new TargetError('refused', 'no'));
    expect(await answer).toMatchObject({ message: 'no' });
    expect([clock.waits, late()]).toEqual([0, 0]);
  });
  test.each(['resolve', 'reject'] as const)(
    'that does not is not waited for; when it settles after all (%s), that is heard once',
    async (how) => {
      const { clock, answer, late, settle } = start();
      clock.advance(10_000);
      expect(await answer).toMatchObject({ name: 'TimedOut', message: 'Ending it got no answer within 10 s' });
      expect(late()).toBe(0);
      settle[how]('late');
      await turn();
      expect(late()).toBe(1);
    },
  );
  test('nobody has to listen for late ones', async () => {
    const clock = new ManualClock();
    let go = () => {};
    const call = new Promise<void>((resolve) => {
      go = resolve;
    });
    const answer = withTimeout({ clock } as unknown as LeaseDeps, call, { what: 'It', lengthMs: 1 });
    clock.advance(1);
    await expect(answer).rejects.toBeInstanceOf(TimedOut);
    go();
    await turn();
  });
});

describe('what a failure says and means', () => {
  const away = new TargetError('unreachable', 'connection\nrefused');
  const refused = new TargetError('refused', 'must be superuser');
  const conflict = new TargetError('conflict', 'changed');
  const timedOut = new TimedOut('Making the login', 5_000);
  const bug = new Error('password planted-secret-1 is wrong');
  test('words of targets are told on one line, limited; those of others are not, since they might carry a secret', () => {
    expect(wordFailure(away)).toBe('connection refused');
    expect(wordFailure(timedOut)).toBe('Making the login got no answer within 5 s');
    expect(wordFailure(bug)).toBe('the service could not do it');
    expect(wordFailure(new TargetError('refused', 'x'.repeat(1_000)))).toBe('x'.repeat(300));
  });
  test.each([
    ['not there', away, [true, true, true]],
    ['no answer in time', timedOut, [false, true, true]],
    ['a refusal', refused, [false, false, false]],
    ['a plan that no longer fits', conflict, [false, false, false]],
    ['a failure of our own', bug, [false, false, true]],
    ['something that is no error', 'text', [false, false, true]],
  ])('%s: away, silent, unknown', (_, cause, meaning) => {
    expect([isAway(cause), isSilent(cause), isUnknown(cause)]).toEqual(meaning);
  });
});

describe('a target is reached', () => {
  const SETTINGS = {
    kind: 'postgres',
    host: 'db.invalid',
    port: 5432,
    database: 'orders',
    managerUser: 'm',
    tls: 'prefer',
    schemas: ['public'],
    connectionLimit: 5,
  };
  const resource = {
    id: 'res_1',
    name: 'orders',
    kind: 'postgres',
    settings: JSON.stringify(SETTINGS),
    secret_enc: 'sealed',
  };
  const provisioner = new ModelTarget(() => 0);
  const opened: [string, string][] = [];
  const deps = {
    provisioners: new Map([['postgres', provisioner]]),
    secretBox: {
      open: (text: string, context: string) => {
        opened.push([text, context]);
        return 'manager-secret';
      },
    },
  } as unknown as LeaseDeps;
  test('with its settings, its opened secret, and a way to change it', () => {
    const { target, ...rest } = reach(deps, resource as ResourceTable);
    expect(rest.provisioner).toBe(provisioner);
    expect(target).toMatchObject({
      resourceId: 'res_1',
      resourceName: 'orders',
      settings: SETTINGS,
      secret: 'manager-secret',
    });
    expect(target.stored?.read).toBeInstanceOf(Function);
    expect(opened).toEqual([['sealed', expect.stringContaining('res_1')]]);
  });
  test('of a kind that nobody knows is not', () => {
    expect(() => reach(deps, { ...resource, kind: 'oracle' } as ResourceTable)).toThrow(
      'no provisioner for targets of kind "oracle"',
    );
  });
});

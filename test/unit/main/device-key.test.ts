/** The desktop's side of a key for a grant: made and sent once, sent again after an absence or a restart, given up when it can't be used. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Injector } from '../../../electron/main/injection';
import { ApiProblem } from '../../../electron/main/session/api-problem';
import { ServiceAway } from '../../../electron/main/session/transport';
import type { GrantFlow } from '../../../electron/main/sync/grant-flow';
import type { Credential } from '../../../shared/contract/credential';
import type { GrantView } from '../../../shared/contract/grants';
import { Problem, type ProblemType } from '../../../shared/contract/problem';
import { type Machine, newMachine } from '../injection/machine';
import { grant } from './fixtures';
import { flowOn } from './flow';

let machine: Machine;
let folder: string;
let injector: Injector;
let flow: GrantFlow;
/** What was sent, in order; the next answers, `ok` when there is none. */
let sent: { name: string; body: unknown }[];
let answers: (Error | 'ok')[];
const failed: string[] = [];
const nothingSealed = (): Credential => {
  throw new Error('nothing was sealed');
};
let opened = nothingSealed;
const refusal = (code: ProblemType) =>
  new ApiProblem(
    Problem.parse({ type: `https://hallpass.example/problems/${code}`, title: `No: ${code}.`, status: 409, code }),
  );

beforeEach(() => {
  machine = newMachine();
  folder = mkdtempSync(join(tmpdir(), 'hallpass-key-'));
  sent = [];
  answers = [];
  failed.length = 0;
  opened = nothingSealed;
  startApp();
});
afterEach(() => {
  machine.remove();
  rmSync(folder, { recursive: true, force: true });
});
function startApp(): void {
  const callApi = (async (name: string, { body }: { body?: unknown } = {}) => {
    sent.push({ name, body });
    const answer = answers.shift() ?? 'ok';
    if (answer !== 'ok') throw answer;
    return {};
  }) as never;
  ({ injector, flow } = flowOn(machine, folder, callApi, {
    open: () => opened(),
    onFailed: (_grant, what) => void failed.push(what),
  }));
}
const wanted = (more: Partial<GrantView> = {}) => {
  const one = grant({ state: 'provisioning', deviceKeyWanted: 'ssh-ed25519', credentialReady: false });
  return { ...one, resource: { ...one.resource, name: 'web-1', kind: 'ssh' }, ...more };
};
const keysSent = () =>
  sent.filter(({ name }) => name === 'grants.deviceKey').map(({ body }) => (body as { publicKey: string }).publicKey);

describe('a key that is wanted', () => {
  test('is made and sent once, however often the grant is heard of', async () => {
    await Promise.all([flow.onGrant(wanted()), flow.onGrant(wanted())]);
    await flow.onGrant(wanted());
    expect(keysSent()).toHaveLength(1);
    expect(keysSent()[0]).toMatch(/^ssh-ed25519 \S+$/);
    expect(injector.list()).toMatchObject([{ state: 'writing' }]);
  });

  test('is not made for a grant of another device, or one that needs none', async () => {
    await flow.onGrant(wanted({ holder: { ...wanted().holder, deviceId: 'dev_00000000000000000000000009' } }));
    await flow.onGrant(wanted({ deviceKeyWanted: null }));
    expect(sent).toEqual([]);
    expect(injector.list()).toEqual([]);
  });

  test('is sent again, the same one, when the service was away or the app restarted before or after', async () => {
    answers = [new ServiceAway('unreachable', 'away')];
    await flow.onGrant(wanted());
    await flow.onGrant(wanted());
    await injector.stop();
    startApp();
    await injector.sweep();
    await flow.reconcile([wanted()]);
    expect(keysSent()).toHaveLength(3);
    expect(new Set(keysSent()).size).toBe(1);
  });

  test('that the service will not take any more ends the grant as failed, with the reason, and is gone here', async () => {
    answers = [refusal('conflict')];
    await flow.onGrant(wanted());
    expect(sent.map(({ name }) => name)).toContain('grants.report');
    expect(sent.find(({ body }) => (body as { state?: string })?.state === 'failed')?.body).toMatchObject({
      error: 'No: conflict.',
    });
    expect(failed).toEqual(['No: conflict.']);
    expect(injector.list()).toMatchObject([{ state: 'removed' }]);
  });

  test('of a grant that ended meanwhile is taken away, and nothing more is said', async () => {
    answers = [refusal('wrong-state')];
    await flow.onGrant(wanted());
    expect(injector.list()).toMatchObject([{ state: 'removed' }]);
    expect(failed).toEqual([]);
    const later = wanted({ id: 'grt_00000000000000000000000008' });
    await flow.onGrant(later);
    await flow.onGrant({ ...later, state: 'ended', endReason: 'revoked' });
    expect(injector.list().every(({ state }) => state === 'removed')).toBe(true);
  });
});

test('access that is given back while its credential is on its way leaves nothing here, though the service has not heard of it', async () => {
  const back: Promise<void>[] = [];
  opened = () => {
    answers = [new ServiceAway('unreachable', 'away'), new ServiceAway('unreachable', 'away')];
    back.push(flow.giveBack(grant().id));
    return {
      ...{ kind: 'postgres', host: 'db.example', port: 5432, database: 'orders', tls: 'disable' },
      ...{ user: 'hp_x', password: 'planted-secret' },
    } as Credential;
  };
  await flow.onGrant(grant({ state: 'provisioning', credentialReady: true, expiresAt: null, activatedAt: null }));
  await Promise.all(back);
  expect([failed, back.length]).toEqual([[], 1]);
  expect(injector.list()).toMatchObject([{ state: 'removed' }]); // written, and gone again
});

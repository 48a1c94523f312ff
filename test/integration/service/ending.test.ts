/** Access that ends in other ways than by its own clock while the service runs: dropped by hand on the target, swept by a process that serves nobody. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { openRaw } from '../../../electron/service/store/sqlite-binding';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { logIn, whenCut } from '../../bed/postgres-target';
import { until } from '../../bed/until';
import { openWorkspace, rolesOn, type Workspace } from '../security/workspace';

const ENTRY = join(import.meta.dirname, '../../../electron/service/entry-standalone.ts');
let work: Workspace;
afterEach(() => work.close());

async function activeGrant(ttlMs: number) {
  const { id: asked } = await work.ask({ ttlMs });
  const id = (await work.approve(asked)).grantId as string;
  await work.bob.call('POST', `/v1/grants/${id}/start`);
  await work.it.service.drain();
  const credential = await work.credential(id);
  await work.bob.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' });
  await work.it.service.drain();
  const session = await logIn({ ...credential, host: work.server.host, port: work.server.port });
  return { id, user: credential.user, session, cut: whenCut(session) };
}

describe('a login that somebody drops on the server', { timeout: 120_000 }, () => {
  test('ends its grant once the session it left is cut, and nobody else’s', async () => {
    work = await openWorkspace();
    const [dropped, other] = [await activeGrant(30 * MINUTE_MS), await activeGrant(30 * MINUTE_MS)];
    await work.server.query('orders', `DROP OWNED BY "${dropped.user}"; DROP ROLE "${dropped.user}"`);
    expect((await dropped.session.query('select 1 as n')).rows).toEqual([{ n: 1 }]); // the server itself does not mind
    work.it.clock.move(6 * MINUTE_MS);
    await work.it.service.drain();
    const { owner } = work.it;
    // A plain manager may not cut a session whose role is gone: then it is still being revoked, and nothing else is said.
    const waiting = (await owner.call('GET', `/v1/grants/${dropped.id}`)).json;
    expect(waiting).toMatchObject({ state: 'ending', endReason: 'failed', endProof: null });
    await work.server.query('postgres', `GRANT pg_signal_backend TO ${work.target.settings.managerUser}`);
    work.it.clock.move(MINUTE_MS);
    await work.it.service.drain();
    await dropped.cut;
    const grant = await until('the end', async () => {
      const now = (await owner.call('GET', `/v1/grants/${dropped.id}`)).json;
      return now.state === 'ended' ? now : null;
    });
    expect(grant).toMatchObject({ endReason: 'failed', endProof: 'read_back' });
    expect((await owner.call('GET', `/v1/grants/${other.id}`)).json.state).toBe('active');
    expect((await other.session.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    await other.session.end();
  });
});

describe('--sweep', { timeout: 120_000 }, () => {
  const sweep = () =>
    new Promise<{ code: number | null; said: unknown }>((resolve) => {
      const args = ['--import', 'tsx', ENTRY, '--data', work.it.dataDir, '--sweep'];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
      let out = '';
      child.stdout.on('data', (chunk) => {
        out += chunk;
      });
      child.on('close', (code) => resolve({ code, said: JSON.parse(out) }));
    });

  test('ends what ran out while no service ran; what it can not reach it says and leaves for the next', async () => {
    work = await openWorkspace({ dataKey: null });
    const over = await activeGrant(5 * MINUTE_MS);
    const live = await activeGrant(30 * MINUTE_MS);
    await work.it.service.stop();
    const raw = openRaw(join(work.it.dataDir, 'hallpass.db'), 5_000);
    raw.exec(`update grants set expires_at = 1, due_at = 1 where id = '${over.id}'`); // as if hours had passed
    raw.close();
    await work.gate.shut();
    expect(await sweep()).toEqual({ code: 3, said: { ended: 0, left: 1 } });
    await work.gate.open();
    expect(await sweep()).toEqual({ code: 0, said: { ended: 1, left: 0 } });
    await over.cut;
    expect(await rolesOn(work.server)).toEqual([live.user]);
    expect((await live.session.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    await live.session.end();
  });
});

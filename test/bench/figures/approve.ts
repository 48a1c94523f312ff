/**
 * From the request to the approver's notification, and from pressing Approve on it to a log-in that works. Two real apps and a
 * real PostgreSQL; the same two apps play every run. What the bench itself adds (a call into the page, the bus, its own event
 * loop) is inside the numbers.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { principalName } from '../../../shared/domain/ids';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { figure } from '../figure';
import { logIn, nextCredential } from '../parts/credentials';
import { type Desktops, RESOURCE, startDesktops } from '../parts/desktops';
import type { Measure } from '.';

const PATIENCE_MS = 20_000;
const WARM_UP_RUNS = 3;
const LOOK_EVERY_MS = 300;

interface Run {
  readonly notifiedMs: number;
  readonly injectedMs: number;
  readonly usableMs: number;
}

export const measureApprove: Measure = async ({ quick }) => {
  const desktops = await startDesktops();
  try {
    const runs: Run[] = [];
    const used = new Set<string>();
    const count = quick ? 8 : 40;
    for (let turn = -WARM_UP_RUNS; turn < count; turn += 1) {
      const run = await once(desktops, `run ${turn + WARM_UP_RUNS}`, used);
      if (turn >= 0) runs.push(run);
    }
    const usable = runs.map((run) => run.usableMs);
    const how = 'ActionInvoked on the bus → pg driver logged in with host, port and passfile of the service file';
    return [
      figure(
        'request → notification on the approver’s bus',
        'ms',
        runs.map((run) => run.notifiedMs),
        { statistic: 'p95', goal: 250, note: 'POST from the requester’s page → Notify at the daemon' },
      ),
      figure('approve → credential usable, half of the runs', 'ms', usable, { statistic: 'p50', goal: 300, note: how }),
      figure('approve → credential usable, nearly all runs', 'ms', usable, { statistic: 'p95', goal: 1_000 }),
      figure(
        'approve → credential in the requester’s files',
        'ms',
        runs.map((run) => run.injectedMs),
        { statistic: 'p50', goal: null },
      ),
    ];
  } finally {
    await desktops.stop();
  }
};

async function once({ bed, requester, resourceId }: Desktops, reason: string, used: Set<string>): Promise<Run> {
  const askedAt = performance.now();
  const [request, shown] = await Promise.all([
    requester.call('requests.submit', {
      body: { resourceId, level: 'read-only', ttlMs: 15 * MINUTE_MS, reason },
    }),
    bed.notifications.waitFor(
      reason,
      (each) => each.body.includes(reason) && each.actions.some((action) => action.key === 'approve'),
    ),
  ]);
  const injecting = nextCredential(
    requester.app.home,
    `${RESOURCE}.read-only`,
    (passfile) => !used.has(passfile),
    PATIENCE_MS,
  );
  const approvedAt = performance.now();
  bed.notifications.invoke(shown.id, 'approve');
  const credential = await injecting;
  const injectedAt = performance.now();
  const session = await logIn(credential);
  const usableAt = performance.now();
  const { rows } = await session.query('SELECT current_user AS name');
  await session.end();
  used.add(credential.passfile);
  const grants = await requester.call('grants.list', { query: { scope: 'mine' } });
  const grant = grants.items.find((each) => each.requestId === request.id);
  if (!grant || rows[0]?.name !== principalName(grant.id)) throw new Error(`logged in as ${rows[0]?.name}`);
  await giveBack({ requester, grantId: grant.id });
  return {
    notifiedMs: shown.receivedAt - askedAt,
    injectedMs: injectedAt - approvedAt,
    usableMs: usableAt - approvedAt,
  };
}

/** Each run ends what it had, so that the next starts from the same place. */
async function giveBack({ requester, grantId }: Pick<Desktops, 'requester'> & { grantId: string }): Promise<void> {
  const state = async () => (await requester.call('grants.get', { params: { id: grantId } })).state;
  await calmly('active', async () => (await state()) === 'active');
  await requester.invoke('grant.return', grantId);
  await calmly('ended', async () => (await state()) === 'ended');
}

/** Looks a few times a second only: outside of what is measured, the service's rate limit is not to be met. */
async function calmly(what: string, look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`the grant was never ${what}`);
    await pause(LOOK_EVERY_MS);
  }
  await pause(LOOK_EVERY_MS);
}

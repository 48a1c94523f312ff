/**
 * Redis on two desktops: added in the guide, asked for, approved from the notification, used by the real redis-cli, ended.
 * One of the two nodes is down when it ends: the grant says which, and is ended once the node is back, although an old ACL
 * file has brought its user back too.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GrantView } from '../../shared/contract/grants';
import type { LocalInjection } from '../../shared/contract/ipc';
import { principalName } from '../../shared/domain/ids';
import { MINUTE_MS } from '../../shared/domain/instant';
import { type Bed, startBed, until } from '../bed';
import {
  MANAGER,
  makeRedisTarget,
  type RedisNode,
  type RedisNodes,
  type RedisTestTarget,
  redisMissing,
  startRedisNodes,
} from '../bed/targets/redis';
import { Person } from '../demo/person';
import { filesUnder, processesNow } from './desk';
import { grantOf, hostTeam, injections, joinTeam, mine, servicePid } from './scene';

const RESOURCE = 'orders-cache';
const POLICY = `version: 1
rules:
  - name: quick
    effect: approve
    max_duration: 1h
    approvals: [{ from: approvers, count: 1 }]
    confirm: notification
`;
const REMOVAL_LIMIT_MS = 60_000;

const missing = redisMissing();
describe.skipIf(missing !== null)(missing ?? 'a Redis grant on two desktops', { timeout: 150_000 }, () => {
  let bed: Bed;
  let redis: RedisNodes;
  let plain: RedisNode;
  let filed: RedisNode;
  let target: RedisTestTarget;
  let ada: Person;
  let grace: Person;
  let grant: GrantView;
  let local: LocalInjection;

  /** Types what the app shows, with more words behind it, as Grace would. */
  const type = (words: string): Promise<{ code: number; said: string }> =>
    new Promise((resolve) => {
      execFile('/bin/sh', ['-c', `${local.command} ${words}`], { env: { ...grace.env } }, (error, out, err) =>
        resolve({ code: error === null ? 0 : 1, said: (out + err).trim() }),
      );
    });
  const usersOf = async (node: RedisNode): Promise<string> => JSON.stringify(await node.command('ACL', 'USERS'));
  const isOpen = async (node: RedisNode): Promise<boolean> =>
    String(await node.command('CLIENT', 'LIST')).includes(`user=${principalName(grant.id)}`);
  /** Asks, approves from the notification, waits until it is active and its file is there. */
  const obtain = async (reason: string): Promise<void> => {
    const known = new Set((await mine(grace)).map((one) => one.id));
    const { resource } = (await grace.call('catalog.list')).items.find((one) => one.resource.name === RESOURCE) ?? {};
    await grace.call('requests.submit', {
      body: {
        resourceId: resource?.id ?? '',
        level: 'read-only',
        ttlMs: 15 * MINUTE_MS,
        reason,
        ticketRef: '',
        startWhen: 'connected',
      },
    });
    const notice = await bed.notifications.waitFor('the request', (each) => each.body.includes(reason));
    bed.notifications.invokeAndLeaveOpen(notice.id, 'approve');
    grant = await until(
      'an active grant',
      async () => (await mine(grace)).find((one) => one.state === 'active' && !known.has(one.id)),
      30_000,
    );
    local = await until('its file', async () =>
      (await injections(grace)).find((one) => one.grantId === grant.id && one.state === 'injected'),
    );
  };

  beforeAll(async () => {
    [bed, redis] = await Promise.all([startBed(), startRedisNodes()]);
    [plain, filed] = redis.nodes as [RedisNode, RedisNode];
    target = await makeRedisTarget(redis);
    ada = await Person.start(bed, 'Ada', 'ada');
    const { personId } = await hostTeam(ada);
    await ada.call('groups.put', { params: { name: 'approvers' }, body: { members: [personId] } });
    const { version } = await ada.call('policy.get');
    await ada.call('policy.put', { body: { yaml: POLICY, baseVersion: version, note: '' } });
    grace = await joinTeam(bed, ada, 'Grace');
  }, 150_000);
  afterAll(async () => {
    await bed?.stop();
    await redis?.stop();
  }, 90_000);

  test('the guide adds it: two nodes, the manager of the recipe, nothing to run', async () => {
    const { page } = ada;
    await ada.goTo('/resources?add=new');
    await page.locator('input[name=name]').fill(RESOURCE);
    await page.locator('input[type=radio][value=staging]').check({ force: true });
    await page.locator('[data-next]').click();
    await page.locator('input[type=radio][value=redis]').check({ force: true });
    const nodes = page.getByRole('textbox', { name: 'Nodes' });
    for (const { name } of redis.nodes) {
      await nodes.fill(name);
      await nodes.press('Enter');
    }
    await page.locator('input[name="settings.managerUser"]').fill(MANAGER);
    await page.locator('input[name=secret]').fill(target.secret);
    await page.locator('input[type=radio][value=disable]').check({ force: true });
    const keys = page.getByRole('textbox', { name: 'Keys' });
    await page.getByRole('button', { name: 'Remove * from Keys' }).click();
    await keys.fill('orders:*');
    await keys.press('Enter');
    const channels = page.getByRole('textbox', { name: 'Channels' });
    await channels.fill('orders:*');
    await channels.press('Enter');
    await page.locator('[data-test]').click();
    await page.getByText('all checks passed').waitFor();
    await page.locator('[data-next]').click();
    await page.getByText('nothing has to run').waitFor();
    await page.locator('[data-next]:not(:disabled)').click();
    const added = await until('the resource', async () =>
      (await ada.call('resources.list')).items.find((one) => one.name === RESOURCE),
    );
    const { caCertificate: _, ...settings } = target.settings;
    expect(added).toMatchObject({ kind: 'redis', targetLabel: 'Redis 7.0', health: 'reachable', settings });
  });

  test('who asks is told that Redis knows no end time', async () => {
    const { resource } = (await grace.call('catalog.list')).items.find((one) => one.resource.name === RESOURCE) ?? {};
    const preview = await grace.call('requests.preview', {
      body: { resourceId: resource?.id ?? '', level: 'read-only', ttlMs: 15 * MINUTE_MS },
    });
    expect(preview.limits.join(' ')).toContain('no end time');
  });

  test('asked there, approved here, and redis-cli reads there with the command that is shown', async () => {
    await obtain('look at baskets');
    expect(await type('GET orders:1')).toEqual({ code: 0, said: 'chair' });
    expect((await type('SET orders:1 lamp')).said).toContain('NOPERM');
    expect((await type('GET people:1')).said).toContain('NOPERM');
    for (const node of redis.nodes) expect(await usersOf(node)).toContain(principalName(grant.id));
  });

  test('the password is in one file of the one desktop, 0600, and in no argument, log or database', async () => {
    const [file = ''] = local.files;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const password = /^REDISCLI_AUTH=(\S+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '';
    expect(password.length).toBeGreaterThan(30);
    expect(local.command).not.toContain(password);
    for (const { app } of [ada, grace])
      for (const [path, text] of Object.entries(filesUnder(app.home)))
        if (path !== file) expect(text.includes(password), path).toBe(false);
    for (const [what, text] of Object.entries(processesNow(bed.folder)))
      expect(text.includes(password), what).toBe(false);
    for (const node of redis.nodes)
      expect(JSON.stringify(await node.command('ACL', 'LIST')) + node.aclFile()).not.toContain(password);
  });

  test('Return cuts a waiting redis-cli, takes the file, and leaves no user on either node', async () => {
    const child = spawn('/bin/sh', ['-c', `${local.command} SUBSCRIBE orders:news`], {
      env: { ...grace.env },
      stdio: 'ignore',
    });
    const cut = new Promise((resolve) => child.once('close', resolve));
    await until('redis-cli listening', async () => (await isOpen(plain)) || (await isOpen(filed)));
    await grace.invoke('grant.return', grant.id);
    await cut;
    const ended = await until(
      'ended',
      async () => {
        const now = await grantOf(grace, grant.id);
        return now.state === 'ended' ? now : null;
      },
      30_000,
    );
    expect(ended).toMatchObject({ endProof: 'read_back', endReason: 'returned' });
    expect(ended.removal.sessionsCut).toBeGreaterThanOrEqual(1);
    for (const node of redis.nodes) expect(await usersOf(node)).not.toContain(principalName(grant.id));
    await until('the file is gone', () => !existsSync(local.files[0] ?? ''));
    expect((await type('PING')).code).not.toBe(0);
  });

  test('a node that is down keeps it “still being revoked”, named; back with an old ACL file, it is ended', async () => {
    await obtain('look again');
    const principal = principalName(grant.id);
    await filed.command('ACL', 'SAVE'); // somebody saved while the user lived
    expect(filed.aclFile()).toContain(principal);
    await filed.halt('killed');
    await ada.call('grants.revoke', { params: { id: grant.id }, body: { reason: 'enough' } });
    const stuck = await until(
      'still being revoked, with the reason',
      async () => {
        const now = await grantOf(ada, grant.id);
        return now.state === 'ending' && now.removal.lastError?.includes(filed.name) ? now : null;
      },
      30_000,
    );
    expect(stuck.removal.target).not.toBe('gone');
    expect(stuck.endProof).toBeNull();
    await until('the other node is ended at once', async () => !(await usersOf(plain)).includes(principal));
    await until('the file is gone', () => !existsSync(local.files[0] ?? ''));
    await filed.start();
    expect(await usersOf(filed)).toContain(principal); // the old file brought it back
    await until('ended', async () => (await grantOf(ada, grant.id)).endProof === 'read_back', REMOVAL_LIMIT_MS);
    expect(await usersOf(filed)).not.toContain(principal);
    expect(filed.aclFile()).not.toContain(principal);
  });

  test('a user of an ended grant that comes back is ended by the next start of the service', async () => {
    const principal = principalName(grant.id);
    const { id } = (await ada.call('resources.list')).items.find((one) => one.name === RESOURCE) ?? {};
    await filed.command('ACL', 'SETUSER', principal, 'on', '>restored', '~*', '+@read', `(~hallpass:1:${id})`);
    await filed.command('ACL', 'SETUSER', 'hp_somebody', 'on', '>else', '~*', '+@read');
    process.kill(await servicePid(ada), 'SIGKILL');
    await until('the orphan is gone', async () => !(await usersOf(filed)).includes(principal), REMOVAL_LIMIT_MS);
    expect(await usersOf(filed)).toContain('hp_somebody');
    await ada.ready();
  });

  test('no log of either desktop holds a secret', () => {
    for (const { app } of [ada, grace]) {
      const log = join(app.home, '.config', 'Hallpass', 'log', 'hallpass.log');
      if (existsSync(log)) expect(readFileSync(log, 'utf8')).not.toContain(target.secret);
    }
  });
});

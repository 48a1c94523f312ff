/** A machine whose clock was set back while the service was down: time goes on from the newest entry, so no access becomes longer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { steadyClock } from '../../../electron/service/clock';
import { openStore } from '../../../electron/service/store/open';
import { createSecretBox } from '../../../electron/service/store/secret-box';
import { HOUR_MS } from '../../../shared/domain/instant';
import { SeededRandom } from '../../model/world';

const silent = { info: () => {}, warn: () => {}, error: () => {} };

test('a service that starts an hour before its newest entry takes that entry’s time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hallpass-restart-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const random = new SeededRandom(1);
  const secretBox = createSecretBox(random.bytes(32), random);
  const start = async (wallAt: number) => {
    const clock = steadyClock({ wallMs: () => wallAt, elapsedMs: () => 0, after: () => () => {} });
    const file = join(folder, 'store.db');
    const store = await openStore({ kind: 'sqlite', file, clock, random, log: silent, secretBox, vaultFile: null });
    return { clock, store };
  };
  const writtenAt = 1_760_000_000_000;
  const { store } = await start(writtenAt);
  await store.write(async (tx) => {
    const service = { kind: 'service', id: null, name: 'Hallpass' } as const;
    tx.audit({
      type: 'service.started',
      actor: service,
      subject: { kind: 'service', id: 'one', name: 'one' },
      data: {},
    });
  });
  await store.close();
  const later = await start(writtenAt - HOUR_MS);
  onTestFinished(() => later.store.close());
  expect(later.clock.now()).toBe(writtenAt);
});

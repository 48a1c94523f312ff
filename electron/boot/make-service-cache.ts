/** The service's half of make-cache.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFromCache } from './code-cache';
import { keeper } from './keep-cache';

const kept = keeper('service');
runFromCache(__dirname, 'service', kept.take);
void make().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);

async function make(): Promise<void> {
  const { startService } = await import('../service/service');
  const folder = mkdtempSync(join(tmpdir(), 'hp-cache-'));
  try {
    const service = await startService({
      dataDir: join(folder, 'data'),
      dataKey: null,
      serviceName: 'cache',
      storeUrl: null,
      local: null,
      tcp: null,
    });
    await service.stop();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  kept.write();
}

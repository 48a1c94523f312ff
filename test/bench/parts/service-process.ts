/**
 * A service in a process of its own, as it runs in life: who measures must not share its event loop. Gets its configuration
 * over the port it was forked with (it holds keys, so neither argv nor environment), says when it is ready, stops when told.
 * The one thing that differs from a real one: joining is not slowed down, because the bench fills a team in seconds.
 */
import process from 'node:process';
import { createLog } from '../../../electron/service/log';
import { type Service, startService } from '../../../electron/service/service';

export interface ServiceOrders {
  readonly dataDir: string;
  readonly socketPath: string;
  readonly launchToken: string;
  readonly owner: { displayName: string; deviceName: string; signingKey: string; sealingKey: string };
}
export interface ServiceReady {
  readonly url: string;
  readonly pin: string;
}

const UNLIMITED = { burst: 1_000_000, perSecond: 1_000_000 };
let service: Service | null = null;

process.on('message', (orders: ServiceOrders | 'stop') => {
  if (orders === 'stop') void stop();
  else void begin(orders);
});
process.on('disconnect', () => void stop());

async function begin({ dataDir, socketPath, launchToken, owner }: ServiceOrders): Promise<void> {
  service = await startService({
    ...{ dataDir, dataKey: null, serviceName: 'Bench', storeUrl: null },
    local: { socketPath, launchToken, owner },
    tcp: { host: '127.0.0.1', port: 0, publicAddress: null, certificate: null, plain: 'refused' },
    rateLimits: { address: UNLIMITED, signIn: UNLIMITED, join: UNLIMITED, caller: UNLIMITED },
    log: createLog({ level: 'error' }),
  });
  process.send?.({ url: service.tcp?.url, pin: service.tcp?.pin });
}

async function stop(): Promise<void> {
  await service?.stop();
  process.exit(0);
}

/**
 * The service as Electron's utility process. Talks to the main process over the port it was forked with, in the messages of
 * shared/contract/process; never imports electron (the port is a plain property of `process`).
 */
import process from 'node:process';
import type { z } from 'zod';
import { type FromService, type ServiceStart, ToService } from '../../shared/contract/process';
import { fromBase64url } from '../../shared/crypto/bytes';
import { writeCrashFile } from './crash-file';
import { createLog } from './log';
import { type Service, type ServiceConfig, startService } from './service';
import { StartError } from './start-error';

/** What we use of Electron's MessagePortMain. */
interface ParentPort {
  on(event: 'message', listener: (message: { data: unknown }) => void): void;
  postMessage(message: unknown): void;
}
const { parentPort } = process as unknown as { parentPort?: ParentPort };
if (parentPort === undefined)
  throw new Error('this file is the utility process of the app; run the service alone with `npm run service`');
const port = parentPort;
const log = createLog();
process.umask(0o077);

const tell = (message: FromService): void => port.postMessage(message);
let starting: Promise<Service> | null = null;

function configOf(start: z.output<typeof ServiceStart>): ServiceConfig {
  return {
    dataDir: start.dataDir,
    dataKey: start.dataKey === null ? null : fromBase64url(start.dataKey),
    serviceName: start.serviceName,
    storeUrl: start.storeUrl,
    local: { socketPath: start.socketPath, launchToken: start.launchToken, owner: start.owner },
    tcp: start.tcp && { ...start.tcp, publicAddress: null, certificate: null, plain: 'refused' },
    log,
  };
}
async function start(message: z.output<typeof ServiceStart>): Promise<void> {
  if (starting !== null) return log.warn({}, 'asked to start twice');
  writeCrashFile(message.dataDir);
  starting = startService(configOf(message));
  const service = await starting;
  const { mode, reason } = service.mode();
  tell({
    kind: 'ready',
    serviceId: service.serviceId,
    personId: service.identity?.personId ?? '',
    deviceId: service.identity?.deviceId ?? '',
    tcpUrl: service.tcp?.url ?? null,
    certPin: service.tcp?.pin ?? null,
    mode,
    modeReason: reason,
  });
}
async function stop(): Promise<never> {
  await starting?.then((service) => service.stop()).catch((error) => log.error({ err: error }, 'stopping failed'));
  tell({ kind: 'stopped' });
  process.exit(0);
}
async function sweep(): Promise<void> {
  const service = await starting;
  if (service === null) throw new Error('asked to sweep before start');
  tell({ kind: 'swept', ...(await service.sweep()) });
}
function fail(error: unknown): void {
  log.fatal({ err: error }, 'the service could not do what it was asked');
  if (error instanceof StartError) tell({ kind: 'failed', code: error.code, what: error.message, next: error.next });
  else
    tell({ kind: 'failed', code: 'internal', what: 'The service could not start.', next: 'Its log has the details.' });
}

port.on('message', ({ data }) => {
  const message = ToService.safeParse(data);
  // Not the message itself: it may carry a key.
  if (!message.success)
    return log.error({ issues: message.error.issues.map((issue) => issue.path) }, 'a message was not understood');
  switch (message.data.kind) {
    case 'start':
      return void start(message.data).catch(fail);
    case 'sweep':
      return void sweep().catch(fail);
    case 'stop':
      return void stop();
  }
});

/**
 * Makes the caches at build time, started by electron/dev/code-cache.mjs with the Electron that will run the app: the desktop
 * agent's rooms in the main process, the service in a utility process, each with the flags it will have, because V8 compares them.
 * The code is run before it is kept, so that what every start runs is in it compiled: rooms do nothing when they are loaded,
 * and the service is started once, in an empty folder.
 */
import { app, utilityProcess } from 'electron';
import '../main/lifecycle/small-heap';
import { join } from 'node:path';
import { SMALL_HEAP } from '../main/session/fork-service';
import { runFromCache } from './code-cache';
import { keeper } from './keep-cache';

const SERVICE_PATIENCE_MS = 60_000;

const kept = keeper('main');
runFromCache(__dirname, 'main', kept.take);
void make().then(
  () => app.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    app.exit(1);
  },
);

async function make(): Promise<void> {
  await Promise.all([
    import('../main/lifecycle/settings'),
    import('../main/agent/agent'),
    import('../main/windows/app-protocol'),
    import('../main/agent/shell'),
  ]);
  kept.write();
  await app.whenReady(); // before it, there are no utility processes
  const child = utilityProcess.fork(join(__dirname, 'make-service-cache.cjs'), [], {
    stdio: 'inherit',
    execArgv: [SMALL_HEAP],
  });
  const code = await new Promise<number>((resolve) => {
    setTimeout(() => child.kill(), SERVICE_PATIENCE_MS).unref();
    child.once('exit', resolve);
  });
  if (code !== 0) throw new Error(`the service's caches could not be made (${code})`);
}

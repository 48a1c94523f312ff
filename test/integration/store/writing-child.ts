/** A process that writes and says each number once it is acknowledged; the test kills it in the middle. */
import { openStore } from '../../../electron/service/store/open';
import { happen, random, secretBox, testClock } from './helpers';

const [kind, location, vaultFile] = process.argv.slice(2) as [string, string, string];
const store = await openStore({
  ...(kind === 'sqlite' ? { kind: 'sqlite' as const, file: location } : { kind: 'postgres' as const, url: location }),
  ...{ clock: testClock(), random, secretBox, vaultFile },
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
});
for (let n = 1; ; n++) {
  await happen(store, n);
  process.stdout.write(`${n}\n`);
}

/**
 * The door of this room: helpers of the command line (`hallpass run`, `hallpass credential-process`) get from this app what is
 * injected on this machine, over a socket that is the person's own. Whatever fails here is said in the log and keeps the app
 * running: without helpers, files that hold a credential themselves still work.
 */
import type { Injector } from '../injection';
import type { Log } from '../lifecycle/log';
import { createAnswers } from './answers';
import { type HelperTexts, installHelper } from './install';
import { type HelperServer, helperPlace, startHelperServer } from './server';

export interface HelpersDeps {
  readonly injector: Pick<Injector, 'list' | 'usageOf' | 'remainingMs'>;
  readonly userData: string;
  readonly texts: HelperTexts;
  /** Path of the socket (in a private folder), or name of the pipe. */
  readonly socketPath: () => string;
  readonly platform: NodeJS.Platform;
  readonly uid: number;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly random: { bytes(count: number): Uint8Array };
  /** The last command that was run with a grant has ended. */
  readonly onExit: (grantId: string) => void;
  readonly log: Log;
}
export interface Helpers {
  /** Never throws. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createHelpers(deps: HelpersDeps): Helpers {
  let server: HelperServer | null = null;
  return {
    async start() {
      if (server !== null) return;
      try {
        const place = helperPlace(deps.socketPath(), deps.userData, deps.platform);
        server = await startHelperServer({ ...deps, place, answers: createAnswers(deps) });
        installHelper(deps.texts, deps.userData, place, deps.platform);
      } catch (cause) {
        deps.log('error', 'helpers can’t be answered: profiles that ask this app will not work', { cause });
      }
    },
    async stop() {
      await server?.stop();
      server = null;
    },
  };
}

/**
 * What helpers are told: only what is injected on this machine right now, and only until its deadline by this machine's own
 * clocks. No secret is ever in a log line or an error.
 */
import type { AwsCredential } from '../../../shared/contract/aws';
import type { LocalInjection } from '../../../shared/contract/ipc';
import { assertNever } from '../../../shared/domain/assert-never';
import { wordDuration } from '../../../shared/domain/duration';
import type { Injector } from '../injection';
import type { Log } from '../lifecycle/log';
import { type Ask, runText } from './protocol';

/** Said to the person at the command line, on one line. */
export class HelperRefusal extends Error {}

export interface AnswerDeps {
  readonly injector: Pick<Injector, 'list' | 'usageOf' | 'remainingMs'>;
  readonly now: () => number;
  readonly random: { bytes(count: number): Uint8Array };
  /** The last command that was run with a grant has ended. */
  readonly onExit: (grantId: string) => void;
  readonly log: Log;
}
/** Commands that are running with a grant. Forgotten with the app: an end that nobody knows of counts as the last one. */
const MAX_RUNS_PER_GRANT = 200;

export interface Answers {
  /** The body of an ok. @throws HelperRefusal */
  to(ask: Ask): Promise<string>;
}

export function createAnswers(deps: AnswerDeps): Answers {
  const runs = new Map<string, Set<string>>();
  const live = (): LocalInjection[] => deps.injector.list().filter(({ state }) => state === 'injected');
  /** The newest of that name. */
  const find = (name: string): LocalInjection => {
    const found = live().find(({ grantId, resource, level }) =>
      [grantId, resource, `${resource}.${level}`].includes(name),
    );
    if (found) return found;
    throw new HelperRefusal(`There is no access called ${name} on this machine now. Ask for it in Hallpass.`);
  };
  const open = async (name: string) => {
    const injection = find(name);
    const what = await deps.injector.usageOf(injection.grantId);
    if (!what) throw new HelperRefusal(`The access ${name} is over.`);
    return { injection, ...what };
  };

  const credentialProcess = async (name: string): Promise<string> => {
    const { injection, credential } = await open(name);
    if (credential.kind !== 'aws') throw new HelperRefusal(`${name} is no AWS access.`);
    const leftMs = deps.injector.remainingMs(injection.grantId) ?? 0;
    const text = processText(credential, deps.now(), leftMs);
    if (text === null) throw new HelperRefusal(`The access ${name} is over.`);
    deps.log('info', 'a helper got the keys of a session', { grantId: injection.grantId });
    return text;
  };
  const startRun = async ({ name, format, pid }: Extract<Ask, { ask: 'run' }>): Promise<string> => {
    const { injection, environment, leaseFile } = await open(name);
    const { grantId } = injection;
    const run = Buffer.from(deps.random.bytes(8)).toString('hex');
    const text = runText({ grantId, run, leaseFile, environment }, format);
    const known = runs.get(grantId) ?? new Set();
    if (known.size >= MAX_RUNS_PER_GRANT) throw new HelperRefusal('Too many commands run with this access already.');
    runs.set(grantId, known.add(run));
    deps.log('info', 'a command runs with a credential', { grantId, pid });
    return text;
  };
  const endRun = ({ grantId, run }: Extract<Ask, { ask: 'ended' }>): string => {
    const known = runs.get(grantId);
    known?.delete(run);
    if (known && known.size > 0) return '';
    runs.delete(grantId);
    if (live().some((injection) => injection.grantId === grantId)) deps.onExit(grantId);
    return '';
  };
  const list = (): string =>
    live()
      .map(({ grantId, resource, level, command }) => {
        const left = wordDuration(deps.injector.remainingMs(grantId) ?? 0);
        return [resource, level, left, (command ?? '').replace(/\s+/g, ' ')].join('\t');
      })
      .join('\n');

  return {
    async to(ask) {
      switch (ask.ask) {
        case 'credential-process':
          return credentialProcess(ask.name);
        case 'run':
          return startRun(ask);
        case 'ended':
          return endRun(ask);
        case 'list':
          return list();
        default:
          return assertNever(ask);
      }
    },
  };
}

/** What `credential_process` gives, as the AWS tools read it; null once it is over. They ask again when `Expiration` comes near. Pure. */
export function processText(credential: AwsCredential, now: number, leftMs: number): string | null {
  const endsAt = Math.min(credential.sessionEndsAt, now + leftMs);
  if (!(endsAt > now)) return null;
  return JSON.stringify({
    Version: 1,
    AccessKeyId: credential.accessKeyId,
    SecretAccessKey: credential.secretAccessKey,
    SessionToken: credential.sessionToken,
    Expiration: new Date(endsAt).toISOString(),
  });
}

/**
 * `npm run demo -- --all-targets`: create → use → end on every kind of target that this machine can run, each with the real
 * service, the real app and the target's own client. Found by looking into `targets/`, so that a kind brings its own file;
 * a kind of resource without one is a failure. What can't run here is left out with its reason, and the others go on.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GrantView } from '../../shared/contract/grants';
import type { LocalInjection } from '../../shared/contract/ipc';
import { ResourceSettings } from '../../shared/contract/resources';
import { principalName } from '../../shared/domain/ids';
import { HOUR_MS } from '../../shared/domain/instant';
import { startBed, until } from '../bed';
import { Person } from './person';
import type { Held, Ran, RunOptions, TargetPlay, TargetStage } from './targets/target-play';
import { must, type Timeline } from './timeline';

const PLAYS_FOLDER = fileURLToPath(new URL('./targets', import.meta.url));
/** Daemons lie there, and a user's PATH may not name it. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin'];
/** For hangs only; an end may have to wait for the target's own pace. */
const PATIENCE_MS = 60_000;
const POLICY = `version: 1
rules:
  - name: everything-at-once
    effect: auto
    max_duration: 8h
`;

export interface AllTargetsOptions {
  /** Kinds to play; all of them when left out. */
  readonly only?: readonly string[];
}

/** Plays all kinds one after the other on one desk. A play that fails is in the timeline, and the next one starts. */
export async function playAllTargets(timeline: Timeline, options: AllTargetsOptions = {}): Promise<void> {
  const plays = (await findPlays()).filter(({ kind }) => !options.only || options.only.includes(kind));
  if (!options.only) sayWhatIsMissing(timeline, plays);
  const bed = await startBed();
  try {
    let person: Person | undefined;
    await timeline.step('a person at a desk, with the app and its own service', async () => {
      person = await Person.start(bed, 'Ada Lovelace', 'ada');
      await person.waitFor('first-run');
      await person.invoke('setup.choose', { mode: 'alone', displayName: person.name });
      await person.ready();
      const { version } = await person.call('policy.get');
      await person.call('policy.put', { body: { yaml: POLICY, baseVersion: version, note: 'For the demo' } });
      return `${plays.length} kinds of target to play`;
    });
    must(person, 'nobody is at the desk');
    for (const play of plays) await playOne(timeline, person, play, path.join(bed.folder, `play-${play.kind}`));
  } finally {
    await bed.stop();
  }
}

async function findPlays(): Promise<TargetPlay[]> {
  const files = (await readdir(PLAYS_FOLDER)).filter((name) => name.endsWith('.ts') && name !== 'target-play.ts');
  const modules = files.map(async (name) => (await import(path.join(PLAYS_FOLDER, name))) as { play?: TargetPlay });
  const plays = (await Promise.all(modules)).flatMap(({ play }) => (play ? [play] : []));
  const order = kinds();
  return plays.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/** Every kind of resource there is, in the order of the contract: PostgreSQL first. */
const kinds = (): string[] => ResourceSettings.options.map((option) => option.shape.kind.value as string);

function sayWhatIsMissing(timeline: Timeline, plays: readonly TargetPlay[]): void {
  for (const kind of kinds())
    if (!plays.some((play) => play.kind === kind))
      timeline.record(`${kind}: has a play`, false, 0, `there is no test/demo/targets/${kind}.ts`);
}

async function playOne(timeline: Timeline, person: Person, play: TargetPlay, folder: string): Promise<void> {
  const lacking = play.programs.filter((name) => !isProgram(name));
  const reason = lacking.length > 0 ? `not installed here: ${lacking.join(', ')}` : ((await play.missing?.()) ?? null);
  if (reason !== null) return timeline.skip(play.title, reason);
  const closers: (() => Promise<void>)[] = [];
  await mkdir(folder, { mode: 0o700 });
  const stepsBefore = timeline.steps.length;
  try {
    await play.play(stageFor({ timeline, person, title: play.title, folder, closers }));
  } catch (error) {
    const isTold = timeline.steps.slice(stepsBefore).some((step) => !step.ok);
    if (!isTold) timeline.record(`${play.title}: plays`, false, 0, wordsOf(error));
  } finally {
    for (const close of closers.reverse())
      await close().catch((error: unknown) => timeline.record(`${play.title}: stops`, false, 0, wordsOf(error)));
    await rm(folder, { recursive: true, force: true });
  }
}

const wordsOf = (error: unknown): string =>
  error instanceof Error ? `${error.message}${error.cause ? ` because: ${String(error.cause)}` : ''}` : String(error);

const isProgram = (name: string): boolean =>
  [...(process.env.PATH ?? '').split(path.delimiter), ...SYSTEM_FOLDERS].some((folder) =>
    existsSync(path.join(folder, name)),
  );

interface StageParts {
  readonly timeline: Timeline;
  readonly person: Person;
  readonly title: string;
  readonly folder: string;
  readonly closers: (() => Promise<void>)[];
}

function stageFor({ timeline, person, title, folder, closers }: StageParts): TargetStage {
  const step = (name: string, work: () => Promise<string>) => timeline.step(`${title}: ${name}`, work);
  const ended = async (held: Held): Promise<GrantView> => {
    const grant = await until(
      'the grant to be ended',
      async () => {
        const now = await person.call('grants.get', { params: { id: held.grant.id } });
        return now.state === 'ended' ? now : undefined;
      },
      PATIENCE_MS,
    );
    must(grant.endProof === 'read_back', `ended without a read-back: ${grant.endProof} ${grant.removal.lastError}`);
    await until('the files to be removed', async () => (await injectionOf(person, grant.id))?.state === 'removed');
    return grant;
  };
  return {
    person,
    env: person.env,
    folder,
    step,
    closing: (stop) => void closers.push(stop),
    run: (command, args, options) => run(command, args, person.env, options),
    async add(target) {
      let added: Awaited<ReturnType<TargetStage['add']>> | undefined;
      await step('is tested, planned and added', async () => {
        const address = { settings: target.settings, secret: target.secret ?? '', name: target.name };
        const test = await person.call('resources.test', { body: address });
        const wrong = test.checks.filter((check) => !check.ok).map((check) => `${check.name}: ${check.detail}`);
        must(test.ok, `connection test: ${wrong.join('; ')}`);
        const plan = await person.call('resources.plan', { body: address });
        const applied = await person.call('resources.apply', { body: { target: address, digest: plan.digest } });
        must(applied.ok, `plan: ${applied.error}`);
        added = await person.call('resources.create', {
          body: { ...target, environment: 'staging', risk: 'low' },
        });
        const levels = added.levels.map(({ name }) => name).join(', ');
        return `${test.targetLabel}; ${test.checks.length} checks, ${plan.steps.length} steps of the plan; levels: ${levels}`;
      });
      must(added, 'not added');
      return added;
    },
    async ask(resource, level, ttlMs = HOUR_MS) {
      let held: Held | undefined;
      await step(`${level} is asked for, made on the target, and injected`, async () => {
        const body = { resourceId: resource.id, level, ttlMs, reason: 'To see it work', ticketRef: '' };
        const request = await person.call('requests.submit', { body: { ...body, startWhen: 'connected' } });
        held = await until('the grant to be active', () => heldFor(person, request.id), PATIENCE_MS);
        const { injection } = held;
        return `${injection.command ?? 'no command'} (${injection.files.length} files)`;
      });
      must(held, 'nothing is held');
      return held;
    },
    async giveBack(held) {
      let grant: GrantView | undefined;
      await step('is given back: ended on the target by a read-back, removed from the machine', async () => {
        await person.invoke('grant.return', held.grant.id);
        grant = await ended(held);
        return `${grant.removal.sessionsCut} sessions cut; proof: ${grant.endProof?.replace('_', ' ')}`;
      });
      must(grant, 'not ended');
      return grant;
    },
    untilEnded: ended,
  };
}

const injectionOf = async (person: Person, grantId: string): Promise<LocalInjection | undefined> =>
  (await person.invoke<LocalInjection[]>('injection.list')).find((each) => each.grantId === grantId);

/** The grant of a request once it can be used. A grant that failed is an error at once, with what the target said. */
async function heldFor(person: Person, requestId: string): Promise<Held | undefined> {
  const { items } = await person.call('grants.list', { query: { scope: 'mine' } });
  const grant = items.find((each) => each.requestId === requestId);
  if (grant && (grant.state === 'ending' || grant.state === 'ended'))
    throw new Error(`the grant ended as ${grant.endReason}: ${grant.removal.lastError ?? 'no error told'}`);
  if (grant?.state !== 'active') return undefined;
  const injection = await injectionOf(person, grant.id);
  return injection?.state === 'injected' ? { grant, injection, principal: principalName(grant.id) } : undefined;
}

function run(
  command: string,
  args: readonly string[],
  base: Readonly<Record<string, string>>,
  options: RunOptions = {},
): Promise<Ran> {
  const merged = Object.entries({ ...base, ...options.env });
  const env = Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== undefined));
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd: options.cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, out: out.trim(), err: err.trim() }));
  });
}

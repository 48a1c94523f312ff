/**
 * Races of two service instances on one PostgreSQL store: fast-check picks what people, devices, engines and the clock do
 * (races/commands.ts) and in which order all of it gets its turn (races/gate.ts); a small model judges the log (races/story.ts).
 * `HALLPASS_SEED=<n>` plays what a failure printed and shrinks it; `HALLPASS_RACE_RUNS=<n>` sets how many runs.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asInstant } from '../../shared/domain/instant';
import { type PostgresServer, startPostgres } from '../bed/postgres';
import { command, nothingSent } from './races/commands';
import type { Race } from './races/gate';
import { Story } from './races/story';
import { type Ground, prepareGround, Team } from './races/team';

const RUNS = Number(process.env.HALLPASS_RACE_RUNS ?? 24);
const SEED = process.env.HALLPASS_SEED === undefined ? null : Number(process.env.HALLPASS_SEED);
const FIRST_SEED = 2_026;
const MAX_COMMANDS = 60;
/** For hangs only. */
const PATIENCE_MS = 300_000 + RUNS * 20_000;
/** Below this many runs nothing can be said about how much happened in them. */
const TELLING_RUNS = 24;

let server: PostgresServer;
let ground: Ground;
let team: Team | null = null;
beforeAll(async () => {
  server = await startPostgres();
  ground = await prepareGround(server);
}, PATIENCE_MS);
afterAll(async () => {
  await server?.stop();
});

const counts = new Map<string, number>();
const count = (what: string, howMany: number) => counts.set(what, (counts.get(what) ?? 0) + howMany);

async function race(kind: Race, runs: number): Promise<void> {
  const scheduler = fc.scheduler({ act: (letGo) => team?.gate.act(letGo) ?? letGo() });
  const commands = fc.noBias(fc.commands([command], { maxCommands: MAX_COMMANDS, size: 'max' }));
  const property = fc.asyncProperty(scheduler, commands, async (s, cmds) => {
    const racing = await Team.open(ground, kind);
    team = racing;
    try {
      racing.gate.shut(s);
      await fc.scheduledModelRun(s, () => ({ model: nothingSent(), real: racing }), cmds);
      await racing.settle(s);
      await racing.calm();
      for (const [type, howMany] of await racing.checkLog()) count(type, howMany);
      for (const [code, howMany] of racing.refusals) count(`refused: ${code}`, howMany);
    } finally {
      team = null;
      await racing.close();
    }
  });
  const seed = SEED ?? FIRST_SEED;
  await fc.assert(property, { seed, numRuns: runs, endOnFailure: SEED === null }).catch((cause: unknown) => {
    const again = `HALLPASS_SEED=${seed} HALLPASS_RACE_RUNS=${RUNS} npx vitest run -c test/vitest.config.ts test/model/races.test.ts`;
    throw new Error(`${(cause as Error).message}\nPlay it again: ${again}`, { cause });
  });
}

describe('two instances on one PostgreSQL, whoever comes first', () => {
  test('in every order that the scheduler picks', { timeout: PATIENCE_MS }, async () => {
    await race('ordered', Math.ceil(RUNS / 2));
  });
  test('at the same time', { timeout: PATIENCE_MS }, async () => {
    await race('together', Math.ceil(RUNS / 2));
  });
  test('enough happened in them', () => {
    const seen = (what: string) => counts.get(what) ?? 0;
    console.info(`${RUNS} races: ${[...counts].map(([what, howMany]) => `${howMany} × ${what}`).join(', ')}`);
    if (RUNS < TELLING_RUNS || SEED !== null) return;
    for (const what of ['decision.recorded', 'request.approved', 'grant.activated', 'grant.ended'])
      expect(seen(what), what).toBeGreaterThan(0);
    for (const what of ['person.suspended', 'person.removed', 'request.withdrawn'])
      expect(seen(what), what).toBeGreaterThan(0);
  });
});

describe('the model is no friend of the service', () => {
  const [dba, security] = [new Set(['bea', 'cid']), new Set(['bea', 'dan'])];
  const about = { req_1: 'ann', grt_1: 'ann' } as Record<string, string>;
  /** `type subject [actor]`, one after the other. */
  const tell = (...entries: string[]) => {
    const story = new Story(new Map([['prod', [dba, security]]]));
    entries.forEach((entry, idx) => {
      const [type = '', subject = '', actor = null] = entry.split(' ');
      const data = { ttlMs: 60_000, requestId: 'req_1', decision: 'approve' };
      const body = {
        type,
        at: asInstant(idx),
        actor: { kind: 'person' as const, id: actor, name: '' },
        subject: { kind: '', id: subject, name: '' },
        data,
      };
      story.tell({ idx, type, subject, personId: about[subject] ?? null, resourceId: 'prod', body });
    });
    story.close();
  };
  const asked = 'request.submitted req_1';
  const both = [asked, 'decision.recorded req_1 bea', 'decision.recorded req_1 dan', 'request.approved req_1'];
  test('it takes what is right', () => {
    tell(...both, 'grant.ready grt_1', 'grant.provisioning grt_1', 'grant.ending grt_1', 'grant.ended grt_1');
  });
  test.each([
    ['decided by its requester', [asked, 'decision.recorded req_1 ann']],
    ['the same person decided before', [asked, 'decision.recorded req_1 bea', 'decision.recorded req_1 bea']],
    ['approved by bea', [asked, 'decision.recorded req_1 bea', 'request.approved req_1']],
    ['request.approved req_1 had to come first', [...both.slice(0, 3), 'request.withdrawn req_1']],
    ['not an approver', [asked, 'decision.recorded req_1 zoe']],
    ['decided by somebody or for something locked', [asked, 'person.suspended bea', 'decision.recorded req_1 bea']],
    ['approved by bea and dan', [asked, ...both.slice(1, 2), 'person.removed bea', ...both.slice(2)]],
    ['one request, one grant', [...both, 'grant.ready grt_1', 'grant.ready grt_2']],
    [
      'given to or for what is locked',
      [...both, 'grant.ready grt_1', 'person.suspended ann', 'grant.provisioning grt_1'],
    ],
    [
      'no credential had been made',
      [...both, 'grant.ready grt_1', 'grant.provisioning grt_1', 'grant.activated grt_1'],
    ],
    ['it was ending', [...both, 'grant.ready grt_1', 'grant.ending grt_1', 'grant.provisioning grt_1']],
    ['it was approved', [...both, 'request.withdrawn req_1']],
  ])('and says "%s"', (why, entries) => {
    expect(() => tell(...entries)).toThrow(why);
  });
});

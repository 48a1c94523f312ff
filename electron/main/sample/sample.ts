/**
 * The sample workspace of `npm start -- --sample`: answers the first-run questions, fills the service, and lets its people
 * act. Their keys live in this process only, so with its end nobody can act for them any more.
 * Never in a release: `main.ts` asks for it only when the app runs from source and a sample file is named.
 */
import { readFileSync, statSync } from 'node:fs';
import type { SetupChoice } from '../../../shared/contract/ipc';
import { SECOND_MS } from '../../../shared/domain/instant';
import {
  type SampleClient,
  type SamplePerson,
  type SampleTarget,
  SampleTarget as SampleTargetSchema,
  seedSample,
} from '../../../shared/sample/workspace';
import type { Agent } from '../agent/agent';
import type { Shell } from '../agent/shell';
import type { Log } from '../lifecycle/log';
import type { SettingsStore } from '../lifecycle/settings';
import { systemRandom } from '../lifecycle/system';
import { toUserError } from '../lifecycle/user-error';
import type { CallApi } from '../session/api-client';
import type { FirstChoice } from '../session/session';
import { type Player, playerOf } from './players';
import { createStory } from './story';

/** How often the sample's people look at what there is to do. */
const LOOK_EVERY_MS = 2 * SECOND_MS;
const OWNER = 'Ada Lovelace';
/** One that is given at once, one that somebody approves. */
const FAVOURITES = [
  { name: 'playground', level: 'read-write' },
  { name: 'orders-db', level: 'read-only' },
];

interface Stage {
  readonly agent: Agent;
  readonly shell: Pick<Shell, 'news' | 'tell'>;
  readonly settings: SettingsStore;
  readonly log: Log;
}
export interface Sample {
  /** The owner hosts on this machine alone, so that the sample's people can join and nobody else. */
  readonly firstChoice: FirstChoice;
  /** Fills the workspace, then lets its people act until the app ends. Tells what fails; never rejects. */
  play(deps: Stage): Promise<void>;
}

/** @throws when the file is not there, not private, or not a sample target */
export function createSample(file: string): Sample {
  const target = readTarget(file);
  let fresh: 'yes' | 'no' = 'no';
  return {
    firstChoice(keyStorage): SetupChoice {
      fresh = 'yes';
      const choice = {
        mode: 'host',
        displayName: OWNER,
        teamName: 'Sample team',
        address: '127.0.0.1',
        port: 0,
      } as const;
      if (keyStorage === 'system') return choice;
      return { ...choice, passphrase: Buffer.from(systemRandom.bytes(24)).toString('base64url') };
    },
    async play(stage) {
      const { agent, shell, log } = stage;
      if (fresh === 'no') {
        shell.news('This sample workspace was made earlier', 'Its people do not act any more. Start the sample anew.');
        return;
      }
      try {
        shell.news('Making the sample workspace…', 'A team, four databases on a throw-away server, and a policy.');
        await online(agent);
        await perform(stage, target);
      } catch (cause) {
        log('error', 'the sample could not be made', { cause });
        const { what, detail } = toUserError(cause);
        const next = 'Quit, and run npm start -- --sample again.';
        shell.tell({ code: 'sample-failed', what: `The sample is incomplete: ${what}`, safe: null, next, detail });
      }
    },
  };
}

function readTarget(file: string): SampleTarget {
  const { mode, uid } = statSync(file);
  if (process.platform !== 'win32' && ((mode & 0o077) !== 0 || uid !== process.getuid?.()))
    throw new Error(`${file} holds a password and must be readable by its owner only.`);
  return SampleTargetSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

function online(agent: Agent): Promise<void> {
  return new Promise((resolve) => {
    const stop = agent.session.onState(look);
    function look(): void {
      const state = agent.session.state();
      if (state.phase !== 'ready' || !state.online) return;
      stop();
      resolve();
    }
    look();
  });
}

const clientOf =
  (callApi: CallApi): SampleClient =>
  (name, params, body) =>
    callApi(name, { params: params as never, body: body as never });

async function perform({ agent, shell, settings, log }: Stage, target: SampleTarget): Promise<void> {
  const me = await agent.callApi('me.get');
  const now = () => Date.now() + agent.clock.offsetMs();
  const play = (person: SamplePerson) => playerOf(person, { serviceId: me.service.id, now, random: systemRandom });
  const seeded = await seedSample(clientOf(agent.callApi), target, {
    random: systemRandom,
    as: (person) => clientOf(play(person).callApi),
  });
  const player = (name: string): Player => {
    const person = seeded.people.find((each) => each.displayName === name);
    if (person === undefined) throw new Error(seeded.alone ?? `${name} is not in the sample.`);
    return play(person);
  };
  const story = createStory({
    colleague: player('Alan Turing'),
    approver: player('Grace Hopper'),
    ownerId: me.person.id,
    resourceIds: seeded.resourceIds,
    say: shell.news,
    now,
  });
  settings.set({
    favourites: FAVOURITES.flatMap(({ name, level }) => {
      const resourceId = seeded.resourceIds[name];
      return resourceId === undefined ? [] : [{ resourceId, level }];
    }),
  });
  shell.news(
    `You are ${OWNER}, and the sample is ready`,
    'Alan Turing asks you for access: see the Inbox. Ask for orders-db yourself with N, and Grace Hopper approves it.',
  );
  for (;;) {
    await story.look().catch((cause: unknown) => log('warn', 'a step of the sample failed', { cause }));
    await new Promise<void>((resolve) => setTimeout(resolve, LOOK_EVERY_MS).unref());
  }
}

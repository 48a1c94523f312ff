/**
 * Turns "just me" into a service that others can join: the service here starts again and listens on the network too.
 * The profile is written only when it does. A crash before that, or an address that can't be used, leaves it as it was.
 */
import type { ShareChoice } from '../../../shared/contract/ipc';
import { UserFacingError } from '../lifecycle/user-error';
import type { Profile } from './profile';
import type { Supervisor, SupervisorState } from './supervisor';

type Alone = Extract<Profile, { mode: 'alone' }>;
export interface SharePorts {
  readonly supervisor: Pick<Supervisor, 'stop' | 'onState'>;
  /** Starts the service as this profile says. */
  readonly start: (profile: Profile) => Promise<void>;
  readonly save: (profile: Profile) => void;
}

/** Returns the profile that is in force then. Throws a UserFacingError; the service runs as before. */
export async function shareService(own: Alone, choice: ShareChoice, ports: SharePorts): Promise<Profile> {
  const { supervisor } = ports;
  const host: Profile = { ...own, mode: 'host', ...choice };
  await supervisor.stop();
  const settled = firstAnswer(supervisor);
  await ports.start(host);
  const state = await settled;
  if (state.kind === 'ready') {
    ports.save(host);
    return host;
  }
  await supervisor.stop();
  await ports.start(own);
  throw new UserFacingError({
    code: 'not-hosting',
    what: state.kind === 'down' ? state.error.what : 'The service did not start with that address.',
    safe: 'It runs for you alone, as before. Running access is not touched.',
    next: 'Choose another address or port.',
    detail: state.kind === 'down' ? state.error.detail : null,
  });
}

const firstAnswer = (supervisor: SharePorts['supervisor']): Promise<SupervisorState> =>
  new Promise((resolve) => {
    const off = supervisor.onState((state) => {
      if (state.kind !== 'ready' && state.kind !== 'down') return;
      off();
      resolve(state);
    });
  });

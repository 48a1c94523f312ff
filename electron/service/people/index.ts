/** The room's door: everything about people, devices, groups, invites and signing in, put together. */
import type { z } from 'zod';
import type {
  AccessToken,
  Challenge,
  ChallengeRequest,
  Join,
  Joined,
  TokenRequest,
} from '../../../shared/contract/people';
import type { UseCases } from '../use-cases';
import type { PeopleDeps } from './deps';
import { createDevices } from './devices';
import { createGroups } from './groups';
import { createInvites } from './invites';
import { createJoin } from './join';
import { createMe, type ServiceFacts } from './me';
import { createPeople } from './people';
import { createSignIn } from './sign-in';
import type { Tokens } from './tokens';

/** Routes before sign-in. */
export interface OpenCases {
  challenge(input: z.output<typeof ChallengeRequest>): Promise<z.output<typeof Challenge>>;
  token(input: z.output<typeof TokenRequest>, proofKey: string): Promise<z.output<typeof AccessToken>>;
  join(input: z.output<typeof Join>): Promise<z.output<typeof Joined>>;
}
export type PeopleCases = Pick<
  UseCases,
  | 'me.get'
  | `people.${'list' | 'change' | 'remove' | 'suspend' | 'resume'}`
  | `devices.${'list' | 'confirm' | 'revoke'}`
  | `groups.${'list' | 'put' | 'remove'}`
  | `invites.${'create' | 'list' | 'withdraw'}`
>;

export const createPeopleCases = (deps: PeopleDeps, facts: ServiceFacts): PeopleCases => ({
  ...createMe(deps, facts),
  ...createPeople(deps),
  ...createDevices(deps),
  ...createGroups(deps),
  ...createInvites(deps),
});
export const createOpenCases = (deps: PeopleDeps, signIn: { tokens: Tokens; serviceId: string }): OpenCases => ({
  ...createSignIn({ ...deps, ...signIn }),
  join: createJoin(deps),
});

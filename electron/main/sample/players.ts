/** The sample's people: each signs in over TLS with a device key of their own, as a real colleague's desktop does. */

import type { Random } from '../../../shared/domain/instant';
import { parseLink } from '../../../shared/domain/links';
import type { SamplePerson } from '../../../shared/sample/workspace';
import { type CallApi, createCallApi } from '../session/api-client';
import { createDecider, type Decider } from '../session/decisions';
import { signedTransport } from '../session/sign-in';
import { pinnedTransport } from '../session/transport';

export interface Player {
  readonly displayName: string;
  readonly callApi: CallApi;
  readonly decider: Decider;
}

/** @throws when the person's invite link can't be read */
export function playerOf(person: SamplePerson, deps: { serviceId: string; now: () => number; random: Random }): Player {
  const answer = parseLink(person.inviteLink);
  if (!answer.ok || answer.link.kind !== 'join') throw new Error(`${person.displayName} has no invite`);
  const keys = { signingKey: person.signing.publicKey, signingSecretKey: person.signing.secretKey };
  const transport = signedTransport({
    transport: pinnedTransport(answer.link.address, answer.link.pin),
    deviceId: person.deviceId,
    keys,
    serviceId: () => deps.serviceId,
    now: deps.now,
    random: deps.random,
  });
  const callApi = createCallApi(() => transport);
  const identity = () => ({ deviceId: person.deviceId, signingSecretKey: keys.signingSecretKey });
  return {
    displayName: person.displayName,
    callApi,
    decider: createDecider({ callApi, identity, serverNow: deps.now }),
  };
}

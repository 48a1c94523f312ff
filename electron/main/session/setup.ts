/** Carries out the first-run choice: keys for this device, and for `join` the invite. Writes the profile last, so that a choice that failed can be made again. */
import type { SetupChoice } from '../../../shared/contract/ipc';
import { joinProof } from '../../../shared/crypto/statements';
import { parseLink } from '../../../shared/domain/links';
import { UserFacingError } from '../lifecycle/user-error';
import { createCallApi } from './api-client';
import type { DeviceKeyring, DeviceKeyStore } from './device-keys';
import type { Profile } from './profile';
import type { SystemKeyStore } from './safe-storage';
import { connectPinned, pinnedTransport, ServiceAway } from './transport';

export async function carryOutChoice(
  choice: SetupChoice,
  deps: { keys: DeviceKeyStore; system: SystemKeyStore; deviceName: string },
): Promise<{ profile: Profile; keyring: DeviceKeyring }> {
  const passphrase = await passphraseFor(choice, deps.system);
  const base = { v: 1 as const, deviceName: deps.deviceName };
  switch (choice.mode) {
    case 'alone':
      return {
        keyring: await deps.keys.create(passphrase),
        profile: { ...base, mode: 'alone', displayName: choice.displayName },
      };
    case 'host': {
      const { displayName, teamName, address, port } = choice;
      return {
        keyring: await deps.keys.create(passphrase),
        profile: { ...base, mode: 'host', displayName, teamName, address, port },
      };
    }
    case 'join':
      return join(choice, passphrase, deps);
  }
}

async function passphraseFor(choice: SetupChoice, system: SystemKeyStore): Promise<string | null> {
  if (choice.passphrase !== undefined) return choice.passphrase;
  if ((await system.kind()) === 'system') return null;
  throw new UserFacingError({
    code: 'passphrase-needed',
    what: 'This system has no key store that Hallpass can use.',
    safe: 'Nothing was set up yet.',
    next: 'Choose a passphrase of at least 8 characters; you are asked for it when Hallpass starts.',
  });
}

async function join(
  choice: Extract<SetupChoice, { mode: 'join' }>,
  passphrase: string | null,
  deps: { keys: DeviceKeyStore; deviceName: string },
): Promise<{ profile: Profile; keyring: DeviceKeyring }> {
  const answer = parseLink(choice.link.trim());
  if (!answer.ok || answer.link.kind !== 'join')
    throw new UserFacingError({
      code: 'bad-link',
      what: 'That is not an invite link.',
      safe: 'Nothing was set up yet.',
      next: 'Paste the whole link that starts with hallpass://join.',
    });
  const { address, pin, inviteId } = answer.link;
  // before keys are made: is the service of the invite there at all
  (await connectPinned(address, pin).catch((cause: unknown) => Promise.reject(unreachable(cause)))).destroy();
  const keyring = await deps.keys.create(passphrase);
  const transport = pinnedTransport(address, pin);
  try {
    const said = {
      inviteId,
      code: choice.code.trim(),
      deviceName: deps.deviceName,
      signingKey: keyring.signingKey,
      sealingKey: keyring.sealingKey,
    };
    const joined = await createCallApi(() => transport)('join', {
      body: { ...said, proof: joinProof(keyring.signingSecretKey, said) },
    });
    const { personId, deviceId } = joined;
    const displayName = choice.displayName ?? deps.deviceName;
    const profile: Profile = {
      v: 1,
      mode: 'join',
      displayName,
      deviceName: deps.deviceName,
      address,
      pin,
      inviteId,
      personId,
      deviceId,
    };
    return { profile, keyring };
  } catch (cause) {
    throw unreachable(cause);
  } finally {
    transport.close();
  }
}

function unreachable(cause: unknown): unknown {
  if (!(cause instanceof ServiceAway)) return cause;
  const pin = cause.reason === 'pin';
  return new UserFacingError(
    {
      code: pin ? 'pin-mismatch' : 'service-unreachable',
      what: cause.message,
      safe: 'Nothing was sent to it, and nothing was set up.',
      next: pin
        ? 'Somebody may be in between. Ask for a fresh invite over another channel, and don’t go on with this one.'
        : 'Check that you are on the right network and that the other desktop is running, then try again.',
    },
    { cause },
  );
}

/**
 * The running ssh-agent, by its own protocol (draft-ietf-sshm-ssh-agent): what `ssh-add -t` and `ssh-add -d` do, without a
 * process, and able to find what is ours after a crash: every identity of ours carries the grant in its comment.
 * An agent that is gone took its keys with it, so not reaching one is no failure of a removal.
 */
import { connect } from 'node:net';
import { concatBytes, fromBase64 } from '../../../../shared/crypto/bytes';
import { ED25519, publicOfSeed, SshReader, sshString, uint32 } from '../../../../shared/crypto/ssh-wire';

const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const REMOVE_IDENTITY = 18;
const ADD_CONSTRAINED = 25;
const SUCCESS = 6;
const CONSTRAIN_LIFETIME = 1;
const CERTIFICATE = 'ssh-ed25519-cert-v01@openssh.com';
const ANSWER_LIMIT_MS = 3_000;
const MAX_ANSWER_BYTES = 1024 * 1024;

export interface SshAgent {
  /** Adds key and certificate; both are forgotten by the agent itself after `lifetimeMs`. @throws when it refuses or is not there */
  add(identity: { seed: Uint8Array; certificate: string; grantId: string; lifetimeMs: number }): Promise<void>;
  /** Removes what is ours and not of these grants. Nothing happens when there is no agent. @throws when it refuses */
  keepOnly(grantIds: ReadonlySet<string>): Promise<void>;
  /** Grants of ours that it holds identities for; none when there is no agent. */
  grants(): Promise<ReadonlySet<string>>;
}

/** One request, one answer. @throws when nobody answers in time */
function ask(socketPath: string, message: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let got = Buffer.alloc(0);
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(ANSWER_LIMIT_MS, () => fail(new Error('the ssh-agent does not answer')));
    socket.once('error', fail);
    socket.once('close', () => reject(new Error('the ssh-agent hung up')));
    socket.on('data', (part: Buffer) => {
      got = Buffer.concat([got, part]);
      const length = got.length >= 4 ? got.readUInt32BE(0) : 0;
      if (length > MAX_ANSWER_BYTES) fail(new Error('the ssh-agent answered too much'));
      else if (length > 0 && got.length >= length + 4) {
        resolve(new Uint8Array(got.subarray(4, length + 4)));
        socket.destroy();
      }
    });
    socket.write(concatBytes(uint32(message.length), message));
  });
}
const isAway = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK'].includes(String(error.code));

/** `socketPath`: what SSH_AUTH_SOCK says; null when nothing does. */
export function createSshAgent(socketPath: string | null, profile: string): SshAgent {
  const commentOf = (grantId: string) => `hallpass ${profile} ${grantId}`;
  const must = async (message: Uint8Array): Promise<void> => {
    if (socketPath === null) throw new Error('there is no ssh-agent (SSH_AUTH_SOCK is not set)');
    const [answer] = await ask(socketPath, message);
    if (answer !== SUCCESS) throw new Error('the ssh-agent refused');
  };
  const ours = async (): Promise<{ blob: Uint8Array; grantId: string }[]> => {
    if (socketPath === null) return [];
    let answer: Uint8Array;
    try {
      answer = await ask(socketPath, Uint8Array.of(REQUEST_IDENTITIES));
    } catch (error) {
      if (isAway(error)) return [];
      throw error;
    }
    const reader = new SshReader(answer);
    if (reader.byte() !== IDENTITIES_ANSWER) return []; // locked: it lists nothing and signs nothing
    const found: { blob: Uint8Array; grantId: string }[] = [];
    for (let left = reader.uint32(); left > 0; left--) {
      const blob = reader.string();
      const comment = Buffer.from(reader.string()).toString('utf8');
      const grantId = comment.startsWith(commentOf('')) ? comment.slice(commentOf('').length) : '';
      if (/^grt_[0-9a-z]{26}$/.test(grantId)) found.push({ blob, grantId });
    }
    return found;
  };
  return {
    async add({ seed, certificate, grantId, lifetimeMs }) {
      const publicKey = publicOfSeed(seed);
      const secret = sshString(concatBytes(seed, publicKey));
      const tail = concatBytes(
        sshString(commentOf(grantId)),
        Uint8Array.of(CONSTRAIN_LIFETIME),
        uint32(Math.max(1, Math.ceil(lifetimeMs / 1000))),
      );
      const blob = fromBase64(certificate.split(' ')[1] ?? '');
      const withKey = concatBytes(sshString(ED25519), sshString(publicKey), secret);
      const withCertificate = concatBytes(sshString(CERTIFICATE), sshString(blob), sshString(publicKey), secret);
      for (const identity of [withCertificate, withKey])
        await must(concatBytes(Uint8Array.of(ADD_CONSTRAINED), identity, tail));
    },
    async keepOnly(grantIds) {
      for (const { blob, grantId } of await ours())
        if (!grantIds.has(grantId)) await must(concatBytes(Uint8Array.of(REMOVE_IDENTITY), sshString(blob)));
    },
    async grants() {
      return new Set((await ours()).map(({ grantId }) => grantId));
    },
  };
}

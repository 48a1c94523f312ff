/** SSH hosts: settings of a resource, the credential a device gets, and the public half of the key it makes. */
import { z } from 'zod';
import { publicKeyOf } from '../crypto/ssh-wire';
import { LevelName } from './fields';

/** What the form puts before the seed of a certificate authority that it made itself. */
export const SSH_CA_SEED_PREFIX = 'hallpass-ca:';
/** Opens the hook of a host and nothing else; no level may have it. */
export const SSH_HOOK_PRINCIPAL = 'hallpass-hook';
/** Also in a credential: the device writes it into an ssh_config, where one more line could name a program to run. */
const SshHost = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[A-Za-z0-9:][A-Za-z0-9.:_-]*$/, 'A host name or an address.');
const isNotTheHook = (name: string): boolean => name !== SSH_HOOK_PRINCIPAL;
/** Portable account names, and no option of any command. */
const UnixName = z.string().regex(/^[a-z_][a-z0-9_.-]{0,31}$/, 'Lower-case letters, digits, dot, dash, underscore.');
/** No comma: certificates and `principals` files separate with it. */
const SshPrincipal = z
  .string()
  .regex(/^[\w@%+:./-]{1,64}$/, 'Letters, digits and . _ - @ % + : / only.')
  .refine(isNotTheHook, 'This one is for the hook.');
/** A line as in a `…_key.pub` file of the host; the comment is passed over. No transform: settings stand in answers too. */
const SshHostKey = z
  .string()
  .max(2_000)
  .regex(
    /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) AAAA[A-Za-z0-9+/]+={0,2}( [\x20-\x7e]*)?$/,
    'A line as in /etc/ssh/ssh_host_ed25519_key.pub.',
  );
/** Type and key of such a line. */
export const hostKeyOf = (line: string): string => line.split(' ').slice(0, 2).join(' ');
const SshCommand = z
  .string()
  .max(500)
  .regex(/^[\x20-\x7e]*$/, 'One line of plain text.');
/** What one level means on the host. */
export const SshLogin = z.strictObject({
  level: LevelName,
  user: UnixName.refine(isNotTheHook, 'This one is for the hook.'),
  /** Empty: the account's own name, which is what sshd asks for when nothing else is configured. */
  principals: z.array(SshPrincipal).max(10).default([]),
  /** The only command the level may run; empty: a shell. */
  command: SshCommand.default(''),
  rights: z.enum(['limited', 'admin']).default('limited'),
  permits: z
    .array(z.enum(['pty', 'port-forwarding', 'agent-forwarding', 'X11-forwarding', 'user-rc']))
    .default(['pty']),
});
export type SshLogin = z.infer<typeof SshLogin>;
export const SshSettings = z.strictObject({
  kind: z.literal('ssh'),
  host: SshHost,
  port: z.int().min(1).max(65535).default(22),
  /** Pinned: a host that shows another key is not talked to, by the service or by the requester's ssh. */
  hostKeys: z.array(SshHostKey).min(1).max(10),
  logins: z
    .array(SshLogin)
    .min(1)
    .max(20)
    .refine((logins) => new Set(logins.map(({ level }) => level)).size === logins.length, 'Each level once.'),
  /** Addresses and networks from which certificates may be used; any when empty. */
  sourceAddresses: z
    .array(z.string().regex(/^[0-9A-Fa-f.:]{2,45}(\/\d{1,3})?$/, 'An address or a network, such as 10.0.0.0/8.'))
    .max(50)
    .default([]),
  /** The script on the host that cuts sessions and keeps the revocation list; null: there is none, and nothing is cut. */
  hook: z
    .strictObject({
      user: UnixName.default('root'),
      command: SshCommand.min(1).default('/usr/local/sbin/hallpass-ssh-hook'),
    })
    .nullable()
    .default({ user: 'root', command: '/usr/local/sbin/hallpass-ssh-hook' }),
});
export type SshSettings = z.infer<typeof SshSettings>;

/** No secret of the device's is in here: the private half of the key never left it. The certificate is good with that key only. */
export const SshCredential = z.strictObject({
  kind: z.literal('ssh'),
  host: SshHost,
  port: z.int().min(1).max(65535),
  user: UnixName,
  /** One line, as in `id-cert.pub`. */
  certificate: z.string().regex(/^ssh-ed25519-cert-v01@openssh\.com [A-Za-z0-9+/=]{100,8000}( [\w:.-]+)?$/),
  /** Keys of the host, as pinned in the settings: type and key. */
  hostKeys: z
    .array(
      z
        .string()
        .regex(/^[a-z0-9-]+ [A-Za-z0-9+/=]+$/)
        .max(2_000),
    )
    .min(1)
    .max(10),
});
export type SshCredential = z.infer<typeof SshCredential>;

/** `ssh-ed25519 AAAA…` without a comment: the public half of a key that a device made for one grant. */
export const SshPublicKey = z
  .string()
  .max(200)
  .refine((line) => line.split(' ').length === 2 && publicKeyOf(line) !== null, 'An Ed25519 key as OpenSSH spells it.');

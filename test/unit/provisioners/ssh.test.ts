/**
 * Certificates and revocation lists of our own encoder, as OpenSSH's own tools read them; keys in every spelling that an
 * administrator may paste; and that the kinds which need a key of the device are the same everywhere.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createProvisioners } from '../../../electron/service/provisioners';
import { authorityOf } from '../../../electron/service/provisioners/ssh/authority';
import { type CertificateOrder, signCertificate } from '../../../electron/service/provisioners/ssh/certificate';
import { hostHook } from '../../../electron/service/provisioners/ssh/host-hook';
import { EMPTY_LIST, readList, writeList } from '../../../electron/service/provisioners/ssh/krl';
import { recipeFor } from '../../../electron/service/provisioners/ssh/recipe';
import { serialOf } from '../../../electron/service/provisioners/ssh/serial';
import { hostKeyOf, SSH_CA_SEED_PREFIX, SshPublicKey, SshSettings } from '../../../shared/contract/ssh';
import { toBase64url } from '../../../shared/crypto/bytes';
import {
  certifiedKeyOf,
  privateKeyFile,
  publicBlob,
  publicKeyOf,
  publicLine,
  publicOfSeed,
  seedOfKeyFile,
} from '../../../shared/crypto/ssh-wire';
import { deviceKeyOf } from '../../../shared/domain/device-keys';
import { newPrincipal, systemRandom } from '../../bed/postgres-target';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hallpass-ssh-unit-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, content: string | Uint8Array, mode = 0o600): string => {
  writeFileSync(join(folder, name), content, { mode });
  return join(folder, name);
};
const keygen = (...args: string[]): string =>
  execFileSync('ssh-keygen', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
/** `ssh-keygen -Q` ends with 1 when a key is on the list. */
const isRevoked = (list: string, certificate: string): boolean => {
  try {
    keygen('-Q', '-f', list, certificate);
    return false;
  } catch (error) {
    expect(String((error as { stdout?: unknown }).stdout)).toContain('REVOKED');
    return true;
  }
};
const newAuthority = () => authorityOf(`${SSH_CA_SEED_PREFIX}${toBase64url(randomBytes(32))}`);
const orderFor = (publicKey: Uint8Array, more: Partial<CertificateOrder> = {}): CertificateOrder => ({
  publicKey,
  serial: 42n,
  keyId: 'hp_test',
  principals: ['deploy'],
  validAfter: 1_700_000_000n,
  validBefore: 1_700_003_600n,
  ...more,
});

describe('certificates', () => {
  test('ssh-keygen reads every field of one as it was ordered', () => {
    const authority = newAuthority();
    const key = publicOfSeed(randomBytes(32));
    const line = signCertificate(
      authority,
      orderFor(key, {
        serial: 18_446_744_073_709_551_615n,
        keyId: 'hp_01jd',
        principals: ['deploy', 'web-1:readers'],
        forceCommand: 'sh -c \'uptime; "date"\'',
        sourceAddresses: ['10.0.0.0/8', '::1'],
        extensions: ['permit-pty', 'permit-agent-forwarding'],
      }),
      systemRandom,
    );
    const said = keygen('-L', '-f', file('all-cert.pub', `${line}\n`));
    const ca = keygen('-l', '-f', file('ca.pub', `${authority.line}\n`)).split(' ')[1] ?? '';
    expect(said).toContain('ssh-ed25519-cert-v01@openssh.com user certificate');
    expect(said).toContain(`Signing CA: ED25519 ${ca} (using ssh-ed25519)`);
    expect(said).toContain('Key ID: "hp_01jd"');
    expect(said).toContain('Serial: 18446744073709551615');
    expect(said).toMatch(/Principals:\s+deploy\s+web-1:readers\s+Critical/);
    expect(said).toMatch(/force-command sh -c 'uptime; "date"'\s+source-address 10\.0\.0\.0\/8,::1\s+Extensions/);
    expect(said).toMatch(/Extensions:\s+permit-agent-forwarding\s+permit-pty\s*$/);
    expect(said).toMatch(/Valid: from 2023-11-1\dT\S+ to 2023-11-1\dT/);
    expect(certifiedKeyOf(line)).toEqual(key);
  });

  test('one without options says so', () => {
    const line = signCertificate(newAuthority(), orderFor(publicOfSeed(randomBytes(32))), systemRandom);
    const said = keygen('-L', '-f', file('plain-cert.pub', `${line}\n`));
    expect(said).toMatch(/Critical Options: \(none\)\s+Extensions: \(none\)/);
  });

  test('one that would be good for everybody, or for ever backwards, is not signed', () => {
    const key = publicOfSeed(randomBytes(32));
    for (const wrong of [{ principals: [] }, { principals: ['deploy', ''] }, { validBefore: 1_700_000_000n }])
      expect(() => signCertificate(newAuthority(), orderFor(key, wrong), systemRandom)).toThrow(RangeError);
  });
});

describe('keys', () => {
  test('ssh-keygen reads a private key file of ours, and we read its', () => {
    const seed = new Uint8Array(randomBytes(32));
    const path = file('id', privateKeyFile(seed, randomBytes(4), 'a comment'));
    expect(keygen('-y', '-f', path).trim()).toBe(`${publicLine(publicOfSeed(seed))} a comment`);
    keygen(
      '-q',
      '-t',
      'ed25519',
      '-N',
      '',
      '-C',
      'made elsewhere, with a longer comment',
      '-f',
      join(folder, 'theirs'),
    );
    const read = seedOfKeyFile(readFileSync(join(folder, 'theirs'), 'utf8'));
    expect(publicOfSeed(read)).toEqual(publicKeyOf(readFileSync(join(folder, 'theirs.pub'), 'utf8')));
  });

  test('an authority is read as OpenSSH, PKCS#8 and seed, and is the same one', () => {
    const seed = new Uint8Array(randomBytes(32));
    const openssh = authorityOf(privateKeyFile(seed, randomBytes(4), ''));
    const made = authorityOf(`${SSH_CA_SEED_PREFIX}${toBase64url(seed)}`);
    expect(made.line).toBe(openssh.line);
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const pkcs8 = authorityOf(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
    const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
    expect(pkcs8.publicKey).toEqual(new Uint8Array(raw));
  });

  test('an encrypted, foreign or broken key is refused with a reason, and never quoted', () => {
    keygen('-q', '-t', 'ed25519', '-N', 'secret words', '-f', join(folder, 'locked'));
    keygen('-q', '-t', 'ecdsa', '-N', '', '-f', join(folder, 'ecdsa'));
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs8' });
    const reasons: [string, string][] = [
      [readFileSync(join(folder, 'locked'), 'utf8'), 'encrypted with a passphrase'],
      [readFileSync(join(folder, 'ecdsa'), 'utf8'), 'not an Ed25519 key'],
      [rsa.toString(), 'not an Ed25519 key'],
      [`${SSH_CA_SEED_PREFIX}c2hvcnQ`, 'wrong length'],
      [`${SSH_CA_SEED_PREFIX}***`, 'foreign character'],
      ['hunter2hunter2', 'neither an OpenSSH nor a PKCS#8'],
      ['-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----', 'damaged'],
    ];
    for (const [secret, reason] of reasons) {
      const refuse = () => authorityOf(secret);
      expect(refuse).toThrow(reason);
      expect(refuse).not.toThrow(secret.slice(-24));
    }
  });

  test('the border takes an Ed25519 key in its one spelling and nothing else', () => {
    const line = publicLine(publicOfSeed(randomBytes(32)));
    expect(SshPublicKey.parse(line)).toBe(line);
    const ecdsa = readFileSync(join(folder, 'ecdsa.pub'), 'utf8').trim();
    const [type = '', blob = ''] = line.split(' ');
    for (const wrong of [
      '',
      `${line} comment`,
      `${line}\n`,
      ` ${line}`,
      ecdsa,
      `ssh-rsa ${blob}`,
      `${type} ${blob.slice(0, -4)}`,
      `${type} ${blob}AAAA`,
      `command="x" ${line}`,
    ])
      expect(SshPublicKey.safeParse(wrong).success, wrong).toBe(false);
  });
});

describe('revocation lists', () => {
  const certified = (authority: ReturnType<typeof newAuthority>, serial: bigint, name: string) =>
    file(
      `${name}-cert.pub`,
      `${signCertificate(authority, orderFor(publicOfSeed(randomBytes(32)), { serial }), systemRandom)}\n`,
    );

  test('ssh-keygen finds exactly the serials of one of ours', () => {
    const authority = newAuthority();
    const blob = publicBlob(authority.publicKey);
    const serials = [1n, 7n, 8n, serialOf(newPrincipal()), serialOf(newPrincipal())];
    const bytes = writeList({ ...EMPTY_LIST, serials: new Set(serials.toReversed()), version: 3n }, blob, Date.now());
    const list = file('ours.krl', bytes);
    for (const serial of serials) expect(isRevoked(list, certified(authority, serial, 'on'))).toBe(true);
    for (const serial of [2n, 9n, serialOf(newPrincipal())])
      expect(isRevoked(list, certified(authority, serial, 'off'))).toBe(false);
    expect(isRevoked(list, certified(newAuthority(), 7n, 'another'))).toBe(false);
    expect(readList(bytes, blob)).toMatchObject({ serials: new Set(serials), version: 3n, others: [] });
  });

  test('an empty one revokes nothing, and ssh-keygen’s empty one is read', () => {
    const authority = newAuthority();
    const blob = publicBlob(authority.publicKey);
    const list = file('empty.krl', writeList(EMPTY_LIST, blob, Date.now()));
    expect(isRevoked(list, certified(authority, 1n, 'free'))).toBe(false);
    keygen('-q', '-k', '-f', join(folder, 'theirs.krl'));
    expect(readList(readFileSync(join(folder, 'theirs.krl')), blob).serials.size).toBe(0);
  });

  test('what others put on a list stays: keys, other authorities, key ids; serials, ranges and bitmaps of ours are kept', () => {
    const [authority, other] = [newAuthority(), newAuthority()];
    const ca = file('list-ca.pub', `${authority.line}\n`);
    const otherCa = file('other-ca.pub', `${other.line}\n`);
    const lost = file('lost.pub', `${publicLine(publicOfSeed(randomBytes(32)))}\n`);
    const list = join(folder, 'mixed.krl');
    const spec = (name: string, text: string) => file(name, text);
    keygen('-q', '-k', '-f', list, lost);
    keygen('-q', '-k', '-u', '-f', list, '-s', otherCa, spec('a', 'serial: 5\nid: stolen laptop\n'));
    keygen(
      '-q',
      '-k',
      '-u',
      '-f',
      list,
      '-s',
      ca,
      spec('b', 'serial: 100-120\nserial: 1000\nserial: 1002\nserial: 1005\n'),
    );
    const blob = publicBlob(authority.publicKey);
    const read = readList(readFileSync(list), blob);
    const expected = [...Array.from({ length: 21 }, (_, i) => 100n + BigInt(i)), 1000n, 1002n, 1005n];
    expect([...read.serials].sort((a, b) => Number(a - b))).toEqual(expected);
    const next = writeList({ ...read, serials: new Set([...read.serials, 77n]) }, blob, Date.now());
    const written = file('next.krl', next);
    expect(isRevoked(written, lost)).toBe(true);
    expect(isRevoked(written, certified(other, 5n, 'o'))).toBe(true);
    const stolen = signCertificate(
      other,
      orderFor(publicOfSeed(randomBytes(32)), { keyId: 'stolen laptop' }),
      systemRandom,
    );
    expect(isRevoked(written, file('stolen-cert.pub', `${stolen}\n`))).toBe(true);
    for (const serial of [77n, 110n, 1002n]) expect(isRevoked(written, certified(authority, serial, 'k'))).toBe(true);
    for (const serial of [99n, 121n, 1001n]) expect(isRevoked(written, certified(authority, serial, 'k'))).toBe(false);
    const ids = spec('c', 'id: a name\n');
    keygen('-q', '-k', '-u', '-f', list, '-s', ca, ids);
    const withIds = readList(readFileSync(list), blob);
    const again = file(
      'ids.krl',
      writeList({ ...withIds, serials: new Set([...withIds.serials, 78n]) }, blob, Date.now()),
    );
    const named = signCertificate(
      authority,
      orderFor(publicOfSeed(randomBytes(32)), { keyId: 'a name' }),
      systemRandom,
    );
    expect(isRevoked(again, file('named-cert.pub', `${named}\n`))).toBe(true);
    for (const serial of [78n, 110n, 1002n]) expect(isRevoked(again, certified(authority, serial, 'i'))).toBe(true);
  });

  test('a text file of keys, a cut one and rubbish are refused, never taken for empty', () => {
    const authority = newAuthority();
    const blob = publicBlob(authority.publicKey);
    const whole = writeList({ ...EMPTY_LIST, serials: new Set([1n]) }, blob, Date.now());
    for (const bytes of [
      Buffer.from(`${authority.line}\n`),
      whole.subarray(0, -1),
      whole.subarray(0, 20),
      randomBytes(64),
    ])
      expect(() => readList(bytes, blob)).toThrow(RangeError);
  });
});

describe('serials and settings', () => {
  test('a serial follows from the principal alone, and nobody else’s small numbers are among them', () => {
    const principals = Array.from({ length: 2_000 }, newPrincipal);
    const serials = principals.map(serialOf);
    expect(new Set(serials).size).toBe(principals.length);
    expect(principals.map(serialOf)).toEqual(serials);
    expect(serials.every((serial) => serial > 1n << 61n && serial < 1n << 63n)).toBe(true);
    expect(() => serialOf("hp_'; rm -rf /")).toThrow(RangeError);
  });

  test('settings that would become options, patterns or more lines are refused', () => {
    const good = {
      kind: 'ssh',
      host: 'web-1.internal',
      hostKeys: [`${publicLine(publicOfSeed(randomBytes(32)))} root@web-1`],
      logins: [{ level: 'shell', user: 'deploy' }],
    };
    const read = SshSettings.parse(good);
    expect(read.hostKeys.map(hostKeyOf)[0]?.split(' ')).toHaveLength(2);
    expect(read).toMatchObject({ port: 22, hook: { user: 'root' }, sourceAddresses: [] });
    const [login] = good.logins;
    for (const wrong of [
      { host: '-oProxyCommand=x' },
      { host: 'a b' },
      { host: 'a\nb' },
      { hostKeys: [] },
      { hostKeys: ['@cert-authority * ssh-ed25519 AAAA'] },
      { logins: [] },
      { logins: [login, login] },
      { logins: [{ ...login, user: '-root' }] },
      { logins: [{ ...login, user: 'a:b' }] },
      { logins: [{ ...login, principals: ['a,b'] }] },
      { logins: [{ ...login, principals: ['hallpass-hook'] }] },
      { logins: [{ ...login, user: 'hallpass-hook' }] },
      { logins: [{ ...login, principals: ['from="*" x'] }] },
      { logins: [{ ...login, command: 'a\nb' }] },
      { sourceAddresses: ['!10.0.0.1'] },
      { sourceAddresses: ['*'] },
      { hook: { user: 'root', command: '' } },
    ])
      expect(SshSettings.safeParse({ ...good, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
  });

  test('the kinds that need a key of the device are the same for provisioners, views and engine', () => {
    const provisioners = createProvisioners({ random: systemRandom });
    for (const [kind, provisioner] of provisioners) expect(provisioner.deviceKey, kind).toBe(deviceKeyOf(kind));
  });
});

describe('the recipe', () => {
  const settings = (more: object = {}) =>
    SshSettings.parse({
      kind: 'ssh',
      host: 'web-1.internal',
      hostKeys: [publicLine(publicOfSeed(randomBytes(32)))],
      logins: [
        { level: 'shell', user: 'deploy' },
        { level: 'admin', user: 'root', principals: ['web-admins'], command: "it's" },
      ],
      ...more,
    });
  /** The shell's own opinion; nothing is run. */
  const isShell = (text: string) => execFileSync('sh', ['-n'], { input: text });

  test('is a script that a shell takes, with the hook as it is, and nothing of a second resource is overwritten', () => {
    const text = recipeFor(settings(), newAuthority());
    isShell(text);
    isShell(hostHook());
    expect(text).toContain(hostHook().trimEnd());
    expect(text).toMatch(/'hallpass-hook'.*sort -u -o \/etc\/ssh\/hallpass-principals\/root - \/etc/);
    expect(text).not.toContain('hallpass-principals/deploy'); // its own name is what sshd asks for anyway
    expect(text).not.toMatch(/> \/etc\/ssh\/hallpass-(ca|principals)/);
  });

  test('without the hook it is the authority alone, and files for every account as soon as one needs one', () => {
    const bare = recipeFor(settings({ hook: null }), null);
    isShell(bare);
    expect(bare).not.toContain('RevokedKeys');
    expect(bare).toContain('hallpass-principals/deploy');
    const plain = recipeFor(settings({ hook: null, logins: [{ level: 'shell', user: 'deploy' }] }), newAuthority());
    expect(plain).not.toContain('AuthorizedPrincipalsFile');
  });
});

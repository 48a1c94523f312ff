/**
 * An extension brings a newer credential in the place of the one that is here (AWS keys, an SSH certificate; a Kubernetes token is in
 * kubeconfig-faults). Every file-system call of that fails once in every way, and is once the last thing the process did; also where
 * a setting was changed meanwhile, so that the newer one belongs into another file.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Injector, InjectRequest } from '../../electron/main/injection';
import { authorityOf } from '../../electron/service/provisioners/ssh/authority';
import { signCertificate } from '../../electron/service/provisioners/ssh/certificate';
import type { AwsCredential } from '../../shared/contract/aws';
import { SSH_CA_SEED_PREFIX } from '../../shared/contract/ssh';
import { toBase64url } from '../../shared/crypto/bytes';
import { publicKeyOf } from '../../shared/crypto/ssh-wire';
import { HOUR_MS } from '../../shared/domain/instant';
import { systemRandom } from '../bed/postgres-target';
import {
  Crash,
  entriesBelow,
  type Fault,
  faultyFiles,
  GRANT,
  type Machine,
  newMachine,
} from '../unit/injection/machine';

const FAULTS: Fault[] = ['EIO', 'crash-after', 'disk-full'];
const PATIENCE = { timeout: 240_000 };
type Files = Parameters<Machine['injector']>[0];

/** One way of having a credential replaced: where it lies, what it is, and what is the person's own there. */
interface Play {
  /** The person's own files, as they are byte for byte before and after. */
  readonly originals: Readonly<Record<string, string>>;
  /** An injector as it was when access began, or as it is after the setting was changed. */
  injector(machine: Machine, when: 'before' | 'after', files?: Files): Injector;
  /** Injects the first one. */
  begin(machine: Machine, injector: Injector): Promise<InjectRequest>;
  newer(machine: Machine, first: InjectRequest): InjectRequest;
  /** The parts of a credential that give access; in no file once it is gone. */
  readonly secrets: readonly string[];
}
const machines: Machine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine.remove();
});
function prepared(play: Play): Machine {
  const machine = newMachine();
  machines.push(machine);
  for (const [path, text] of Object.entries(play.originals)) {
    mkdirSync(join(machine.home, path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(join(machine.home, path), text, { mode: 0o600 });
  }
  return machine;
}
const textsIn = (machine: Machine) =>
  entriesBelow(machine.home)
    .filter(({ isFile }) => isFile)
    .map(({ path, mode }) => ({ path, mode, text: readFileSync(join(machine.home, path), 'latin1') }));

/** What is the person's own is there whole, and nothing with a secret in it is open to others. */
function expectWhole(machine: Machine, play: Play, at: string): void {
  for (const [path, text] of Object.entries(play.originals)) {
    const now = readFileSync(join(machine.home, path), 'latin1');
    expect(now.includes(text) || now.startsWith(text) || now.endsWith(text), `${at}: ${path}\n${now}`).toBe(true);
    expect(lstatSync(join(machine.home, path)).mode & 0o777).toBe(0o600);
  }
  for (const { path, mode } of textsIn(machine)) expect(mode & 0o077, `${at}: ${path}`).toBe(0);
}
/** No file of this machine holds a part of either credential, and the person's own are byte for byte as before. */
function expectNoSecret(machine: Machine, play: Play, at: string): void {
  for (const { path, text } of textsIn(machine))
    for (const secret of play.secrets) expect(text.includes(secret), `${at}: ${path}`).toBe(false);
  for (const [path, text] of Object.entries(play.originals))
    expect(readFileSync(join(machine.home, path), 'latin1'), `${at}: ${path}`).toBe(text);
}
function expectNothingLeft(machine: Machine, play: Play, at: string): void {
  expectNoSecret(machine, play, at);
  const folders = Object.keys(play.originals).map((path) => path.split('/')[0]);
  const usual = new Set([...Object.keys(play.originals), ...folders, 'data', 'data/injections', 'data/credentials']);
  const left = entriesBelow(machine.home).map(({ path }) => path);
  expect(
    left.filter((path) => !usual.has(path) && path !== 'data/injections/places.json'),
    at,
  ).toEqual([]);
  expect(machine.logged.join('\n')).not.toMatch(new RegExp(play.secrets.join('|')));
}

/** The calls of the replacement alone: those before it belong to the sweep. */
async function callsOf(play: Play): Promise<{ from: number; names: readonly string[] }> {
  const machine = prepared(play);
  const first = await play.begin(machine, play.injector(machine, 'before'));
  const probe = faultyFiles(null, -1);
  const injector = play.injector(machine, 'after', probe.files);
  await injector.sweep();
  const from = probe.calls.length;
  const newer = play.newer(machine, first);
  await injector.inject(newer);
  const names = [...probe.calls];
  expect(await injector.secretOf(GRANT)).toEqual(newer.credential);
  machine.pass(3 * HOUR_MS);
  expect((await injector.sweep()).removed).toMatchObject([{ grantId: GRANT, why: 'expired' }]);
  expectNothingLeft(machine, play, 'without a fault');
  return { from, names };
}

function describeReplacement(name: string, play: Play, atLeast: number): void {
  describe(name, () => {
    test.each(FAULTS)('%s at each call: one or the other is here, whole', PATIENCE, async (fault) => {
      const { from, names } = await callsOf(play);
      expect(names.length - from).toBeGreaterThan(atLeast);
      for (let atCall = from; atCall < names.length; atCall++) {
        const at = `${fault} at call ${atCall} (${names[atCall]})`;
        const machine = prepared(play);
        const first = await play.begin(machine, play.injector(machine, 'before'));
        const newer = play.newer(machine, first);
        const injector = play.injector(machine, 'after', faultyFiles(fault, atCall).files);
        await injector.sweep();
        const error = await injector.inject(newer).then(
          () => null,
          (cause: unknown) => cause,
        );
        expectWhole(machine, play, at);
        for (const secret of play.secrets) expect(`${error} ${JSON.stringify(error)}`).not.toContain(secret);
        const isDead = fault.startsWith('crash');
        if (error === null) {
          expect(injector.list(), at).toMatchObject([{ state: 'injected', issue: 2, expiresAt: newer.expiresAt }]);
        } else if (!isDead) {
          expect(error instanceof Error && error.cause instanceof Crash, at).toBe(false);
          expect(injector.list(), at).toMatchObject([{ issue: 1, expiresAt: first.expiresAt }]); // asked for again
        }
        // it goes on: the same life where the fault has passed, else the next one
        const next = isDead || fault === 'disk-full' ? play.injector(machine, 'after') : injector;
        const { resumed, removed, failed } = await next.sweep();
        expect(failed, at).toEqual([]);
        if (next.list()[0]?.state === 'injected') {
          expect([first.credential, newer.credential], at).toContainEqual(await next.secretOf(GRANT));
          expect(await next.inject(newer), at).toMatchObject({ state: 'injected', issue: 2 });
          expect(await next.secretOf(GRANT), at).toEqual(newer.credential);
        } else {
          expect(resumed, at).toEqual([]);
          expect(new Set(removed.map(({ grantId }) => grantId)), at).toEqual(new Set([GRANT]));
          expectNoSecret(machine, play, at); // lost, and nothing of it stays
        }
        machine.pass(3 * HOUR_MS);
        expect((await play.injector(machine, 'after').sweep()).failed, at).toEqual([]);
        expectNothingLeft(machine, play, at);
        machine.remove();
      }
    });

    test.each<Fault>(['failed-but-saved'])(
      '%s at each call, and then it ends: nothing of either stays',
      PATIENCE,
      async (fault) => {
        const { from, names } = await callsOf(play);
        for (let atCall = from; atCall < names.length; atCall++) {
          const at = `${fault} at call ${atCall} (${names[atCall]})`;
          const machine = prepared(play);
          const first = await play.begin(machine, play.injector(machine, 'before'));
          const injector = play.injector(machine, 'after', faultyFiles(fault, atCall).files);
          await injector.sweep();
          await injector.inject(play.newer(machine, first)).catch(() => undefined);
          expect((await injector.remove(GRANT, 'returned')).state, at).toBe('removed');
          expectNoSecret(machine, play, at); // said to be gone, without waiting for the next start
          expect(existsSync(machine.leaseFolder()), at).toBe(false);
          machine.remove();
        }
      },
    );
  });
}

const keys = (which: 'OLD' | 'NEW'): AwsCredential => ({
  kind: 'aws',
  accessKeyId: `ASIA${which}KEYOFTHEGRANT`,
  secretAccessKey: `secret-${which}-of-the-grant`,
  sessionToken: `token-${which}-of-the-grant`,
  sessionEndsAt: 1_800_003_600_000,
  roleArn: 'arn:aws:iam::123456789012:role/reader',
  region: 'eu-central-1',
});
/** Where keys belong as access begins, and as it is prolonged. */
const aws = (before: 'process' | 'file', after: 'process' | 'file'): Play => ({
  originals: {
    '.aws/config': '[profile mine]\r\nregion = eu-west-1\r\n# no final line end',
    '.aws/credentials': '[mine]\naws_access_key_id = AKIAMINE\n\n; by hand\n',
  },
  injector: (machine, when, files) =>
    machine.injector(files, { awsCredentials: () => (when === 'before' ? before : after) }),
  async begin(machine, injector) {
    const request = machine.request({ resource: 'shop', credential: keys('OLD') });
    await injector.inject(request);
    return request;
  },
  newer: (_machine, first) => ({
    ...first,
    credential: keys('NEW'),
    issue: 2,
    expiresAt: first.expiresAt + HOUR_MS,
  }),
  secrets: ['secret-OLD', 'token-OLD', 'secret-NEW', 'token-NEW'],
});

const authority = authorityOf(`${SSH_CA_SEED_PREFIX}${toBase64url(systemRandom.bytes(32))}`);
const certificate = (line: string, serial: bigint) =>
  signCertificate(
    authority,
    {
      publicKey: publicKeyOf(line) ?? new Uint8Array(32),
      serial,
      keyId: 'hp_test',
      principals: ['deploy'],
      validAfter: 1n,
      validBefore: 2_000_000_000n,
    },
    systemRandom,
  );
const lines = new WeakMap<Machine, string>();
const ssh: Play = {
  originals: { '.ssh/config': 'Host other\r\n  HostName x.example\r\n\r\n# no final line end' },
  injector: (machine, _when, files) => machine.injector(files),
  async begin(machine, injector) {
    const { expiresAt } = machine.request();
    const about = { grantId: GRANT, resource: 'web-1', level: 'shell', expiresAt };
    const line = await injector.deviceKey({ ...about, kind: 'ssh' });
    lines.set(machine, line);
    const hostKeys = [authority.line.split(' ').slice(0, 2).join(' ')];
    const place = { kind: 'ssh', host: 'web-1.example', port: 22, user: 'deploy', hostKeys } as const;
    const request = { ...about, credential: { ...place, certificate: certificate(line, 7n) } };
    await injector.inject(request);
    return request;
  },
  newer(machine, first) {
    if (first.credential.kind !== 'ssh') throw new Error('another kind');
    const credential = { ...first.credential, certificate: certificate(lines.get(machine) ?? '', 8n) };
    return { ...first, credential, issue: 2, expiresAt: first.expiresAt + HOUR_MS };
  },
  secrets: ['PRIVATE KEY', 'cert-v01@openssh.com'],
};

describeReplacement('AWS keys in the credentials file', aws('file', 'file'), 30);
describeReplacement('AWS keys that go from the helper into the credentials file', aws('process', 'file'), 30);
describeReplacement('AWS keys that go from the credentials file to the helper', aws('file', 'process'), 30);
describeReplacement('an SSH certificate', ssh, 30);

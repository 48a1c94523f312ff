/** Lines between helpers and the app: what is understood, and that nothing else gets through or out. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { processText } from '../../../electron/main/helpers/answers';
import { errorText, readLine, runText } from '../../../electron/main/helpers/protocol';
import {
  fitsProcess,
  grantOfLine,
  headerFor,
  processValue,
  profileOfHeader,
} from '../../../electron/main/injection/targets/aws-config';
import type { AwsCredential } from '../../../shared/contract/aws';

const GRANT = `grt_${'0'.repeat(26)}`;

test('a line is read whole or not at all', () => {
  expect(readLine('1 t run sh orders-db 4711')).toEqual({
    token: 't',
    ask: { ask: 'run', format: 'sh', name: 'orders-db', pid: 4711 },
  });
  expect(readLine(`1 t ended ${GRANT} ${'a'.repeat(16)}\r`)?.ask).toEqual({
    ask: 'ended',
    grantId: GRANT,
    run: 'a'.repeat(16),
  });
  for (const line of [
    '',
    '1',
    '1 t',
    '1 t toString',
    '1 t __proto__',
    '1 t run sh x 0',
    '1 t run sh x 1 ',
    '1 t run sh ../x 1',
    '1 t list x',
    '2 t list',
  ])
    expect(readLine(line), line).toBeNull();
  fc.assert(fc.property(fc.string(), (line) => readLine(line) === null));
});

test('every value comes out of a shell as it went in, whatever it holds; NUL and odd names are refused', () => {
  const answer = (environment: Record<string, string>) => ({
    grantId: GRANT,
    run: 'r',
    leaseFile: "/a 'b'/lease",
    environment,
  });
  const nasty = fc.string({
    unit: fc.constantFrom("'", '"', '\\', '$', '`', '\n', ' ', '*', '!', 'é', 'a', '%', '(', ';'),
    maxLength: 40,
  });
  fc.assert(
    fc.property(nasty, (value) => {
      const script = `${runText(answer({ VALUE: value }), 'sh')}\nprintf '%s|%s' "$VALUE" "$hallpass_lease"`;
      return execFileSync('sh', ['-c', script], { encoding: 'utf8' }) === `${value}|/a 'b'/lease`;
    }),
    { numRuns: 40 },
  );
  expect(() => runText(answer({ VALUE: 'a\0b' }), 'sh')).toThrow(RangeError);
  for (const name of ['', 'a b', 'x=1;id', '1a', 'a$(id)'])
    expect(() => runText(answer({ [name]: 'x' }), 'sh')).toThrow(RangeError);
});

test('an error is one line', () => {
  expect(errorText('a\nok\nb')).toBe('error a ok b\n');
});

test('keys are given with the earlier of two ends, and not at all from then on', () => {
  const now = 1_800_000_000_000;
  const credential = {
    kind: 'aws',
    accessKeyId: 'A',
    secretAccessKey: 's',
    sessionToken: 't',
    sessionEndsAt: now + 60_000,
    roleArn: '',
    region: 'us-east-1',
  } satisfies AwsCredential;
  const endOf = (leftMs: number) => JSON.parse(processText(credential, now, leftMs) ?? '{}').Expiration;
  expect([endOf(30_000), endOf(90_000)]).toEqual([
    new Date(now + 30_000).toISOString(),
    new Date(now + 60_000).toISOString(),
  ]);
  expect([processText(credential, now, 0), processText(credential, now + 60_000, 5_000)]).toEqual([null, null]);
});

test('headers of both files name profiles as the tools read them', () => {
  expect(
    ['profile a', 'profile  a', 'profile "a"', 'default', 'a', 'sso-session a'].map((header) =>
      profileOfHeader('config', header),
    ),
  ).toEqual(['a', 'a', 'a', 'default', null, null]);
  expect(profileOfHeader('credentials', ' a ')).toBe('a');
  expect([headerFor('config', 'a'), headerFor('config', 'default'), headerFor('credentials', 'a')]).toEqual([
    'profile a',
    'default',
    'a',
  ]);
});

test('a process of ours is known again by its helper; another helper’s is not ours; odd paths are refused', () => {
  const helper = '/home/a b/.config/Hallpass/bin/hallpass';
  const line = `credential_process = ${processValue(helper, GRANT)}`;
  expect(line).toBe(`credential_process = "${helper}" credential-process ${GRANT}`);
  expect(grantOfLine(line, helper, 'p')).toBe(GRANT);
  expect(grantOfLine(line, '/other', 'p')).toBeNull();
  expect(grantOfLine(`hallpass = p ${GRANT}`, helper, 'p')).toBe(GRANT);
  expect(grantOfLine(`hallpass = q ${GRANT}`, helper, 'p')).toBeNull();
  for (const path of ['/a"b', "/a'b", '/a$b', '/a`b', '/a\\b', '/a #b', '/a ;b', '/a\nb'])
    expect(fitsProcess(path), path).toBe(false);
  expect(fitsProcess(helper)).toBe(true);
});

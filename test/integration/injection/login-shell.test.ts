/** The login shell as it is asked on real machines: noisy, slow, broken. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SET, systemLoginShell } from '../../../electron/main/injection/login-shell';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hallpass-shell-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));
const ask = (env: Record<string, string>, timeLimitMs = 10_000) =>
  systemLoginShell({
    env: { PATH: process.env.PATH, HOME: home, ...env },
    platform: 'linux',
    timeLimitMs,
  }).environment();
const profile = (text: string) => writeFileSync(join(home, '.bash_profile'), text);
const script = (text: string): string => {
  const path = join(home, 'shell');
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
};

test('what the profile sets is found, though the app does not have it', async () => {
  profile('echo welcome to this machine; export PGSERVICEFILE="/etc/team services.conf"');
  expect(await ask({ SHELL: '/bin/bash' })).toEqual({
    asked: true,
    values: { PGSERVICEFILE: '/etc/team services.conf' },
    problem: null,
  });
});
test('the profile’s word beats the app’s own', async () => {
  profile('export PGSERVICEFILE=/theirs');
  expect((await ask({ SHELL: '/bin/bash', PGSERVICEFILE: '/inherited' })).values.PGSERVICEFILE).toBe('/theirs');
});
test('a password is told of, never read', async () => {
  profile('export PGPASSWORD=planted-secret');
  const answer = await ask({ SHELL: '/bin/bash' });
  expect(answer.values.PGPASSWORD).toBe(SET);
  expect(JSON.stringify(answer)).not.toContain('planted-secret');
});
test('a profile that leaves something running behind does not hold us up', async () => {
  profile('sleep 600 & export PGSERVICEFILE=/x');
  expect((await ask({ SHELL: '/bin/bash' })).values.PGSERVICEFILE).toBe('/x');
});
test('a shell that hangs is given up, and the app’s own environment holds', async () => {
  const answer = await ask({ SHELL: script('exec sleep 600'), PGSERVICEFILE: '/own' }, 200);
  expect(answer).toEqual({ asked: false, values: { PGSERVICEFILE: '/own' }, problem: 'no answer within 0.2 s' });
});
test('a shell that fails, floods or is not there is said', async () => {
  expect(await ask({ SHELL: script('exit 3') })).toMatchObject({ asked: false, problem: 'it ended without an answer' });
  expect(await ask({ SHELL: script('yes hello') })).toMatchObject({ asked: false, problem: 'it prints too much' });
  expect((await ask({ SHELL: join(home, 'none') })).asked).toBe(false);
  expect(await ask({})).toMatchObject({ asked: false, problem: 'SHELL is not set' });
});
test('it is asked once, until told to forget', async () => {
  profile('export PGSERVICEFILE=/first');
  const shell = systemLoginShell({
    env: { PATH: process.env.PATH, HOME: home, SHELL: '/bin/bash' },
    platform: 'linux',
  });
  await shell.environment();
  profile('export PGSERVICEFILE=/second');
  expect((await shell.environment()).values.PGSERVICEFILE).toBe('/first');
  shell.forget();
  expect((await shell.environment()).values.PGSERVICEFILE).toBe('/second');
});

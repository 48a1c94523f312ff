/** `npm run verify` as an auditor uses it: files of a real service, then altered ones. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWorkspace, type Workspace } from '../security/workspace';

const CLI = join(import.meta.dirname, '../../../electron/dev/verify-cli.ts');
const folder = mkdtempSync(join(tmpdir(), 'hp-verify-'));
let work: Workspace;
let lines: string[];
let evidence: string;
let checkpointFile: string;
let logKey: string;

beforeAll(async () => {
  work = await openWorkspace();
  const asked = await work.ask();
  const id = (await work.approve(asked.id)).grantId as string;
  await work.bob.call('POST', `/v1/grants/${id}/start`);
  await work.it.service.drain();
  await work.bob.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' });
  await work.bob.call('POST', `/v1/grants/${id}/return`);
  await work.it.service.drain();
  const { owner } = work.it;
  lines = (await owner.call('GET', '/v1/audit/export')).text.trimEnd().split('\n');
  evidence = (await owner.call('GET', `/v1/audit/evidence/${id}`)).text;
  checkpointFile = kept('checkpoint.txt', (await owner.call('GET', '/v1/audit/checkpoint')).json.note);
  logKey = (await owner.call('GET', '/v1/me')).json.service.logKey;
});
afterAll(async () => {
  await work?.close();
  rmSync(folder, { recursive: true });
});

function kept(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}
function verify(text: string, ...more: string[]) {
  const file = kept('file.jsonl', text);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', CLI, file, ...more], {
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}
const changed = (alter: (copy: string[]) => void): string => {
  const copy = [...lines];
  alter(copy);
  return `${copy.join('\n')}\n`;
};
const AT = 6;

describe('npm run verify', { timeout: 120_000 }, () => {
  test('says that the export and the evidence of a grant hold, also against key and checkpoint from elsewhere', () => {
    const whole = verify(
      changed(() => {}),
      '--checkpoint',
      checkpointFile,
      '--log-key',
      logKey,
    );
    expect(whole).toMatchObject({ status: 0, said: expect.stringMatching(/decision/i) });
    expect(verify(evidence)).toMatchObject({ status: 0 });
  });

  test.each<[string, (copy: string[]) => void, RegExp]>([
    ['a changed entry', (c) => c.splice(AT, 1, (c[AT] ?? '').replace(/Hallpass|Ann/, 'Eve')), /entry 5\b.*changed/i],
    ['a removed entry', (c) => c.splice(AT, 1), /entry 5\b.*(missing|removed)/i],
    [
      'two entries in another order',
      (c) => c.splice(AT, 2, c[AT + 1] ?? '', c[AT] ?? ''),
      /entr(y|ies) .*(order|place)/i,
    ],
    ['an inserted entry', (c) => c.splice(AT, 0, c[AT - 1] ?? ''), /entry 4\b.*(twice|inserted|more than once|order)/i],
    ['a truncated export', (c) => c.splice(-3), /missing|truncated|cut/i],
  ])('names %s', (_, alter, words) => {
    const found = verify(changed(alter));
    expect(found.status).toBe(1);
    expect(found.said).toMatch(words);
  });

  test('an older whole export is sound by itself, and truncated by a newer checkpoint', async () => {
    const older = changed(() => {});
    await work.it.owner.call('PUT', '/v1/groups/later', { members: [] });
    const { note } = (await work.it.owner.call('GET', '/v1/audit/checkpoint')).json;
    expect(verify(older).status).toBe(0);
    const against = verify(older, '--checkpoint', kept('newer.txt', note));
    expect(against.status).toBe(1);
    expect(against.said).toMatch(/entry \d+ is not in it/);
  });

  test('what can not be checked is said, with another end than a log that does not hold', () => {
    expect(verify('', '--checkpoint', join(folder, 'nowhere')).status).toBe(2);
    expect(verify('hello\n').status).toBe(1);
  });
});

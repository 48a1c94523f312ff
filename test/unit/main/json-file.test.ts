/** Our small state files: what a process that was killed while it wrote one has left. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from '../../../electron/main/lifecycle/json-file';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hallpass-json-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a temporary file of a killed process goes at the next reading; the file, and what a living one writes, stay', () => {
  const file = join(folder, 'returns.json');
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  const living = `.returns.json.${process.ppid}.tmp`;
  writeJsonFile(file, [1]);
  const others = ['.profile.json.1.tmp', '.returns.json.mine.tmp', '.returns.json.12', 'returns.json.12.tmp'];
  for (const name of [living, `.returns.json.${dead}.tmp`, ...others]) writeFileSync(join(folder, name), '[2');
  expect(readJsonFile(file, z.array(z.number()), 0)).toEqual({ kind: 'read', value: [1] });
  expect(readdirSync(folder).sort()).toEqual([living, ...others, 'returns.json'].sort());
  expect(readFileSync(file, 'utf8')).toBe('[1]\n');
  expect(readJsonFile(join(folder, 'none', 'returns.json'), z.array(z.number()), 0)).toEqual({ kind: 'none' });
});

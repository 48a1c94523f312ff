import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { completeLock } from '../../../electron/dev/complete-lock.mjs';

test('the lockfile names the packages of every platform, so npm ci takes it on each of them', () => {
  const lock = JSON.parse(readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8'));
  expect(completeLock(lock.packages)).toEqual([]);
});

test('a platform that npm left out is added with its version and for that platform only', () => {
  const packages = {
    'node_modules/tool': {
      version: '2.0.0',
      license: 'MIT',
      dev: true,
      optionalDependencies: {
        '@tool/cli-linux-x64': '2.0.0',
        '@tool/cli-linux-arm64-musl': '^2.0.0',
        '@tool/cli-win32-x64': '2.0.0',
        '@tool/cli-wasm32-wasi': '2.0.0',
        'graceful-thing': '^1.0.0',
      },
    },
    'node_modules/@tool/cli-linux-x64': { version: '2.0.0' },
    'node_modules/@tool/cli-win32-x64': { version: '1.0.0' },
  };
  expect(completeLock(packages)).toEqual([
    'node_modules/@tool/cli-linux-arm64-musl',
    'node_modules/tool/node_modules/@tool/cli-win32-x64',
    'node_modules/@tool/cli-wasm32-wasi',
  ]);
  const common = { version: '2.0.0', dev: true, license: 'MIT', optional: true };
  expect(packages).toMatchObject({
    'node_modules/@tool/cli-linux-arm64-musl': { ...common, os: ['linux'], cpu: ['arm64'], libc: ['musl'] },
    'node_modules/tool/node_modules/@tool/cli-win32-x64': { ...common, os: ['win32'], cpu: ['x64'] },
    'node_modules/@tool/cli-wasm32-wasi': { ...common, cpu: ['wasm32'] },
  });
  expect(completeLock(packages)).toEqual([]);
});

test('a nested copy of the right version is found before another one at the root', () => {
  const packages = {
    'node_modules/tool-13': { version: '13.0.0', optionalDependencies: { '@tool/linux-x64': '^13.0.0' } },
    'node_modules/tool-13/node_modules/@tool/linux-x64': { version: '13.0.0' },
    'node_modules/@tool/linux-x64': { version: '18.0.0' },
  };
  expect(completeLock(packages)).toEqual([]);
});

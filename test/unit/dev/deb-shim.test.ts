import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { controlFile, makePackage, readOptions } from '../../../electron/dev/deb-shim.mjs';

describe('the Debian packager', () => {
  test('reads options in both spellings, repeated ones in order, and what goes where', () => {
    const options = readOptions([
      '-s',
      'dir',
      '--force',
      '--name=hallpass',
      '-d',
      'a',
      '--depends',
      'b',
      'app/=/opt/App',
    ]);
    expect(options.single).toEqual({ '-s': 'dir', '--name': 'hallpass' });
    expect(options.repeated).toEqual({ '-d': ['a'], '--depends': ['b'] });
    expect(options.contents).toEqual([{ from: 'app/', to: '/opt/App' }]);
  });

  test('refuses an option it does not know instead of leaving something out', () => {
    expect(() => readOptions(['--config-files', '/etc/x'])).toThrow('--config-files is not supported');
  });

  test('writes a control file without empty fields, with the long description indented', () => {
    const text = controlFile(
      readOptions([
        '--name',
        'hallpass',
        '--version',
        '1.2.3',
        '-d',
        'a',
        '-d',
        'b',
        '--description',
        'Short\nlong\n\nlast',
      ]),
      42,
    );
    expect(text).toBe(
      [
        'Package: hallpass',
        'Version: 1.2.3',
        'Installed-Size: 42',
        'Section: utils',
        'Priority: optional',
        'Depends: a, b',
        'Description: Short',
        ' long',
        ' .',
        ' last',
        '',
      ].join('\n'),
    );
  });

  const hasDpkg = spawnSync('dpkg-deb', ['--version']).status === 0;
  test.skipIf(!hasDpkg)('makes a package that dpkg-deb reads, with the compression that electron-builder names', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'hallpass-deb-test-'));
    try {
      const content = path.join(folder, 'hello');
      const made = path.join(folder, 'made.deb');
      writeFileSync(content, 'hello\n');
      const about = [
        '--name',
        'hallpass',
        '--version',
        '1.2.3',
        '--architecture',
        'amd64',
        '--maintainer',
        'A <a@b.example>',
      ];
      const args = ['-s', 'dir', '--deb-compression', 'gz', '--description', 'Short', ...about];
      makePackage([...args, '--package', made, `${content}=/opt/App/hello`]);
      expect(execFileSync('dpkg-deb', ['--contents', made], { encoding: 'utf8' })).toContain('./opt/App/hello');
      expect(execFileSync('dpkg-deb', ['--field', made, 'Version'], { encoding: 'utf8' }).trim()).toBe('1.2.3');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { licenceOf, packageFolderOf } from '../../../electron/dev/third-party';

describe('licences of what is bundled', () => {
  test('a file belongs to the innermost package that holds it; ours belong to none', () => {
    expect(packageFolderOf('/p/node_modules/a/node_modules/@s/b/dist/x.js')).toBe(
      '/p/node_modules/a/node_modules/@s/b',
    );
    expect(packageFolderOf('\0/p/node_modules/a/x.js?commonjs-module')).toBe('/p/node_modules/a');
    expect(packageFolderOf('/p/electron/main/main.ts')).toBeUndefined();
  });

  test('the fonts carry the text of the Open Font License', () => {
    for (const font of ['instrument-sans', 'jetbrains-mono']) {
      const text = licenceOf(path.resolve('node_modules/@fontsource-variable', font));
      expect(text).toMatch(new RegExp(`^@fontsource-variable/${font} \\d`));
      expect(text).toContain('SIL OPEN FONT LICENSE');
    }
  });

  test('a package that does not say its licence is not shipped', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'hallpass-licence-'));
    try {
      mkdirSync(path.join(folder, 'silent'));
      writeFileSync(path.join(folder, 'silent', 'package.json'), '{"name":"silent","version":"1.0.0"}');
      expect(() => licenceOf(path.join(folder, 'silent'))).toThrow('silent does not say its licence');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../../../electron/dev/run.mjs';
import { parsePolicy } from '../../../electron/service/policy/parse';

const PAGES = ['.', 'docs', 'electron', 'renderer', 'shared', 'test'].flatMap((folder) =>
  readdirSync(path.join(PROJECT_FOLDER, folder), { recursive: folder !== '.' })
    .map((name) => path.posix.join(folder, String(name).split(path.sep).join('/')))
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules/')),
);
const read = (page: string) => readFileSync(path.join(PROJECT_FOLDER, page), 'utf8');
const withoutCode = (text: string) => text.replace(/^```[\s\S]*?^```/gm, '');
/** As the places where Markdown is read make them from headings. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
const anchorsOf = (page: string) =>
  [...withoutCode(read(page)).matchAll(/^#+ (.+)$/gm)].map((m) => anchorOf(m[1] ?? ''));

describe('what the pages say', () => {
  test.each(PAGES)('links of %s lead somewhere', (page) => {
    const links = [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map((m) => m[1] ?? '');
    const lost = links
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => {
        const [file = '', anchor] = link.split('#');
        const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
        if (!existsSync(path.join(PROJECT_FOLDER, target))) return true;
        return anchor !== undefined && !anchorsOf(target).includes(anchor);
      });
    expect(lost).toEqual([]);
  });

  test.each(PAGES)('files and npm scripts that %s names are there', (page) => {
    const text = read(page);
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm run (?:--silent )?([a-z]+)/g)].map((m) => m[1] ?? '');
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
    // Only paths from the root can be told from the shorthand that a room's own page uses.
    if (path.posix.dirname(page) !== '.' && !page.startsWith('docs/')) return;
    const files = [...text.matchAll(/`((?:electron|renderer|shared|test|docs)\/[\w./-]+)`/g)].map((m) => m[1] ?? '');
    expect(files.filter((file) => !existsSync(path.join(PROJECT_FOLDER, file)))).toEqual([]);
  });

  test('the code and the tests that promises.md names are there', () => {
    const names = [
      ...read('docs/promises.md').matchAll(/`((?:main|service|unit|model|integration|e2e)\/[\w./-]+)\*?`/g),
    ];
    expect(names.length).toBeGreaterThan(50);
    const lost = names
      .map((m) => m[1] ?? '')
      .filter((name) => {
        const place = path.join(PROJECT_FOLDER, /^(main|service)\//.test(name) ? 'electron' : 'test', name);
        const [folder, start] = [path.dirname(place), path.basename(place)];
        return !existsSync(folder) || !readdirSync(folder).some((file) => file.startsWith(start));
      });
    expect(lost).toEqual([]);
  });

  test('the README names every command of package.json', () => {
    const text = read('README.md');
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const missing = Object.keys(scripts).filter(
      (name) => !text.includes(`npm run ${name}`) && !text.includes(`npm ${name}`),
    );
    expect(missing).toEqual([]);
  });

  test('every policy in the reference is one that the parser takes', () => {
    const blocks = [...read('docs/policy.md').matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map((m) => m[1] ?? '');
    expect(blocks.length).toBeGreaterThanOrEqual(4);
    expect(blocks.map((yaml) => parsePolicy(yaml)).filter((parsed) => !parsed.ok)).toEqual([]);
  });

  test('pictures stay small', () => {
    const folder = path.join(PROJECT_FOLDER, 'docs/pictures');
    const large = readdirSync(folder).filter((name) => readFileSync(path.join(folder, name)).length > 200_000);
    expect(large).toEqual([]);
  });
});

/** One edit of a file that belongs to somebody else, on real files: what is refused, what is waited for, what is left. */
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InjectionError } from '../../../electron/main/injection/errors';
import {
  type Edit,
  editShared,
  MAX_SHARED_FILE_BYTES,
  readShared,
  type SurgeryDeps,
} from '../../../electron/main/injection/file-surgery';
import { type FilePort, nodeFiles } from '../../../electron/main/injection/files';
import { createQueue } from '../../../electron/main/injection/queue';

const real = nodeFiles();
const PID = 4242;
let folder: string;
let file: string;
let lock: string;
let pauses: number[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hallpass-surgery-'));
  file = join(folder, 'conf');
  lock = join(folder, '.conf.hallpass.lock');
  pauses = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const deps = (files: Partial<FilePort> = {}, more: Partial<SurgeryDeps> = {}): SurgeryDeps => ({
  files: { ...real, ...files },
  queue: createQueue(),
  now: () => 1_800_000_000_000,
  random: { bytes: (count) => new Uint8Array(count).fill(0xab) },
  pause: async (lengthMs) => void pauses.push(lengthMs),
  processId: PID,
  isAlive: () => true,
  ...more,
});
const write = (text: string): Edit => ({ kind: 'write', bytes: Buffer.from(text) });
const add = (before: Buffer | null) => write(`${before ?? ''}+`);
const SAME: Edit = { kind: 'same' };
const DELETE: Edit = { kind: 'delete' };
const failing = (code: string) => Object.assign(new Error(`${code}: injected`), { code });
const errorOf = async (work: Promise<unknown>): Promise<InjectionError> => {
  const error = await work.then(
    () => new Error('it went well'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof InjectionError)) throw error;
  return error;
};
const text = () => readFileSync(file, 'utf8');
const refused = (what: string, next: string) => ({
  code: 'service-file-unusable',
  what: `${file} ${what}`,
  safe: 'It was not touched.',
  next,
  detail: null,
});

describe('what is no usable file is told, with what to do, and is not touched', () => {
  const ANOTHER = 'Name a file of your own in Settings.';
  const facts = (over: object) => ({
    facts: async (path: string) => {
      const found = await real.facts(path);
      return found && path === file ? { ...found, ...over } : found;
    },
  });
  const doing =
    (make: () => void, files: Partial<FilePort> = {}) =>
    () => {
      make();
      return files;
    };
  const cases: Record<string, [make: () => Partial<FilePort>, what: string, next: string]> = {
    'a folder': [doing(() => mkdirSync(file)), 'is a folder.', 'Move it away, or name another file in Settings.'],
    'a device, a FIFO, a socket': [
      doing(() => writeFileSync(file, 'a'), facts({ kind: 'other' })),
      'is not a regular file.',
      'Move it away, or name another in Settings.',
    ],
    'a file with a second name': [
      () => {
        writeFileSync(join(folder, 'other'), 'a');
        linkSync(join(folder, 'other'), file);
        return {};
      },
      'has a second name (hard link), which an edit would cut off.',
      'Make it a symbolic link instead.',
    ],
    'a read-only file': [
      doing(() => writeFileSync(file, 'a', { mode: 0o577 })),
      'is read-only.',
      '', // names the path: below
    ],
    'somebody else’s file': [
      doing(() => writeFileSync(file, 'a'), { ...facts({ uid: 1_001 }), userId: () => 1_000 }),
      'belongs to another user.',
      ANOTHER,
    ],
    'a file that grew beyond reason': [
      doing(() => writeFileSync(file, Buffer.alloc(4 * MAX_SHARED_FILE_BYTES + 1))),
      'is larger than 1 MB.',
      'Name another file in Settings.',
    ],
    'a link to itself': [
      doing(() => symlinkSync(file, file)),
      'is a link that leads back to itself.',
      'Mend the link.',
    ],
    'a link to nothing': [
      doing(() => symlinkSync(join(folder, 'gone'), file)),
      'is a link to a file that does not exist.',
      'Mend or remove the link.',
    ],
  };
  for (const [name, [make, what, next]] of Object.entries(cases))
    test(name, async () => {
      const files = make();
      const before = readdirSync(folder);
      const expected = refused(what, next === '' ? `To let Hallpass edit it, run: chmod u+w "${file}"` : next);
      expect((await errorOf(editShared(deps(files), file, add))).userError).toEqual(expected);
      if (existsSync(file))
        expect((await errorOf(readShared({ ...real, ...files }, file))).userError).toEqual(expected);
      expect(readdirSync(folder)).toEqual(before);
    });
  test('a missing folder, with the command that makes it', async () => {
    for (const parent of [join(folder, 'no'), join(file, 'below', 'a file')]) {
      writeFileSync(file, '');
      const path = join(parent, 'conf');
      expect((await errorOf(editShared(deps(), path, add))).userError).toMatchObject({
        what: `${path} can’t be made: its folder does not exist.`,
        next: `Run: mkdir -p "${parent}"`,
      });
    }
  });
  test('root, and a system without users, may edit what is somebody else’s; everybody what is theirs', async () => {
    writeFileSync(file, 'a');
    // Giving a file away is for root alone; who the test runs as must not matter.
    const create: FilePort['create'] = async (path, mode) => ({
      ...(await real.create(path, mode)),
      chown: async () => undefined,
    });
    const as = (userId: number | null) => deps({ ...facts({ uid: 1_001 }), userId: () => userId, create });
    for (const userId of [0, null, 1_001]) await editShared(as(userId), file, add);
    expect(text()).toBe('a+++');
  });
  test('it is looked at again under the lock', async () => {
    const create: FilePort['create'] = async (path, mode) => {
      if (path === lock) mkdirSync(file);
      return real.create(path, mode);
    };
    expect((await errorOf(editShared(deps({ create }), file, add))).userError.what).toBe(`${file} is a folder.`);
    expect(readdirSync(folder)).toEqual(['conf']);
  });
});

describe('sizes', () => {
  const bytes = (count: number) => ({ kind: 'write', bytes: Buffer.alloc(count, 10) }) as const;
  test('an edit makes a file of one megabyte and none that is larger', async () => {
    await editShared(deps(), file, () => bytes(MAX_SHARED_FILE_BYTES));
    expect(MAX_SHARED_FILE_BYTES).toBe(1_048_576);
    expect(statSync(file).size).toBe(MAX_SHARED_FILE_BYTES);
    const error = await errorOf(editShared(deps(), file, () => bytes(MAX_SHARED_FILE_BYTES + 1)));
    expect(error.userError).toEqual(refused('is larger than 1 MB.', 'Name another file in Settings.'));
    expect(statSync(file).size).toBe(MAX_SHARED_FILE_BYTES);
    expect(readdirSync(folder)).toEqual(['conf']);
  });
  test('ours is taken out of one that grew meanwhile, up to four', async () => {
    writeFileSync(file, Buffer.alloc(4 * MAX_SHARED_FILE_BYTES));
    await editShared(deps(), file, () => bytes(4 * MAX_SHARED_FILE_BYTES));
    await editShared(deps(), file, () => bytes(3 * MAX_SHARED_FILE_BYTES));
    expect(statSync(file).size).toBe(3 * MAX_SHARED_FILE_BYTES);
  });
  test('a new file may not be too large either', async () => {
    await errorOf(editShared(deps(), file, () => bytes(MAX_SHARED_FILE_BYTES + 1)));
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('what is written', () => {
  test('a new file is private; an old one keeps mode and owner; through a link its target is edited', async () => {
    const given: { uid: number; gid: number }[] = [];
    const create: FilePort['create'] = async (path, mode) => {
      const made = await real.create(path, mode);
      const chown = async (uid: number, gid: number) => void given.push({ uid, gid });
      return { ...made, chown };
    };
    await editShared(deps({ create }), file, add);
    expect(statSync(file).mode & 0o7777).toBe(0o600);
    chmodSync(file, 0o664);
    mkdirSync(join(folder, 'links'));
    const link = join(folder, 'links', 'mine');
    symlinkSync(file, link);
    await editShared(deps({ create }), link, add);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(statSync(file).mode & 0o7777).toBe(0o664);
    expect(text()).toBe('++');
    const { uid, gid } = statSync(file);
    expect(given).toEqual([
      { uid: -1, gid: -1 },
      { uid, gid },
    ]);
    expect(readdirSync(folder)).toEqual(['conf', 'links']);
    expect(readdirSync(join(folder, 'links'))).toEqual(['mine']);
  });
  test('goes through a private temp file beside it, under a lock with our number, and is made durable', async () => {
    writeFileSync(file, 'a');
    const steps: string[] = [];
    const name = (path: string) => path.slice(folder.length);
    const files: Partial<FilePort> = {
      create: async (path, mode) => {
        steps.push(`create ${name(path)} ${mode.toString(8)}`);
        return real.create(path, mode);
      },
      rename: async (from, to) => {
        steps.push(`rename ${name(from)} ${name(to)}, lock of ${readFileSync(lock, 'utf8')}`);
        return real.rename(from, to);
      },
      unlink: async (path) => {
        steps.push(`unlink ${name(path)}`);
        return real.unlink(path);
      },
      syncFolder: async (path) => {
        steps.push(`sync "${name(path)}"`);
        return real.syncFolder(path);
      },
    };
    await editShared(deps(files), file, add);
    expect(steps).toEqual([
      'create /.conf.hallpass.lock 600',
      'create /.conf.hallpass-abababababab 600',
      'rename /.conf.hallpass-abababababab /conf, lock of 4242',
      'sync ""',
      'unlink /.conf.hallpass.lock',
    ]);
    steps.length = 0;
    await editShared(deps(files), file, () => DELETE);
    expect(steps).toEqual([
      'create /.conf.hallpass.lock 600',
      'unlink /conf',
      'sync ""',
      'unlink /.conf.hallpass.lock',
    ]);
    steps.length = 0;
    await editShared(deps(files), file, () => SAME);
    expect(steps).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });
  test('two edits at once are one after the other', async () => {
    const both = deps();
    await Promise.all([editShared(both, file, add), editShared(both, file, add), editShared(both, file, add)]);
    expect(text()).toBe('+++');
    expect(pauses).toEqual([]);
  });
});

describe('what a crash left', () => {
  const leftover = () => join(folder, '.conf.hallpass-0123');
  test('is cleared by the next edit, what belongs to others is not', async () => {
    for (const name of ['.conf.hallpass-0123', '.other.hallpass-0123', '.conf.hallpas', 'conf.hallpass-0123'])
      writeFileSync(join(folder, name), 'secret');
    await editShared(deps(), file, add);
    expect(readdirSync(folder)).toEqual(['.conf.hallpas', '.other.hallpass-0123', 'conf', 'conf.hallpass-0123']);
  });
  test('is cleared also when there is nothing to edit', async () => {
    writeFileSync(leftover(), 'secret');
    await editShared(deps(), file, () => SAME);
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(lock, String(PID));
    await editShared(deps(), file, () => SAME);
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(join(folder, '.other.hallpass.lock'), '1');
    let asked = 0;
    await editShared(deps(), file, () => {
      asked++;
      return SAME;
    });
    expect(asked).toBe(1);
    expect(readdirSync(folder)).toEqual(['.other.hallpass.lock']);
  });
  test('a lock of this process, or of a dead one, is taken over at once', async () => {
    for (const holder of [PID, 999]) {
      writeFileSync(lock, String(holder));
      const now = () => statSync(lock).mtimeMs;
      const asked: number[] = [];
      const isAlive = (processId: number) => {
        asked.push(processId);
        return processId !== 999;
      };
      await editShared(deps({}, { now, isAlive }), file, add);
      expect(asked).toEqual(holder === PID ? [] : [999]);
    }
    expect(text()).toBe('++');
    expect(pauses).toEqual([]);
  });
  test.each([
    ['a live holder’s, old', '1', -5_001, true],
    ['a live holder’s, not old', '1', -5_000, false],
    ['from the future', '1', 5_001, true],
    ['from a near future', '1', 5_000, false],
    ['without a holder, old', '', -5_001, true],
    ['without a holder, not old', '', -5_000, false],
    ['of something that is no process, not old', 'nobody', 0, false],
    ['of half a process, not old', '1.5', 0, false],
  ])('a lock that is %s', async (_, holder, ageMs, stale) => {
    writeFileSync(lock, holder);
    const now = 1_800_000_000_000;
    utimesSync(lock, now / 1_000, (now + ageMs) / 1_000);
    const waiting = deps({}, { now: () => now, isAlive: (processId) => processId === 1 });
    if (stale) {
      await editShared(waiting, file, add);
      expect(pauses).toEqual([]);
    } else {
      expect((await errorOf(editShared(waiting, file, add))).userError).toEqual(
        refused('is being edited by another program that does not finish.', `If none runs, remove ${lock}`),
      );
      expect(pauses).toEqual(Array(500).fill(20));
      expect(readFileSync(lock, 'utf8')).toBe(holder);
    }
  });
  test('a lock that can’t be read is judged by its age', async () => {
    writeFileSync(lock, '999');
    const read: FilePort['read'] = async (path) => {
      if (path === lock) throw failing('EACCES');
      return real.read(path);
    };
    const young = deps({ read }, { now: () => statSync(lock).mtimeMs, isAlive: () => false });
    expect((await errorOf(editShared(young, file, add))).userError.what).toContain('another program');
    await editShared(deps({ read }, { now: () => 0 }), file, add);
    expect(text()).toBe('+');
  });
});

describe('somebody else at the same file', () => {
  test('is waited for, and a lock that is gone by then is not taken for a stale one', async () => {
    writeFileSync(lock, '1');
    const now = () => statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const pause = async (lengthMs: number) => {
      if (pauses.push(lengthMs) === 3) rmSync(lock);
    };
    await editShared(deps({}, { now, pause }), file, add);
    expect(pauses).toEqual([20, 20, 20]);

    const unlinked: string[] = [];
    let made = 0;
    const files: Partial<FilePort> = {
      create: async (path, mode) => {
        if (path === lock && made++ === 0) throw failing('EEXIST');
        return real.create(path, mode);
      },
      unlink: async (path) => {
        unlinked.push(path);
        return real.unlink(path);
      },
    };
    await editShared(deps(files), file, add);
    expect(unlinked).toEqual([lock]);
    expect(pauses).toHaveLength(4);
  });
  /** Writes before each of our last looks, so often. */
  const intruder = (rounds: number, intrude: (round: number) => void): Partial<FilePort> => {
    let round = 0;
    return {
      create: async (path, mode) => {
        if (path.includes('.hallpass-') && round < rounds) intrude(++round);
        return real.create(path, mode);
      },
    };
  };
  test('loses nothing: nineteen times we start anew', async () => {
    writeFileSync(file, '0');
    const files = intruder(19, (round) => writeFileSync(file, `${round}`));
    await editShared(deps(files), file, add);
    expect(text()).toBe('19+');
    expect(readdirSync(folder)).toEqual(['conf']);
  });
  test('and after twenty we say so', async () => {
    writeFileSync(file, '0');
    const files = intruder(20, (round) => writeFileSync(file, `${round}`));
    expect((await errorOf(editShared(deps(files), file, add))).userError).toEqual(
      refused('is being rewritten all the time by another program.', 'Stop that program and try again.'),
    );
    expect(text()).toBe('20');
    expect(readdirSync(folder)).toEqual(['conf']);
  });
  test('a file that goes, or comes, meanwhile is a change too', async () => {
    writeFileSync(file, 'a');
    await editShared(deps(intruder(1, () => rmSync(file))), file, add);
    expect(text()).toBe('+');
    rmSync(file);
    await editShared(deps(intruder(1, () => writeFileSync(file, 'b'))), file, add);
    expect(text()).toBe('b+');
  });
  test('nothing is deleted that somebody wrote into meanwhile', async () => {
    writeFileSync(file, 'ours');
    let reads = 0;
    const read: FilePort['read'] = async (path) => {
      if (path === file && ++reads === 3) writeFileSync(file, 'theirs');
      return real.read(path);
    };
    await editShared(deps({ read }), file, (before) => (before?.toString() === 'ours' ? DELETE : add(before)));
    expect(text()).toBe('theirs+'); // looked at anew
  });
});

describe('a disk that fails', () => {
  const failed = (code: string) => ({
    code: 'service-file-failed',
    what: `${file} could not be edited.`,
    safe: 'It is whole: as it was, or as it should be.',
    next: 'Check that the disk is not full and that you may write there.',
    detail: `${code}: injected`,
  });
  test.each<[string, Partial<FilePort>]>([
    ['resolving', { resolve: async () => Promise.reject(failing('EIO')) }],
    ['reading', { read: async () => Promise.reject(failing('EIO')) }],
    ['renaming', { rename: async () => Promise.reject(failing('EIO')) }],
    ['listing the folder', { readFolder: async () => Promise.reject(failing('EIO')) }],
  ])('%s: the file is as it was, nothing else stays, the cause is told', async (_, files) => {
    writeFileSync(file, 'a');
    const error = await errorOf(editShared(deps(files), file, add));
    expect(error.userError).toEqual(failed('EIO'));
    expect(error.cause).toMatchObject({ code: 'EIO' });
    expect(text()).toBe('a');
    expect(readdirSync(folder)).toEqual(['conf']);
  });
  test('what can’t be read is not taken for gone', async () => {
    writeFileSync(file, 'a');
    const read = async () => Promise.reject(failing('EACCES'));
    await expect(readShared({ ...real, read }, file)).rejects.toMatchObject({ code: 'EACCES' });
    await expect(readShared({ ...real, resolve: read }, file)).rejects.toMatchObject({ code: 'EACCES' });
  });
  test.each(['lock', 'temp file'])('a %s that can’t be filled does not stay', async (which) => {
    writeFileSync(file, 'a');
    const create: FilePort['create'] = async (path, mode) => {
      const made = await real.create(path, mode);
      if ((path === lock) !== (which === 'lock')) return made;
      return { ...made, write: async () => Promise.reject(failing('ENOSPC')) };
    };
    expect((await errorOf(editShared(deps({ create }), file, add))).userError).toEqual(failed('ENOSPC'));
    expect(readdirSync(folder)).toEqual(['conf']);
  });
  test('the first error is told, not one of the clearing up; a lock that stays is taken over by us', async () => {
    writeFileSync(file, 'a');
    const unlink = async () => Promise.reject(failing('EPERM'));
    const rename = async () => Promise.reject(failing('EIO'));
    expect((await errorOf(editShared(deps({ unlink, rename }), file, add))).userError.detail).toBe('EIO: injected');
    const create: FilePort['create'] = async () => Promise.reject(failing('ENOSPC'));
    rmSync(lock);
    rmSync(join(folder, '.conf.hallpass-abababababab'));
    expect((await errorOf(editShared(deps({ unlink, create }), file, add))).userError.detail).toBe('ENOSPC: injected');
    await editShared(deps({ unlink }), file, add);
    expect(text()).toBe('a+');
    expect(existsSync(lock)).toBe(true);
    await editShared(deps(), file, add);
    expect(readdirSync(folder)).toEqual(['conf']);
  });
});

test('what is there now: links followed, null when there is nothing', async () => {
  expect(await readShared(real, file)).toBeNull();
  writeFileSync(file, 'a');
  const link = join(folder, 'link');
  symlinkSync('conf', link);
  expect((await readShared(real, link))?.toString()).toBe('a');
  expect(await readShared(real, join(folder, 'no', 'conf'))).toBeNull();
  const gone: FilePort['read'] = async () => Promise.reject(failing('ENOENT'));
  expect(await readShared({ ...real, read: gone }, file)).toBeNull();
});

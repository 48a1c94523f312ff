/**
 * A disk in memory behind the file port of electron/main/injection: names, modes, links and errors as POSIX has them. It
 * outlives the programs that use it. Each call of a program is one step of the simulation, and may be its last.
 */
import { basename, dirname } from 'node:path';
import type { FileFacts, FilePort, NewFile } from '../../../electron/main/injection/files';
import type { Kernel, Process } from './kernel';

export interface Entry {
  readonly kind: 'file' | 'folder';
  mode: number;
  data: Buffer;
  modifiedAtMs: number;
  /** Raised by every change of the content. */
  version: number;
}
export type DiskFault = 'EIO' | 'EACCES' | 'ENOSPC' | 'short' | null;
const failed = (code: string, call: string, path: string) =>
  Object.assign(new Error(`${code}: simulated, ${call} '${path}'`), { code });
const NOTHING = Buffer.alloc(0);
const WRITING = new Set(['create', 'write', 'makeFolder', 'rename', 'sync', 'syncFolder']);

export class Disk {
  readonly entries = new Map<string, Entry>();
  /** Secrets that are there: path, grant, and since when. */
  readonly secrets = new Map<string, { readonly grantId: string; readonly since: number }>();
  full = false;
  /** Chance that a call fails, and how. */
  faultOf: (call: string, path: string) => DiskFault = () => null;
  /** Raised by whatever may have changed something: who compares it needs to look only then. */
  touched = 0;
  /** When a call failed last: what could not be removed then is not late. */
  failedAt = 0;
  constructor(
    private readonly kernel: Kernel,
    private readonly wallMs: () => number,
  ) {}

  folder(path: string, mode = 0o700): void {
    if (path !== '/' && !this.entries.has(dirname(path))) this.folder(dirname(path));
    if (!this.entries.has(path))
      this.entries.set(path, { kind: 'folder', mode, data: NOTHING, modifiedAtMs: 0, version: 0 });
  }
  put(path: string, text: string, mode: number): void {
    this.touched++;
    const version = (this.entries.get(path)?.version ?? 0) + 1;
    const data = Buffer.from(text, 'latin1');
    this.entries.set(path, { kind: 'file', mode, data, modifiedAtMs: this.wallMs(), version });
  }
  text(path: string): string | null {
    return this.entries.get(path)?.data.toString('latin1') ?? null;
  }
  names(folder: string): string[] {
    const prefix = `${folder}/`;
    const found: string[] = [];
    for (const path of this.entries.keys())
      if (path.startsWith(prefix) && !path.includes('/', prefix.length)) found.push(path.slice(prefix.length));
    return found.sort();
  }
  unlink(path: string): void {
    this.touched++;
    if (this.entries.get(path)?.kind !== 'file') throw failed('ENOENT', 'unlink', path);
    this.entries.delete(path);
    this.secrets.delete(path);
  }
  removeFolder(path: string): void {
    this.touched++;
    if (this.entries.get(path)?.kind !== 'folder') throw failed('ENOENT', 'rmdir', path);
    if (this.names(path).length > 0) throw failed('ENOTEMPTY', 'rmdir', path);
    this.entries.delete(path);
  }
  private file(call: string, path: string): Entry {
    const entry = this.entries.get(path);
    if (entry === undefined) throw failed('ENOENT', call, path);
    if (entry.kind !== 'file') throw failed('EISDIR', call, path);
    return entry;
  }

  /** The port of one program. */
  port(process: Process): FilePort {
    const call = async <T>(name: string, path: string, work: (fault: DiskFault) => T): Promise<T> => {
      await this.kernel.pause(process, `${name} ${path}`, this.kernel.between(0, 2));
      const fault = this.full && WRITING.has(name) ? 'ENOSPC' : this.faultOf(name, path);
      if (fault !== null) this.failedAt = this.kernel.now;
      this.touched++;
      if (fault !== null && fault !== 'short') throw failed(fault, name, path);
      return work(fault);
    };
    return {
      facts: (path) =>
        call('facts', path, (): FileFacts | null => {
          const entry = this.entries.get(path);
          if (entry === undefined) return null;
          const { kind, mode, data, modifiedAtMs } = entry;
          return { kind, mode, uid: 1_000, gid: 1_000, linkCount: 1, size: data.length, modifiedAtMs };
        }),
      resolve: (path) =>
        call('resolve', path, () => {
          if (!this.entries.has(path)) throw failed('ENOENT', 'resolve', path);
          return path;
        }),
      read: (path) => call('read', path, () => Buffer.from(this.file('read', path).data)),
      readFolder: (path) => call('readFolder', path, () => this.names(path)),
      create: async (path, mode) => {
        const entry = await call('create', path, (): Entry => {
          if (this.entries.has(path)) throw failed('EEXIST', 'create', path);
          if (!this.entries.has(dirname(path))) throw failed('ENOENT', 'create', path);
          const made: Entry = { kind: 'file', mode, data: NOTHING, modifiedAtMs: this.wallMs(), version: 1 };
          this.entries.set(path, made);
          if (path.endsWith('/passfile'))
            this.secrets.set(path, { grantId: basename(dirname(path)), since: this.kernel.now });
          return made;
        });
        return this.open(entry, path, call);
      },
      rename: (from, to) =>
        call('rename', to, () => {
          const entry = this.file('rename', from);
          entry.version += (this.entries.get(to)?.version ?? 0) + 1;
          this.entries.delete(from);
          this.entries.set(to, entry);
        }),
      unlink: (path) => call('unlink', path, () => this.unlink(path)),
      makeFolder: (path, mode) =>
        call('makeFolder', path, () => {
          if (this.entries.has(path)) throw failed('EEXIST', 'mkdir', path);
          if (!this.entries.has(dirname(path))) throw failed('ENOENT', 'mkdir', path);
          this.folder(path, mode);
        }),
      removeFolder: (path) => call('removeFolder', path, () => this.removeFolder(path)),
      syncFolder: (path) => call('syncFolder', path, () => undefined),
      inMemory: (path) => call('inMemory', path, () => false),
      userId: () => 1_000,
    };
  }
  private open(
    entry: Entry,
    path: string,
    call: <T>(name: string, path: string, work: (fault: DiskFault) => T) => Promise<T>,
  ): NewFile {
    return {
      write: (bytes) =>
        call('write', path, (fault) => {
          const part = fault === 'short' ? bytes.subarray(0, Math.max(1, bytes.length >> 1)) : bytes;
          entry.data = Buffer.concat([entry.data, part]);
          entry.modifiedAtMs = this.wallMs();
          entry.version++;
          return part.length;
        }),
      chmod: (mode) =>
        call('chmod', path, () => {
          entry.mode = mode;
        }),
      chown: () => call('chown', path, () => undefined),
      sync: () => call('sync', path, () => undefined),
      close: async () => undefined,
    };
  }
}

/**
 * Compiled code from the build: parsing and compiling our bundles is a quarter of what a start costs these processes.
 * A file without a cache, or with one that this V8 refuses (another version, other flags), is compiled as ever.
 * https://nodejs.org/docs/latest-v20.x/api/vm.html#scriptcreatecacheddata
 */
import { readFileSync } from 'node:fs';
import Module from 'node:module';
import path from 'node:path';
import { constants, Script } from 'node:vm';

/** Which process: V8 takes a cache only under the flags it was made with, and the two have different ones. */
export type Side = 'main' | 'service';
export const cacheFileOf = (file: string, side: Side) => `${file}.${side}.cache`;

type Compile = (this: NodeModule, code: string, file: string) => unknown;
type Wrapper = (
  exports: unknown,
  require: NodeJS.Require,
  module: NodeModule,
  __filename: string,
  __dirname: string,
) => unknown;
interface Internals {
  prototype: { _compile: Compile };
  wrap(code: string): string;
}

/**
 * From now on, files in `folder` are run from their caches. `made` is told each script, for whoever makes the caches.
 * Module's `_compile` is what Node offers to those who load code their own way (it is what transpilers hook into).
 */
export function runFromCache(folder: string, side: Side, made?: (file: string, script: Script) => void): void {
  const internals = Module as unknown as Internals;
  const compile = internals.prototype._compile;
  internals.prototype._compile = function (code, file) {
    const cachedData = file.startsWith(folder + path.sep) ? cacheOf(file, side) : undefined;
    if (cachedData === undefined && made === undefined) return compile.call(this, code, file);
    const script = new Script(internals.wrap(code), {
      filename: file,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      ...(cachedData === undefined ? {} : { cachedData }),
    });
    made?.(file, script);
    const run = script.runInThisContext() as Wrapper;
    const require = Module.createRequire(file);
    return run.call(this.exports, this.exports, require, this, file, path.dirname(file));
  };
}

function cacheOf(file: string, side: Side): Buffer | undefined {
  try {
    return readFileSync(cacheFileOf(file, side));
  } catch {
    return undefined; // a build where none could be made
  }
}

/**
 * A server of a test that ends when the test process does, however that ends: a few lines of `sh` between us and it hold a
 * pipe from us, and kill it (and take its folder away) when the pipe closes. Its data is worth nothing, so it is never asked twice.
 */
import type { Writable } from 'node:stream';
import { type Program, type StartOptions, startProgram } from '../processes';

const KEEPER =
  'folder=$1; shift; exec 4<&3 3<&-; "$@" 4<&- & server=$!; trap ":" TERM; ' +
  '(read -r never <&4; kill -KILL $server; rm -rf "$folder") >/dev/null 2>&1 & watcher=$!; exec 4<&-; ' +
  'wait $server; code=$?; while kill -0 $server 2>/dev/null; do wait $server; code=$?; done; ' +
  'kill $watcher 2>/dev/null; exit $code';

/** Starts it as the child of a keeper. `folder` is its own and goes when nobody stops it in order. */
export function startKept(
  folder: string,
  command: string,
  args: readonly string[],
  options: StartOptions = {},
): Program {
  const program = startProgram('/bin/sh', ['-c', KEEPER, 'hallpass-test-keeper', folder, command, ...args], options);
  return {
    ...program,
    name: command,
    async stop() {
      (program.process.stdio[3] as Writable | null)?.destroy();
      await program.stop();
    },
  };
}

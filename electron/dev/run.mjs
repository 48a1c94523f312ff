/** Child processes for set-up and the commands: run and capture, run and show, and which npm to call. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** The folder of the checkout. */
export const PROJECT_FOLDER = path.resolve(fileURLToPath(new URL('../..', import.meta.url)));
/** What is kept of a program's complaints for the error text: how they began and how they ended. */
const MAX_HEAD_CHARACTERS = 1_500;
const MAX_TAIL_CHARACTERS = 2_500;

/**
 * @typedef {object} Finished
 * @property {number} code exit code; 128 + signal number is not attempted: a signal counts as 1
 * @property {string} stdout
 * @property {string} stderr its beginning and its end
 */

/**
 * Runs a program and waits for its end. Never throws for a non-zero exit.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, show?: 'nothing' | 'everything', timeoutMs?: number }} [options]
 * @returns {Promise<Finished>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const shown = options.show === 'everything';
    const child = spawn(command, args, {
      cwd: options.cwd ?? PROJECT_FOLDER,
      env: options.env ?? process.env,
      stdio: shown ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    const complaints = createExcerpt();
    child.stdout?.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr?.on('data', (chunk) => {
      complaints.add(String(chunk));
    });
    child.on('error', (error) => resolve({ code: 127, stdout, stderr: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, stderr: complaints.text() }));
  });
}

/** Some programs say first what is wrong, others last; neither is lost, however long they talk. */
export function createExcerpt() {
  let head = '';
  let tail = '';
  let leftOut = 0;
  return {
    /** @param {string} text */
    add(text) {
      const room = MAX_HEAD_CHARACTERS - head.length;
      head += text.slice(0, room);
      tail += text.slice(room);
      leftOut += Math.max(0, tail.length - MAX_TAIL_CHARACTERS);
      tail = tail.slice(-MAX_TAIL_CHARACTERS);
    },
    text: () => (leftOut === 0 ? head + tail : `${head}\n[…]\n${tail}`),
  };
}

/**
 * Runs one of the project's own scripts in place of this process: same terminal, same signals, same exit code.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} the exit code
 */
export function handOver(command, args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: PROJECT_FOLDER, env, stdio: 'inherit' });
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/**
 * The npm that started us, else the one of the PATH.
 * @param {readonly string[]} args
 * @returns {{ command: string, args: string[] }}
 */
export function npmCommand(args) {
  const cli = process.env.npm_execpath;
  if (cli && /\.c?js$/.test(cli) && existsSync(cli)) return { command: process.execPath, args: [cli, ...args] };
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', args: [...args] };
}

/**
 * Where `tsx` runs a TypeScript file on this Node, without a shell in between.
 * @param {string} file relative to the checkout
 * @param {readonly string[]} args
 * @returns {{ command: string, args: string[] }}
 */
export function tsxCommand(file, args) {
  const cli = path.join(PROJECT_FOLDER, 'node_modules', 'tsx', 'dist', 'cli.mjs');
  return { command: process.execPath, args: [cli, path.join(PROJECT_FOLDER, file), ...args] };
}

/**
 * Runs a command (the app) beside a fresh sample target: `start-sample.ts -- <command…>`. The app finds the target in the file
 * that HALLPASS_SAMPLE_FILE names, and gets a data folder of its own, so that the sample never mixes with real settings.
 * When the app ends, server and folder go; when this process is killed, the server goes too.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSampleTarget } from './target';

/** Returns the command's exit code. */
async function runBesideSample(command: readonly string[]): Promise<number> {
  const [executable, ...args] = command;
  if (executable === undefined) throw new Error('Usage: start-sample.ts -- <command…>');
  const folder = mkdtempSync(join(tmpdir(), 'hallpass-sample-')); // 0700
  console.log('Making the sample workspace: a throw-away PostgreSQL 18 with a few databases.');
  const sample = await startSampleTarget();
  try {
    const file = join(folder, 'target.json');
    writeFileSync(file, JSON.stringify(sample.target), { mode: 0o600 });
    console.log(
      `The sample's server is at ${sample.target.host}:${sample.target.port}; it goes when you quit the app.`,
    );
    const child = spawn(executable, [`--user-data-dir=${join(folder, 'app')}`, ...args], {
      stdio: 'inherit',
      env: { ...process.env, HALLPASS_SAMPLE_FILE: file },
    });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => resolve(code ?? 1));
    });
  } finally {
    await sample.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const words = process.argv.slice(2);
runBesideSample(words[0] === '--' ? words.slice(1) : words).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);

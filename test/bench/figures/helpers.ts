/**
 * How long somebody waits for the helper: the app's answer alone, over its socket, and the whole `hallpass credential-process` as
 * the AWS tools start it. Real socket, real files, real processes; the app's main process is this one, with nothing else to do.
 */
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { openDesk } from '../../integration/helpers/desk';
import { figure } from '../figure';
import type { Measure } from '.';

const RUNS = 100;
/** Below the app's own limit on requests. */
const PAUSE_MS = 40;
const GOAL_MS = 100;

export const measureHelpers: Measure = async ({ quick }) => {
  const desk = await openDesk();
  try {
    await desk.inject('prod', {
      kind: 'aws',
      accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
      secretAccessKey: 'x'.repeat(40),
      sessionToken: 'y'.repeat(1_000),
      sessionEndsAt: Date.now() + 3_600_000,
      roleArn: 'arn:aws:iam::123456789012:role/reader',
      region: 'us-east-1',
    });
    const token = readFileSync(desk.place.tokenFile, 'utf8').trim();
    const [answers, processes]: [number[], number[]] = [[], []];
    for (let run = 0; run < (quick ? 10 : RUNS); run++) {
      answers.push(await answerMs(desk.place.socket, `1 ${token} credential-process prod\n`));
      const from = performance.now();
      const { code } = await desk.hallpass(['credential-process', 'prod']);
      if (code !== 0) throw new Error('the helper got no keys');
      processes.push(performance.now() - from);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return [
      figure('the app answers a helper', 'ms', answers, {
        statistic: 'p99',
        goal: GOAL_MS,
        note: 'connect … last byte',
      }),
      figure('hallpass credential-process, from its start to its end', 'ms', processes, {
        ...{ statistic: 'p95', goal: GOAL_MS },
        note: 'a shell and the program that carries the bytes included',
      }),
    ];
  } finally {
    await desk.close();
  }
};

const answerMs = (path: string, line: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const from = performance.now();
    const socket = createConnection(path, () => socket.write(line));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('end', () => {
      socket.end();
      if (answer.startsWith('ok\n')) resolve(performance.now() - from);
      else reject(new Error(answer));
    });
  });

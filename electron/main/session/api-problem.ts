/** Answers that are refusals, and answers that are too long: read once, checked, and turned into something the user can read. */
import type { Readable } from 'node:stream';
import type { UserError } from '../../../shared/contract/ipc';
import { Problem } from '../../../shared/contract/problem';
import { UserFacingError } from '../lifecycle/user-error';
import type { Answer } from './transport';

/** Longest answer that is read into memory. */
export const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** The service refused, and said why. */
export class ApiProblem extends UserFacingError {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(userErrorOf(problem));
    this.name = 'ApiProblem';
    this.problem = problem;
  }
}
const userErrorOf = (problem: Problem): UserError => ({
  code: problem.code,
  what: problem.title,
  safe: problem.safe ?? null,
  next: problem.next ?? null,
  detail: problem.detail ?? problem.errors?.map((error) => `${error.path}: ${error.message}`).join('; ') ?? null,
});

/** Is this the service's "no", of this kind? */
export const isProblem = (cause: unknown, ...codes: readonly Problem['code'][]): cause is ApiProblem =>
  cause instanceof ApiProblem && codes.includes(cause.problem.code);

export async function readAll(body: Readable, limitBytes = MAX_ANSWER_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > limitBytes) {
      body.destroy();
      throw new RangeError('the answer is too long');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export async function readJson(answer: Answer): Promise<unknown> {
  return JSON.parse((await readAll(answer.body)).toString('utf8'));
}

/** The problem in an answer of status 400 and above; one made up when the answer holds none. */
export async function problemIn(answer: Answer): Promise<Problem> {
  const parsed = Problem.safeParse(await readJson(answer).catch(() => null));
  if (parsed.success) return parsed.data;
  return {
    type: 'https://hallpass.example/problems/internal',
    title: `The service answered with status ${answer.status}.`,
    status: answer.status,
    code: 'internal',
  };
}

/**
 * What changes a secret where it is used: a command on the service's host, or a receiver of signed calls. The same three
 * questions to either, each of which may be asked again after a crash:
 * `propose`: a new secret, which need not be valid yet; the old one goes on working. Asked again for the same rotation: at most one proposal stands.
 * `commit`: the new one is valid and the old one is not. `check`: whether values work.
 * Not here: what is stored when (document.ts, index.ts).
 */
import { z } from 'zod';
import { cleanLine } from '../../../../shared/contract/fields';
import type { SecretSettings } from '../../../../shared/contract/secret';
import { Values } from '../../../../shared/contract/values';
import { type Target, TargetError } from '../provisioner';
import type { Caller } from '../webhook/caller';
import { hostOf } from '../webhook/transport';
import type { RunCommand } from './command';

export interface Rotator {
  propose(rotation: string, current: Values): Promise<Values>;
  commit(rotation: string, current: Values, next: Values): Promise<void>;
  check(values: Values): Promise<'works' | 'refused'>;
}
type SecretTarget = Target<SecretSettings>;

export const OPERATIONS = ['propose', 'commit', 'check'] as const;
export type Operation = (typeof OPERATIONS)[number];
const ANSWERS = {
  propose: z.object({ next: Values }),
  commit: z.object({ ok: z.literal(true) }),
  check: z.object({ state: z.enum(['works', 'refused']) }),
};
type Answer<O extends Operation> = z.infer<(typeof ANSWERS)[O]>;
const answerTo = <O extends Operation>(operation: O) => ANSWERS[operation] as unknown as z.ZodType<Answer<O>>;
type Ask = <O extends Operation>(operation: O, body: object) => Promise<Answer<O>>;

/** Null when nobody changes it. */
export function rotatorOf(
  target: SecretTarget,
  key: string | null,
  deps: { readonly caller: Caller; readonly run: RunCommand },
): Rotator | null {
  const { rotation } = target.settings;
  const resource = { id: target.resourceId, name: target.resourceName };
  switch (rotation.by) {
    case 'nobody':
      return null;
    case 'command':
      return asRotator(resource, async (operation, body) => {
        const { status, output } = await deps.run(rotation.file, operation, JSON.stringify(body));
        return read(rotation.file, operation, status, output, body);
      });
    case 'webhook': {
      if (key === null)
        throw new TargetError(
          'refused',
          `The key for ${hostOf(rotation)} is missing: add HALLPASS_ROTATION_KEY to the secret.`,
        );
      const { by: _, ...receiver } = rotation;
      return asRotator(resource, (operation, body) =>
        deps.caller.call(receiver, key, { operation: `rotate-${operation}`, body, answer: answerTo(operation) }),
      );
    }
  }
}

const asRotator = (resource: { id: string; name: string }, ask: Ask): Rotator => ({
  propose: async (rotation, current) => (await ask('propose', { resource, rotation, current })).next,
  commit: async (rotation, current, next) => void (await ask('commit', { resource, rotation, current, next })),
  check: async (values) => (await ask('check', { resource, values })).state,
});

/** By convention of sysexits.h: try again later. */
const EX_TEMPFAIL = 75;
const MAX_ERROR_CHARS = 200;
function read<O extends Operation>(
  file: string,
  operation: O,
  status: number,
  output: string,
  body: object,
): Answer<O> {
  const said = parsed(output);
  if (status === 0) {
    const answer = answerTo(operation).safeParse(said);
    if (answer.success) return answer.data;
    throw new TargetError('refused', `The answer of ${file} to “${operation}” is not as agreed.`);
  }
  const told = z.object({ error: z.string().max(2_000) }).safeParse(said);
  const words = told.success ? `: ${withoutSecrets(told.data.error, body)}` : '';
  const kind = status === EX_TEMPFAIL ? 'unreachable' : 'refused';
  throw new TargetError(kind, `${file} could not ${operation} (exit ${status})${words}`);
}

/** An error's words may repeat what the program was given. */
function withoutSecrets(text: string, body: object): string {
  let clean = text;
  for (const group of Object.values(body))
    for (const value of typeof group === 'object' && group !== null ? Object.values(group) : [])
      if (typeof value === 'string' && value.length >= 4 && group !== (body as { resource?: object }).resource)
        clean = clean.replaceAll(value, '…');
  return cleanLine(clean).slice(0, MAX_ERROR_CHARS);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Checks the signed decisions inside exported entries against the keys of the devices that the file names. */
import { z } from 'zod';
import type { ExportEntry } from '../contract/audit';
import { SignedDecision } from '../contract/requests';
import type { Findings } from './export-findings';
import { verifyDecision } from './statements';

const DECISION_TYPE = 'decision.recorded';
const MaybeSigned = z.object({ statement: z.unknown(), signature: z.string() });

export interface DecisionTally {
  valid: number;
  invalid: number;
  /** Signed by a device whose key the file does not carry, or pruned. */
  unchecked: number;
}

/** Statement and signature stand in the entry's data, or one level down. Undefined: there is none. */
function signedPart(data: Readonly<Record<string, unknown>>): { statement: unknown; signature: string } | undefined {
  for (const candidate of [data, ...Object.values(data)]) {
    const found = MaybeSigned.safeParse(candidate);
    if (found.success && found.data.statement !== undefined) return found.data;
  }
  return undefined;
}

function parseStatement(statement: unknown): unknown {
  if (typeof statement !== 'string') return statement;
  try {
    return JSON.parse(statement);
  } catch {
    return undefined;
  }
}

/** Counts the entry's decision, if it is or holds one, and adds a finding when its signature does not hold. */
export function checkDecision(
  entry: ExportEntry,
  line: number,
  devices: Readonly<Record<string, string>>,
  tally: DecisionTally,
  findings: Findings,
): void {
  if (entry.body === null) {
    if (entry.type === DECISION_TYPE) tally.unchecked++;
    return;
  }
  const part = signedPart(entry.body.data);
  if (part === undefined && entry.type !== DECISION_TYPE) return;
  const wrong = (why: string) => {
    tally.invalid++;
    findings.add('decision-invalid', entry.index, line, `Entry ${entry.index} holds a decision ${why}.`);
  };
  if (part === undefined) {
    wrong('without a signature of the device it was given on');
    return;
  }
  const signed = SignedDecision.safeParse({ statement: parseStatement(part.statement), signature: part.signature });
  if (!signed.success) {
    wrong('whose signed statement is not well formed');
    return;
  }
  const { statement } = signed.data;
  const { subject } = entry.body;
  if (subject.kind === 'request' && subject.id !== statement.requestId) {
    wrong('that was signed for another request');
    return;
  }
  const key = devices[statement.deviceId];
  if (key === undefined) {
    tally.unchecked++;
    return;
  }
  if (verifyDecision(key, signed.data)) tally.valid++;
  else wrong(`that device ${statement.deviceId} did not sign`);
}

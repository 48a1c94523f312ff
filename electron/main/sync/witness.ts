/**
 * Every desktop is a witness: it keeps the last checkpoint of the audit log it saw, and believes a newer one only with a
 * proof that the log merely grew. A log that can't prove it is `broken`, and stays so, also over restarts, until somebody looks.
 */

import type { AuditEntry, AuditPage, Checkpoint, ProofState } from '../../../shared/contract/audit';
import { fromHex, toHex } from '../../../shared/crypto/bytes';
import { leafFault } from '../../../shared/crypto/leaf';
import { verifyConsistency, verifyInclusion } from '../../../shared/crypto/merkle';
import { openCheckpoint, parseVerifierKey } from '../../../shared/crypto/note';
import type { Log } from '../lifecycle/log';
import type { CallApi } from '../session/api-client';
import { ApiProblem } from '../session/api-problem';
import { ServiceAway } from '../session/transport';
import type { WitnessMemory } from './memory';

export interface WitnessState {
  readonly size: number;
  readonly state: 'verified' | 'checking' | 'broken' | 'unknown';
  readonly detail: string | null;
}
export interface Witness {
  /** Which key signs this log. The first one seen is kept; another one later is a break. */
  trust(logKey: string): void;
  /** Fetches the newest checkpoint and checks it against the last one. Never throws. */
  check(): Promise<void>;
  state(): WitnessState;
  prove(indexes: readonly number[]): Promise<{ index: number; state: ProofState; detail: string | null }[]>;
}
type Audit = Pick<{ callApi: CallApi }, 'callApi'>;
const PAGE = 500;
const MAX_PAGES = 20;

export function createWitness(
  deps: Audit & {
    memory: { get(): WitnessMemory | null; set(memory: WitnessMemory): void };
    onChange: (state: WitnessState) => void;
    log: Log;
  },
): Witness {
  const { callApi, memory } = deps;
  let key: string | null = null;
  let phase: 'checking' | 'verified' | 'unknown' = 'unknown';
  let detail: string | null = null;
  let running: Promise<void> | null = null;

  const state = (): WitnessState => {
    const known = memory.get();
    if (known?.broken) return { size: known.size, state: 'broken', detail: known.broken };
    return { size: known?.size ?? 0, state: phase, detail };
  };
  const become = (next: typeof phase, why: string | null = null) => {
    if (phase === next && detail === why) return;
    phase = next;
    detail = why;
    deps.onChange(state());
  };
  const breakIt = (why: string) => {
    const known = memory.get();
    deps.log('error', 'the audit log failed its proof', { why, size: known?.size ?? 0 });
    memory.set({
      logKey: known?.logKey ?? key ?? '',
      size: known?.size ?? 0,
      rootHash: known?.rootHash ?? '0'.repeat(64),
      broken: why,
    });
    deps.onChange(state());
  };

  /** Null when the note is not a checkpoint of this log, signed by its key, saying what the answer says. */
  function signedBy(checkpoint: Checkpoint): { size: number; rootHash: string } | null {
    const parsed = parseVerifierKey(memory.get()?.logKey ?? key ?? '');
    const said = parsed === undefined ? undefined : openCheckpoint(checkpoint.note, parsed);
    if (said === undefined || said.size !== checkpoint.size || toHex(said.rootHash) !== checkpoint.rootHash)
      return null;
    return { size: said.size, rootHash: checkpoint.rootHash };
  }

  async function compare(): Promise<void> {
    const checkpoint = await callApi('audit.checkpoint');
    const next = signedBy(checkpoint);
    if (next === null) return breakIt(`The checkpoint for ${checkpoint.size} entries is not signed by the log’s key.`);
    const last = memory.get();
    if (last === null) {
      memory.set({ logKey: key ?? '', ...next, broken: null });
      return become('verified');
    }
    if (next.size < last.size) return breakIt(`The log has ${next.size} entries; it had ${last.size}.`);
    if (next.size === last.size && next.rootHash !== last.rootHash)
      return breakIt(`Two different logs of ${next.size} entries were shown.`);
    if (next.size > last.size && last.size > 0) {
      const proof = await callApi('audit.consistency', { query: { from: last.size, to: next.size } });
      const path = proof.path.map(fromHex);
      if (
        proof.from !== last.size ||
        proof.to !== next.size ||
        !verifyConsistency(last.size, next.size, fromHex(last.rootHash), fromHex(next.rootHash), path)
      )
        return breakIt(`The log could not prove that it only grew from ${last.size} to ${next.size} entries.`);
    }
    if (next.size !== last.size) memory.set({ ...last, ...next });
    become('verified');
    if (next.size !== last.size) deps.onChange(state());
  }

  async function check(): Promise<void> {
    if (key === null || memory.get()?.broken) return;
    if (phase !== 'verified') become('checking');
    try {
      await compare();
    } catch (cause) {
      if (cause instanceof ServiceAway || cause instanceof ApiProblem)
        become('unknown', cause.message); // not asked is not broken
      else breakIt('The log answered something that is no checkpoint or proof.');
    }
  }
  const checkOnce = (): Promise<void> => {
    running ??= check().finally(() => {
      running = null;
    });
    return running;
  };

  async function entriesOf(indexes: readonly number[]): Promise<Map<number, AuditEntry>> {
    const wanted = new Set(indexes);
    const found = new Map<number, AuditEntry>();
    let before: number | null = Math.max(...indexes) + 1;
    for (let page = 0; before !== null && page < MAX_PAGES && found.size < wanted.size; page++) {
      const answer: AuditPage = await callApi('audit.entries', { query: { before, limit: PAGE } });
      for (const entry of answer.entries) if (wanted.has(entry.index)) found.set(entry.index, entry);
      before = answer.nextBefore !== null && answer.nextBefore > Math.min(...indexes) ? answer.nextBefore : null;
    }
    return found;
  }
  async function proveOne(index: number, entry: AuditEntry | undefined, tree: WitnessMemory) {
    const say = (proof: ProofState, why: string | null = null) => ({ index, state: proof, detail: why });
    if (index >= tree.size) return say('pending', 'It comes with the next checkpoint.');
    if (entry === undefined) return say('pending', 'It is not among the entries you may see.');
    if (leafFault(entry) !== undefined) return say('failed', 'Its content does not fit its hash.');
    const proof = await callApi('audit.inclusion', { query: { index, size: tree.size } });
    const fits =
      proof.index === index &&
      proof.size === tree.size &&
      verifyInclusion(fromHex(entry.leafHash), index, tree.size, proof.path.map(fromHex), fromHex(tree.rootHash));
    return fits ? say('proven') : say('failed', 'The log could not prove that it holds this entry.');
  }

  return {
    state,
    check: checkOnce,
    trust(logKey) {
      key = logKey;
      const known = memory.get();
      if (known !== null && known.logKey !== logKey && known.broken === null)
        breakIt('The log is signed by another key than before.');
    },
    async prove(indexes) {
      if (indexes.length === 0) return [];
      if (Math.max(...indexes) >= (memory.get()?.size ?? 0)) await checkOnce();
      const tree = memory.get();
      if (tree === null || tree.broken !== null)
        return indexes.map((index) => ({
          index,
          state: tree === null ? 'pending' : 'failed',
          detail: tree?.broken ?? 'No checkpoint yet.',
        }));
      const entries = await entriesOf(indexes);
      const answers = [];
      for (const index of indexes) answers.push(await proveOne(index, entries.get(index), tree));
      return answers;
    },
  };
}

import { describe, expect, test } from 'vitest';
import { systemRandom } from '../../../electron/main/lifecycle/system';
import { ServiceAway } from '../../../electron/main/session/transport';
import { createCache } from '../../../electron/main/sync/cache';
import type { WitnessMemory } from '../../../electron/main/sync/memory';
import { createSseParser, type SseMessage } from '../../../electron/main/sync/sse';
import { createWitness } from '../../../electron/main/sync/witness';
import { createConsentSurface } from '../../../electron/main/windows/consent-surface';
import type { ConsentState } from '../../../shared/contract/ipc';
import type { CardFacts } from '../../../shared/contract/requests';
import { toHex, utf8 } from '../../../shared/crypto/bytes';
import { newSigningKeys } from '../../../shared/crypto/keys';
import { consistencyPath, leafHash, rootFromLeaves } from '../../../shared/crypto/merkle';
import { signCheckpoint, verifierKey } from '../../../shared/crypto/note';
import { grant, ME, request, requestId } from './fixtures';

describe('event text', () => {
  test('comes out the same wherever it is cut', () => {
    const text = ': hi\r\nevent: hello\r\ndata: {"a":1}\r\n\r\nid: 7\nevent: x\ndata: 1\ndata: 2\n\n\n';
    for (let cut = 0; cut <= text.length; cut++) {
      const got: SseMessage[] = [];
      const feed = createSseParser((message) => got.push(message));
      feed(text.slice(0, cut));
      feed(text.slice(cut));
      expect(got, `cut at ${cut}`).toEqual([
        { id: null, event: 'hello', data: '{"a":1}' },
        { id: '7', event: 'x', data: '1\n2' },
      ]);
    }
  });
});

describe('the cache', () => {
  const event = (type: string, data: object) => ({ seq: 1, type, at: 1, subject: 'x', data }) as never;
  test('what waits for me comes and goes with events', () => {
    const cache = createCache();
    expect(cache.apply(event('request.submitted', { request: request() }), ME)).toBe(true);
    expect(cache.inbox()).toMatchObject([{ can: { decide: true } }]);
    cache.apply(event('request.withdrawn', { request: request({ state: 'withdrawn' }) }), ME);
    expect(cache.inbox()).toEqual([]);
    expect(cache.apply(event('grant.activated', { grant: grant() }), 'somebody else')).toBe(false);
    cache.apply(event('grant.activated', { grant: grant() }), ME);
    expect(cache.grants()).toMatchObject([{ can: { extend: true, end: true } }]);
  });
});

describe('the witness', () => {
  const keys = newSigningKeys(systemRandom);
  const signer = { name: 'hallpass.example/log', ...keys };
  const key = verifierKey(signer);
  const leaves = (count: number, salt = '') =>
    Array.from({ length: count }, (_, i) => leafHash(utf8(`${i < 3 ? '' : salt}${i}`)));
  const checkpoint = (list: Uint8Array[]) => {
    const root = rootFromLeaves(list);
    return { size: list.length, rootHash: toHex(root), note: signCheckpoint(list.length, root, signer), at: 1 };
  };
  const nodeOf = (list: Uint8Array[]) => (level: number, index: number) =>
    rootFromLeaves(list.slice(index * 2 ** level, (index + 1) * 2 ** level));
  function bench() {
    let log = leaves(5);
    let away = false;
    let memory: WitnessMemory | null = null;
    const witness = createWitness({
      memory: {
        get: () => memory,
        set: (next) => {
          memory = next;
        },
      },
      onChange: () => {},
      log: () => {},
      callApi: (async (name: string, options: { query: { from: number; to: number } }) => {
        if (away) throw new ServiceAway('unreachable', 'away');
        if (name === 'audit.checkpoint') return checkpoint(log);
        const { from, to } = options.query;
        return {
          from,
          to,
          path: (await consistencyPath(from, to, nodeOf(log))).map(toHex),
          checkpoint: checkpoint(log),
        };
      }) as never,
    });
    witness.trust(key);
    return {
      witness,
      grow: (next: Uint8Array[]) => {
        log = next;
      },
      leave: () => {
        away = true;
      },
    };
  }

  test('believes a log that only grew', async () => {
    const { witness, grow } = bench();
    await witness.check();
    grow(leaves(9));
    await witness.check();
    expect(witness.state()).toMatchObject({ size: 9, state: 'verified' });
  });
  test.each([
    ['a rewritten entry', leaves(9, 'forged ')],
    ['a shorter log', leaves(4)],
    ['another log of the same size', leaves(5, 'forged ')],
  ])('%s breaks it, for good', async (_name, forged) => {
    const { witness, grow } = bench();
    await witness.check();
    grow(forged);
    await witness.check();
    expect(witness.state().state).toBe('broken');
    grow(leaves(9));
    await witness.check();
    expect(witness.state().state).toBe('broken');
  });
  test('another key breaks it; a service that is away does not', async () => {
    const { witness, leave } = bench();
    await witness.check();
    leave();
    await witness.check();
    expect(witness.state().state).toBe('unknown');
    witness.trust(verifierKey({ name: signer.name, publicKey: newSigningKeys(systemRandom).publicKey }));
    expect(witness.state().state).toBe('broken');
  });
});

describe('the card', () => {
  function bench(refusal: null | { code: string; what: string; safe: null; next: null; detail: null } = null) {
    const states: ConsentState[] = [];
    const sent: unknown[] = [];
    let arm = () => {};
    const facts = {
      request: { ...request(), can: { decide: true, withdraw: false } },
      durations: [900_000, 1_800_000],
    } as unknown as CardFacts;
    const surface = createConsentSurface(
      'pane',
      {
        facts: async () => facts,
        seen: async () => {},
        decide: async (_facts, choice) => {
          sent.push(choice);
          return request({ state: 'approved', waitingFor: [] });
        },
        identity: () => ({ seal: '', deviceName: 'd', fingerprint: 'f' }),
        refusal: () => refusal,
        theme: () => 'light',
        after: (_ms, callback) => {
          arm = callback;
          return () => {};
        },
        done: () => {},
      },
      (state) => states.push(state),
    );
    return { surface, states, sent, arm: () => arm() };
  }
  const approve = { decision: 'approve', requestDigest: 'a'.repeat(64), ttlMs: 1_800_000, reason: '' } as const;

  test('decides only once it was armed, on what was shown, for a length that was offered', async () => {
    const { surface, sent, arm } = bench();
    await surface.show(requestId(1));
    expect(await surface.decide(approve)).toMatchObject({ kind: 'error', error: { code: 'not-armed' } });
    await surface.show(requestId(1));
    arm();
    expect(await surface.decide({ ...approve, requestDigest: 'b'.repeat(64) })).toMatchObject({
      kind: 'error',
      error: { code: 'request-changed' },
    });
    await surface.show(requestId(1));
    arm();
    expect(await surface.decide({ ...approve, ttlMs: 7_200_000 })).toMatchObject({
      kind: 'error',
      error: { code: 'bad-duration' },
    });
    await surface.show(requestId(1));
    arm();
    expect(await surface.decide(approve)).toMatchObject({ kind: 'done', outcome: 'approved' });
    expect(await surface.decide(approve)).toMatchObject({ kind: 'error' });
    expect(sent).toEqual([{ decision: 'approve', ttlMs: 1_800_000, reason: '', via: 'card' }]);
  });
  test('a start that refuses decisions sends none', async () => {
    const { surface, sent, arm } = bench({ code: 'debugger', what: 'no', safe: null, next: null, detail: null });
    await surface.show(requestId(1));
    arm();
    expect(await surface.decide(approve)).toMatchObject({ kind: 'error', error: { code: 'debugger' } });
    expect(sent).toEqual([]);
  });
  test('one handled elsewhere says so', async () => {
    const { surface } = bench();
    await surface.show(requestId(1));
    surface.refresh(request({ state: 'withdrawn', waitingFor: [] }));
    expect(surface.state()).toMatchObject({ kind: 'done', outcome: 'gone' });
  });
});

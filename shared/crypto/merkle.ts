/**
 * The Merkle tree of RFC 6962 / RFC 9162 section 2.1: pure, over a getter of stored nodes or over proofs alone.
 * Only complete subtrees are stored (`level` 0 are leaf hashes); the ragged right edge is folded when it is needed,
 * so a stored node never changes. Sizes are plain numbers: safe up to 2^53, hence no bit operators on them.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes } from './bytes';

const LEAF_PREFIX = Uint8Array.of(0);
const NODE_PREFIX = Uint8Array.of(1);
/** No honest proof is longer: one hash per level, 2^53 leaves. */
export const MAX_PROOF_HASHES = 53;
const HASH_BYTES = 32;

/** SHA-256(0x00 ‖ data). */
export const leafHash = (data: Uint8Array): Uint8Array => sha256(concatBytes(LEAF_PREFIX, data));
/** SHA-256(0x01 ‖ left ‖ right). */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(concatBytes(NODE_PREFIX, left, right));
/** The root of no leaves: SHA-256 of nothing. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array());

/** The stored hash of the complete subtree number `index` of 2^level leaves. */
export type NodeGetter = (level: number, index: number) => Uint8Array | Promise<Uint8Array>;
export interface NodeAddress {
  readonly level: number;
  readonly index: number;
}

const isSize = (n: number) => Number.isSafeInteger(n) && n >= 0;
function assertSize(name: string, n: number): void {
  if (!isSize(n)) throw new RangeError(`"${name}" expected a whole number of leaves, got ${n}`);
}
const isOdd = (n: number) => n % 2 === 1;
const half = (n: number) => Math.floor(n / 2);

/** The complete subtrees that make up a tree of `size` leaves, largest (leftmost) first. */
export function frontierOf(size: number): NodeAddress[] {
  assertSize('size', size);
  const nodes: NodeAddress[] = [];
  for (let level = 0, rest = size; rest > 0; level++, rest = half(rest))
    if (isOdd(rest)) nodes.unshift({ level, index: rest - 1 });
  return nodes;
}

/**
 * A tree that only grows, holding one hash per level. `append` tells which complete subtrees came into being, so that a
 * store can keep exactly those.
 */
export class Frontier {
  /** Index = level; a hash where the subtree of that level is open on the right edge. */
  #open: (Uint8Array | undefined)[] = [];
  #size = 0;

  /** Continues from a tree of `size` leaves; `hashes` are those of `frontierOf(size)`, in that order. */
  static from(size: number, hashes: readonly Uint8Array[]): Frontier {
    const addresses = frontierOf(size);
    if (addresses.length !== hashes.length)
      throw new RangeError(`"hashes" expected ${addresses.length} hashes for ${size} leaves, got ${hashes.length}`);
    const frontier = new Frontier();
    frontier.#size = size;
    addresses.forEach(({ level }, i) => {
      frontier.#open[level] = hashes[i];
    });
    return frontier;
  }
  get size(): number {
    return this.#size;
  }
  clone(): Frontier {
    const copy = new Frontier();
    copy.#open = [...this.#open];
    copy.#size = this.#size;
    return copy;
  }
  append(leaf: Uint8Array): (NodeAddress & { readonly hash: Uint8Array })[] {
    let hash = leaf;
    let level = 0;
    let index = this.#size;
    const made = [{ level, index, hash }];
    while (isOdd(index)) {
      const left = this.#open[level];
      if (left === undefined) throw new Error('frontier: a left sibling is missing');
      this.#open[level] = undefined;
      hash = nodeHash(left, hash);
      level++;
      index = half(index);
      made.push({ level, index, hash });
    }
    this.#open[level] = hash;
    this.#size++;
    return made;
  }
  root(): Uint8Array {
    let root: Uint8Array | undefined;
    for (const hash of this.#open) if (hash !== undefined) root = root === undefined ? hash : nodeHash(hash, root);
    return root ?? emptyRoot();
  }
}

/** The Merkle tree head over leaf hashes (not leaf data). */
export function rootFromLeaves(leafHashes: Iterable<Uint8Array>): Uint8Array {
  const frontier = new Frontier();
  for (const hash of leafHashes) frontier.append(hash);
  return frontier.root();
}

/** The hash over leaves [start, end), folded from complete subtrees. `start` is aligned as RFC 9162 splits it. */
async function rangeHash(start: number, end: number, node: NodeGetter): Promise<Uint8Array> {
  const parts: NodeAddress[] = [];
  let at = start;
  while (at < end) {
    let level = 0;
    let span = 1;
    while (at % (span * 2) === 0 && at + span * 2 <= end) {
      span *= 2;
      level++;
    }
    parts.push({ level, index: at / span });
    at += span;
  }
  let hash: Uint8Array | undefined;
  for (const { level, index } of parts.reverse()) {
    const left = await node(level, index);
    hash = hash === undefined ? left : nodeHash(left, hash);
  }
  if (hash === undefined) return emptyRoot();
  return hash;
}

/** The largest power of two smaller than `n` (n > 1). */
function splitPoint(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** The root of the first `size` leaves. */
export async function rootAt(size: number, node: NodeGetter): Promise<Uint8Array> {
  assertSize('size', size);
  return rangeHash(0, size, node);
}

/** PATH(m, D[n]) of RFC 9162 section 2.1.3.1, nearest sibling first. */
export async function inclusionPath(index: number, size: number, node: NodeGetter): Promise<Uint8Array[]> {
  assertSize('size', size);
  if (!isSize(index) || index >= size) throw new RangeError(`"index" expected 0..${size - 1}, got ${index}`);
  const path: Uint8Array[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      path.push(await rangeHash(middle, end, node));
      end = middle;
    } else {
      path.push(await rangeHash(start, middle, node));
      start = middle;
    }
  }
  return path.reverse();
}

/** PROOF(m, D[n]) of RFC 9162 section 2.1.4.1. Empty when `from` is 0 or `to`. */
export async function consistencyPath(from: number, to: number, node: NodeGetter): Promise<Uint8Array[]> {
  assertSize('from', from);
  assertSize('to', to);
  if (from > to) throw new RangeError(`"from" expected at most ${to}, got ${from}`);
  if (from === 0 || from === to) return [];
  const path: Uint8Array[] = [];
  let start = 0;
  let end = to;
  let wholeOfOld = true;
  while (from !== end) {
    const middle = start + splitPoint(end - start);
    if (from <= middle) {
      path.push(await rangeHash(middle, end, node));
      end = middle;
    } else {
      path.push(await rangeHash(start, middle, node));
      start = middle;
      wholeOfOld = false;
    }
  }
  if (!wholeOfOld) path.push(await rangeHash(start, end, node));
  return path.reverse();
}

const wellFormed = (path: readonly Uint8Array[]) =>
  path.length <= MAX_PROOF_HASHES && path.every((hash) => hash.length === HASH_BYTES);

/** RFC 9162 section 2.1.3.2. False for anything but a proof of exactly the right length; never throws. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!isSize(index) || !isSize(size) || index >= size || !wellFormed(path)) return false;
  let fn = index;
  let sn = size - 1;
  let hash = leaf;
  for (const sibling of path) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    fn = half(fn);
    sn = half(sn);
  }
  return sn === 0 && equalBytes(hash, root);
}

/** RFC 9162 section 2.1.4.2. Every tree is consistent with the empty one. Never throws. */
export function verifyConsistency(
  from: number,
  to: number,
  fromRoot: Uint8Array,
  toRoot: Uint8Array,
  path: readonly Uint8Array[],
): boolean {
  if (!isSize(from) || !isSize(to) || from > to || !wellFormed(path)) return false;
  if (from === to) return path.length === 0 && equalBytes(fromRoot, toRoot);
  if (from === 0) return path.length === 0 && equalBytes(fromRoot, emptyRoot());
  let fn = from - 1;
  let sn = to - 1;
  while (isOdd(fn)) {
    fn = half(fn);
    sn = half(sn);
  }
  // A power of two: the old root itself is the first node, and the proof leaves it out.
  const proof = fn === 0 ? [fromRoot, ...path] : [...path];
  const first = proof.shift();
  if (first === undefined) return false;
  let oldHash = first;
  let newHash = first;
  for (const sibling of proof) {
    if (sn === 0) return false;
    if (isOdd(fn) || fn === sn) {
      oldHash = nodeHash(sibling, oldHash);
      newHash = nodeHash(sibling, newHash);
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else {
      newHash = nodeHash(newHash, sibling);
    }
    fn = half(fn);
    sn = half(sn);
  }
  return sn === 0 && equalBytes(oldHash, fromRoot) && equalBytes(newHash, toRoot);
}

/** Reads the stored complete subtrees of the tree, for proofs. They never change, so what was read once may be kept. */
import type { Kysely } from 'kysely';
import { fromHex } from '../../../shared/crypto/bytes';
import { frontierOf, inclusionPath, type NodeGetter } from '../../../shared/crypto/merkle';
import type { Database } from '../store/schema';

/** Leaves per step of an export; a power of two, so that a step is one subtree of CHUNK_LEVEL. */
export const CHUNK_LEVEL = 9;
export const CHUNK_LEAVES = 2 ** CHUNK_LEVEL;

const keyOf = (level: number, index: number) => `${level}/${index}`;

/** Asks the database for each node once. Throws when one is missing: then the log is not sound, and no proof is made up. */
export function nodeReader(db: Kysely<Database>): NodeGetter {
  const known = new Map<string, Uint8Array>();
  return async (level, index) => {
    const key = keyOf(level, index);
    let hash = known.get(key);
    if (hash === undefined) {
      const row = await db
        .selectFrom('audit_nodes')
        .select('hash')
        .where('level', '=', level)
        .where('idx', '=', index)
        .executeTakeFirst();
      if (row === undefined) throw new Error(`the tree misses node ${key}`);
      hash = fromHex(row.hash);
      known.set(key, hash);
    }
    return hash;
  };
}

/**
 * Inclusion paths of many leaves in order. Within a complete chunk all leaves share the upper part of their path, which is made
 * once; the lower part are siblings that one query brings.
 */
export class PathMaker {
  readonly #shared: NodeGetter;
  constructor(
    private readonly db: Kysely<Database>,
    private readonly size: number,
  ) {
    this.#shared = nodeReader(db);
  }
  /** Paths (hex) of the leaves [from, to), which lie in one chunk. */
  async paths(from: number, to: number): Promise<string[][]> {
    const start = Math.floor(from / CHUNK_LEAVES) * CHUNK_LEAVES;
    const end = Math.min(start + CHUNK_LEAVES, this.size);
    const nodes = await this.#nodesUnder(start, end);
    const paths: string[][] = [];
    if (end - start === CHUNK_LEAVES) {
      const upper = (await inclusionPath(start, this.size, this.#getter(nodes))).slice(CHUNK_LEVEL).map(hexOf);
      for (let leaf = from; leaf < to; leaf++) paths.push([...siblings(nodes, leaf), ...upper]);
    } else {
      const getter = this.#getter(nodes);
      for (let leaf = from; leaf < to; leaf++) paths.push((await inclusionPath(leaf, this.size, getter)).map(hexOf));
    }
    return paths;
  }
  /** Nodes below chunk level within [start, end), and the ragged edge of the whole tree. */
  async #nodesUnder(start: number, end: number): Promise<Map<string, string>> {
    const nodes = new Map<string, string>();
    const rows = await this.db
      .selectFrom('audit_nodes')
      .selectAll()
      .where((e) =>
        e.or(
          Array.from({ length: CHUNK_LEVEL }, (_, level) =>
            e.and([
              e('level', '=', level),
              e('idx', '>=', Math.floor(start / 2 ** level)),
              e('idx', '<', Math.ceil(end / 2 ** level)),
            ]),
          ),
        ),
      )
      .execute();
    for (const { level, idx, hash } of rows) nodes.set(keyOf(level, idx), hash);
    for (const { level, index } of frontierOf(this.size))
      nodes.set(keyOf(level, index), hexOf(await this.#shared(level, index)));
    return nodes;
  }
  #getter(nodes: ReadonlyMap<string, string>): NodeGetter {
    return (level, index) => {
      const hash = nodes.get(keyOf(level, index));
      return hash === undefined ? this.#shared(level, index) : fromHex(hash);
    };
  }
}

function siblings(nodes: ReadonlyMap<string, string>, leaf: number): string[] {
  const path: string[] = [];
  let index = leaf;
  for (let level = 0; level < CHUNK_LEVEL; level++) {
    const sibling = index % 2 === 0 ? index + 1 : index - 1;
    const hash = nodes.get(keyOf(level, sibling));
    if (hash === undefined) throw new Error(`the tree misses node ${keyOf(level, sibling)}`);
    path.push(hash);
    index = Math.floor(index / 2);
  }
  return path;
}
const hexOf = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');

/**
 * The tree of eight leaves that Certificate Transparency implementations check themselves with
 * (certificate-transparency, trillian and transparency-dev/merkle carry the same inputs, roots and paths).
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../shared/crypto/bytes';
import {
  consistencyPath,
  emptyRoot,
  Frontier,
  frontierOf,
  inclusionPath,
  leafHash,
  nodeHash,
  rootAt,
  rootFromLeaves,
  verifyConsistency,
  verifyInclusion,
} from '../../../shared/crypto/merkle';

const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
/** 0-based leaf, tree size, path. */
const INCLUSION: [number, number, string[]][] = [
  [
    0,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    5,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    1,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];
const CONSISTENCY: [number, number, string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];

const leaves = INPUTS.map((hex) => leafHash(fromHex(hex)));
/** A store of complete subtrees only, as the service keeps it. */
function nodesOf(hashes: readonly Uint8Array[]) {
  const nodes = new Map<string, Uint8Array>();
  const frontier = new Frontier();
  for (const hash of hashes)
    for (const node of frontier.append(hash)) nodes.set(`${node.level}/${node.index}`, node.hash);
  return (level: number, index: number) => {
    const hash = nodes.get(`${level}/${index}`);
    if (hash === undefined) throw new Error(`asked for an incomplete subtree ${level}/${index}`);
    return hash;
  };
}
const manyLeaves = (count: number) => Array.from({ length: count }, (_, i) => leafHash(Uint8Array.of(i & 255, i >> 8)));

describe('the reference tree', () => {
  test('an empty tree has the hash of nothing', () => {
    expect(toHex(emptyRoot())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(toHex(rootFromLeaves([]))).toBe(toHex(emptyRoot()));
  });
  test.each(ROOTS.map((root, i) => [i + 1, root] as const))('the root of the first %i leaves', async (size, root) => {
    expect(toHex(rootFromLeaves(leaves.slice(0, size)))).toBe(root);
    expect(toHex(await rootAt(size, nodesOf(leaves)))).toBe(root);
  });
  test.each(INCLUSION)('the path of leaf %i in a tree of %i', async (index, size, path) => {
    expect((await inclusionPath(index, size, nodesOf(leaves))).map(toHex)).toEqual(path);
    expect(
      verifyInclusion(leaves[index] as Uint8Array, index, size, path.map(fromHex), fromHex(ROOTS[size - 1] as string)),
    ).toBe(true);
  });
  test.each(CONSISTENCY)('the proof that %i grew to %i', async (from, to, path) => {
    expect((await consistencyPath(from, to, nodesOf(leaves))).map(toHex)).toEqual(path);
    const [fromRoot, toRoot] = [fromHex(ROOTS[from - 1] as string), fromHex(ROOTS[to - 1] as string)];
    expect(verifyConsistency(from, to, fromRoot, toRoot, path.map(fromHex))).toBe(true);
  });
});

describe('proofs that must not hold', () => {
  const root = fromHex(ROOTS[7] as string);
  const [index, size, hexPath] = INCLUSION[1] as (typeof INCLUSION)[number];
  const path = hexPath.map(fromHex);
  const leaf = leaves[index] as Uint8Array;
  const flipped = (hash: Uint8Array) => Uint8Array.from(hash, (byte, i) => (i === 7 ? byte ^ 1 : byte));

  test('another leaf, index, size or root', () => {
    expect(verifyInclusion(leaf, index, size, path, root)).toBe(true);
    expect(verifyInclusion(flipped(leaf), index, size, path, root)).toBe(false);
    expect(verifyInclusion(leaf, index, size, path, flipped(root))).toBe(false);
    for (let other = 0; other < 9; other++)
      if (other !== index) expect(verifyInclusion(leaf, other, size, path, root)).toBe(false);
    for (const other of [0, 5, 6, 9, 16]) expect(verifyInclusion(leaf, index, other, path, root)).toBe(false);
  });
  test('a forged, cut, lengthened, swapped or misshapen path', () => {
    for (let i = 0; i < path.length; i++)
      expect(verifyInclusion(leaf, index, size, path.with(i, flipped(path[i] as Uint8Array)), root)).toBe(false);
    expect(verifyInclusion(leaf, index, size, path.slice(0, -1), root)).toBe(false);
    expect(verifyInclusion(leaf, index, size, [...path, root], root)).toBe(false);
    expect(verifyInclusion(leaf, index, size, [path[1], path[0], path[2]] as Uint8Array[], root)).toBe(false);
    expect(verifyInclusion(leaf, index, size, path.with(0, new Uint8Array(31)), root)).toBe(false);
    expect(
      verifyInclusion(
        leaf,
        index,
        size,
        Array.from({ length: 60 }, () => root),
        root,
      ),
    ).toBe(false);
  });
  test('numbers that are no sizes', () => {
    for (const bad of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(verifyInclusion(leaf, bad, size, path, root)).toBe(false);
      expect(verifyInclusion(leaf, index, bad, path, root)).toBe(false);
      expect(verifyConsistency(bad, 8, root, root, [])).toBe(false);
      expect(verifyConsistency(1, bad, root, root, [])).toBe(false);
    }
  });
  test('a log that shrank, or a proof where none belongs', () => {
    expect(verifyConsistency(8, 6, root, fromHex(ROOTS[5] as string), [])).toBe(false);
    expect(verifyConsistency(8, 8, root, root, [root])).toBe(false);
    expect(verifyConsistency(8, 8, root, flipped(root), [])).toBe(false);
    expect(verifyConsistency(0, 8, emptyRoot(), root, [])).toBe(true);
    expect(verifyConsistency(0, 8, root, root, [])).toBe(false);
    expect(verifyConsistency(6, 8, fromHex(ROOTS[5] as string), root, [])).toBe(false);
  });
  test('asking for a proof outside the tree throws', async () => {
    await expect(inclusionPath(8, 8, nodesOf(leaves))).rejects.toThrow(RangeError);
    await expect(inclusionPath(-1, 8, nodesOf(leaves))).rejects.toThrow(RangeError);
    await expect(consistencyPath(9, 8, nodesOf(leaves))).rejects.toThrow(RangeError);
  });
});

describe('for any tree', () => {
  const recursiveRoot = (hashes: readonly Uint8Array[]): Uint8Array => {
    if (hashes.length === 1) return hashes[0] as Uint8Array;
    let k = 1;
    while (k * 2 < hashes.length) k *= 2;
    return nodeHash(recursiveRoot(hashes.slice(0, k)), recursiveRoot(hashes.slice(k)));
  };
  const sized = fc.integer({ min: 1, max: 300 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      index: fc.integer({ min: 0, max: size - 1 }),
      from: fc.integer({ min: 0, max: size }),
    }),
  );
  test('the root is the one of the recursive definition', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (size) => {
        const hashes = manyLeaves(size);
        expect(toHex(rootFromLeaves(hashes))).toBe(toHex(recursiveRoot(hashes)));
      }),
    );
  });
  test('a frontier can be put down and taken up again anywhere', () => {
    fc.assert(
      fc.property(sized, ({ size, from }) => {
        const hashes = manyLeaves(size);
        const node = nodesOf(hashes);
        const resumed = Frontier.from(
          from,
          frontierOf(from).map(({ level, index }) => node(level, index)),
        );
        for (const hash of hashes.slice(from)) resumed.append(hash);
        expect(toHex(resumed.root())).toBe(toHex(rootFromLeaves(hashes)));
      }),
    );
  });
  test('every inclusion proof holds, and only for its own leaf and index', async () => {
    await fc.assert(
      fc.asyncProperty(sized, fc.integer({ min: 0, max: 299 }), async ({ size, index }, other) => {
        const hashes = manyLeaves(size);
        const root = rootFromLeaves(hashes);
        const path = await inclusionPath(index, size, nodesOf(hashes));
        expect(verifyInclusion(hashes[index] as Uint8Array, index, size, path, root)).toBe(true);
        if (other !== index) expect(verifyInclusion(hashes[index] as Uint8Array, other, size, path, root)).toBe(false);
        expect(verifyInclusion(leafHash(Uint8Array.of(1, 2, 3)), index, size, path, root)).toBe(false);
      }),
    );
  });
  test('every consistency proof holds, and none for a log with another past', async () => {
    await fc.assert(
      fc.asyncProperty(sized, fc.nat(), async ({ size, from }, pick) => {
        const hashes = manyLeaves(size);
        const [fromRoot, toRoot] = [rootFromLeaves(hashes.slice(0, from)), rootFromLeaves(hashes)];
        const path = await consistencyPath(from, size, nodesOf(hashes));
        expect(verifyConsistency(from, size, fromRoot, toRoot, path)).toBe(true);
        if (from === 0) return;
        const forged = hashes.with(pick % from, leafHash(Uint8Array.of(9)));
        const forgedPath = await consistencyPath(from, size, nodesOf(forged));
        expect(verifyConsistency(from, size, fromRoot, rootFromLeaves(forged), forgedPath)).toBe(false);
        expect(verifyConsistency(from, size, fromRoot, rootFromLeaves(forged), path)).toBe(false);
      }),
    );
  });
});

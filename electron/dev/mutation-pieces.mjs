/**
 * What mutation testing works on, in pieces: each with the quick tests whose facts are about it. Slow tests (real servers, the
 * simulator) find much of the same and would take days here; they are left out.
 */

/**
 * @typedef {object} Piece
 * @property {string} name
 * @property {readonly string[]} mutate files whose code is broken on purpose
 * @property {readonly string[]} tests files that have to notice
 */

const leases = 'electron/service/leases';
const injection = 'electron/main/injection';

/** @type {readonly Piece[]} */
export const PIECES = [
  {
    name: 'machines',
    mutate: ['electron/service/access/grant.ts', 'electron/service/access/request.ts'],
    tests: ['test/unit/access/machines.test.ts', 'test/unit/access/{grant,request}-answers.test.ts'],
  },
  {
    name: 'files',
    mutate: [`${injection}/deadline.ts`, `${injection}/marked-blocks.ts`, `${injection}/file-surgery.ts`],
    tests: ['test/unit/injection/{deadline,marked-blocks,block-damage,file-surgery}.test.ts'],
  },
  {
    name: 'leases',
    mutate: [`${leases}/*.ts`],
    tests: ['test/unit/leases/*.test.ts'],
  },
];

/**
 * The piece that a run is about, from the environment: the configuration of Vitest is read by Stryker's own processes.
 * @param {string | undefined} name
 * @returns {Piece}
 */
export function pieceNamed(name) {
  const piece = PIECES.find((one) => one.name === name);
  if (!piece) throw new Error(`HALLPASS_MUTATION_PIECE has to be one of: ${PIECES.map((one) => one.name).join(', ')}`);
  return piece;
}

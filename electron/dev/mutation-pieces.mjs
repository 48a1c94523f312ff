/**
 * What mutation testing works on, in pieces: each with the quick tests whose facts are about it. Slow tests (real servers, the
 * simulator) find much of the same and would take days here; they are left out, so a piece's score is what its quick tests find.
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
    tests: [
      'test/unit/access/machines.test.ts',
      'test/unit/access/grant-answers.test.ts',
      'test/unit/access/request-answers.test.ts',
    ],
  },
  {
    name: 'surgery',
    mutate: [`${injection}/deadline.ts`, `${injection}/file-surgery.ts`],
    tests: ['test/unit/injection/deadline.test.ts', 'test/unit/injection/file-surgery.test.ts'],
  },
  {
    name: 'blocks',
    mutate: [`${injection}/marked-blocks.ts`],
    tests: ['test/unit/injection/marked-blocks.test.ts', 'test/unit/injection/block-damage.test.ts'],
  },
  {
    name: 'limits',
    mutate: [
      `${leases}/backoff.ts`,
      `${leases}/batch.ts`,
      `${leases}/deps.ts`,
      `${leases}/gate.ts`,
      `${leases}/limits.ts`,
    ],
    tests: [
      'test/unit/leases/backoff.test.ts',
      'test/unit/leases/batch.test.ts',
      'test/unit/leases/calls.test.ts',
      'test/unit/leases/gate.test.ts',
    ],
  },
  {
    name: 'claims',
    mutate: [`${leases}/claims.ts`, `${leases}/turns.ts`, `${leases}/stored-secret.ts`],
    tests: ['test/unit/leases/claims.test.ts', 'test/unit/leases/shared-store.test.ts'],
  },
  { name: 'due', mutate: [`${leases}/due.ts`], tests: ['test/unit/leases/due.test.ts'] },
  {
    name: 'work',
    mutate: [`${leases}/work.ts`, `${leases}/issue.ts`],
    tests: ['test/unit/leases/work.test.ts', 'test/unit/leases/removal.test.ts'],
  },
  {
    name: 'reconcile',
    mutate: [`${leases}/reconcile.ts`, `${leases}/orphans.ts`],
    tests: ['test/unit/leases/reconcile.test.ts'],
  },
  {
    name: 'engine',
    mutate: [`${leases}/engine.ts`],
    tests: ['test/unit/leases/loop.test.ts'],
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

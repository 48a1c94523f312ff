/**
 * What Stryker leaves alone: names of tables, columns and operators in queries. They are typed, so the compiler refuses any other,
 * and trying them cost half of the time that the lease engine takes. What is compared with is broken all the same.
 */

/** How many of the first arguments are such names. */
const NAMES = new Map([
  ['selectFrom', 1],
  ['updateTable', 1],
  ['deleteFrom', 1],
  ['insertInto', 1],
  ['innerJoin', 3],
  ['select', 1],
  ['orderBy', 1],
  ['where', 2],
  ['eb', 2],
]);

/** The part of Babel's paths that is looked at. @typedef {{ node: any, parent: any, parentPath: Path | null }} Path */

/** @param {Path} path */
function isQueryName({ node, parent, parentPath }) {
  if (node.type !== 'StringLiteral') return false;
  const inList = parent?.type === 'ArrayExpression';
  const call = inList ? parentPath?.parent : parent;
  if (call?.type !== 'CallExpression') return false;
  const name = call.callee.type === 'MemberExpression' ? call.callee.property.name : call.callee.name;
  const index = call.arguments.indexOf(inList ? parent : node);
  return index >= 0 && index < (inList && name !== 'select' ? 0 : (NAMES.get(name) ?? 0));
}

export const strykerPlugins = [
  {
    kind: 'Ignore',
    name: 'query-names',
    value: {
      /** @param {Path} path */
      shouldIgnore: (path) => (isQueryName(path) ? 'a name in a query; the compiler refuses any other' : undefined),
    },
  },
];

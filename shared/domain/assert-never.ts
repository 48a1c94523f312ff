/** Ends a `switch` over a union: a new member does not compile until it has an answer. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/**
 * Are the needed approvals there, and can they still come? Pure.
 * One person fills one place at most, whatever groups they are in, so people are matched to places (augmenting paths,
 * Kuhn): two people of whom one is in both groups fill both groups only if the other takes the right one.
 */
export interface Need {
  readonly from: string;
  readonly count: number;
}
export interface Voter {
  readonly personId: string;
  /** The `from` words this person can stand for. */
  readonly slots: readonly string[];
}
export interface Filled {
  readonly complete: boolean;
  /** How many places of each need are filled. */
  readonly given: ReadonlyMap<string, number>;
  /** Which place each person fills. */
  readonly counts: ReadonlyMap<string, string>;
  readonly missing: readonly Need[];
}

/** The fullest assignment of voters to places. Earlier voters keep a place whenever possible. */
export function fill(needs: readonly Need[], voters: readonly Voter[]): Filled {
  const places = needs.flatMap(({ from, count }) => Array.from({ length: count }, () => from));
  const takenBy: (number | undefined)[] = places.map(() => undefined);
  const people = [...new Map(voters.map((voter) => [voter.personId, voter])).values()];
  const seat = (index: number, tried: Set<number>): boolean => {
    const voter = people[index];
    if (voter === undefined) return false;
    for (let place = 0; place < places.length; place++) {
      if (tried.has(place) || !voter.slots.includes(places[place] ?? '')) continue;
      tried.add(place);
      const holder = takenBy[place];
      if (holder === undefined || seat(holder, tried)) {
        takenBy[place] = index;
        return true;
      }
    }
    return false;
  };
  people.forEach((_, index) => {
    seat(index, new Set());
  });
  const given = new Map<string, number>(needs.map((need) => [need.from, 0]));
  const counts = new Map<string, string>();
  takenBy.forEach((index, place) => {
    const from = places[place] ?? '';
    const voter = index === undefined ? undefined : people[index];
    if (voter === undefined) return;
    given.set(from, (given.get(from) ?? 0) + 1);
    counts.set(voter.personId, from);
  });
  const missing = needs
    .map(({ from, count }) => ({ from, count: count - (given.get(from) ?? 0) }))
    .filter((need) => need.count > 0);
  return { complete: missing.length === 0, given, counts, missing };
}

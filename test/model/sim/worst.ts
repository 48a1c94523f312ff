/** The latest that anything still worked, in milliseconds: what the tolerances are measured by. */
export type Circumstance =
  | 'on a target without trouble'
  | 'on a target after trouble'
  | 'on a target that came back'
  | 'on a machine'
  | 'on a machine whose disk failed';
export type Worst = Partial<Record<Circumstance, number>>;

export function note(worst: Worst, when: Circumstance, lateMs: number): void {
  if (lateMs > (worst[when] ?? 0)) worst[when] = lateMs;
}
export function merge(into: Worst, other: Worst): void {
  for (const [when, lateMs] of Object.entries(other)) note(into, when as Circumstance, lateMs);
}

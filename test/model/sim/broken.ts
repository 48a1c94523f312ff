/** An invariant that does not hold: which, and what was seen. Ends the run. */
export class Broken extends Error {
  constructor(rule: string, what: string) {
    super(`${rule}: ${what}`);
    this.name = 'Broken';
  }
}

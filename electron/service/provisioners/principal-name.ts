/**
 * The form of our principals' names, and the checks that every kind makes of what it is called with: nothing else on a target
 * is ever touched. One pattern for all kinds, so that none can be looser than the others.
 */
const PRINCIPAL = /^hp_[0-9a-hjkmnp-tv-z]{26}$/;

/** Fits the form and belongs to no grant: connection tests try with it what the manager may do. */
export const TRIAL_PRINCIPAL = `hp_${'0'.repeat(26)}`;

export const isPrincipalName = (name: string): boolean => PRINCIPAL.test(name);
/** @throws RangeError for anything but `hp_` and 26 characters: nothing else is ever touched */
export function checkPrincipalName(principal: string): void {
  if (!isPrincipalName(principal)) throw new RangeError('"principal" expected hp_ and 26 base32 characters');
}
/** For a new principal. @throws RangeError unless it is a length of whole milliseconds above 0 */
export function checkValidFor(validForMs: number): void {
  if (!Number.isSafeInteger(validForMs) || validForMs <= 0)
    throw new RangeError('"validForMs" expected whole milliseconds above 0');
}
/** For a deadline, which may be over already. @throws RangeError unless it is a length of whole milliseconds */
export function checkDeadlineIn(validForMs: number): void {
  if (!Number.isSafeInteger(validForMs)) throw new RangeError('"validForMs" expected whole milliseconds');
}

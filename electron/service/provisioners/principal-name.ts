/** The form of our principals' names, for kinds that hand them to somebody else's program. */
const PRINCIPAL = /^hp_[0-9a-hjkmnp-tv-z]{26}$/;

export const isPrincipalName = (name: string): boolean => PRINCIPAL.test(name);
/** @throws RangeError for anything but `hp_` and 26 characters: nothing else is ever touched */
export function checkPrincipalName(principal: string): void {
  if (!isPrincipalName(principal)) throw new RangeError('"principal" expected hp_ and 26 base32 characters');
}
/** @throws RangeError unless it is a length of whole milliseconds above 0 */
export function checkValidFor(validForMs: number): void {
  if (!Number.isSafeInteger(validForMs) || validForMs <= 0)
    throw new RangeError('"validForMs" expected whole milliseconds above 0');
}

/** What fields of the guide share: how typed values are read, and how their errors are said. Pure. */

export const NUMBER_HINT = 'A whole number';
/** What is not a number stays wrong, so that it is said; it is never made 0. */
export const asNumber = (text: unknown) => (text === '' || text === null ? Number.NaN : Number(text));
/** The first message among the errors of a list's members. */
export const firstOf = (errors: unknown): string | undefined =>
  Array.isArray(errors) ? errors.find((one) => one?.message !== undefined)?.message : undefined;
/** What is said of a list: of a member, or else of the list itself. Undefined while all is well. */
export const listError = (errors: unknown, otherwise: string): string | undefined =>
  errors === undefined ? undefined : (firstOf(errors) ?? otherwise);
/** Zod's words for an empty field help nobody. */
export const plainError = (message: string | undefined, value: unknown): string | undefined =>
  message === undefined ? undefined : value === '' ? 'This is needed.' : message;
/** For fields that may be left empty: then there is no value, not an empty one. */
export const asOptionalNumber = (text: unknown) =>
  text === '' || text === null || text === undefined ? undefined : Number(text);
export const asOptionalText = (text: unknown) =>
  typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined;

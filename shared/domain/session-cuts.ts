/** Kinds of targets that cut what is open when a grant ends, whatever their settings; of the others their limits say what they do. */
const CUT_SESSIONS: ReadonlySet<string> = new Set(['postgres', 'mysql', 'redis']);

/** Nobody is promised that sessions are cut where this is false. */
export const cutsSessions = (kind: string): boolean => CUT_SESSIONS.has(kind);

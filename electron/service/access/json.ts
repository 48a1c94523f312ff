/** Columns that hold JSON, read back with a schema: a row that was tampered with is an error, not a surprise further on. */
import { z } from 'zod';
import { Residue } from '../../../shared/contract/grants';
import { PolicyAnswer } from '../../../shared/contract/policy';
import { Level, ResourceSettings } from '../../../shared/contract/resources';

const StringList = z.array(z.string());
export const stringList = (json: string): string[] => StringList.parse(JSON.parse(json));
export const levelList = (json: string): Level[] => z.array(Level).parse(JSON.parse(json));
export const residueList = (json: string): z.infer<typeof Residue>[] => z.array(Residue).parse(JSON.parse(json));
export const settingsOf = (json: string): ResourceSettings => ResourceSettings.parse(JSON.parse(json));
/** The policy's answer a request waits under, and the decisions a later answer made void. */
export const StoredAnswer = z.strictObject({ answer: PolicyAnswer, voided: z.array(z.string()) });
export type StoredAnswer = z.infer<typeof StoredAnswer>;
export const storedAnswer = (json: string): StoredAnswer => StoredAnswer.parse(JSON.parse(json));

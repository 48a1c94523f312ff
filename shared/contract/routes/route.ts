/** What one HTTP route is, and what many of them share. */
import { z } from 'zod';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** open: before sign-in. member: anybody signed in (and only their own things). auditor: auditor or admin. */
  readonly access: 'open' | 'member' | 'auditor' | 'admin';
  readonly renderer: boolean;
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly reply: z.ZodType;
}
export const route = <const R extends Route>(r: R): R => r;

export const list = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });
export const cursor = {
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(100),
};
export const nothing = z.object({});
export const byId = <S extends z.ZodType>(schema: S) => z.object({ id: schema });

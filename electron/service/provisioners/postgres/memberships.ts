/**
 * What a temporary role was lent and lent on. When it ends all of it goes: a function it left behind then runs with no
 * rights, and what its holder granted to others with it ends with it.
 * Why by grantor: from 16 on a plain REVOKE takes back the revoker's own grant only and warns about others', so a role whose
 * level was granted by an earlier manager would keep it.
 */
import { type Connection, codeOf } from './connections';
import { FIRST_MAJOR_WITH_SET_OPTION } from './principal';
import { ident } from './quoting';

export interface Membership {
  readonly lent: string;
  readonly borrower: string;
  /** Undefined when the grantor was dropped (possible before 16). */
  readonly grantor: string | undefined;
  readonly isByRole: boolean;
}
/** Both directions, and what the role granted to others. Not the manager's own membership in it, and not a superuser's. */
export async function membershipsOf(db: Connection, oid: number): Promise<Membership[]> {
  const { rows } = await db.query(
    `SELECT r.rolname AS lent, m.rolname AS borrower, g.rolname AS grantor, a.grantor = $1 AS by_role FROM pg_auth_members a
       JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member LEFT JOIN pg_roles g ON g.oid = a.grantor
      WHERE a.member = $1 OR a.grantor = $1 OR (a.roleid = $1 AND m.rolname <> current_user AND NOT m.rolsuper)`,
    [oid],
  );
  return rows.map((row) => ({
    lent: row.lent,
    borrower: row.borrower,
    grantor: row.grantor ?? undefined,
    isByRole: row.by_role,
  }));
}

/** Revokes all of them that the manager may revoke; returns how many there were. What it may not goes with the role, or is reported by clean-up. */
export async function takeMemberships(db: Connection, oid: number): Promise<number> {
  const found = await membershipsOf(db, oid);
  if (found.length === 0) return 0;
  const { rows } = await db.query(`SELECT current_setting('server_version_num')::int / 10000 AS major`);
  const hasGrantors = rows[0].major >= FIRST_MAJOR_WITH_SET_OPTION;
  for (const { lent, borrower, grantor } of found) {
    const revoke = `REVOKE ${ident(lent)} FROM ${ident(borrower)}`;
    try {
      // CASCADE: what was granted on by virtue of it goes too, else the server refuses.
      await db.query(hasGrantors && grantor ? `${revoke} GRANTED BY ${ident(grantor)} CASCADE` : revoke);
    } catch (error) {
      if (!/^[0-9A-Z]{5}$/.test(codeOf(error))) throw error;
      // Granted by somebody whose rights we lack, or locked: the role can't log in and clean-up comes back to it.
    }
  }
  return found.length;
}

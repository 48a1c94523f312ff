/** The sample's databases and data, against the real target, the real resources and the policy's own parser. */
import { expect, test } from 'vitest';
import { startSampleTarget } from '../../../electron/dev/sample/target';
import { parsePolicy } from '../../../electron/service/policy/parse';
import { createPostgresProvisioner } from '../../../electron/service/provisioners/postgres';
import type { Target } from '../../../electron/service/provisioners/provisioner';
import type { PostgresSettings } from '../../../shared/contract/resources';
import { SAMPLE_POLICY, SAMPLE_RESOURCES } from '../../../shared/sample/workspace';
import { chance26, levelNamed, logIn, newPrincipal, systemRandom } from '../../bed/postgres-target';

test('the sample policy is one the parser takes', () => {
  expect(parsePolicy(SAMPLE_POLICY)).toMatchObject({ ok: true });
});

test('every sample resource can be planned, applied, and read by a temporary role', async () => {
  const sample = await startSampleTarget({ settings: { fsync: 'off' } });
  const provisioner = createPostgresProvisioner({ random: systemRandom });
  try {
    for (const { name, database, schemas } of SAMPLE_RESOURCES) {
      const { secret, ...place } = sample.target;
      const target: Target<PostgresSettings> = {
        resourceId: `res_${chance26()}`,
        resourceName: name,
        secret,
        settings: { kind: 'postgres', ...place, database, schemas: [...schemas], tls: 'prefer', connectionLimit: 5 },
      };
      const plan = await provisioner.plan(target);
      expect(plan.notes, name).toEqual([]);
      expect(await provisioner.apply(target, plan.digest), name).toMatchObject({ ok: true });
      expect(await provisioner.test(target), name).toMatchObject({ ok: true });
      const principal = newPrincipal();
      const level = levelNamed(plan.levels, 'read-only');
      const session = await logIn(await provisioner.create(target, { principal, level, validForMs: 60_000 }));
      const tables = await session.query('SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY ($1)', [
        schemas,
      ]);
      expect(tables.rows.length).toBeGreaterThan(0);
      for (const { schemaname, tablename } of tables.rows) {
        const { rows } = await session.query(`SELECT count(*)::int AS n FROM ${schemaname}.${tablename}`);
        expect(rows[0].n, tablename).toBeGreaterThan(0);
      }
      await session.end();
      await provisioner.end(target, principal);
      expect((await provisioner.cleanUp(target, principal)).done).toBe(true);
    }
  } finally {
    await provisioner.close();
    await sample.stop();
  }
});

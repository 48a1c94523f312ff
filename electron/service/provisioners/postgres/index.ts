/**
 * The provisioner for PostgreSQL 13 and newer: a temporary role per grant, with a fresh password (sent as a SCRAM verifier),
 * the server's own deadline, and membership in the level's group role.
 * Here only the order of things; how each is done is in the files beside it.
 */

import type { PostgresCredential } from '../../../../shared/contract/credential';
import type { ConnectionReport, Level, PostgresSettings } from '../../../../shared/contract/resources';
import type { Random } from '../../../../shared/domain/instant';
import { isSamePlace } from '../../../../shared/domain/same-place';
import { wrong } from '../checks';
import { checkDeadlineIn, checkValidFor } from '../principal-name';
import { type Provisioner, TargetError } from '../provisioner';
import { type Connection, createConnections, type PgTarget } from './connections';
import { endAccess } from './ending';
import { applyLevels, planLevels, proposedLevels } from './levels';
import { checkManager, FIRST_SUPPORTED_MAJOR, recipeFor } from './manager';
import { checkPooler, hasPooler, poolerLimits } from './pooler';
import { createRole, findRole, listRoles, moveDeadline, readRole } from './principal';
import { principalIdent } from './quoting';
import { workOffResidue } from './residue';

/** OIDs remembered, oldest forgotten first. One number each; far above what lives at once. */
const MAX_REMEMBERED = 100_000;

export type PostgresProvisioner = Provisioner<PostgresSettings, PostgresCredential>;

export function createPostgresProvisioner(deps: { readonly random: Random }): PostgresProvisioner {
  const connections = createConnections();
  const oids = new Map<string, number>();
  const keyOf = (target: PgTarget, principal: string) => `${serverOf(target.settings)} ${principal}`;
  const remember = (target: PgTarget, principal: string, oid: number | undefined) => {
    if (oid === undefined) return;
    for (const oldest of oids.keys()) {
      if (oids.size < MAX_REMEMBERED) break;
      oids.delete(oldest);
    }
    oids.set(keyOf(target, principal), oid);
  };
  /** The OID as the target knows it now, else as it was last seen: sessions outlive the role. */
  const lastOid = async (db: Connection, target: PgTarget, principal: string) => {
    remember(target, principal, (await findRole(db, principal))?.oid);
    return oids.get(keyOf(target, principal));
  };
  return {
    kind: 'postgres',
    extension: 'moves-deadline',
    deviceKey: null,
    serverOf,
    placeFacts: ({ host, database }) => ({ host, database }),
    secretBarredBy: (stored, next) => (isSamePlace(stored, next) ? null : 'Host, port, user or TLS'),
    limits: (settings, level) => [...limitsOf(level), ...poolerLimits(settings)],
    proposedLevels,
    async test(target) {
      try {
        const report = await connections.onTarget(target, (db) => checkManager(db, target));
        if (!report.ok || !hasPooler(target.settings)) return report;
        const pooler = await checkPooler(connections, target, deps.random);
        return { ...report, ok: pooler.ok, checks: [...report.checks, pooler] };
      } catch (error) {
        if (error instanceof TargetError) return failedReport(target, error);
        throw error;
      }
    },
    plan: (target) => connections.onTarget(target, (db) => planLevels(db, target)),
    apply: (target, digest) => connections.onTarget(target, (db) => applyLevels(db, target, digest)),
    async create(target, order) {
      principalIdent(order.principal);
      checkValidFor(order.validForMs);
      const made = await connections.onTarget(target, (db) => createRole(db, target, order, deps.random));
      remember(target, order.principal, made.oid);
      return made.credential;
    },
    async setDeadline(target, principal, validForMs) {
      principalIdent(principal);
      checkDeadlineIn(validForMs);
      await connections.onTarget(target, (db) => moveDeadline(db, principal, validForMs));
    },
    async end(target, principal) {
      principalIdent(principal);
      return await connections.onTarget(target, async (db) =>
        endAccess(db, principal, await lastOid(db, target, principal)),
      );
    },
    async readBack(target, principal) {
      principalIdent(principal);
      return await connections.onTarget(target, async (db) =>
        readRole(db, principal, await lastOid(db, target, principal)),
      );
    },
    async cleanUp(target, principal) {
      const result = await workOffResidue(connections, target, principal);
      if (result.done) oids.delete(keyOf(target, principal));
      return result;
    },
    list: (target) => connections.onTarget(target, (db) => listRoles(db, target.resourceId)),
    close: () => connections.close(),
  };
}

/** Where roles are made: another host or port is another server, another database is not. */
const serverOf = ({ host, port }: PostgresSettings): string => `${host}:${port}`;

/** Sessions can be cut here and nothing has a minimum lifetime, so only levels that make access of their own have a limit. */
function limitsOf(level: Level): readonly string[] {
  if (!level.createsAccess) return [];
  return [
    'A holder of this level can make log-ins, functions or jobs of their own. Those outlive the grant: only the credential itself ends with it.',
  ];
}

function failedReport(target: PgTarget, error: TargetError): ConnectionReport {
  const remedy =
    error.kind === 'unreachable'
      ? 'Check host and port, and that a firewall lets this service through.'
      : 'Check user, password, database, TLS and pg_hba.conf; the recipe shows what the manager needs.';
  return {
    ok: false,
    targetLabel: 'PostgreSQL',
    serverVersion: null,
    checks: [wrong('Connection', error.message, remedy)],
    recipe: recipeFor(target, FIRST_SUPPORTED_MAJOR),
  };
}

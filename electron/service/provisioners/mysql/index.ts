/**
 * The provisioner for MySQL 8.0.21 and MariaDB 10.5 and newer: a temporary user per grant, with a fresh password, a mark, and the
 * level's role as its default role.
 * Here only the order of things; how each is done is in the files beside it.
 */

import type { MysqlCredential, MysqlSettings } from '../../../../shared/contract/mysql';
import type { ConnectionReport, Level } from '../../../../shared/contract/resources';
import type { Random } from '../../../../shared/domain/instant';
import { isSamePlace } from '../../../../shared/domain/same-place';
import { wrong } from '../checks';
import { checkDeadlineIn, checkPrincipalName, checkValidFor } from '../principal-name';
import { type Provisioner, TargetError } from '../provisioner';
import { listPrincipals } from './accounts';
import { createConnections, type MysqlTarget } from './connections';
import { setEvent } from './deadline';
import { endAccess, workOffResidue } from './ending';
import { applyLevels, planLevels, proposedLevels } from './levels';
import { checkManager, recipeFor } from './manager';
import { checkExtendable, createUser, lockUser, oneAtATime, readUser } from './users';

export type MysqlProvisioner = Provisioner<MysqlSettings, MysqlCredential>;

export function createMysqlProvisioner(deps: { readonly random: Random }): MysqlProvisioner {
  const connections = createConnections();
  return {
    kind: 'mysql',
    extension: 'moves-deadline',
    deviceKey: null,
    serverOf,
    placeFacts: ({ host, schemas }) => ({ host, schemas: schemas.join(', ') }),
    secretBarredBy: (stored, next) => (isSamePlace(stored, next) ? null : 'Host, port, user or TLS'),
    limits: limitsOf,
    proposedLevels,
    async test(target) {
      try {
        return await connections.onTarget(target, (db) => checkManager(db, target, deps.random));
      } catch (error) {
        if (error instanceof TargetError) return failedReport(target, error);
        throw error;
      }
    },
    plan: (target) => connections.onTarget(target, (db) => planLevels(db, target)),
    apply: (target, digest) => connections.onTarget(target, (db) => applyLevels(db, target, digest)),
    async create(target, order) {
      checkPrincipalName(order.principal);
      checkValidFor(order.validForMs);
      return await createUser(connections, target, order, deps.random);
    },
    async setDeadline(target, principal, validForMs) {
      checkPrincipalName(principal);
      checkDeadlineIn(validForMs);
      await connections.onTarget(target, (db) =>
        oneAtATime(db, principal, async () => {
          await checkExtendable(db, principal);
          if (validForMs <= 0) await lockUser(db, principal);
          else await setEvent(db, target, principal, validForMs);
        }),
      );
    },
    async end(target, principal) {
      checkPrincipalName(principal);
      return await connections.onTarget(target, (db) => endAccess(db, target, principal));
    },
    async readBack(target, principal) {
      checkPrincipalName(principal);
      return await connections.onTarget(target, (db) => readUser(db, principal));
    },
    async cleanUp(target, principal) {
      checkPrincipalName(principal);
      return await connections.onTarget(target, (db) => workOffResidue(db, target, principal));
    },
    list: (target) => connections.onTarget(target, (db) => listPrincipals(db, target.resourceId)),
    close: () => connections.close(),
  };
}

/** Where users are made: another host or port is another server, other schemas are not. */
const serverOf = ({ host, port }: MysqlSettings): string => (host.startsWith('/') ? host : `${host}:${port}`);

/** Sessions can be cut here; an end that the server itself holds there is only where the resource names a schema for its events. */
function limitsOf(settings: MysqlSettings, level: Level): readonly string[] {
  const sentences: string[] = [];
  if (settings.deadlineSchema === undefined)
    sentences.push(
      'MySQL and MariaDB know no end time for a user: while the Hallpass service is down, the log-in works past its deadline, until the service is back.',
    );
  if (level.createsAccess)
    sentences.push(
      'A holder of this level can make log-ins of their own, which outlive the grant, and views, routines, triggers or events, which stop working with it.',
    );
  return sentences;
}

function failedReport(target: MysqlTarget, error: TargetError): ConnectionReport {
  const remedy =
    error.kind === 'unreachable'
      ? 'Check host and port, and that a firewall lets this service through.'
      : 'Check user, password, TLS and the host that the manager’s account is for; the recipe shows what the manager needs.';
  return {
    ok: false,
    targetLabel: 'MySQL or MariaDB',
    serverVersion: null,
    checks: [wrong('Connection', error.message, remedy)],
    recipe: `-- MariaDB\n${recipeFor(target, 'mariadb')}\n\n-- MySQL\n${recipeFor(target, 'mysql')}`,
  };
}

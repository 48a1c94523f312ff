/** A database to give access to, with an owner, tables, and a manager made by the recipe: the least rights, never a superuser. */

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Target } from '../../electron/service/provisioners/provisioner';
import type { PostgresCredential } from '../../shared/contract/credential';
import type { Level, PostgresSettings } from '../../shared/contract/resources';
import type { Random } from '../../shared/domain/instant';
import type { PostgresServer } from './postgres';

export const systemRandom: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) };
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** 26 characters of chance, for ids and principals. */
export const chance26 = (): string => Array.from(randomBytes(26), (byte) => ALPHABET[byte & 31]).join('');
export const newPrincipal = (): string => `hp_${chance26()}`;

export interface TargetNames {
  readonly database: string;
  readonly schema: string;
  readonly owner: string;
  readonly manager: string;
  readonly resource: string;
}
export const PLAIN_NAMES: TargetNames = {
  database: 'orders',
  schema: 'app',
  owner: 'app_owner',
  manager: 'hallpass_manager',
  resource: 'orders-db',
};
export type PgTestTarget = Target<PostgresSettings>;

/** Makes database, owner, schema, the table `orders` with two rows, and the manager. The plan is not applied yet. */
export async function makeTarget(server: PostgresServer, names: TargetNames = PLAIN_NAMES): Promise<PgTestTarget> {
  const [db, schema, owner, manager] = [names.database, names.schema, names.owner, names.manager].map(quote);
  const secret = randomBytes(18).toString('base64url');
  const isNew = server.major >= 16;
  await server.query('postgres', `CREATE ROLE ${owner} NOLOGIN`);
  await server.query('postgres', `CREATE DATABASE ${db} OWNER ${owner}`);
  await server.query('postgres', `CREATE ROLE ${manager} LOGIN CREATEROLE PASSWORD '${secret}'`);
  await server.query('postgres', `GRANT CONNECT ON DATABASE ${db} TO ${manager}`);
  await server.query('postgres', `GRANT ${owner} TO ${manager}${isNew ? ' WITH INHERIT TRUE, SET FALSE' : ''}`);
  if (server.major < 15) await server.query(names.database, 'REVOKE CREATE ON SCHEMA public FROM PUBLIC');
  await server.query(
    names.database,
    `SET ROLE ${owner}; CREATE SCHEMA ${schema};
     CREATE TABLE ${schema}.orders (id bigint GENERATED ALWAYS AS IDENTITY, item text NOT NULL);
     INSERT INTO ${schema}.orders (item) VALUES ('chair'), ('table')`,
  );
  return {
    resourceId: `res_${chance26()}`,
    resourceName: names.resource,
    secret,
    settings: {
      kind: 'postgres',
      host: server.host,
      port: server.port,
      database: names.database,
      managerUser: names.manager,
      tls: 'prefer',
      schemas: [names.schema],
      connectionLimit: 5,
    },
  };
}

/** Logs in over TCP with a credential, as `psql` would. The caller ends it. */
export async function logIn(credential: PostgresCredential, database?: string): Promise<pg.Client> {
  const { host, port, user, password, database: own } = credential;
  const client = new pg.Client({ host, port, user, password, database: database ?? own });
  client.on('error', () => undefined); // being cut is what some tests wait for
  await client.connect();
  return client;
}
/** Resolves once the server has cut the session. */
export const whenCut = (client: pg.Client): Promise<void> =>
  new Promise((resolve) => client.once('end', () => resolve()));
/** SQLSTATE of what `work` throws; undefined when it does not. */
export async function sqlStateOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
export const levelNamed = (levels: readonly Level[], name: string): Level => {
  const level = levels.find((candidate) => candidate.name === name);
  if (!level) throw new Error(`no level ${name}`);
  return level;
};

/**
 * The target behind the sample workspace: a throw-away PostgreSQL 18 with a few databases, and a manager made by the recipe
 * (no superuser), so that the sample shows what a real set-up needs.
 */
import { randomBytes } from 'node:crypto';
import type { SampleTarget } from '../../../shared/sample/workspace';
import { type PostgresOptions, type PostgresServer, startEmbeddedPostgres } from '../embedded-postgres';
import { SAMPLE_DATABASES } from './databases';

export interface RunningSampleTarget {
  readonly target: SampleTarget;
  /** For checks from outside: the superuser's view. */
  readonly server: PostgresServer;
  stop(): Promise<void>;
}
const MANAGER = 'hallpass_manager';

/** Starts the server and fills it. It stops with this process, however that ends; better call `stop`. */
export async function startSampleTarget(options: Pick<PostgresOptions, 'settings'> = {}): Promise<RunningSampleTarget> {
  const server = await startEmbeddedPostgres({ major: 18, ...options });
  try {
    const secret = randomBytes(24).toString('base64url');
    await server.query('postgres', `CREATE ROLE ${MANAGER} LOGIN CREATEROLE PASSWORD '${secret}'`);
    for (const { name, owner, sql } of SAMPLE_DATABASES) {
      await server.query('postgres', `CREATE ROLE ${owner} NOLOGIN`);
      await server.query('postgres', `GRANT ${owner} TO ${MANAGER} WITH INHERIT TRUE, SET FALSE`);
      await server.query('postgres', `CREATE DATABASE ${name} OWNER ${owner}`);
      await server.query(name, `SET ROLE ${owner}; ${sql}`);
    }
    const { host, port } = server;
    return { target: { host, port, managerUser: MANAGER, secret }, server, stop: () => server.stop() };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

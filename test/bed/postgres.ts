/** Real PostgreSQL servers for tests: the same as the sample's, without waiting for the disk. */
import {
  debianPostgresMajors,
  POSTGRES_MAJORS,
  type PostgresOptions,
  type PostgresServer,
  startEmbeddedPostgres,
} from '../../electron/dev/embedded-postgres';

export { debianPostgresMajors, POSTGRES_MAJORS, type PostgresServer };
/** Starts a throw-away server (default: 18). Stops when the test process ends, however it ends; better call `stop`. */
export const startPostgres = (options: PostgresOptions = {}): Promise<PostgresServer> =>
  startEmbeddedPostgres({
    ...options,
    settings: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', ...options.settings },
  });

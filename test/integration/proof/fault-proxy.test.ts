/** Databases behind a line that lies. What is asked of them: proxied-targets-facts.ts. */
import { mariaDbMissing } from '../../bed/targets/mysql';
import { redisMissing } from '../../bed/targets/redis';
import { proxiedMariaDb, proxiedPostgres, proxiedRedis } from './proxied-targets-databases';
import { describeBehindFaultyLine } from './proxied-targets-facts';

describeBehindFaultyLine({ name: 'postgres', start: proxiedPostgres, missing: null });
describeBehindFaultyLine({ name: 'mysql', start: proxiedMariaDb, missing: mariaDbMissing() });
describeBehindFaultyLine({ name: 'redis', start: proxiedRedis, missing: redisMissing() });

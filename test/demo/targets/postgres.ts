/** PostgreSQL: `psql service=…` reads, can't write, is cut in the middle of a statement, and finds no role afterwards. */
import { startSampleTarget } from '../../../electron/dev/sample/target';
import { until } from '../../bed/until';
import { openSession, psql } from '../psql';
import { must } from '../timeline';
import type { TargetPlay } from './target-play';

const NAME = 'orders-db';

export const play: TargetPlay = {
  kind: 'postgres',
  title: 'PostgreSQL 18',
  programs: ['psql'],
  async play(stage) {
    const { server, target, stop } = await startSampleTarget();
    stage.closing(stop);
    const { host, port, managerUser, secret } = target;
    const resource = await stage.add({
      name: NAME,
      settings: {
        kind: 'postgres',
        host,
        port,
        database: 'orders',
        managerUser,
        tls: 'disable',
        schemas: ['sales', 'inventory'],
      },
      secret,
    });
    const held = await stage.ask(resource, 'read-only');
    await stage.step('psql reads with it, and may not write', async () => {
      const who = await psql(stage.env, NAME, 'SELECT current_user');
      must(who.out === held.principal, `logged in as ${who.out} ${who.err}`);
      const read = await psql(stage.env, NAME, 'SELECT count(*) FROM sales.orders');
      must(read.code === 0 && Number(read.out) > 0, `reading: ${read.err}`);
      const write = await psql(stage.env, NAME, 'DELETE FROM sales.orders');
      must(write.code !== 0 && write.err.includes('permission denied'), `writing: ${write.out} ${write.err}`);
      return `${held.injection.command}: ${read.out} orders; ${write.err.split('\n')[0]}`;
    });
    const session = await openSession(stage.env, NAME);
    const ended = await stage.giveBack(held);
    await stage.step('the open session was cut, the role is gone, psql finds nothing', async () => {
      const { said } = await session.cut;
      // The role itself goes right after access has ended: what it left is worked off first.
      await until('role and session to be gone from the server', async () => {
        const [row] = await server.query<{ n: number }>(
          'postgres',
          'SELECT (SELECT count(*) FROM pg_roles WHERE rolname = $1)::int + (SELECT count(*) FROM pg_stat_activity WHERE pid = $2)::int AS n',
          [held.principal, session.backend],
        );
        return row?.n === 0;
      });
      const again = await psql(stage.env, NAME, 'SELECT 1');
      must(again.code !== 0, 'psql still logs in');
      return `“${said.split('\n')[0]}”; ${ended.removal.sessionsCut} session cut; ${again.err.split('\n')[0]}`;
    });
  },
};

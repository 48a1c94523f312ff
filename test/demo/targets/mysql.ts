/**
 * MariaDB: `mysql --defaults-group-suffix=_…` reads, can't write, is cut in the middle of a statement, and is refused
 * afterwards; neither user nor session is left on the server, and ~/.my.cnf is as it was.
 */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../bed';
import { makeMysqlTarget, mariaDbMissing, startMariaDb } from '../../bed/targets/mysql';
import { must } from '../timeline';
import type { TargetPlay } from './target-play';

/** What the person has in their own option file already. */
const OWN = '# mine\r\n[client]\r\nuser=grace\r\n[mysql]\r\nprompt="\\u> "';

export const play: TargetPlay = {
  kind: 'mysql',
  title: 'MariaDB',
  programs: ['mariadbd', 'mariadb-install-db', 'mysql'],
  missing: async () => mariaDbMissing(),
  async play(stage) {
    const server = await startMariaDb();
    stage.closing(server.stop);
    const target = await makeMysqlTarget(server);
    const optionFile = join(stage.env.HOME ?? '', '.my.cnf');
    writeFileSync(optionFile, OWN, { mode: 0o600 });
    const resource = await stage.add({ name: 'shop-db', settings: target.settings, secret: target.secret });
    const held = await stage.ask(resource, 'read-only');
    const { command } = held.injection;
    const type = (sql: string) => stage.run('sh', ['-c', `${command} -BNe "$SQL"`], { env: { SQL: sql } });
    await stage.step('mysql reads with it, and may not write', async () => {
      const who = await type('SELECT CURRENT_USER()');
      must(who.out.trim() === `${held.principal}@%`, `logged in as ${who.out} ${who.err}`);
      const read = await type('SELECT item FROM orders ORDER BY id');
      must(read.out.trim() === 'chair\ntable', `reading: ${read.out} ${read.err}`);
      const write = await type('DELETE FROM orders');
      must(write.code !== 0 && write.err.includes('DELETE command denied'), `writing: ${write.out} ${write.err}`);
      must(!readFileSync(optionFile, 'latin1').includes('password'), 'a secret stands in ~/.my.cnf');
      return `${command}: ${read.out.trim().split('\n').length} orders; ${write.err.trim().split('\n').at(-1)}`;
    });
    const session = spawn('sh', ['-c', `exec ${command} -BN --unbuffered`], {
      env: { ...stage.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    stage.closing(async () => void session.kill());
    const said = { out: '', err: '' };
    session.stdout.on('data', (chunk) => {
      said.out += chunk;
    });
    session.stderr.on('data', (chunk) => {
      said.err += chunk;
    });
    const cut = new Promise<void>((resolve) => session.once('close', () => resolve()));
    session.stdin.on('error', () => undefined); // it is cut
    session.stdin.write("SELECT 'in';\nSELECT SLEEP(3600);\n");
    await until('an open mysql session', () => said.out.includes('in'));
    const ended = await stage.giveBack(held);
    await stage.step(
      'the open session was cut, the user is gone, mysql is refused, ~/.my.cnf is as it was',
      async () => {
        await cut;
        const [left] = await server.query<{ n: number }>(
          `SELECT (SELECT COUNT(*) FROM mysql.global_priv WHERE User = ?)
              + (SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = ?) AS n`,
          [held.principal, held.principal],
        );
        must(Number(left?.n) === 0, 'user or session is still on the server');
        must(readFileSync(optionFile, 'latin1') === OWN, '~/.my.cnf is not as it was');
        const again = await type('SELECT 1');
        must(again.code !== 0, 'mysql still logs in');
        return `“${said.err.split('\n').find((line) => line.startsWith('ERROR'))}”; ${ended.removal.sessionsCut} session cut; ${again.err.trim().split('\n')[0]}`;
      },
    );
  },
};

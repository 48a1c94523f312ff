/**
 * A target by webhook: the documented receiver of 60 lines lends a token; curl reads with it in a project that has its own .env file,
 * is refused without it and after the end, and the file is byte for byte as before.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startWebhookReceiver } from '../../bed/targets/webhook';
import { must } from '../timeline';
import type { TargetPlay } from './target-play';

const NAME = 'notes';
const OWN = '# of the project\nPORT=3000';

export const play: TargetPlay = {
  kind: 'webhook',
  title: 'Webhook, the receiver of the docs',
  programs: ['curl'],
  async play(stage) {
    const receiver = await startWebhookReceiver();
    stage.closing(receiver.stop);
    const envFile = path.join(stage.folder, '.env');
    await writeFile(envFile, OWN, { mode: 0o600 });
    await stage.person.invoke('settings.set', { envFiles: [{ resource: NAME, path: envFile }] });
    const settings = { kind: 'webhook', url: receiver.url } as const;
    const resource = await stage.add({ name: NAME, settings, secret: receiver.key });
    const held = await stage.ask(resource, 'read-only');
    /** What a script of the project does: takes the variables from its .env file, then asks. */
    const read = () =>
      stage.run('sh', [
        '-c',
        `set -a; . "${envFile}"; set +a; curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $NOTES_TOKEN" ${receiver.notesUrl}`,
      ]);
    const token = /NOTES_TOKEN=(\w+)/.exec(await readFile(envFile, 'utf8'))?.[1] ?? '';
    await stage.step('curl reads the notes with the token of the project’s .env file', async () => {
      const with_ = await read();
      must(with_.out === '200', `with the token: ${with_.out} ${with_.err}`);
      must((await readFile(envFile, 'utf8')).startsWith(OWN), 'the lines of the project are not as they were');
      const without = await stage.run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', receiver.notesUrl]);
      must(without.out === '401', `without: ${without.out}`);
      return `HTTP ${with_.out} with it, ${without.out} without`;
    });
    await stage.giveBack(held);
    await stage.step('the token is refused, and the .env file is byte for byte as before', async () => {
      must((await readFile(envFile, 'utf8')) === OWN, 'the .env file is not as it was');
      const args = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', `Authorization: Bearer ${token}`];
      const again = await stage.run('curl', [...args, receiver.notesUrl]);
      must(token !== '' && again.out === '401', `the old token: ${again.out}`);
      return `HTTP ${again.out} with the old token`;
    });
  },
};

/**
 * A stored secret: checked out to one person, used with curl, and changed at the end by the documented rotator, so that what the
 * holder knew is refused, and the next holder gets another one.
 */
import path from 'node:path';
import type { AppInfo } from '../../../shared/contract/ipc';
import { startKeyedService } from '../../bed/targets/secret';
import { must } from '../timeline';
import type { Held, TargetPlay } from './target-play';

const ROTATOR = 'rotate-build-key.mjs';

export const play: TargetPlay = {
  kind: 'secret',
  title: 'Stored secret, changed at the end',
  programs: ['curl'],
  async play(stage) {
    const service = await startKeyedService();
    stage.closing(service.stop);
    const { dataDir } = await stage.person.invoke<AppInfo>('app.info');
    await service.installRotator(path.join(dataDir, 'service', 'rotators'), ROTATOR);
    const resource = await stage.add({
      name: 'build-key',
      settings: { kind: 'secret', opens: 'Build service', rotation: { by: 'command', file: ROTATOR } },
      secret: service.secret,
    });
    /** As the person would type it, with the line that the app shows. */
    const useOf = async ({ injection }: Held) => {
      const ask = `curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $API_KEY" ${service.url}/use`;
      const { out } = await stage.run('sh', ['-c', `${injection.command}; ${ask}; printf ' %s' "$API_KEY"`]);
      const [status = '', key = ''] = out.split(' ');
      return { status, key };
    };
    const first = await stage.ask(resource, 'use');
    let known = '';
    await stage.step('curl is let in with it', async () => {
      const { status, key } = await useOf(first);
      must(status === '200' && key === service.firstKey, `HTTP ${status}`);
      known = key;
      return `HTTP ${status}`;
    });
    await stage.giveBack(first);
    await stage.step('what the holder knew is refused: it was changed, and read back', async () => {
      must(!(await service.lets(known)), 'the old key still works');
      must((await service.keys()).length === 1, 'more than one key works');
      return 'the old key: HTTP 401';
    });
    const second = await stage.ask(resource, 'use');
    await stage.step('the next holder gets another one, which works', async () => {
      const { status, key } = await useOf(second);
      must(status === '200' && key !== known, `HTTP ${status}`);
      return `HTTP ${status} with another key`;
    });
    await stage.giveBack(second);
  },
};

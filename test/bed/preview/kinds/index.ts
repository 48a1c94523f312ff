/** The kinds of targets in pictures; PostgreSQL is in ../scenes/resources.ts. One more kind: one file, one line here. */
import type { Scene } from '../scene';
import { aws, awsWrong } from './aws';
import { kubernetes } from './kubernetes';
import { mysql } from './mysql';
import { more, secret, webhook } from './named-values';
import { scenesOf, scenesOfAll } from './pictures';
import { redis } from './redis';
import { ssh, sshMade } from './ssh';

const KINDS = [mysql, redis, secret, webhook, ssh, aws, kubernetes];
export const KIND_SCENES: Readonly<Record<string, Scene>> = {
  ...Object.assign({}, ...KINDS.map(scenesOf)),
  ...scenesOfAll(KINDS),
  ...more,
  'resource-aws-wrong': awsWrong,
  'resource-ssh-made': sshMade,
};

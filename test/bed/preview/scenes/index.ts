/** Every picture: a screen in a state. One more picture: one line in the file of its subject. */
import { KIND_SCENES } from '../kinds';
import type { Scene } from '../scene';
import { scenes as activity } from './activity';
import { scenes as consent } from './consent';
import { scenes as engine } from './engine';
import { scenes as home } from './home';
import { scenes as people } from './people';
import { scenes as policy } from './policy';
import { scenes as request } from './request';
import { scenes as resources } from './resources';
import { scenes as settings } from './settings';
import { scenes as setup } from './setup';

export const SCENES: Readonly<Record<string, Scene>> = {
  ...home,
  ...request,
  ...setup,
  ...activity,
  ...resources,
  ...people,
  ...policy,
  ...settings,
  ...consent,
  ...engine,
  ...KIND_SCENES,
};

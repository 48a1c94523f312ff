/** The forms of all kinds of targets. One more kind: one file beside this one, one line here (it does not compile before). */
import type { ResourceSettings } from '../../../../shared/contract/resources';
import type { Kind } from '../../../ui';
import { awsForm } from './aws';
import type { KindForm } from './kind';
import { kubernetesForm } from './kubernetes';
import { mysqlForm } from './mysql';
import { postgresForm } from './postgres';
import { redisForm } from './redis';
import { secretForm } from './secret';
import { sshForm } from './ssh';
import { webhookForm } from './webhook';

type Forms = { readonly [K in Kind]: KindForm<Extract<ResourceSettings, { kind: K }>> };
const FORMS: Forms = {
  postgres: postgresForm,
  mysql: mysqlForm,
  redis: redisForm,
  secret: secretForm,
  webhook: webhookForm,
  ssh: sshForm,
  aws: awsForm,
  kubernetes: kubernetesForm,
};
/** Its arguments have to be of this kind; who asks has looked. */
export const formOfKind = (kind: Kind): KindForm => FORMS[kind] as unknown as KindForm;

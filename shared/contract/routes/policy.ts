/** The policy and its versions. */
import { z } from 'zod';
import { PolicyCheck, PolicyVersion, PolicyYaml } from '../policy';
import { list, route } from './route';

export const POLICY_ROUTES = {
  'policy.get': route({
    method: 'GET',
    path: '/v1/policy',
    access: 'member',
    renderer: true,
    summary: 'The policy in force',
    reply: PolicyVersion,
  }),
  'policy.versions': route({
    method: 'GET',
    path: '/v1/policy/versions',
    access: 'auditor',
    renderer: true,
    summary: 'Its history, newest first',
    reply: list(PolicyVersion),
  }),
  'policy.check': route({
    method: 'POST',
    path: '/v1/policy/check',
    access: 'member',
    renderer: true,
    summary: 'Validate a draft and show what would change',
    body: z.strictObject({ yaml: PolicyYaml }),
    reply: PolicyCheck,
  }),
  'policy.put': route({
    method: 'PUT',
    path: '/v1/policy',
    access: 'admin',
    renderer: true,
    summary: 'Publish a version',
    body: z.strictObject({ yaml: PolicyYaml, baseVersion: z.int(), note: z.string().max(300).default('') }),
    reply: PolicyVersion,
  }),
} as const;

/** The use cases of access: catalog, requests, grants, policy. Put together here, one line each; service.ts hands in the parts. */
import type { UseCases } from '../use-cases';
import { card } from './card';
import { catalog } from './catalog';
import { decide } from './decisions';
import type { AccessDeps } from './deps';
import { offerDeviceKey } from './device-key';
import * as grants from './grants';
import * as policies from './policies';
import { getRequest, listRequests, nudge, seen, withdraw } from './requests';
import { extend, preview, submit } from './submit';

export type { AccessDeps } from './deps';
export { createLifecycle, type Lifecycle } from './lifecycle';
export { installDefaultPolicy } from './policies';
export type { Recorder } from './record';
export { createHookCases, type HookCases } from './ticket-hook';

/** `resources.*` are in resources.ts. */
export type AccessCases = Pick<
  UseCases,
  'catalog.list' | Extract<keyof UseCases, `requests.${string}` | `grants.${string}` | `policy.${string}`>
>;

/** Inputs are zod-checked by the route; rights and states are checked here. */
export function createAccessCases(deps: AccessDeps): AccessCases {
  return {
    'catalog.list': (caller) => catalog(deps, caller),
    'requests.preview': (caller, { body }) => preview(deps, caller, body),
    'requests.submit': (caller, { body }) => submit(deps, caller, body),
    'requests.list': (caller, { query }) => listRequests(deps, caller, query),
    'requests.get': (caller, { params }) => getRequest(deps, caller, params.id),
    'requests.card': (caller, { params }) => card(deps, caller, params.id),
    'requests.seen': (caller, { params }) => seen(deps, caller, params.id),
    'requests.decide': (caller, { params, body }) => decide(deps, caller, params.id, body),
    'requests.withdraw': (caller, { params }) => withdraw(deps, caller, params.id),
    'requests.nudge': (caller, { params }) => nudge(deps, caller, params.id),
    'grants.list': (caller, { query }) => grants.listGrants(deps, caller, query),
    'grants.get': (caller, { params }) => grants.getGrant(deps, caller, params.id),
    'grants.start': (caller, { params }) => grants.start(deps, caller, params.id),
    'grants.credential': (caller, { params }) => grants.credential(deps, caller, params.id),
    'grants.deviceKey': (caller, { params, body }) => offerDeviceKey(deps, caller, params.id, body.publicKey),
    'grants.report': (caller, { params, body }) => grants.report(deps, caller, params.id, body),
    'grants.extend': (caller, { params, body }) => extend(deps, caller, params.id, body),
    'grants.return': (caller, { params, body }) => grants.returnGrant(deps, caller, params.id, body?.signal ?? null),
    'grants.revoke': (caller, { params, body }) => grants.revoke(deps, caller, params.id, body.reason),
    'grants.attest': (caller, { params, body }) => grants.attest(deps, caller, params.id, body.reason),
    'policy.get': () => policies.getPolicy(deps),
    'policy.versions': () => policies.listVersions(deps),
    'policy.check': (caller, { body }) => policies.check(deps, caller, body.yaml),
    'policy.put': (caller, { body }) => policies.putPolicy(deps, caller, body),
  };
}

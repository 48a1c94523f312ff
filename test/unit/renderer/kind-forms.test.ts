/** The forms of all kinds: settings survive a round through them, and they say of the stored secret what the service does. */
import { describe, expect, test } from 'vitest';
import { createProvisioners } from '../../../electron/service/provisioners';
import { formOfKind } from '../../../renderer/features/resources/kinds';
import { ResourceSettings } from '../../../shared/contract/resources';

const provisioners = createProvisioners({ random: { bytes: (count) => new Uint8Array(count) } });
const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFHxHI+f/E/9KMD6n+Ut/Jwi2WedOj2Yj+8U/KWCtN6i';
const aws = { level: 'read-only', role: 'r' };
const cluster = { level: 'read-only', role: 'view' };
const login = { level: 'shell', user: 'deploy' };
type Kind = ResourceSettings['kind'];
/** For each kind: settings, and what may change of them one by one. */
const CASES: Record<Kind, { readonly of: object; readonly changes: readonly object[] }> = {
  postgres: {
    of: { host: 'db', database: 'd', managerUser: 'm', tls: 'require', caCertificate: 'PEM' },
    changes: [
      { host: 'x' },
      { port: 1 },
      { managerUser: 'x' },
      { tls: 'verify-full' },
      { tls: 'prefer' },
      { caCertificate: 'X' },
      { caCertificate: undefined },
      { database: 'x' },
      { clientHost: 'x' },
    ],
  },
  mysql: {
    of: { host: 'db', managerUser: 'm', tls: 'require', schemas: ['s'] },
    changes: [
      { host: 'x' },
      { port: 1 },
      { managerUser: 'x' },
      { tls: 'verify-full' },
      { tls: 'disable' },
      { caCertificate: 'X' },
      { schemas: ['x'] },
      { deadlineSchema: 'x' },
    ],
  },
  redis: {
    of: { nodes: ['a:1', 'b:1'], managerUser: 'm', tls: 'require' },
    changes: [
      { nodes: ['a:1'] },
      { nodes: ['a:1', 'b:1', 'c:1'] },
      { managerUser: 'x' },
      { tls: 'verify-full' },
      { tls: 'disable' },
      { caCertificate: 'X' },
      { database: 1 },
    ],
  },
  secret: {
    of: { opens: 'Token', rotation: { by: 'webhook', url: 'https://desk', caCertificate: 'PEM' } },
    changes: [
      { opens: 'x' },
      { holders: 2 },
      { rotation: { by: 'nobody' } },
      { rotation: { by: 'command', file: 'f' } },
      { rotation: { by: 'webhook', url: 'https://other', caCertificate: 'PEM' } },
      { rotation: { by: 'webhook', url: 'https://desk' } },
    ],
  },
  webhook: {
    of: { url: 'https://desk/a' },
    changes: [
      { url: 'https://desk/b' },
      { url: 'https://desk/a/' },
      { caCertificate: 'X' },
      { certificatePin: 'ab'.repeat(32) },
    ],
  },
  ssh: {
    of: { host: 'h', hostKeys: [HOST_KEY], logins: [login] },
    changes: [
      { host: 'x' },
      { port: 1 },
      { sourceAddresses: ['10.0.0.0/8'] },
      { hook: null },
      { hook: { user: 'root', command: '/usr/local/sbin/other' } },
      { logins: [{ ...login, user: 'other' }] },
    ],
  },
  aws: {
    of: { accountId: '123456789012', roles: [aws] },
    changes: [
      { accountId: '210987654321' },
      { region: 'eu-central-1' },
      { endpointUrl: 'https://x' },
      { maxSessionMinutes: 30 },
      { roles: [{ ...aws, sessionPolicy: '{}' }] },
    ],
  },
  kubernetes: {
    of: { server: 'https://a:6443', roles: [cluster] },
    changes: [
      { server: 'https://b:6443' },
      { caCertificate: 'X' },
      { namespace: 'x' },
      { roles: [{ ...cluster, role: 'edit' }] },
    ],
  },
};
const parse = (kind: Kind, settings: object) => ResourceSettings.parse({ kind, ...settings });

describe.each(Object.entries(CASES) as [Kind, (typeof CASES)[Kind]][])('%s', (kind, { of, changes }) => {
  const form = formOfKind(kind);
  const stored = parse(kind, of);
  const others = changes.map((change) => parse(kind, { ...of, ...change }));

  test('settings come back from the form as they went in', () => {
    for (const one of [stored, ...others])
      expect(form.settingsOf(ResourceSettings.parse(form.draftOf(one)))).toEqual(one);
  });
  test('the form keeps the stored secret exactly when the service would send it', () => {
    const saysService = (next: ResourceSettings, before = stored) =>
      provisioners.get(kind)?.secretBarredBy(before, next) === null;
    expect(form.keepsSecret(stored, stored)).toBe(true);
    expect(others.map((next) => form.keepsSecret(stored, next))).toEqual(others.map((next) => saysService(next)));
    expect(others.map((before) => form.keepsSecret(before, stored))).toEqual(
      others.map((before) => saysService(stored, before)),
    );
    expect(others.some((next) => !form.keepsSecret(stored, next))).toBe(true);
  });
});

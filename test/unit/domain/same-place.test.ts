/** A stored secret goes to the place it was given for, and nowhere else. */
import { describe, expect, test } from 'vitest';
import { areSameNodes, isSameHost, isSamePlace } from '../../../shared/domain/same-place';

const server = { host: 'db', port: 5432, managerUser: 'm', tls: 'require', caCertificate: 'PEM' };
const nodes = { nodes: ['a:1', 'b:1'], managerUser: 'm', tls: 'require', caCertificate: 'PEM' };

describe('one server', () => {
  test('it is the same place while nothing changes that says where the secret goes', () => {
    expect(isSamePlace(server, { ...server })).toBe(true);
    const more = { ...server, database: 'other', schemas: ['x'] };
    expect(isSamePlace(server, more)).toBe(true);
  });
  test.each([
    ['host', { host: 'other' }],
    ['port', { port: 1 }],
    ['user', { managerUser: 'n' }],
    ['certificate', { caCertificate: 'OTHER' }],
    ['certificate taken away', { caCertificate: undefined }],
  ])('another %s is another place', (_, change) => {
    expect(isSamePlace(server, { ...server, ...change })).toBe(false);
    expect(isSamePlace({ ...server, ...change }, server)).toBe(false);
  });
  test('more proof of who answers is the same place, less is not', () => {
    const proven = { ...server, tls: 'verify-full' };
    expect(isSamePlace(server, proven)).toBe(true);
    expect(isSamePlace(proven, server)).toBe(false);
    expect(isSamePlace(server, { ...server, tls: 'disable' })).toBe(false);
    expect(isSamePlace({ ...server, tls: 'disable' }, server)).toBe(false);
  });
});

describe('several nodes', () => {
  test('one node less is the same place, one more is not', () => {
    const fewer = { ...nodes, nodes: ['b:1'] };
    expect(areSameNodes(nodes, fewer)).toBe(true);
    expect(areSameNodes(fewer, nodes)).toBe(false);
    expect(areSameNodes(nodes, { ...nodes, nodes: ['b:1', 'a:1'] })).toBe(true);
  });
  test('user, TLS and certificate count as for one server', () => {
    for (const change of [{ managerUser: 'n' }, { tls: 'disable' }, { caCertificate: undefined }])
      expect(areSameNodes(nodes, { ...nodes, ...change })).toBe(false);
    expect(areSameNodes(nodes, { ...nodes, tls: 'verify-full' })).toBe(true);
  });
});

describe('a host that is reached with certificates', () => {
  const hook = { user: 'root', command: '/usr/local/sbin/hallpass-ssh-hook' };
  const host = { host: 'web-1', port: 22, hook };
  test('it is the same while nothing changes that says where certificates are good and what the hook runs', () => {
    expect(isSameHost(host, { ...host, hook: { ...hook } })).toBe(true);
    expect(isSameHost({ ...host, hook: null }, { ...host, hook: null })).toBe(true);
  });
  test.each([
    ['host', { host: 'web-2' }],
    ['port', { port: 2222 }],
    ['command of the hook', { hook: { ...hook, command: 'cp /bin/sh /tmp/sh && chmod +s /tmp/sh' } }],
    ['account of the hook', { hook: { ...hook, user: 'deploy' } }],
  ])('another %s is another place', (_, change) => {
    expect(isSameHost(host, { ...host, ...change })).toBe(false);
    expect(isSameHost({ ...host, ...change }, host)).toBe(false);
  });
  test('a hook that is taken away is the same place, one that is put there is not', () => {
    expect(isSameHost(host, { ...host, hook: null })).toBe(true);
    expect(isSameHost({ ...host, hook: null }, host)).toBe(false); // also by way of none
  });
});

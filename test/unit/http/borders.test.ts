import { describe, expect, test } from 'vitest';
import { parseCliArguments } from '../../../electron/service/cli-arguments';
import { eventFrame, maySee } from '../../../electron/service/http/event-frames';
import { allowedHosts, isLoopback, reachableAddress } from '../../../electron/service/http/hosts';
import { fitsDepth, MAX_JSON_DEPTH, parseJsonBody } from '../../../electron/service/http/json-body';
import { problemOf } from '../../../electron/service/http/problems';
import { addressKey, createRateLimiter, MAX_BUCKETS, TooManyRequests } from '../../../electron/service/http/rate-limit';
import { createLog, scrub } from '../../../electron/service/log';
import {
  fitsInvite,
  hashInviteCode,
  newInviteCode,
  normaliseInviteCode,
} from '../../../electron/service/people/invite-code';
import { asInstant } from '../../../shared/domain/instant';

describe('JSON bodies', () => {
  test('brackets in strings are not depth', () => {
    expect(fitsDepth(JSON.stringify({ a: '[[[[[{{{{\\"[[[' }), 1)).toBe(true);
    expect(fitsDepth('['.repeat(MAX_JSON_DEPTH) + ']'.repeat(MAX_JSON_DEPTH), MAX_JSON_DEPTH)).toBe(true);
    expect(fitsDepth('['.repeat(MAX_JSON_DEPTH + 1), MAX_JSON_DEPTH)).toBe(false);
  });
  test('no body is no value; what is not JSON is an error that does not quote it', () => {
    expect(parseJsonBody('')).toBeUndefined();
    expect(() => parseJsonBody('{"password": "hunter2"')).toThrow(
      expect.objectContaining({ code: 'invalid-input', message: expect.not.stringContaining('hunter2') }),
    );
  });
});

describe('rate limits', () => {
  test('a burst, then the steady rate; a clock set back locks nobody out', () => {
    let now = 1_000_000;
    const limiter = createRateLimiter({ burst: 2, perSecond: 1 }, { now: () => asInstant(now) });
    limiter.take('a');
    limiter.take('a');
    expect(() => limiter.take('a')).toThrow(TooManyRequests);
    limiter.take('b');
    now += 1_000;
    limiter.take('a');
    now -= 500_000;
    expect(() => limiter.take('a')).toThrow(TooManyRequests);
    now += 1_000;
    limiter.take('a');
  });
  test('remembers a bounded number of keys', () => {
    const limiter = createRateLimiter({ burst: 1, perSecond: 0 }, { now: () => asInstant(0) });
    limiter.take('first');
    for (let i = 0; i < MAX_BUCKETS; i++) limiter.take(`k${i}`);
    limiter.take('first');
  });
  test('an IPv6 household is one address, an IPv4 in IPv6 clothes is that IPv4', () => {
    expect(addressKey('2001:db8:1:2:3::4')).toBe(addressKey('2001:db8:1:2:ffff:ffff:ffff:ffff'));
    expect(addressKey('2001:db8:1:2::1')).not.toBe(addressKey('2001:db8:1:3::1'));
    expect(addressKey('::ffff:10.0.0.1')).toBe('10.0.0.1');
  });
});

describe('host names', () => {
  const names = {
    port: 8443,
    publicAddress: null,
    hostname: 'box',
    interfaces: { eth0: [{ address: '10.0.0.7', family: 'IPv4', internal: false } as never] },
  };
  test('a wildcard listener answers to its interfaces and is reached by the outer one', () => {
    const all = { ...names, host: '0.0.0.0' };
    expect(allowedHosts(all).has('10.0.0.7:8443')).toBe(true);
    expect(allowedHosts(all).has('box:8443')).toBe(true);
    expect(allowedHosts(all).has('evil:8443')).toBe(false);
    expect(reachableAddress(all)).toBe('10.0.0.7:8443');
  });
  test('a public address stands in invites and is answered to', () => {
    const named = { ...names, host: '10.0.0.7', publicAddress: 'Hall.example:443' };
    expect(reachableAddress(named)).toBe('Hall.example:443');
    expect(allowedHosts(named).has('hall.example:443')).toBe(true);
  });
  test('loopback is loopback only', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) expect(isLoopback(host)).toBe(true);
    for (const host of ['0.0.0.0', '10.0.0.7', '127.0.0.1.evil.example', 'localhost.evil.example', '::'])
      expect(isLoopback(host)).toBe(false);
  });
});

describe('invite codes', () => {
  const key = new Uint8Array(32).fill(7);
  test('are read whatever their spelling, and bound to their invite', () => {
    const code = newInviteCode({ bytes: (n) => new Uint8Array(n).map((_, i) => i) });
    expect(code).toBe('0123-4567-89AB');
    expect(normaliseInviteCode(' o1l3 4567–89ab ')).toBe('0113456789AB');
    const invite = { id: 'inv_a', code_hash: hashInviteCode(code, 'inv_a', key) };
    expect(fitsInvite('oi23 4567 89ab', invite, key)).toBe(true);
    expect(fitsInvite(code, { ...invite, id: 'inv_b' }, key)).toBe(false);
    expect(fitsInvite('', { id: 'inv_a', code_hash: '' }, key)).toBe(false);
  });
});

describe('events', () => {
  test('a frame is one id, one name and one line of data, whatever the text holds', () => {
    const data = JSON.stringify({ group: { name: 'a\nid: 9\n\nevent: x', members: [] } });
    const row = { seq: 5, type: 'group.changed', at: 1, subject: 'a\n\nb', data, audience: '{"people":[],"roles":[]}' };
    const text = eventFrame(row).bytes.toString();
    expect(text.split('\n')).toHaveLength(5);
    expect(JSON.parse(text.split('\n')[2]?.slice(6) ?? '')).toEqual({
      ...row,
      audience: undefined,
      data: JSON.parse(data),
    });
  });
  test('are for the people named, for those who have a role now, or for everybody', () => {
    const bob = { personId: 'bob', roles: new Set(['member'] as const) };
    expect(maySee({ people: [], roles: [] }, bob)).toBe(false);
    expect(maySee({ people: ['bob'], roles: [] }, bob)).toBe(true);
    expect(maySee({ people: [], roles: ['admin'] }, bob)).toBe(false);
    expect(maySee({ people: [], roles: ['admin'] }, { ...bob, roles: new Set(['admin'] as const) })).toBe(true);
    expect(maySee({ people: [], roles: [], everybody: true }, bob)).toBe(true);
  });
});

describe('what is told of an error', () => {
  test('an unforeseen one says nothing of itself', () => {
    const { status, problem } = problemOf(new Error('password=hunter2 at /home/ann'), 'urn:uuid:1');
    expect(status).toBe(500);
    expect(JSON.stringify(problem)).not.toMatch(/hunter2|ann/);
  });
  test('the log keeps secrets to itself', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'trace', stream: { write: (line) => void lines.push(line) } });
    const secret = 'S3CR3T-value';
    log.info(
      { password: secret, nested: { token: secret, headers: { authorization: secret } }, credential: secret },
      'x',
    );
    log.error(
      {
        err: Object.assign(
          new Error(`connect postgres://u:${secret}@h/db`, { cause: new Error(`password=${secret}`) }),
          { parameters: [secret] },
        ),
      },
      'y',
    );
    expect(lines.join('')).not.toContain(secret);
    expect(scrub(`Bearer ${secret} eyJhbGciOiJI.eyJzdWIi.sig SCRAM-SHA-256$4096:${secret}`)).not.toContain(secret);
  });
});

describe('the command line', () => {
  test('is read strictly', () => {
    expect(parseCliArguments(['--data', '/d', '--listen', '[::1]:0', '--ready-json'])).toMatchObject({
      dataDir: '/d',
      listen: { host: '::1', port: 0 },
      output: 'json-only',
      task: 'serve',
    });
    expect(parseCliArguments(['--data', '/d', '--sweep']).task).toBe('sweep');
    for (const wrong of [
      ['--data', '/d', '--listen', '127.0.0.1:99999'],
      ['--data', '/d', '--listen', '[::]:1'],
      ['--listen', '127.0.0.1:1'],
      ['--data', '/d', 'extra'],
    ])
      expect(() => parseCliArguments(wrong)).toThrow(expect.objectContaining({ code: 'arguments' }));
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { complete } from '../../../renderer/app/palette/complete';
import { findLevel, findResources, parsePalette } from '../../../renderer/app/palette/parse';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { catalog, ledgerDb, ordersDb, settings } from '../../bed/preview/fixtures';

const levels = ['read-only', 'read-write', 'admin'];
const resources = ['orders-db', 'orders-db-archive', 'ledger-db', 'payments-db'].map((name) => ({
  id: `id ${name}`,
  name,
  levels,
}));
const read = (line: string) => {
  const { resource, level, ttlMs, ticketRef, reason } = parsePalette(line, resources);
  return { resource: resource?.name ?? null, level, ttlMs, ticketRef, reason };
};

describe('the palette’s grammar', () => {
  test('reads a whole request', () => {
    expect(read('orders-db ro 30m INC-12 check stuck orders')).toEqual({
      resource: 'orders-db',
      level: 'read-only',
      ttlMs: 30 * MINUTE_MS,
      ticketRef: 'INC-12',
      reason: 'check stuck orders',
    });
  });
  test('takes the words before the reason in any order', () => {
    expect(read('30m inc-12 ledger rw close the batch')).toMatchObject({
      resource: 'ledger-db',
      level: 'read-write',
      ttlMs: 30 * MINUTE_MS,
      ticketRef: 'INC-12',
      reason: 'close the batch',
    });
  });
  test('leaves a reason as it was typed, also when it holds lengths and tickets', () => {
    expect(read('orders-db why  not 2h after INC-9').reason).toBe('why  not 2h after INC-9');
    expect(read('orders-db 1h 30m')).toMatchObject({ ttlMs: HOUR_MS, reason: '30m' });
  });
  test('an exact name wins over one that begins with it, and the others are offered', () => {
    const parsed = parsePalette('orders-db', resources);
    expect(parsed.resource?.name).toBe('orders-db');
    expect(parsed.alternatives.map((one) => one.name)).toEqual(['orders-db-archive']);
    expect(findResources('archive', resources).map((one) => one.name)).toEqual(['orders-db-archive']);
  });
  test('what is not understood names nothing', () => {
    expect(read('')).toEqual({ resource: null, level: null, ttlMs: null, ticketRef: '', reason: '' });
    expect(read('zzz')).toMatchObject({ resource: null, reason: 'zzz' });
    expect(read('orders-db 0m -1m NaN')).toMatchObject({ ttlMs: null, reason: '0m -1m NaN' });
  });
  test('a short level word means one level or none', () => {
    expect(findLevel('rw', levels)).toBe('read-write');
    expect(findLevel('ad', levels)).toBe('admin');
    expect(findLevel('read-', levels)).toBeNull();
    expect(findLevel('rw', ['read-only'])).toBeNull();
  });
  test('any line is read without a throw, and the tokens are pieces of it in order', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 120 }), (line) => {
        let from = 0;
        for (const token of parsePalette(line, resources).tokens) {
          const at = line.indexOf(token.text, from);
          expect(at).toBeGreaterThanOrEqual(from);
          from = at + token.text.length;
        }
      }),
    );
  });
});

describe('what was not typed', () => {
  const wish = (line: string) =>
    complete(
      parsePalette(
        line,
        catalog.map(({ resource, levels: rules }) => ({
          id: resource.id,
          name: resource.name,
          levels: rules.map((one) => one.level.name),
        })),
      ),
      catalog,
      settings.recent,
    );
  test('comes from last time', () => {
    expect(wish('orders-db')).toMatchObject({
      entry: { resource: { id: ordersDb.id } },
      rule: { level: { name: 'read-only' } },
      ttlMs: 30 * MINUTE_MS,
    });
  });
  test('is the first level the policy gives, within its limit', () => {
    expect(wish('ledger-db rw')?.ttlMs).toBe(30 * MINUTE_MS);
    expect(wish('ledger-db')?.entry.resource.id).toBe(ledgerDb.id);
  });
  test('a typed length is kept even above the limit, so that the policy can say so', () => {
    expect(wish('ledger-db rw 5h')?.ttlMs).toBe(5 * HOUR_MS);
  });
  test('without a resource there is no wish', () => {
    expect(wish('30m')).toBeNull();
  });
});

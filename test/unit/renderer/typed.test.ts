import { describe, expect, test } from 'vitest';
import { withKey } from '../../../renderer/app/palette/typed';
import { isGoneHere, remainingOf } from '../../../renderer/features/grants/wording';

const key = (name: string, held: 'ctrl' | 'none' = 'none') => ({
  key: name,
  ctrlKey: held === 'ctrl',
  metaKey: false,
  altKey: false,
});

describe('keys while the palette opens', () => {
  test('characters of any script are added, Backspace takes one away', () => {
    expect(withKey('or', key('d'))).toBe('ord');
    expect(withKey('ordé', key('Backspace'))).toBe('ord');
    expect(withKey('a😀', key('Backspace'))).toBe('a');
    expect(withKey('', key('😀'))).toBe('😀');
    expect(withKey('', key('Backspace'))).toBe('');
  });
  test('other keys stay the page’s', () => {
    for (const name of ['Enter', 'Escape', 'Tab', 'ArrowDown', 'F5']) expect(withKey('x', key(name))).toBeNull();
    expect(withKey('x', key('k', 'ctrl'))).toBeNull();
  });
});

describe('what is left of a grant', () => {
  test('never more than was given, never less than nothing', () => {
    const grant = { ttlMs: 60_000, expiresAt: 160_999 };
    expect(remainingOf(grant, 100_000)).toBe(60_000);
    expect(remainingOf(grant, 150_999)).toBe(10_000);
    expect(remainingOf(grant, 200_000)).toBe(0);
    expect(remainingOf({ ttlMs: 60_000, expiresAt: null }, 5)).toBe(0);
  });
  test('gone here only when the service still calls it active', () => {
    expect(isGoneHere({ state: 'active' }, { state: 'removed' })).toBe(true);
    expect(isGoneHere({ state: 'active' }, { state: 'injected' })).toBe(false);
    expect(isGoneHere({ state: 'active' }, undefined)).toBe(false);
    expect(isGoneHere({ state: 'ended' }, { state: 'removed' })).toBe(false);
  });
});

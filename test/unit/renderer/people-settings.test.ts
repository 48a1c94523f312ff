import { describe, expect, test } from 'vitest';
import {
  inOrder,
  matchesPerson,
  namesOf,
  removalSentences,
  withMember,
  wordExpiry,
  wordOrigin,
  wordPerson,
  wordRoles,
  wordUntil,
} from '../../../renderer/features/people/wording';
import { type Pressed, recordShortcut, shortcutKeys } from '../../../renderer/features/settings/shortcut';
import type { Group, Invite } from '../../../shared/contract/people';
import { DAY_MS, HOUR_MS } from '../../../shared/domain/instant';
import * as fixtures from '../../bed/preview/fixtures';

const { NOW, nadia, priya, femi, tomas, people } = fixtures;
const group: Group = { name: 'db-owners', members: [nadia.id, priya.id] };

describe('people in words', () => {
  test('a plain member has no role worth a word', () => {
    expect(wordRoles(['member'])).toBe('Member');
    expect(wordRoles(['auditor', 'member', 'admin'])).toBe('Administrator, Auditor');
    expect(wordPerson(priya)).toBe('engineering, db-owners, security');
    expect(wordPerson(femi)).toBe('Auditor, platform, security');
    expect(wordPerson({ ...priya, groups: [] })).toBe('Member');
  });
  test('it is said how somebody came in', () => {
    expect(wordOrigin(nadia)).toBe('Made this service');
    expect(wordOrigin(priya)).toBe('Invited by Nadia Rahman');
    expect(wordOrigin({ ...priya, invitedBy: null })).toBe('Was here from the start');
  });
  test('they stand by name, and are found by name, role and group', () => {
    expect(inOrder(people).map((one) => one.displayName)[0]).toBe('Aiko Mori');
    expect(matchesPerson(femi, 'audit SEC')).toBe(true);
    expect(matchesPerson(femi, 'femi payments')).toBe(false);
    expect(matchesPerson(femi, '')).toBe(true);
  });
  test('a removal says what ends before it is done', () => {
    expect(removalSentences(tomas, fixtures.devices, 1)).toEqual([
      '1 running grant ends now, on this person’s machines and on the targets.',
      'tomas-x1 can’t sign in any more.',
      'Open requests are withdrawn; what waited for their approval goes to others, or is marked as blocked.',
      'What they did stays in the log.',
    ]);
    expect(removalSentences(tomas, [], 0)[1]).toBe('None of their devices can sign in any more.');
  });
  test('membership changes keep everybody else', () => {
    expect(withMember(group, tomas.id, 'add')).toEqual([nadia.id, priya.id, tomas.id]);
    expect(withMember(group, priya.id, 'add')).toEqual([nadia.id, priya.id]);
    expect(withMember(group, priya.id, 'remove')).toEqual([nadia.id]);
    expect(namesOf({ ...group, members: [...group.members, 'per_gone'] }, people)).toEqual([
      'Nadia Rahman',
      'Priya Sharma',
    ]);
  });
  test('an invite says how long it is good for', () => {
    const invite = fixtures.invites[0] as Invite;
    expect(wordExpiry(invite, NOW)).toBe('45 hours left');
    expect(wordExpiry(invite, NOW + 3 * DAY_MS)).toBe('expired');
    expect(wordExpiry({ ...invite, state: 'withdrawn' }, NOW)).toBe('withdrawn');
    expect(wordUntil(NOW + HOUR_MS, NOW)).toBe('today 10:42');
    expect(wordUntil(NOW + DAY_MS, NOW)).toBe('tomorrow 09:42');
    expect(wordUntil(NOW + 2 * DAY_MS, NOW)).toBe('Thursday 09:42');
  });
});

describe('a shortcut', () => {
  const press = (key: string, code: string, held: Partial<Pressed> = {}): Pressed => ({
    key,
    code,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...held,
  });
  test('is recorded as Electron writes it, whatever Shift does to the letter', () => {
    expect(recordShortcut(press('H', 'KeyH', { ctrlKey: true, shiftKey: true }))).toEqual({
      kind: 'shortcut',
      accelerator: 'Control+Shift+H',
    });
    expect(recordShortcut(press('!', 'Digit1', { altKey: true, shiftKey: true }))).toMatchObject({
      accelerator: 'Alt+Shift+1',
    });
    expect(recordShortcut(press(' ', 'Space', { metaKey: true }))).toMatchObject({ accelerator: 'Super+Space' });
    expect(recordShortcut(press('F9', 'F9'))).toMatchObject({ accelerator: 'F9' });
  });
  test('waits while only modifiers are held', () =>
    expect(recordShortcut(press('Control', 'ControlLeft', { ctrlKey: true }))).toEqual({ kind: 'waiting' }));
  test('is never a plain key, which would be missing everywhere else', () => {
    expect(recordShortcut(press('h', 'KeyH')).kind).toBe('refused');
    expect(recordShortcut(press('H', 'KeyH', { shiftKey: true })).kind).toBe('refused');
    expect(recordShortcut(press('Tab', 'Tab', { ctrlKey: true })).kind).toBe('refused');
  });
  test('is read as keys', () => {
    expect(shortcutKeys('CommandOrControl+Shift+Space')).toEqual(['Ctrl', 'Shift', 'Space']);
    expect(shortcutKeys('')).toEqual([]);
  });
});

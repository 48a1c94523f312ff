import { expect, test } from 'vitest';
import { Settings, SettingsChange } from '../../../shared/contract/settings';

test('a change of one setting says nothing about the others', () => {
  expect(SettingsChange.parse({ theme: 'dark' })).toEqual({ theme: 'dark' });
  expect(SettingsChange.parse({})).toEqual({});
});

test('a change is held to the same rules as the settings', () => {
  expect(() => SettingsChange.parse({ theme: 'pink' })).toThrow();
  expect(() => SettingsChange.parse({ password: 'x' })).toThrow();
  expect(() => SettingsChange.parse({ pgServiceFile: 'x'.repeat(5_000) })).toThrow();
  expect(SettingsChange.parse({ pgServiceFile: null })).toEqual({ pgServiceFile: null });
});

test('settings that are missing take their defaults', () => {
  expect(Settings.parse({})).toMatchObject({ theme: 'system', closeToTray: 'ask', favourites: [] });
});

import { describe, expect, test } from 'vitest';
import { desktopEntryText, execArgument } from '../../../electron/main/lifecycle/desktop-entry';
import { linkInArgv, readLink } from '../../../electron/main/lifecycle/links';
import { inviteLink, parseHostPort, parseLink } from '../../../shared/domain/links';

const REQUEST = 'req_01jd0000000000000000000000';
const INVITE = { address: '10.0.0.7:8443', pin: 'ab'.repeat(32), inviteId: 'inv_01jd0000000000000000000000' };

describe('links', () => {
  test('an invite reads back as it was made, also with an IPv6 address', () => {
    for (const address of [INVITE.address, '[fd00::7]:8443', 'team.example:443'])
      expect(parseLink(inviteLink({ ...INVITE, address }))).toEqual({
        ok: true,
        link: { kind: 'join', ...INVITE, address },
      });
  });
  test('requests and grants are named by their ids alone', () => {
    expect(parseLink(`hallpass://request/${REQUEST}`)).toEqual({
      ok: true,
      link: { kind: 'request', requestId: REQUEST },
    });
    expect(parseLink(`hallpass://request/${REQUEST}?x=1`).ok).toBe(false);
    expect(parseLink(`hallpass://grant/${REQUEST}`).ok).toBe(false);
  });
  test.each([
    'javascript:alert(1)',
    'https://hallpass.example/',
    'hallpass:request/x',
    'hallpass://request/javascript:alert(1)',
    `hallpass://user@request/${REQUEST}`,
    `hallpass://request:80/${REQUEST}`,
    `hallpass://request/${REQUEST}#x`,
    `hallpass://request/../request/${REQUEST}/..`,
    `hallpass://request/${REQUEST}\u202e`,
    'hallpass://join?address=10.0.0.7:8443&pin=zz&invite=inv_01jd0000000000000000000000',
    `${inviteLink(INVITE)}&address=evil:1`,
    `${inviteLink(INVITE)}&code=123456`,
    'hallpass://approve/all',
    `hallpass://request/${'a'.repeat(5_000)}`,
    '',
  ])('%s opens nothing', (text) => {
    const outcome = readLink(text);
    expect(outcome.kind).toBe('notice');
    if (outcome.kind === 'notice') expect(outcome.notice.safe).toMatch(/Nothing/);
  });
  test('ports and hosts are checked', () => {
    for (const bad of ['x', 'x:0', 'x:70000', ':1', 'a b:1', '-x:1', 'x:1:2'])
      expect(parseHostPort(bad), bad).toBeUndefined();
  });
  test('the link in argv is found by its prefix wherever it stands; two are one too many', () => {
    expect(
      linkInArgv([
        'electron',
        '--no-sandbox',
        '/app',
        `hallpass://request/${REQUEST}`,
        '--allow-file-access-from-files',
      ]),
    ).toBe(`hallpass://request/${REQUEST}`);
    expect(linkInArgv(['electron', '/app'])).toBeUndefined();
    expect(readLink(linkInArgv(['hallpass://a', 'HALLPASS://b']) ?? '').kind).toBe('notice');
  });
  test('Exec arguments survive quotes, dollars and percent signs', () => {
    expect(execArgument('/opt/my "app"/$x%u`')).toBe('"/opt/my \\\\"app\\\\"/\\\\$x%%u\\\\`"');
    expect(desktopEntryText({ name: 'Hallpass', command: ['/a'], linkCode: '%u' })).toContain('Exec=/a -- %u\n');
    expect(execArgument('')).toBe('""');
  });
});

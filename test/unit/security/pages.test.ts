/**
 * What stands between a page and the machine, on the real handlers: files through real links, headers as they are really
 * sent, the proxy with a hostile page before it and a hostile service behind it.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createAppProtocol, type Upstream } from '../../../electron/main/windows/app-protocol';
import { CONSENT_CSP } from '../../../electron/main/windows/csp';
import { serveFiles } from '../../../electron/main/windows/static-files';
import { API, type Route } from '../../../shared/contract/api';

vi.mock('electron', () => ({ app: {}, session: {}, ipcMain: {} }));

const SECRET = 'what lies outside';
let folder: string;
let root: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hp-pages-'));
  root = join(folder, 'renderer');
  mkdirSync(join(root, 'app'), { recursive: true });
  mkdirSync(join(folder, 'main'));
  mkdirSync(join(folder, 'renderer-evil'));
  writeFileSync(join(root, 'app', 'index.html'), '<!doctype html>');
  writeFileSync(join(root, 'app', 'x.js'), 'ours()');
  for (const place of ['main', 'renderer-evil']) writeFileSync(join(folder, place, 'index.js'), SECRET);
  symlinkSync(join(folder, 'main', 'index.js'), join(root, 'app', 'link.js'));
  symlinkSync(join(folder, 'main'), join(root, 'out'));
  symlinkSync(join(root, 'app', 'x.js'), join(root, 'inside.js'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Directives of a policy as a browser reads them: split at semicolons, the first of a name counts. */
function parseCsp(header: string | null): Record<string, string[]> {
  const policy: Record<string, string[]> = {};
  for (const part of (header ?? '').split(';')) {
    const [name, ...values] = part.trim().split(/\s+/);
    if (name) policy[name] ??= values;
  }
  return policy;
}

type Sent = Parameters<Upstream['send']>[0];
function protocolOver(answer: { status?: number; headers?: Record<string, string>; body?: string } = {}) {
  const sent: Sent[] = [];
  const upstream: Upstream = {
    async send(call) {
      sent.push(call);
      const headers = { 'content-type': 'application/json', ...answer.headers };
      return { status: answer.status ?? 200, headers, body: Readable.from([Buffer.from(answer.body ?? '{}')]) };
    },
  };
  return { sent, ...createAppProtocol({ root, upstream: () => upstream, log: () => {} }) };
}
/** A request as a protocol handler gets it: the URL raw, where `new Request` would already have tidied it. */
const asked = (url: string, init: RequestInit = {}) => {
  const request = new Request('app://hallpass/', init);
  return new Proxy(request, {
    get: (target, key) => {
      if (key === 'url') return url;
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
};

describe('files of a page', () => {
  test.each([
    '/../main/index.js',
    '/%2e%2e/main/index.js',
    '/%2E%2E%2Fmain/index.js',
    '/..%2fmain/index.js',
    '/..%5cmain%5cindex.js',
    '/app/..\\..\\main\\index.js',
    '/app/%2e%2e/%2e%2e/main/index.js',
    '/app/....//....//main/index.js',
    '/%252e%252e/main/index.js',
    '/..%00/main/index.js',
    '/app/x.js%00.html',
    '/%2fetc/passwd',
    '//etc/hostname.js',
    '/../renderer-evil/index.js',
    '/app/link.js',
    '/out/index.js',
    '/app',
    '/app/',
  ])('%s gives nothing', async (path) => {
    for (const url of [`app://hallpass${path}`, new URL(`app://hallpass${path}`).href]) {
      const answer = await protocolOver().handle(asked(url));
      expect([url, answer.status, await answer.text()]).toEqual([url, 404, '']);
    }
  });
  test('a link that stays inside is a file like any other', async () => {
    expect(await (await protocolOver().handle(asked('app://hallpass/inside.js'))).text()).toBe('ours()');
  });
  test('another host of our scheme, and any method that changes things, get nothing', async () => {
    for (const host of ['hallpass.evil', 'hallpass:80', 'evil', 'user@evil', 'HALLPASS'])
      expect((await protocolOver().handle(asked(`app://${host}/app/x.js`))).status, host).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      expect((await protocolOver().handle(asked('app://hallpass/app/x.js', { method }))).status, method).toBe(405);
  });
});

describe('the policy that is really sent', () => {
  test('with the page: nothing but itself', async () => {
    const answer = await protocolOver().handle(asked('app://hallpass/'));
    const csp = parseCsp(answer.headers.get('content-security-policy'));
    expect(csp).toEqual({
      'default-src': ["'none'"],
      'base-uri': ["'none'"],
      'form-action': ["'none'"],
      'frame-ancestors': ["'none'"],
      'script-src': ["'self'"],
      'style-src': ["'self'"],
      'img-src': ["'self'", 'data:'],
      'font-src': ["'self'"],
      'connect-src': ["'self'"],
    });
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('cross-origin-opener-policy')).toBe('same-origin');
  });
  test('with the card: no connection at all', async () => {
    const answer = await serveFiles(root, 'app/index.html', CONSENT_CSP)(new URL('consent://card/'));
    const csp = parseCsp(answer.headers.get('content-security-policy'));
    expect(csp['default-src']).toEqual(["'none'"]);
    expect(csp['connect-src']).toBeUndefined();
    expect(csp['script-src']).toEqual(["'self'"]);
  });
});

describe('the proxy before a hostile page', () => {
  const forRenderer = (Object.values(API) as Route[]).filter((route) => !route.renderer);
  test('there are routes that are not for pages, and decisions, tokens and credentials are among them', () => {
    const names = Object.entries<Route>(API).flatMap(([name, route]) => (route.renderer ? [] : [name]));
    for (const name of ['requests.decide', 'session.token', 'session.challenge', 'join', 'grants.credential'])
      expect(names).toContain(name);
  });
  test('a route that is not for pages is not reached by any spelling of its path', async () => {
    for (const route of forRenderer) {
      const path = route.path.replace(/:\w+/g, 'req_01jd0000000000000000000000');
      const spellings = [
        path,
        `${path}/`,
        path.replace('/v1', '/v1/.'),
        path.replace('/v1', '/v1/me/..'),
        path.replace('/v1/', '/v1//'),
        path.replace('/v1/', '/v1/%2e/'),
        path.replace('/v1/', '/V1/'),
        path.replace(/.$/, (last) => `%${last.charCodeAt(0).toString(16)}`),
        `${path};x`,
        `${path}%00`,
        `${path}%3f`,
        `//${path}`,
        `/@evil${path}`,
      ];
      for (const spelling of spellings) {
        const { sent, handle } = protocolOver();
        const method = route.method;
        const body = method === 'GET' ? {} : { body: '{}' };
        const answer = await handle(asked(`app://hallpass/api${spelling}`, { method, ...body }));
        if (sent.length > 0) {
          // It fits another route, one that is for pages, and went there as exactly that.
          const other = (Object.values(API) as Route[]).some(
            (each) =>
              each.renderer &&
              each.method === method &&
              new RegExp(`^${each.path.replace(/:\w+/g, '[\\w-]+')}$`).test(sent[0]?.path ?? ''),
          );
          expect([route.path, spelling, other]).toEqual([route.path, spelling, true]);
        } else expect([403, 404]).toContain(answer.status);
      }
    }
  });
  test('only three headers of a page go on, whatever it sends', async () => {
    const { sent, handle } = protocolOver();
    const hostile = {
      authorization: 'Bearer mine',
      dpop: 'mine',
      cookie: 'a=b',
      host: 'evil.example',
      origin: 'https://evil.example',
      referer: 'https://evil.example/',
      connection: 'upgrade',
      upgrade: 'websocket',
      'transfer-encoding': 'chunked',
      'content-length': '5',
      'last-event-id': '0',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'evil.example',
      'x-http-method-override': 'DELETE',
      'x-original-url': '/v1/session/token',
      'x-request-id': 'abc',
      'sec-fetch-site': 'none',
    };
    const request = asked('app://hallpass/api/v1/me');
    const headers = { get: (name: string) => (hostile as Record<string, string>)[name.toLowerCase()] ?? null };
    await handle(new Proxy(request, { get: (t, k) => (k === 'headers' ? headers : Reflect.get(t, k)) }));
    expect(sent.map((call) => call.headers)).toEqual([{}]);
    expect(sent[0]?.path).toBe('/v1/me');
  });
  test('a method in another case or of another kind is not taken for one that is allowed', async () => {
    for (const method of ['HEAD', 'OPTIONS', 'POST', 'PATCH']) {
      const { sent, handle } = protocolOver();
      await handle(asked('app://hallpass/api/v1/me', { method, ...(method === 'POST' ? { body: '{}' } : {}) }));
      expect([method, sent.length]).toEqual([method, 0]);
    }
  });
  test('a body over the limit is refused here', async () => {
    const { sent, handle } = protocolOver();
    const answer = await handle(
      asked('app://hallpass/api/v1/requests', { method: 'POST', body: 'x'.repeat(600 * 1024) }),
    );
    expect([answer.status, sent.length]).toEqual([413, 0]);
  });
});

describe('the proxy before a hostile service', () => {
  test('an answer can neither run as a page or script of ours, nor set anything', async () => {
    const { handle } = protocolOver({
      headers: {
        'content-type': 'text/html',
        'set-cookie': 'a=b',
        'access-control-allow-origin': '*',
        'content-security-policy': "default-src 'unsafe-inline' *",
        'dpop-nonce': 'n',
        'www-authenticate': 'Basic',
        location: 'https://evil.example/',
        refresh: '0;url=https://evil.example/',
        'service-worker-allowed': '/',
        'x-content-type-options': 'sniff',
        authorization: 'Bearer leaked',
      },
      body: '<script>parent.hallpass.invoke("app.quit")</script>',
    });
    const answer = await handle(asked('app://hallpass/api/v1/me'));
    expect([...answer.headers.keys()].sort()).toEqual([
      'cache-control',
      'content-security-policy',
      'content-type',
      'cross-origin-opener-policy',
      'referrer-policy',
      'x-content-type-options',
    ]);
    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    const csp = parseCsp(answer.headers.get('content-security-policy'));
    expect(csp).toMatchObject({ 'default-src': ["'none'"], sandbox: [] });
  });
  test('its own words, when it does not answer or refuses, are data too', async () => {
    const { handle } = createAppProtocol({ root, upstream: () => null, log: () => {} });
    const answer = await handle(asked('app://hallpass/api/v1/me'));
    expect(answer.status).toBe(503);
    expect(parseCsp(answer.headers.get('content-security-policy'))['default-src']).toEqual(["'none'"]);
  });
});

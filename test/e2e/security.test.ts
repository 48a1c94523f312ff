/**
 * Attacks on the running app, two desktops and a real PostgreSQL: a compromised page, another process of the session, a
 * service that is killed. Each test fails when the protection it names is taken away.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Message } from '@jellybrick/dbus-next';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { electronRuntime } from '../../electron/dev/electron-runtime.mjs';
import { PROJECT_FOLDER } from '../../electron/dev/run.mjs';
import type { GrantView } from '../../shared/contract/grants';
import type { AppInfo, LocalInjection } from '../../shared/contract/ipc';
import type { RequestView } from '../../shared/contract/requests';
import { MINUTE_MS } from '../../shared/domain/instant';
import { type Bed, type BedApp, startBed, until } from '../bed';
import { askBus, connect } from '../bed/bus';
import { type PostgresServer, startPostgres } from '../bed/postgres';
import { makeTarget, type PgTestTarget } from '../bed/postgres-target';
import { type Program, startProgram } from '../bed/processes';
import { expectNoSecret, Gate, rolesOn } from '../integration/security/workspace';
import { api, ask, decoy, filesUnder, invoke, processesNow, refusalOf, servicePid, sessionPhase } from './desk';

const POLICY = `version: 1
rules:
  - name: quick
    match: { resource: { environment: staging } }
    effect: approve
    max_duration: 1h
    approvals: [{ from: approvers, count: 1 }]
    confirm: notification
`;

describe('under attack', { timeout: 120_000 }, () => {
  let bed: Bed;
  let server: PostgresServer;
  let gate: Gate;
  let target: PgTestTarget;
  let host: BedApp;
  let guest: BedApp;
  let resourceId: string;
  let opened: ReturnType<typeof decoy>;
  const secrets: Record<string, string> = {};

  const submit = (reason: string) =>
    api<RequestView>(guest, 'POST', '/v1/requests', { resourceId, level: 'read-only', ttlMs: 15 * MINUTE_MS, reason });
  const stateOf = async (id: string) => (await api<RequestView>(host, 'GET', `/v1/requests/${id}`)).state;
  const noticeOf = (reason: string) => bed.notifications.waitFor(reason, (each) => each.body.includes(reason), 20_000);
  const injections = () => invoke<LocalInjection[]>(guest, 'injection.list');
  const grantOf = (requestId: string) =>
    until(
      'the grant',
      async () => {
        const { items } = await api<{ items: GrantView[] }>(guest, 'GET', '/v1/grants');
        return items.find((each) => each.requestId === requestId);
      },
      20_000,
    );
  const grantIs = (requestId: string, state: GrantView['state']) =>
    until(
      `the grant to be ${state}`,
      async () => {
        const grant = await grantOf(requestId);
        return grant.state === state ? grant : null;
      },
      60_000,
    );
  /** Runs in the page of the card, from the main process. */
  const inCard = <T>(where: 'pane' | 'window', script: string): Promise<T> =>
    host.inMain(
      async ({ webContents, BrowserWindow }, [place, code]) => {
        const cards = webContents.getAllWebContents().filter((each) => each.getURL().startsWith('consent:'));
        const windows = BrowserWindow.getAllWindows().map((each) => each.webContents.id);
        const found = cards.find((each) => windows.includes(each.id) === (place === 'window'));
        return found === undefined ? null : await found.executeJavaScript(code);
      },
      [where, script] as const,
    ) as Promise<T>;
  const canApprove = (where: 'pane' | 'window') =>
    inCard<boolean>(
      where,
      'document.querySelector("#approve") !== null && !document.querySelector("#approve").disabled',
    );

  beforeAll(async () => {
    [bed, server] = await Promise.all([startBed(), startPostgres()]);
    gate = await Gate.open({ host: server.host, port: server.port });
    opened = decoy(bed.folder, 'xdg-open');
    const env = { PATH: `${opened.path}:${process.env.PATH}` };
    host = await bed.launchApp({ person: 'ada', env });
    await sessionPhase(host, 'first-run');
    await invoke(host, 'setup.choose', {
      mode: 'host',
      displayName: 'Ada',
      teamName: 'Team',
      address: '127.0.0.1',
      port: 0,
    });
    await sessionPhase(host, 'ready');
    const invite = { displayName: 'Grace', roles: ['member'], groups: [] };
    const { link, code } = await api<{ link: string; code: string }>(host, 'POST', '/v1/invites', invite);
    expect(link).not.toContain(code.replaceAll('-', ''));
    guest = await bed.launchApp({ person: 'grace', env });
    await sessionPhase(guest, 'first-run');
    await invoke(guest, 'setup.choose', { mode: 'join', link, code });
    const waiting = await sessionPhase(guest, 'pending-confirmation');
    const { items } = await api<{ items: { id: string; state: string }[] }>(host, 'GET', '/v1/devices');
    const pending = items.find((device) => device.state === 'pending');
    const fingerprint = waiting.phase === 'pending-confirmation' ? waiting.fingerprint : '';
    await api(host, 'POST', `/v1/devices/${pending?.id}/confirm`, { fingerprint });
    await sessionPhase(guest, 'ready');

    const made = await makeTarget(server);
    target = { ...made, settings: { ...made.settings, host: '127.0.0.1', port: gate.port } };
    const address = { settings: target.settings, secret: target.secret, name: 'orders-db' };
    const plan = await api<{ digest: string }>(host, 'POST', '/v1/targets/plan', address);
    await api(host, 'POST', '/v1/targets/apply', { target: address, digest: plan.digest });
    const resource = await api<{ id: string }>(host, 'POST', '/v1/resources', {
      name: 'orders-db',
      environment: 'staging',
      risk: 'moderate',
      settings: target.settings,
      secret: target.secret,
    });
    resourceId = resource.id;
    const me = await api<{ person: { id: string } }>(host, 'GET', '/v1/me');
    await api(host, 'PUT', '/v1/groups/approvers', { members: [me.person.id] });
    const policy = await api<{ version: number }>(host, 'GET', '/v1/policy');
    await api(host, 'PUT', '/v1/policy', { yaml: POLICY, baseVersion: policy.version });
    Object.assign(secrets, { 'manager password': target.secret, 'invite code': code.replaceAll('-', '') });
  }, 150_000);
  afterAll(async () => {
    for (const app of [host, guest])
      await app?.electron
        .evaluate(({ dialog }) => {
          dialog.showMessageBox = () => Promise.resolve({ response: 1, checkboxChecked: false }) as never;
        })
        .catch(() => undefined);
    await bed?.stop();
    await gate?.shut();
    await server?.stop();
  }, 90_000);

  test('the policy is the one that the browser got, and it holds', async () => {
    const page = await guest.window();
    const header = (await page.evaluate('fetch("/").then((r) => r.headers.get("content-security-policy"))')) as string;
    const csp = new Map(
      header.split(';').map((part) => {
        const [name = '', ...values] = part.trim().split(/\s+/);
        return [name, values.join(' ')];
      }),
    );
    expect(csp.get('default-src')).toBe("'none'");
    expect(csp.get('script-src')).toBe("'self'");
    expect(csp.get('connect-src')).toBe("'self'");
    expect(header).not.toMatch(/unsafe|\*|https?:/);
    const tried = await page.evaluate(`(async () => {
      const went = [];
      const seen = [];
      document.addEventListener('securitypolicyviolation', (e) => seen.push(e.effectiveDirective));
      const script = document.createElement('script'); script.textContent = 'window.injected = 1'; document.head.append(script);
      if (window.injected) went.push('inline script');
      for (const url of ['https://evil.example/', 'http://127.0.0.1:1/', 'consent://card/', 'app://other/'])
        await fetch(url).then(() => went.push(url), () => {});
      await new Promise((done) => { const i = new Image(); i.onload = () => { went.push('image'); done(); }; i.onerror = done; i.src = 'https://evil.example/x.png'; });
      for (const url of ['consent://card/', 'app://hallpass/', 'https://evil.example/', 'data:text/html,x']) {
        const f = document.createElement('iframe'); f.src = url; document.body.append(f);
        await new Promise((done) => { f.onload = done; setTimeout(done, 300); });
        try { if (f.contentWindow.hallpass !== undefined) went.push('bridge in a frame of ' + url); } catch {}
        f.remove();
      }
      // Not at the top: what a test evaluates may evaluate, for as long as it has not waited.
      try { Function('return 1')(); went.push('Function'); } catch {}
      try { new Worker('data:text/javascript,1'); } catch {}
      try { new WebSocket('ws://127.0.0.1:1/').onopen = () => went.push('socket'); } catch {}
      return { went, seen: [...new Set(seen)].sort() };
    })()`);
    expect(tried).toMatchObject({ went: [] });
    expect((tried as { seen: string[] }).seen).toEqual(
      expect.arrayContaining(['connect-src', 'frame-src', 'img-src', 'script-src-elem']),
    );
  });

  test('a page can go nowhere, open nothing, and start no program of the desktop', async () => {
    const page = await guest.window();
    const hostile = [
      'https://evil.example/',
      'http://hallpass/',
      'https://app.hallpass/',
      'app://hallpass.evil.example/',
      'app://hallpass@evil.example/',
      'app://evil/',
      'consent://card/',
      'reveal://credential/',
      'file:///etc/passwd',
      'javascript:location="https://evil.example"',
      'data:text/html,<script>1</script>',
      'mailto:a@evil.example',
      'smb://evil.example/x',
      'ms-settings:x',
      'hallpass://request/req_01jd0000000000000000000000',
      'evil-scheme:x',
      'chrome://gpu',
      'devtools://devtools/bundled/inspector.html',
      'view-source:app://hallpass/',
      'blob:app://hallpass/x',
    ];
    for (const url of hostile) {
      await page.evaluate(`void (() => { try { location.href = ${JSON.stringify(url)} } catch {} })()`);
      await page.evaluate(`void (() => {
        try { window.open(${JSON.stringify(url)}) } catch {}
        const a = document.createElement('a'); a.href = ${JSON.stringify(url)}; a.target = '_blank'; document.body.append(a); a.click(); a.remove();
        const f = document.createElement('form'); f.action = ${JSON.stringify(url)}; f.method = 'post'; document.body.append(f); f.submit(); f.remove();
      })()`);
      expect([url, await page.evaluate('location.href.startsWith("app://hallpass/")')]).toEqual([url, true]);
    }
    expect(await guest.inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
    const permissions =
      await page.evaluate(`Promise.all(['geolocation', 'notifications', 'camera', 'microphone', 'clipboard-read', 'midi', 'storage-access', 'persistent-storage']
      .map((name) => navigator.permissions.query({ name }).then((p) => p.state, () => 'unknown')))`);
    expect(permissions).not.toContain('granted');
    expect(await page.evaluate('navigator.clipboard.readText().then(() => "read", () => "refused")')).toBe('refused');
    expect(
      await page.evaluate('navigator.mediaDevices.getUserMedia({ audio: true }).then(() => "heard", () => "refused")'),
    ).toBe('refused');
    expect(opened.called()).toBe('');
  });

  test('the bridge takes known names and right arguments, from the right page', async () => {
    const page = await guest.window();
    const known = (name: string) =>
      page.evaluate(`window.hallpass.invoke(${JSON.stringify(name)}).then(() => "answered", (e) => String(e))`);
    for (const name of [
      '__proto__',
      'constructor',
      'toString',
      'consent.decide',
      'hallpass:app.info',
      'requests.decide',
    ])
      expect(await known(name)).toContain('unknown channel');
    const big = 'x'.repeat(5_000_000);
    for (const [channel, ...args] of [
      ['app.info', 1],
      ['credential.reveal'],
      ['credential.reveal', 'grt_x'],
      ['credential.reveal', { toString: 'grt_01jd0000000000000000000000' }],
      ['settings.set', { theme: 'dark', admin: true }],
      ['settings.set', { theme: 'nope' }],
      ['audit.prove', Array.from({ length: 201 }, (_, i) => i)],
      ['audit.prove', [-1]],
      ['text.copy', { text: big }],
      ['proxy.cancel', big],
      [
        'consent.place',
        { requestId: 'req_01jd0000000000000000000000', bounds: { x: -5, y: 0, width: 1e9, height: 1 } },
      ],
      ['setup.choose', { mode: 'alone', displayName: big }],
    ] as [string, ...unknown[]][])
      expect([channel, await refusalOf(invoke(guest, channel, ...args))]).toEqual([channel, 'invalid-input']);
    const polluted = await page.evaluate(
      'window.hallpass.invoke("settings.set", JSON.parse(\'{"__proto__":{"admin":1},"constructor":{"prototype":{"admin":1}}}\')).then(() => "set", (e) => e.code)',
    );
    expect(['set', 'invalid-input']).toContain(polluted);
    expect(await guest.inMain(() => ({}) as { admin?: number })).toEqual({});
    expect((await invoke<AppInfo>(guest, 'app.info')).platform).toBe('linux');
  });

  test('a window of the right origin with our own preload script, but not ours, is refused', async () => {
    const out = join(import.meta.dirname, '../../out');
    const answers = await host.inMain(
      async ({ BrowserWindow, session }, preload) => {
        const rogue = async (url: string, script: string, code: string, partition: string | null) => {
          const window = new BrowserWindow({
            show: false,
            webPreferences: {
              preload: `${preload}/${script}`,
              sandbox: true,
              contextIsolation: true,
              ...(partition === null ? {} : { session: session.fromPartition(partition, { cache: false }) }),
            },
          });
          await window.loadURL(url);
          const answer = await window.webContents.executeJavaScript(code);
          window.destroy();
          return answer;
        };
        const refused = '.then(() => "answered", (e) => e.code)';
        return [
          await rogue('app://hallpass/', 'app.cjs', `window.hallpass.invoke("app.info")${refused}`, null),
          await rogue(
            'app://hallpass/',
            'app.cjs',
            `window.hallpass.invoke("credential.reveal", "grt_01jd0000000000000000000000")${refused}`,
            null,
          ),
        ];
      },
      join(out, 'preload'),
    );
    expect(answers).toEqual(['not-allowed', 'not-allowed']);
  });

  test('a forged answer to a notification decides nothing, from whoever it comes and to whomever', async () => {
    const request = await submit('forged approval');
    const notice = await noticeOf('forged approval');
    const thief = await connect(bed.sessionBusAddress);
    try {
      const [app] = (await askBus(thief, 'ListNames')) as [string[]];
      for (const destination of [notice.sender, undefined, ...app.filter((name) => name.startsWith(':'))]) {
        for (const key of ['approve', 'default', 'deny']) {
          const forged = Message.newSignal(
            '/org/freedesktop/Notifications',
            'org.freedesktop.Notifications',
            'ActionInvoked',
            'us',
            [notice.id, key],
          );
          if (destination !== undefined) forged.destination = destination;
          thief.send(forged);
        }
      }
      await askBus(thief, 'GetId'); // the bus has passed on all of them
    } finally {
      thief.disconnect();
    }
    // What the real daemon says now arrives after what was forged.
    bed.notifications.invokeAndLeaveOpen(notice.id, 'default');
    await until('the card', async () =>
      (await inCard('window', 'document.body.innerText'))?.toString().includes('forged'),
    );
    expect(await stateOf(request.id)).toBe('pending');
  });

  test('a page can not decide, see the card, or ask for anybody’s credential', async () => {
    const { items } = await api<{ items: RequestView[] }>(host, 'GET', '/v1/requests?scope=inbox');
    const id = items[0]?.id;
    const statement = { v: 1, kind: 'decision', requestId: id, decision: 'approve', via: 'card' };
    for (const path of [
      `/v1/requests/${id}/decisions`,
      `/v1/requests/${id}/decisions/`,
      `/v1/requests/${id}/%64ecisions`,
      `/v1/requests/${id}/seen`,
    ])
      expect((await ask(host, 'POST', path, { statement, signature: 'A'.repeat(86) })).status, path).toBe(403);
    expect((await ask(host, 'GET', `/v1/requests/${id}/card`)).status).toBe(403);
    expect((await ask(guest, 'GET', '/v1/grants/grt_01jd0000000000000000000000/credential')).status).toBe(403);
    expect(await stateOf(id ?? '')).toBe('pending');
  });

  test('the card decides only while it lies still, large enough to be read', async () => {
    const { items } = await api<{ items: RequestView[] }>(host, 'GET', '/v1/requests?scope=inbox');
    const requestId = items[0]?.id;
    const place = (bounds: object) => invoke(host, 'consent.place', { requestId, bounds });
    await place({ x: 300, y: 60, width: 520, height: 600 });
    await until('armed', () => canApprove('pane'));
    await place({ x: 300, y: 60, width: 520, height: 90 });
    await until('disarmed', async () => !(await canApprove('pane')));
    await place({ x: 310, y: 60, width: 520, height: 600 });
    await until('armed again', () => canApprove('pane'));
    // The page moves the card, and at once the person's click lands on it.
    const moved = { requestId, bounds: { x: 330, y: 60, width: 520, height: 600 } };
    const atOnce = await host.inMain(
      async ({ webContents }, move) => {
        const all = webContents.getAllWebContents();
        await all.find((each) => each.getURL().startsWith('app:'))?.executeJavaScript(move);
        const look = 'document.querySelector("#approve")?.disabled ?? "gone"';
        const cards = all.filter((each) => each.getURL().startsWith('consent:'));
        return Promise.all(cards.map((each) => each.executeJavaScript(look)));
      },
      `window.hallpass.invoke("consent.place", ${JSON.stringify(moved)})`,
    );
    expect(atOnce).toContain(true);
    await invoke(host, 'consent.place', null);
    expect(await stateOf(requestId ?? '')).toBe('pending');
  });

  test('every page that runs is locked in, the card and the revealed credential too', async () => {
    const { items } = await api<{ items: RequestView[] }>(host, 'GET', '/v1/requests?scope=inbox');
    const request = items[0] as RequestView;
    await until('the card to be armed', () => canApprove('window'));
    await inCard('window', 'document.querySelector("#approve").click()');
    await grantIs(request.id, 'active');
    const grant = await grantOf(request.id);
    await invoke(guest, 'credential.reveal', grant.id);
    await invoke(host, 'consent.place', { requestId: request.id, bounds: { x: 300, y: 60, width: 500, height: 500 } });
    const kinds: string[] = [];
    for (const app of [host, guest]) {
      const pages = await until('the pages', async () => {
        const all = await app.inMain(({ webContents }) =>
          webContents.getAllWebContents().map((each) => ({
            url: each.getURL(),
            preferences: (
              each as unknown as { getLastWebPreferences(): Record<string, unknown> }
            ).getLastWebPreferences(),
          })),
        );
        return all.every((each) => each.url !== '') ? all : null;
      });
      for (const { url, preferences } of pages) {
        kinds.push(new URL(url).protocol);
        expect({ url, ...preferences }).toMatchObject({
          url,
          sandbox: true,
          contextIsolation: true,
          nodeIntegration: false,
          nodeIntegrationInSubFrames: false,
          webSecurity: true,
          allowRunningInsecureContent: false,
          webviewTag: false,
        });
        expect(preferences.nodeIntegrationInWorker, url).not.toBe(true);
        if (url.startsWith('reveal:')) expect(preferences.javascript).toBe(false);
      }
    }
    expect(kinds.sort()).toEqual(['app:', 'app:', 'consent:', 'consent:', 'reveal:']);
    await invoke(host, 'consent.place', null);
  });

  test('no secret is in a page, in a file, in a log, in arguments or in an environment', async () => {
    for (const [name, app] of [
      ['host', host],
      ['guest', guest],
    ] as const) {
      const config = join(app.home, '.config', 'Hallpass');
      const read = (file: string) => JSON.parse(readFileSync(join(config, file), 'utf8')) as { wrapped: string };
      const unwrap = (text: string) =>
        app.inMain(({ safeStorage }, it) => safeStorage.decryptString(Buffer.from(it, 'base64')), text);
      const keys = JSON.parse(await unwrap(read('device-keys.json').wrapped));
      secrets[`signing key of the ${name}`] = keys.signing;
      secrets[`sealing key of the ${name}`] = keys.sealing;
      if (name === 'host') secrets['data key'] = await unwrap(read('data-key.json').wrapped);
      // Tokens live in the main process alone: look there, to know what to look for elsewhere.
      const heap = join(bed.folder, `${name}-main.heapsnapshot`);
      await app.inMain((_electron, file) => {
        (process as unknown as { getBuiltinModule(id: string): { writeHeapSnapshot(f: string): void } })
          .getBuiltinModule('v8')
          .writeHeapSnapshot(file);
      }, heap);
      const token = /"(?:Bearer|DPoP) ([\w.-]{40,})"/.exec(readFileSync(heap, 'latin1'))?.[1];
      expect(token, `${name} is signed in`).toBeDefined();
      secrets[`token of the ${name}`] = token as string;
    }
    const [injection] = (await injections()).filter((each) => each.state === 'injected');
    const runtime = filesUnder(guest.runtime);
    const passfile = Object.keys({ ...runtime, ...filesUnder(guest.home) }).find((path) => path.endsWith('/passfile'));
    expect(passfile).toBeDefined();
    expect(statSync(passfile as string).mode & 0o777).toBe(0o600);
    const password = readFileSync(passfile as string, 'utf8')
      .trim()
      .split(':')
      .at(-1) as string;
    expect(injection?.command).not.toContain(password);
    secrets['password of the grant'] = password;

    const places: Record<string, string> = {};
    const marker = `marker-${randomBytes(8).toString('hex')}`;
    for (const [name, app] of [
      ['host', host],
      ['guest', guest],
    ] as const) {
      const page = await app.window();
      await page.evaluate(`window.planted = ${JSON.stringify(marker)}; void 0`);
      const file = join(bed.folder, `${name}-page.heapsnapshot`);
      await app.inMain(async ({ webContents }, to) => {
        await webContents
          .getAllWebContents()
          .find((each) => each.getURL().startsWith('app:'))
          ?.takeHeapSnapshot(to);
      }, file);
      const heap = readFileSync(file, 'latin1');
      expect(heap, 'the snapshot shows what a page holds').toContain(marker);
      places[`page of the ${name}`] = heap;
      places[`stored by the page of the ${name}`] = JSON.stringify(
        await page.evaluate(
          'Promise.all([indexedDB.databases(), caches.keys(), JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie, document.documentElement.outerHTML])',
        ),
      );
      places[`answers to the ${name}`] =
        (await page.evaluate(`Promise.all(['/', '/api/v1/me', '/api/v1/grants', '/api/v1/requests', '/api/v1/events', '/api/v1/session/token']
        .map((url) => fetch(url).then(async (r) => JSON.stringify([...r.headers]) + await r.text()))).then((all) => all.join())`)) as string;
      for (const [path, text] of Object.entries({ ...filesUnder(app.home), ...filesUnder(app.runtime) }))
        if (path !== passfile) places[path] = text;
    }
    Object.assign(places, processesNow(bed.folder));
    places['output of the apps'] = host.output() + guest.output();
    places.notifications = JSON.stringify(bed.notifications.all());
    const { 'manager password': manager, 'invite code': code, ...never } = secrets;
    expectNoSecret(places, never);
    // Typed by an administrator and a newcomer into their own pages; nowhere else.
    const typed = Object.fromEntries(Object.entries(places).filter(([place]) => !place.startsWith('page of')));
    expectNoSecret(typed, { manager: manager as string, code: code as string });
    expect(Object.keys(places).some((place) => place.endsWith('hallpass.log'))).toBe(true);
    expect(Object.keys(places).some((place) => place.endsWith('hallpass.db'))).toBe(true);
  });

  test('the service killed while access ends, with the target down: it goes on ending, and ends', async () => {
    const { items } = await api<{ items: GrantView[] }>(guest, 'GET', '/v1/grants');
    const grant = items.find((each) => each.state === 'active') as GrantView;
    await gate.shut();
    await invoke(guest, 'grant.return', grant.id);
    await until('removed here', async () => (await injections()).every((each) => each.state === 'removed'));
    await grantIs(grant.requestId, 'ending');
    expect(await rolesOn(server)).toHaveLength(1);
    const before = await servicePid(host);
    process.kill(before, 'SIGKILL');
    await until('another service', async () => ![0, before].includes(await servicePid(host)), 30_000);
    await sessionPhase(host, 'ready');
    await sessionPhase(guest, 'ready');
    expect((await grantIs(grant.requestId, 'ending')).endProof).toBeNull();
    await gate.open();
    expect(await grantIs(grant.requestId, 'ended')).toMatchObject({ endProof: 'read_back', endReason: 'returned' });
    expect(await rolesOn(server)).toEqual([]);
  });

  test('the service killed while access is made: it is made once, or ended, never left over', async () => {
    await gate.shut();
    const request = await submit('killed while making');
    const notice = await noticeOf('killed while making');
    bed.notifications.invoke(notice.id, 'approve');
    await until('approved', async () => (await stateOf(request.id)) === 'approved', 20_000);
    const before = await servicePid(host);
    process.kill(before, 'SIGKILL');
    await until('another service', async () => ![0, before].includes(await servicePid(host)), 30_000);
    await gate.open();
    await sessionPhase(guest, 'ready');
    const grant = await until(
      'active or ended',
      async () => {
        const now = await grantOf(request.id);
        return now.state === 'active' || now.state === 'ended' ? now : null;
      },
      90_000,
    );
    expect(await rolesOn(server)).toHaveLength(grant.state === 'active' ? 1 : 0);
    const { items } = await api<{ items: GrantView[] }>(guest, 'GET', '/v1/grants');
    expect(items.filter((each) => each.requestId === request.id)).toHaveLength(1);
    if (grant.state === 'active') {
      await invoke(guest, 'grant.return', grant.id);
      expect(await grantIs(request.id, 'ended')).toMatchObject({ endProof: 'read_back' });
    }
    expect(await rolesOn(server)).toEqual([]);
  });

  test('after a crash with damaged files the app starts, says what it kept aside, and no credential escapes it', async () => {
    const request = await submit('damaged files');
    bed.notifications.invoke((await noticeOf('damaged files')).id, 'approve');
    const grant = await grantIs(request.id, 'active');
    await guest.kill();
    const config = join(guest.home, '.config', 'Hallpass');
    writeFileSync(join(config, 'settings.json'), '{"theme":');
    writeFileSync(join(config, 'sync.json'), 'x');
    writeFileSync(join(config, 'injections', `${grant.id}.json`), Buffer.from([0, 1, 2]));
    rmSync(join(config, 'returns.json'), { force: true });
    mkdirSync(join(config, 'returns.json'));
    guest = await bed.launchApp({ person: 'grace' });
    await sessionPhase(guest, 'ready');
    const { notices } = await invoke<AppInfo>(guest, 'app.info');
    expect(notices.map((each) => each.code)).toEqual(expect.arrayContaining(['file-kept-aside', 'journal-kept-aside']));
    for (const what of ['settings', 'returns', 'audit log'])
      expect(notices.map((each) => each.what).join('\n'), what).toContain(what);
    for (const notice of notices) expect([notice.code, notice.safe, notice.next].every(Boolean)).toBe(true);
    expect(readdirSync(config).filter((name) => name.includes('.corrupt-')).length).toBeGreaterThanOrEqual(3);
    // What the damaged record spoke of was taken away; the grant still runs, so it may have been injected anew, by the book.
    const passfiles = () =>
      Object.keys({ ...filesUnder(guest.home), ...filesUnder(guest.runtime) }).filter((path) =>
        path.endsWith('/passfile'),
      );
    await until('every credential here is one that the app knows of', async () => {
      const known = (await injections()).filter((each) => each.state === 'injected').flatMap((each) => each.files);
      return passfiles().every((path) => known.includes(path));
    });
    await invoke(guest, 'grant.return', grant.id);
    await grantIs(request.id, 'ended');
    await until('nothing left here', () => passfiles().length === 0);
    expect(await rolesOn(server)).toEqual([]);
  });

  test('a damaged database takes no access away from view: live grants still end, nothing new is given', async () => {
    const request = await submit('damaged database');
    bed.notifications.invoke((await noticeOf('damaged database')).id, 'approve');
    await grantIs(request.id, 'active');
    await host.kill();
    const data = join(host.home, '.config', 'Hallpass', 'service');
    for (const name of readdirSync(data).filter((each) => each.startsWith('hallpass.db')))
      writeFileSync(join(data, name), 'not a database, '.repeat(500));
    host = await bed.launchApp({ person: 'ada' });
    await sessionPhase(host, 'ready');
    const me = await api<{ service: { mode: string; modeReason: string } }>(host, 'GET', '/v1/me');
    expect(me.service.mode).toBe('revoke_only');
    expect(me.service.modeReason).toMatch(/kept as/);
    expect(readdirSync(data).some((name) => name.includes('broken'))).toBe(true);
    const { items } = await api<{ items: GrantView[] }>(host, 'GET', '/v1/grants?scope=live');
    expect(items).toHaveLength(1);
    await api(host, 'POST', `/v1/grants/${items[0]?.id}/revoke`, { reason: 'the database is lost' });
    await until('no role of ours', async () => (await rolesOn(server)).length === 0, 30_000);
    const refused = await ask<{ code: string }>(host, 'POST', '/v1/invites', {
      displayName: 'X',
      roles: ['member'],
      groups: [],
    });
    expect(refused).toMatchObject({ status: 503, body: { code: 'revoke-only' } });
  });
});

describe('one home', { timeout: 60_000 }, () => {
  let bed: Bed;
  const programs: Program[] = [];
  const start = async (person: string, ...args: string[]): Promise<Program> => {
    const switches = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const { path } = await electronRuntime();
    const all = [...switches, '--disable-gpu', '--log-level=3', PROJECT_FOLDER, ...args];
    const program = startProgram(path, all, { env: await bed.environment(person) });
    programs.push(program);
    return program;
  };
  beforeAll(async () => {
    bed = await startBed({ keyring: 'absent' });
  });
  afterAll(async () => {
    await Promise.all(programs.map((program) => program.stop()));
    await bed?.stop();
  });

  test('that can not be written: the app says so, and touches nothing', async () => {
    const { home } = await bed.folders('mallory');
    mkdirSync(join(home, '.config'));
    // Even root can not make a folder where a file stands.
    writeFileSync(join(home, '.config', 'Hallpass'), 'in the way');
    const program = await start('mallory');
    await until(
      'words',
      () => /Hallpass could not start: Nothing can be written to \S+/.test(program.output()),
      20_000,
    );
    expect(readFileSync(join(home, '.config', 'Hallpass'), 'utf8')).toBe('in the way');
  });

  test('has one app: a second one hands its link over and ends; a hostile link only tells', async () => {
    const first = await bed.launchApp({ person: 'uma' });
    await sessionPhase(first, 'first-run');
    const page = await first.window();
    await page.evaluate(
      'window.heard = [], window.hallpass.on("notice", (n) => window.heard.push(n.code)), window.hallpass.on("navigate", (n) => window.heard.push(n.to)), 0',
    );
    const links = [
      'hallpass://request/javascript:alert(1)',
      'HALLPASS://request/req_01jd0000000000000000000000?approve=1',
      'hallpass://grant/grt_01jd0000000000000000000000',
    ];
    for (const [index, link] of links.entries()) {
      const second = await start('uma', '--', link);
      await new Promise<void>((resolve) => {
        if (second.process.exitCode !== null) resolve();
        else second.process.once('exit', () => resolve());
      });
      expect(second.process.exitCode).toBe(0);
      await until('it was heard', async () => ((await page.evaluate('window.heard.length')) as number) === index + 1);
    }
    const heard = (await page.evaluate('window.heard')) as string[];
    expect(heard.slice(0, 2)).toEqual(['bad-link', 'bad-link']);
    expect(heard[2]).toContain('grt_01jd0000000000000000000000');
    expect(await first.inMain(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  });
});

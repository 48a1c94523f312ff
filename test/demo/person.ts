/** One person at their desk: their app, their window, and their hands. */
import type { Page } from 'playwright';
import { API, type ApiBody, type ApiName, type ApiParams, type ApiReply, urlOf } from '../../shared/contract/api';
import type { HallpassBridge, SessionState } from '../../shared/contract/ipc';
import type { Bed, BedApp } from '../bed';
import { until } from '../bed';

/** For hangs only: a desktop that lost its service looks for it again at growing intervals. */
const PATIENCE_MS = 60_000;

type Ready = Extract<SessionState, { phase: 'ready' }>;
type WithBridge = typeof globalThis & { hallpass: HallpassBridge };

export class Person {
  private constructor(
    readonly name: string,
    readonly app: BedApp,
    readonly page: Page,
  ) {}

  /** Starts the app with an empty home. */
  static async start(bed: Bed, name: string, folder: string): Promise<Person> {
    return Person.at(name, await bed.launchApp({ person: folder }));
  }

  /** At an app that runs already. */
  static async at(name: string, app: BedApp): Promise<Person> {
    const page = await app.window();
    await page.waitForLoadState('domcontentloaded');
    return new Person(name, app, page);
  }

  /** First run: the service lives here and others join. */
  async host(team: string, address: string, port: number): Promise<void> {
    await this.page.locator('input[value=host]').check({ force: true });
    await this.page.getByRole('textbox', { name: 'Your name' }).fill(this.name);
    await this.page.getByRole('textbox', { name: 'Team' }).fill(team);
    await this.page.getByRole('combobox', { name: 'Address that others reach' }).click();
    await this.page.getByRole('option', { name: address }).click();
    await this.page.getByRole('textbox', { name: 'Port' }).fill(String(port));
    await this.page.getByRole('button', { name: 'Start hosting' }).click();
    await this.ready();
  }

  /** First run: join with the link, and the code that was told. Ends when the fingerprint is on screen. */
  async join(link: string, code: string): Promise<string> {
    await this.page.locator('input[value=join]').check({ force: true });
    await this.page.getByRole('textbox', { name: 'Invite link' }).fill(link);
    await this.page.getByRole('textbox', { name: 'Code' }).fill(code);
    await this.page.getByRole('button', { name: 'Join', exact: true }).click();
    const session = await this.waitFor('pending-confirmation');
    return session.phase === 'pending-confirmation' ? session.fingerprint : '';
  }

  session(): Promise<SessionState> {
    return this.page.evaluate(() => (globalThis as WithBridge).hallpass.invoke('session.state'));
  }

  async ready(): Promise<Ready> {
    return (await this.waitFor('ready')) as Ready;
  }

  async waitFor(phase: SessionState['phase']): Promise<SessionState> {
    let last: SessionState | undefined;
    const found = await until(
      `${this.name}: ${phase}`,
      async () => {
        last = await this.session();
        if (last.phase === 'failed') throw new Error(`${last.error.what} ${last.error.detail ?? ''}`);
        return last.phase === phase && (last.phase !== 'ready' || last.online) ? last : undefined;
      },
      PATIENCE_MS,
    );
    return found as SessionState;
  }

  /** Calls the service as this person, the way their window does: over the page's own origin. */
  async call<N extends ApiName>(
    name: N,
    input: { params?: ApiParams<N>; query?: Record<string, unknown>; body?: ApiBody<N> } = {},
  ): Promise<ApiReply<N>> {
    const route = API[name];
    const url = urlOf(route, input.params as Record<string, unknown> | undefined, input.query);
    const answer = await this.page.evaluate(
      async ({ method, path, body }) => {
        const reply = await fetch(`/api${path}`, {
          method,
          headers: {
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...(method === 'POST' ? { 'idempotency-key': crypto.randomUUID() } : {}),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return { status: reply.status, text: await reply.text() };
      },
      { method: route.method, path: url, body: input.body as unknown },
    );
    if (answer.status >= 300) throw new Error(`${name}: ${answer.status} ${answer.text}`);
    return route.reply.parse(answer.text === '' ? {} : JSON.parse(answer.text)) as ApiReply<N>;
  }

  /** What this person’s window asks of their own main process. */
  invoke<T>(channel: string, ...args: unknown[]): Promise<T> {
    return this.page.evaluate(
      ({ channel: to, args: given }) =>
        (
          globalThis as unknown as { hallpass: { invoke(c: string, ...a: unknown[]): Promise<unknown> } }
        ).hallpass.invoke(to, ...given),
      { channel, args },
    ) as Promise<T>;
  }

  async goTo(route: string): Promise<void> {
    await this.page.evaluate((to) => {
      location.hash = to;
    }, route);
  }

  /** The person’s files, as text; the empty text when there is none. */
  get env(): Readonly<Record<string, string>> {
    return this.app.env;
  }
}

/** What the main window may ask. Thin: each line calls the part that knows. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { API, urlOf } from '../../../shared/contract/api';
import type { AppInfo } from '../../../shared/contract/ipc';
import type { Agent } from '../agent/agent';
import type { Commands } from '../agent/commands';
import type { CredentialFacts } from '../injection';
import type { SettingsStore } from '../lifecycle/settings';
import { UserFacingError } from '../lifecycle/user-error';
import { ApiProblem, problemIn } from '../session/api-problem';
import type { Rect } from '../windows/bounds';
import type { SecretClipboard } from '../windows/clipboard';
import type { Handlers } from './register';

const OK = { ok: true } as const;

export interface HandlerDeps {
  readonly agent: Agent;
  readonly commands: Commands;
  readonly settings: SettingsStore;
  readonly clipboard: SecretClipboard;
  readonly copyText: (text: string) => void;
  readonly info: () => Promise<AppInfo>;
  readonly reveal: (title: string, facts: CredentialFacts) => void;
  readonly place: (at: { requestId: string; bounds: Rect } | null) => Promise<void>;
  readonly focusPane: () => void;
  readonly cancelProxied: (requestId: string) => void;
  /** Asks where to save; null when cancelled. */
  readonly askPath: (suggested: string) => Promise<string | null>;
  readonly quit: () => void;
}

export function mainHandlers(deps: HandlerDeps): Handlers {
  const { agent, settings } = deps;
  const shownSecretOf = async (grantId: string) => {
    const credential = await agent.injector.secretOf(grantId);
    if (credential === null)
      throw new UserFacingError({
        code: 'not-here',
        what: 'That credential is not on this machine.',
        safe: 'Nothing was shown or copied.',
        next: 'Start the access on this machine first.',
      });
    return agent.injector.shown(credential);
  };
  return {
    'app.info': () => deps.info(),
    'session.state': () => agent.session.state(),
    'setup.choose': async (choice) => {
      await agent.session.choose(choice);
      return OK;
    },
    'setup.share': async (choice) => {
      await agent.session.share(choice);
      return OK;
    },
    'setup.retry': async () => {
      await agent.session.retry();
      return OK;
    },
    'setup.unlock': async ({ passphrase }) => {
      await agent.session.unlock(passphrase);
      return OK;
    },
    'setup.addresses': () => addresses(),
    'settings.get': () => settings.get(),
    'settings.set': (change) => settings.set(change),
    'injection.list': () => agent.injector.list(),
    'credential.reveal': async (grantId) => {
      const { facts } = await shownSecretOf(grantId);
      const name = agent.injector.list().find((each) => each.grantId === grantId)?.resource ?? 'Credential';
      deps.reveal(name, facts);
      return OK;
    },
    'credential.copy': async (grantId) => deps.clipboard.copy((await shownSecretOf(grantId)).copyText),
    'command.copy': (grantId) => {
      const command = agent.injector.list().find((each) => each.grantId === grantId)?.command;
      if (!command)
        throw new UserFacingError({
          code: 'not-here',
          what: 'That access is not on this machine.',
          next: 'Start it here first.',
        });
      deps.copyText(command);
      return OK;
    },
    'grant.return': async (grantId) => {
      await agent.grants.giveBack(grantId);
      return OK;
    },
    'audit.prove': (indexes) => agent.witness.prove(indexes),
    'audit.save': (what) => saveAudit(deps, what),
    'consent.place': async (at) => {
      await deps.place(at);
      return OK;
    },
    'consent.focus': () => {
      deps.focusPane();
      return OK;
    },
    'proxy.cancel': (requestId) => {
      deps.cancelProxied(requestId);
      return OK;
    },
    'text.copy': ({ text }) => {
      deps.copyText(text);
      return OK;
    },
    'app.quit': () => {
      deps.quit();
      return OK;
    },
  };
}

/** Addresses of this machine that others could reach; loopback last, for trying it out. */
function addresses(): { address: string; label: string }[] {
  const found = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    (list ?? [])
      .filter((each) => !each.address.startsWith('fe80'))
      .map((each) => ({
        address: each.address,
        label: each.internal ? `${each.address} (this machine only)` : `${each.address} (${name})`,
        internal: each.internal,
      })),
  );
  return found
    .sort((a, b) => Number(a.internal) - Number(b.internal))
    .map(({ address, label }) => ({ address, label }));
}

/** Streams an export beside the chosen file and renames it at the end: a half-written export never has the final name. */
async function saveAudit(
  deps: HandlerDeps,
  what: { kind: 'log' | 'evidence'; grantId?: string | undefined },
): Promise<{ path: string | null; entries: number }> {
  if (what.kind === 'evidence' && what.grantId === undefined)
    throw new UserFacingError({ code: 'invalid-input', what: 'Evidence is about one access; none was named.' });
  const suggested = what.kind === 'log' ? 'hallpass-audit.jsonl' : `hallpass-evidence-${what.grantId}.jsonl`;
  const path = await deps.askPath(suggested);
  if (path === null) return { path: null, entries: 0 };
  const url = what.kind === 'log' ? urlOf(API['audit.export']) : urlOf(API['audit.evidence'], { id: what.grantId });
  const answer = await deps.agent.session.transport.send({ method: 'GET', path: url, headers: {} });
  if (answer.status >= 400) throw new ApiProblem(await problemIn(answer));
  let lines = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (const byte of chunk) if (byte === 10) lines += 1;
      done(null, chunk);
    },
  });
  const temp = `${path}.part`;
  try {
    await pipeline(answer.body, count, createWriteStream(temp, { mode: 0o600 }));
    await rename(temp, path);
  } catch (cause) {
    await rm(temp, { force: true });
    throw new UserFacingError(
      {
        code: 'save-failed',
        what: `The file could not be written: ${cause instanceof Error ? cause.message : String(cause)}`,
        safe: 'The log itself is untouched.',
        next: 'Choose another place and try again.',
      },
      { cause },
    );
  }
  return { path, entries: Math.max(0, lines - 1) };
}

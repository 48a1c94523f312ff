/**
 * What a person can ask for from the tray, a notification, a link or the page: each once, whoever asks. A command that fails
 * says so where the person looks (notice in the window, notification), never silently.
 */
import type { GrantView } from '../../../shared/contract/grants';
import type { UserError } from '../../../shared/contract/ipc';
import type { RequestView } from '../../../shared/contract/requests';
import { MINUTE_MS } from '../../../shared/domain/instant';
import type { DeepLink } from '../../../shared/domain/links';
import type { Log } from '../lifecycle/log';
import type { SettingsStore } from '../lifecycle/settings';
import { toUserError, UserFacingError } from '../lifecycle/user-error';
import { wantsCard } from '../session/decisions';
import type { TrayCommand } from '../tray/model';
import type { Agent } from './agent';

/** What Extend in a notification asks for, when the grant was at least that long. */
const EXTEND_BY_MS = 30 * MINUTE_MS;
const MAX_RECENT = 10;

export interface Surfaces {
  /** Shows the main window at a route. */
  open(to: string): void;
  openCard(requestId: string): void;
  tell(error: UserError): void;
  copyText(text: string): void;
  quit(): void;
  /** Why this start of the app takes no decisions; null when it does. */
  refusal(): UserError | null;
}
export interface Commands {
  run(command: TrayCommand): void;
  decide(
    request: Pick<RequestView, 'id' | 'digest'>,
    decision: 'approve' | 'deny',
    via: 'notification' | 'tray',
  ): Promise<void>;
  extend(grant: GrantView, ttlMs?: number): Promise<void>;
  openRequest(requestId: string): void;
  openGrant(grantId: string): void;
  copyCommand(grantId: string): void;
  /** Opens what a link names. `text` is the link as it came. */
  follow(link: DeepLink, text: string): void;
}

export function createCommands(deps: {
  agent: Agent;
  settings: SettingsStore;
  surfaces: Surfaces;
  log: Log;
}): Commands {
  const { agent, settings, surfaces } = deps;
  const failed = (cause: unknown) => {
    const error = toUserError(cause);
    deps.log('warn', 'a command failed', { code: error.code, what: error.what });
    surfaces.tell(error);
  };

  async function decide(
    request: Pick<RequestView, 'id' | 'digest'>,
    decision: 'approve' | 'deny',
    via: 'notification' | 'tray',
  ): Promise<void> {
    try {
      const refusal = surfaces.refusal();
      if (refusal !== null) throw new UserFacingError(refusal);
      await agent.decider.decideAnnounced(request, { decision, reason: '', via });
    } catch (cause) {
      if (wantsCard(cause)) surfaces.openCard(request.id);
      else failed(cause);
    }
  }

  async function extend(grant: GrantView, ttlMs = Math.min(EXTEND_BY_MS, grant.ttlMs)): Promise<void> {
    // A second time needs a reason of its own, which only the window can ask for.
    if (grant.extensionNeedsReason) return surfaces.open(`/?grant=${grant.id}`);
    try {
      await agent.callApi('grants.extend', {
        params: { id: grant.id },
        body: { ttlMs, reason: grant.reason, ticketRef: grant.ticketRef },
      });
    } catch (cause) {
      surfaces.open(`/?grant=${grant.id}`);
      failed(cause);
    }
  }

  /** Two actions when the policy needs no more words; else the form, filled in as far as we know. */
  async function request(resourceId: string, level: string, ttlMs: number): Promise<void> {
    const before = settings.get().recent.find((each) => each.resourceId === resourceId && each.level === level);
    const body = {
      resourceId,
      level,
      ttlMs,
      reason: before?.reason ?? '',
      ticketRef: '',
      startWhen: settings.get().startWhen,
    };
    const form = `/request?${new URLSearchParams({ resource: resourceId, level, ttlMs: String(ttlMs) })}`;
    try {
      const preview = await agent.callApi('requests.preview', { body });
      if (
        preview.answer.problems.length > 0 ||
        (preview.answer.effect !== 'auto' && preview.answer.effect !== 'approve')
      ) {
        surfaces.open(form);
        return;
      }
      await agent.callApi('requests.submit', { body });
      const others = settings.get().recent.filter((each) => each !== before);
      settings.set({ recent: [{ resourceId, level, ttlMs, reason: body.reason }, ...others].slice(0, MAX_RECENT) });
    } catch (cause) {
      surfaces.open(form);
      failed(cause);
    }
  }

  function copyCommand(grantId: string): void {
    const command = agent.injector.list().find((each) => each.grantId === grantId)?.command;
    if (command) surfaces.copyText(command);
    else
      failed(
        new UserFacingError({
          code: 'not-here',
          what: 'That access is not on this machine.',
          next: 'Open it to see where it is.',
        }),
      );
  }
  const openRequest = (requestId: string) => {
    const known = agent.cache.inbox().some((each) => each.id === requestId);
    if (known) surfaces.openCard(requestId);
    else surfaces.open(`/inbox?request=${requestId}`);
  };
  const openGrant = (grantId: string) => surfaces.open(`/?grant=${grantId}`);
  const start = async (grantId: string) => {
    try {
      await agent.callApi('grants.start', { params: { id: grantId } });
    } catch (cause) {
      failed(cause);
    }
  };

  return {
    decide,
    extend,
    openRequest,
    openGrant,
    copyCommand,
    follow(link, text) {
      switch (link.kind) {
        case 'request':
          return openRequest(link.requestId);
        case 'grant':
          return openGrant(link.grantId);
        case 'join':
          if (!agent.session.offerJoin(text)) surfaces.tell(SET_UP_ALREADY);
          return;
      }
    },
    run(command) {
      switch (command.kind) {
        case 'open':
          return surfaces.open(command.to);
        case 'open-card':
          return surfaces.openCard(command.requestId);
        case 'request':
          return void request(command.resourceId, command.level, command.ttlMs);
        case 'decide': {
          const shown = agent.cache.request(command.requestId);
          if (shown !== undefined) void decide(shown, command.decision, 'tray');
          return;
        }
        case 'extend': {
          const grant = agent.cache.grant(command.grantId);
          if (grant !== undefined) void extend(grant, command.ttlMs);
          return;
        }
        case 'start':
          return void start(command.grantId);
        case 'return':
          return void agent.grants.giveBack(command.grantId).catch(failed);
        case 'copy-command':
          return copyCommand(command.grantId);
        case 'quit':
          return surfaces.quit();
      }
    },
  };
}

const SET_UP_ALREADY: UserError = {
  code: 'already-set-up',
  what: 'This desktop already belongs to a service.',
  safe: 'The invite was not used.',
  next: 'To join another one, use another user account or machine.',
  detail: null,
};

/** Ends every live grant of the bundled service, for "End them and quit". Resolves when all ended or the time is over. */
export async function endLiveGrants(
  agent: Agent,
  patienceMs: number,
  pause: (lengthMs: number) => Promise<void>,
  now: () => number,
): Promise<void> {
  const until = now() + patienceMs;
  const live = await agent.callApi('grants.list', { query: { scope: 'live', limit: 200 } });
  await Promise.allSettled(
    live.items.map((grant) =>
      grant.holder.deviceId === agent.session.identity()?.deviceId
        ? agent.grants.giveBack(grant.id)
        : agent.callApi('grants.revoke', {
            params: { id: grant.id },
            body: { reason: 'The desktop that hosts the service is quitting.' },
          }),
    ),
  );
  while (now() < until) {
    const left = await agent.callApi('grants.list', { query: { scope: 'live', limit: 200 } });
    if (left.items.every((grant) => grant.state === 'ended')) return;
    await pause(250);
  }
}

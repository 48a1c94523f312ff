import { describe, expect, test } from 'vitest';
import type { Profile } from '../../../electron/main/session/profile';
import { shareService } from '../../../electron/main/session/share';
import { createSupervisor, type ServiceChild } from '../../../electron/main/session/supervisor';
import type { ServiceStart } from '../../../shared/contract/process';

const alone = { v: 1, mode: 'alone', displayName: 'Ana', deviceName: 'ana-t14' } as const;
const choice = { teamName: 'Acme', address: '10.0.4.12', port: 7443 };
const ready = {
  kind: 'ready',
  serviceId: 'svc',
  personId: 'per',
  deviceId: 'dev',
  tcpUrl: null,
  certPin: null,
  mode: 'normal',
  modeReason: null,
};

/** A real supervisor over children that answer as the real service does: no network address that starts with "taken". */
function bench() {
  const started: (string | null)[] = [];
  const saved: Profile[] = [];
  const supervisor = createSupervisor({
    fork(): ServiceChild {
      let hear: (message: unknown) => void = () => {};
      return {
        onMessage: (listener) => {
          hear = listener;
        },
        onExit: () => {},
        onOutput: () => {},
        kill: () => {},
        post(message) {
          const { kind, tcp } = message as ServiceStart | { kind: 'stop'; tcp?: undefined };
          if (kind === 'stop') return queueMicrotask(() => hear({ kind: 'stopped' }));
          started.push(tcp?.host ?? null);
          const failed = { kind: 'failed', code: 'port-taken', what: 'That port is taken.', next: null };
          queueMicrotask(() => hear(tcp?.host.startsWith('taken') ? failed : ready));
        },
      };
    },
    lastWords: () => null,
    now: () => 0,
    log: () => {},
    after: () => () => {},
  });
  const start = async (profile: Profile) =>
    supervisor.start({
      kind: 'start',
      dataDir: '/data',
      socketPath: '/socket',
      launchToken: 'x'.repeat(32),
      dataKey: null,
      serviceName: 'x',
      owner: { displayName: 'Ana', deviceName: 'ana-t14', signingKey: 'k', sealingKey: 'k' },
      tcp: profile.mode === 'host' ? { host: profile.address, port: profile.port } : null,
      storeUrl: null,
    });
  return { supervisor, started, saved, start, save: (profile: Profile) => void saved.push(profile) };
}

describe('from "just me" to a service for a team', () => {
  test('the service starts again on the network, and the choice is kept', async () => {
    const ports = bench();
    await ports.start(alone);
    const profile = await shareService(alone, choice, ports);
    expect(profile).toEqual({ ...alone, mode: 'host', ...choice });
    expect(ports.started).toEqual([null, '10.0.4.12']);
    expect(ports.saved).toEqual([profile]);
    expect(ports.supervisor.state().kind).toBe('ready');
  });
  test('an address that can not be used is undone: the service runs for one again, nothing is kept', async () => {
    const ports = bench();
    await ports.start(alone);
    const shared = shareService(alone, { ...choice, address: 'taken' }, ports);
    await expect(shared).rejects.toMatchObject({ userError: { code: 'not-hosting', what: 'That port is taken.' } });
    await Promise.resolve();
    expect(ports.started).toEqual([null, 'taken', null]);
    expect(ports.saved).toEqual([]);
    expect(ports.supervisor.state().kind).not.toBe('down');
  });
});

/** Before there is a service. */
import type { Scene } from '../scene';

const problem = {
  code: 'boom',
  what: 'The service did not start.',
  safe: 'No access was given, and none is left behind.',
  next: 'Try again. The last lines of its log are below.',
  detail: 'Error: EADDRINUSE: address already in use 10.0.4.12:7443\n    at Server.setupListenHandle',
};

export const scenes: Readonly<Record<string, Scene>> = {
  setup: { session: { phase: 'first-run', keyStorage: 'system', joinLink: null } },
  'setup-host': {
    session: { phase: 'first-run', keyStorage: 'passphrase', joinLink: null },
    act: ({ click }) => click('input[value=host]'),
  },
  'setup-join': {
    session: { phase: 'first-run', keyStorage: 'system', joinLink: null },
    act: ({ click }) => click('input[value=join]'),
  },
  'setup-unlock': { session: { phase: 'locked' } },
  'setup-starting': { session: { phase: 'starting' } },
  'setup-pending': {
    session: { phase: 'pending-confirmation', fingerprint: '8f3a 61c0 2be4 97d1', serviceName: 'Acme payments' },
  },
  'setup-failed': { session: { phase: 'failed', error: problem, canRetry: true } },
};

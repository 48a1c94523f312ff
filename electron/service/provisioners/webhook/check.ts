/**
 * The connection test of a receiver. Most receivers are written by hand, so it also attacks: a wrong signature, a call played
 * again, one that is late, one whose body was changed. A receiver that takes any of these is told so, with what to mend.
 */

import type { ConnectionReport } from '../../../../shared/contract/resources';
import type { WebhookSettings } from '../../../../shared/contract/webhook';
import { MINUTE_MS } from '../../../../shared/domain/instant';
import { type Check, fine, wrong } from '../checks';
import { type Target, TargetError } from '../provisioner';
import type { Caller } from './caller';
import type { Descriptions } from './index';
import { ListAnswer } from './messages';
import { NONCE_HEADER, SIGNATURE_HEADER, signCall, TIME_WINDOW_MS, TIMESTAMP_HEADER } from './signing';
import { hostOf, type Sent } from './transport';

const MAX_CLOCK_OFFSET_MS = MINUTE_MS;

/** Never throws a TargetError: what went wrong is in the report. */
export async function checkReceiver(
  caller: Caller,
  described: Descriptions,
  now: () => number,
  target: Target<WebhookSettings>,
): Promise<ConnectionReport> {
  const { settings } = target;
  const recipe = recipeFor(settings);
  try {
    const said = await described.ask(target);
    const checks = [fine('Connection', `${said.name} answered at ${hostOf(settings)}, signed with the key.`)];
    checks.push(clockCheck(said.now - now()), await listCheck(caller, target));
    checks.push(...(await attacks(caller, now, target)));
    const targetLabel = said.version === null ? said.name : `${said.name} ${said.version}`;
    return { ok: checks.every(({ ok }) => ok), targetLabel, serverVersion: said.version ?? '1', checks, recipe };
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    const remedy =
      error.kind === 'unreachable'
        ? 'Check the address, and that a firewall lets this service through.'
        : 'Check the key, the certificate and the clock on both sides, and what the receiver writes of the call.';
    const checks = [wrong('Connection', error.message, remedy)];
    return { ok: false, targetLabel: 'Webhook', serverVersion: null, checks, recipe };
  }
}

function clockCheck(offsetMs: number): Check {
  const seconds = Math.round(Math.abs(offsetMs) / 1_000);
  return Math.abs(offsetMs) <= MAX_CLOCK_OFFSET_MS
    ? fine('Clock', 'Both clocks agree to the minute.')
    : wrong(
        'Clock',
        `The receiver’s clock is ${seconds} s ${offsetMs > 0 ? 'ahead' : 'behind'}.`,
        'Let both machines follow a time server.',
      );
}

async function listCheck(
  caller: Caller,
  { settings, secret, resourceId, resourceName }: Target<WebhookSettings>,
): Promise<Check> {
  const body = { resource: { id: resourceId, name: resourceName } };
  const { principals } = await caller.call(settings, secret, { operation: 'list', body, answer: ListAnswer });
  return fine(
    'List',
    principals.length === 0 ? 'It lists what is ours: nothing.' : `It lists what is ours: ${principals.length}.`,
  );
}

/** Each is a `describe`, which changes nothing, whatever the receiver makes of it. */
async function attacks(
  caller: Caller,
  now: () => number,
  { settings, secret }: Target<WebhookSettings>,
): Promise<Check[]> {
  const call = () => caller.prepare(settings, secret, 'describe', { resource: { id: '', name: 'test' } });
  const refused = async (name: string, sent: Sent, remedy: string): Promise<Check> => {
    const status = await caller.attempt(settings, sent);
    return status >= 400 && status < 500
      ? fine(name, `Refused with HTTP ${status}, as it must be.`)
      : wrong(name, `It was answered with HTTP ${status}: whoever can reach the receiver can use it.`, remedy);
  };
  const unsigned = call();
  const { [SIGNATURE_HEADER]: _, ...bare } = unsigned.headers;
  const altered = call();
  const late = call();
  const timestamp = String(Math.round(now()) - TIME_WINDOW_MS - MINUTE_MS);
  const signature = signCall(secret, {
    method: 'POST',
    path: late.path,
    timestamp,
    nonce: late.nonce,
    body: late.body,
  });
  const twice = call();
  await caller.attempt(settings, twice);
  return [
    await refused(
      'A call without a signature',
      { ...unsigned, headers: bare },
      'Compare hallpass-signature before anything else.',
    ),
    await refused(
      'A changed body',
      { ...altered, body: `${altered.body} ` },
      'Sign the very bytes of the body, before reading them as JSON.',
    ),
    await refused(
      'A late call',
      {
        ...late,
        headers: {
          ...late.headers,
          [TIMESTAMP_HEADER]: timestamp,
          [NONCE_HEADER]: late.nonce,
          [SIGNATURE_HEADER]: signature,
        },
      },
      `Refuse a hallpass-timestamp that is more than ${TIME_WINDOW_MS / MINUTE_MS} minutes away.`,
    ),
    await refused(
      'A call played again',
      twice,
      `Remember each hallpass-nonce for ${(2 * TIME_WINDOW_MS) / MINUTE_MS} minutes.`,
    ),
  ];
}

const recipeFor = (settings: WebhookSettings): string =>
  [
    '# The receiver answers POST calls below this address:',
    `${settings.url.replace(/\/+$/, '')}/{describe,list,create,set-deadline,end,read-back,clean-up}`,
    '# Each is signed with the key you share with it; a new key:',
    'openssl rand -base64 32',
    '# The protocol, its test vectors and receivers of 60 lines: docs/webhook-protocol.md',
  ].join('\n');

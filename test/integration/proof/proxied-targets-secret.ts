/**
 * A stored secret whose change is done by a receiver of signed calls, with the fault proxy before that receiver. The secret opens
 * a real service with API keys; the receiver is its owner, and refuses calls that it has seen. Nothing is asked of it when the
 * secret is handed out, so only ends have moments.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSecretProvisioner } from '../../../electron/service/provisioners/secret';
import { isSignature, signAnswer, signCall } from '../../../electron/service/provisioners/webhook/signing';
import type { SecretCredential } from '../../../shared/contract/credential';
import type { SecretSettings } from '../../../shared/contract/secret';
import { answering, bodyOf } from '../../bed/answering';
import { chance26, systemRandom } from '../../bed/postgres-target';
import { type KeyedService, startKeyedService } from '../../bed/targets/secret';
import { answeredAlone, type ProxiedTarget, saying } from './proxied-targets';

const KEY = 'a key between service and rotator, long enough';
const LEVEL = { name: 'use', description: '', targetRole: 'holder', createsAccess: false };

export interface ProxiedSecret extends ProxiedTarget {
  readonly service: KeyedService;
  /** The secret that works now, as an administrator would type it. */
  typed(): string;
}

export async function proxiedSecret(): Promise<ProxiedSecret> {
  const service = await startKeyedService();
  let present = service.firstKey;
  let held: string | undefined;
  const rotator = await startRotator(service, (key) => {
    present = key;
  });
  const provisioner = createSecretProvisioner({ random: systemRandom, now: () => Date.now(), rotatorsDir: null });
  const typed = () => `API_KEY=${present}\nHALLPASS_ROTATION_KEY=${KEY}\n`;
  const settings = (port: number): SecretSettings => ({
    ...{ kind: 'secret', opens: 'Build service', holders: 1 },
    rotation: { by: 'webhook', url: `http://127.0.0.1:${port}` },
  });
  const about = { resourceId: `res_${chance26()}`, resourceName: 'build' };
  const through = (port: number) => ({ ...about, settings: settings(port), secret: typed() });
  const words = (operation: string) => new RegExp(`/rotate-${operation}[\\s\\S]*\\}$`);
  return {
    service,
    typed,
    provisioner,
    target: through(rotator.port),
    port: rotator.port,
    through,
    level: LEVEL,
    moments: ['propose', 'check', 'commit'].map((operation) => saying('end', words(operation), { server: 'goes on' })),
    sessions: 'none',
    attacks: 'one by one',
    silence: 'also on a kept line', // each call has a line of its own
    async logIn(credential) {
      held = (credential as SecretCredential).values.API_KEY;
      if (!(await service.lets(held))) throw new Error('the service does not let in with this key');
      return { cut: new Promise<void>(() => undefined) };
    },
    secretsOf: (credential) => [...Object.values((credential as SecretCredential).values), KEY],
    look: async () => ({ canLogIn: await service.lets(held), sessions: 0 }),
    settled: answeredAlone,
    async stop() {
      await provisioner.close();
      await rotator.stop();
      await service.stop();
    },
  };
}

/** Changes the one key of the service. Each call may come again, as a call of its own. */
async function startRotator(service: KeyedService, onChange: (key: string) => void) {
  const seen = new Set<string>();
  const operate = async (operation: string, task: Record<string, Record<string, string>> & { rotation?: string }) => {
    if (operation === 'propose') return { next: { API_KEY: `key-for-${task.rotation}-long-enough` } };
    if (operation === 'check') return { state: (await service.lets(task.values?.API_KEY)) ? 'works' : 'refused' };
    const next = task.next?.API_KEY ?? '';
    await service.addKey('next', next);
    await service.deleteKey('first');
    await service.addKey('first', next);
    await service.deleteKey('next');
    onChange(next);
    return { ok: true };
  };
  const server = createServer(
    answering(async (incoming, outgoing) => {
      const body = await bodyOf(incoming);
      const path = incoming.url ?? '';
      const nonce = String(incoming.headers['hallpass-nonce']);
      const timestamp = String(incoming.headers['hallpass-timestamp']);
      const wanted = signCall(KEY, { method: 'POST', path, timestamp, nonce, body });
      if (!isSignature(String(incoming.headers['hallpass-signature']), wanted) || seen.has(nonce))
        return void outgoing.writeHead(401).end('{}');
      seen.add(nonce);
      const text = JSON.stringify(await operate(path.replace('/rotate-', ''), JSON.parse(body)));
      const signature = signAnswer(KEY, { status: 200, nonce, body: text });
      outgoing.writeHead(200, { 'hallpass-signature': signature }).end(text);
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    stop: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

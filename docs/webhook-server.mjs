// A whole receiver of Hallpass’s calls (webhook-protocol.md): it lends tokens to read /notes with, and takes them back. Run it:
// HALLPASS_KEY=$(openssl rand -base64 32) node webhook-server.mjs      its address for Hallpass: http://127.0.0.1:8787/hallpass
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { HALLPASS_KEY = '', PORT = '8787' } = process.env;
if (HALLPASS_KEY.length < 32) throw new Error('HALLPASS_KEY needs 32 characters at least');
const WINDOW_MS = 300_000;
const nonces = new Map(); // nonce → when it was used
const lent = new Map(); // principal → { owner, until, token }; only in memory, so a restart ends every token
const sign = (text) => `v1=${createHmac('sha256', HALLPASS_KEY).update(text).digest('hex')}`;
const isSame = (a = '', b = '') => timingSafeEqual(Buffer.from(sign(a)), Buffer.from(sign(b))); // of whatever lengths

function isCall({ method, url, headers }, body) {
  const { 'hallpass-timestamp': at, 'hallpass-nonce': nonce, 'hallpass-signature': signature } = headers;
  if (!isSame(signature, sign(`hallpass-webhook v1 call\n${method}\n${url}\n${at}\n${nonce}\n${body}`))) return false;
  const now = Date.now();
  if (!(Math.abs(now - Number(at)) <= WINDOW_MS) || nonces.has(nonce)) return false;
  for (const [old, usedAt] of nonces) if (now - usedAt > 2 * WINDOW_MS) nonces.delete(old);
  return nonces.set(nonce, now);
}
const works = (entry) => Boolean(entry?.token) && Date.now() < entry.until;
const state = (entry) => ({ readBack: { exists: Boolean(entry), canLogIn: works(entry), sessionCount: 0 } });
const about = { protocol: 1, name: 'Notes', levels: [{ name: 'read-only', description: 'Reads notes.' }] };
// Each call may come again, since its answer can be lost: none fails because it was done already.
function operate(name, { principal, resource, validForMs }) {
  const entry = lent.get(principal);
  const until = Date.now() + validForMs;
  const isOver = name === 'create' && entry && !entry.token;
  if (isOver || (entry && entry.owner !== resource.id)) return [409, { error: 'ended, or of another resource' }];
  if (name === 'describe') return [200, { ...about, now: Date.now() }];
  if (name === 'list') return [200, { principals: [...lent.keys()].filter((k) => lent.get(k).owner === resource.id) }];
  const token = randomBytes(24).toString('hex');
  if (name === 'create') lent.set(principal, { owner: resource.id, until, token });
  if (name === 'create') return [200, { values: { NOTES_TOKEN: token }, ...state(lent.get(principal)) }];
  if (name === 'set-deadline' && works(entry)) entry.until = until;
  if (name === 'set-deadline') return works(entry) ? [200, { ok: true }] : [409, { error: 'no such token' }];
  if (name === 'end' && entry) entry.token = null;
  if (name === 'end' || name === 'read-back') return [200, state(entry)];
  return name === 'clean-up' ? [200, { done: lent.delete(principal) || true }] : [404, { error: 'no such operation' }];
}
function send(response, [status, said], nonce) {
  const text = JSON.stringify(said);
  const signature = nonce && sign(`hallpass-webhook v1 answer\n${status}\n${nonce}\n${text}`);
  response.writeHead(status, signature && { 'hallpass-signature': signature }).end(text);
}
const mayRead = (bearer) => [...lent.values()].some((one) => works(one) && isSame(bearer, `Bearer ${one.token}`));
const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
  const chunks = [];
  request.on('data', (chunk) => (chunks.push(chunk) > 64 ? request.destroy() : undefined));
  request.on('end', () => {
    const { url, headers } = request;
    const body = Buffer.concat(chunks).toString();
    if (url === '/notes') send(response, mayRead(headers.authorization) ? [200, ['Water the plants']] : [401, []]);
    else if (!isCall(request, body))
      send(response, [401, { error: 'not signed for now, or played again' }]); // unsigned
    else send(response, operate(url.slice('/hallpass/'.length), JSON.parse(body)), headers['hallpass-nonce']);
  });
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${server.address().port}`));

#!/usr/bin/env node
// A rotator for a service that knows several API keys at once and lets its owner make and delete them by name (secret.md).
// Beside it lies rotator-example.json, 0600: {"url": "https://api.example", "ownerToken": "…"}.
// A key is named for its rotation, so that a repeated call finds what an earlier one did.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { url, ownerToken } = JSON.parse(readFileSync(new URL('./rotator-example.json', import.meta.url), 'utf8'));
const owner = async (method, path, body) => {
  const headers = { authorization: `Bearer ${ownerToken}` };
  const answer = await fetch(`${url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${method} ${path.split('/')[1]} answers ${answer.status}`);
  return answer.json();
};
const operations = {
  /** Does it work? Asked of the service itself. */
  async check({ values }) {
    const answer = await fetch(`${url}/use`, { headers: { authorization: `Bearer ${values.API_KEY}` } });
    if (answer.status !== 200 && answer.status !== 401) throw new Error(`the service answers ${answer.status}`);
    return { state: answer.status === 200 ? 'works' : 'refused' };
  },
  /** A new one. Nothing happens yet: Hallpass stores it before it is made valid. */
  propose: () => ({ next: { API_KEY: randomBytes(24).toString('base64url') } }),
  /** The new one works, and no other key of ours does. Done again, it changes nothing. */
  async commit({ rotation, current, next }) {
    await owner('POST', `/keys/${rotation}`, { key: next.API_KEY });
    for (const [name, key] of await owner('GET', '/keys'))
      if (key === current.API_KEY) await owner('DELETE', `/keys/${name}`);
    return { ok: true };
  },
};
try {
  process.stdout.write(JSON.stringify(await operations[process.argv[2]](JSON.parse(readFileSync(0, 'utf8')))));
} catch (error) {
  process.stdout.write(JSON.stringify({ error: error.message }));
  process.exitCode = 75; // try again later
}

/** A service that lets in whoever has an API key, and the folder of rotators with the documented example that changes it. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { listening, stopped } from './webhook';

export interface KeyedService {
  readonly url: string;
  /** The secret as an administrator types it. */
  readonly secret: string;
  readonly firstKey: string;
  /** Whether the service lets in with this key. */
  lets(key: string | undefined): Promise<boolean>;
  /** Every key that works. */
  keys(): Promise<string[]>;
  /** As the service's owner, by hand. */
  addKey(name: string, key: string): Promise<void>;
  deleteKey(name: string): Promise<void>;
  /** Puts the documented rotator into a folder of rotators (made 0700), under this name. */
  installRotator(folder: string, file?: string): Promise<void>;
  stop(): Promise<void>;
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
export const ROTATOR = 'rotator-example.mjs';

export async function startKeyedService(): Promise<KeyedService> {
  const ownerToken = randomBytes(18).toString('base64url');
  const firstKey = randomBytes(18).toString('base64url');
  const env = { PATH: process.env.PATH ?? '', OWNER_TOKEN: ownerToken, FIRST_KEY: firstKey };
  const program = path.join(root, 'test/bed/targets/keyed-service.mjs');
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const url = `http://127.0.0.1:${await listening(child)}`;
  const owner = async (method: string, where: string, body?: object): Promise<[string, string][]> => {
    const headers = { authorization: `Bearer ${ownerToken}` };
    const answer = await fetch(url + where, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    return (await answer.json()) as [string, string][];
  };
  return {
    url,
    firstKey,
    secret: `# for the build server\nAPI_KEY=${firstKey}\n`,
    async lets(key) {
      const answer = await fetch(`${url}/use`, { headers: { authorization: `Bearer ${key}` } });
      await answer.arrayBuffer();
      return answer.ok;
    },
    keys: async () => (await owner('GET', '/keys')).map(([, key]) => key),
    addKey: async (name, key) => void (await owner('POST', `/keys/${name}`, { key })),
    deleteKey: async (name) => void (await owner('DELETE', `/keys/${name}`)),
    async installRotator(folder, file = ROTATOR) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
      // `env node` finds no node in the bare environment of a rotator when it lies elsewhere, as a version manager's does
      const source = await readFile(path.join(root, 'docs', ROTATOR), 'utf8');
      await writeFile(path.join(folder, file), source.replace('#!/usr/bin/env node', `#!${process.execPath}`), {
        mode: 0o700,
      });
      await writeFile(path.join(folder, 'rotator-example.json'), JSON.stringify({ url, ownerToken }), { mode: 0o600 });
    },
    stop: () => stopped(child),
  };
}

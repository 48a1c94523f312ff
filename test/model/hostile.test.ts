/** Every hostile file in the place of every kind of target that edits a shared file: used or refused, and byte for byte as before in the end. */
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { InjectionError, type InjectorDeps } from '../../electron/main/injection';
import type { Credential } from '../../shared/contract/credential';
import { GRANT, type Machine, newMachine, credential as postgres } from '../unit/injection/machine';
import { contentOf, HOSTILE_FILES, ODD_PLACES } from './hostile-files';

const SECRET = 'planted-secret-0815';
const TOKEN = 'planted.token.4711';
interface Kind {
  readonly credential: Credential;
  readonly file: string;
  readonly plain: string;
  readonly over?: (path: string) => Partial<InjectorDeps>;
}
/** One line for each kind that writes into a file of the user. Redis writes files of its own only; SSH is in its own tests, with its keys. */
const KINDS: Readonly<Record<string, Kind>> = {
  postgres: {
    credential: { ...postgres, password: SECRET } as Credential,
    file: '.pg_service.conf',
    plain: '# my services\n[mine]\nhost=x\nport=5432\n\n[other]\nhost=y\n',
  },
  mysql: {
    credential: {
      kind: 'mysql',
      host: 'db.example',
      port: 3306,
      database: 'orders',
      user: 'hp_x',
      password: SECRET,
      tls: 'prefer',
    },
    file: '.my.cnf',
    plain: '# my options\n[client]\nuser=me\n\n[mysql]\nauto-rehash\n',
  },
  secret: {
    credential: { kind: 'secret', values: { API_KEY: SECRET } },
    file: 'project/.env',
    plain: '# my variables\nNAME=value\nexport OTHER="x y"\n',
    over: (path) => ({ envFileOf: () => path }),
  },
  aws: {
    credential: {
      kind: 'aws',
      accessKeyId: 'ASIA0123456789ABCDEF',
      secretAccessKey: SECRET,
      sessionToken: TOKEN,
      sessionEndsAt: 1_800_003_600_000,
      roleArn: 'arn:aws:iam::123456789012:role/x',
      region: 'eu-central-1',
    },
    file: '.aws/config',
    plain: '# my profiles\n[default]\nregion = eu-west-1\n\n[profile mine]\nregion = us-east-1\n',
  },
  kubernetes: {
    credential: {
      kind: 'kubernetes',
      server: 'https://shop.internal:6443',
      namespace: 'shop',
      user: 'hp-x',
      token: TOKEN,
      tokenEndsAt: 1_800_003_600_000,
    },
    file: '.kube/config',
    plain:
      'apiVersion: v1\nclusters:\n- cluster:\n    server: https://dev:6443\n  name: dev\ncontexts: []\nkind: Config\nusers: []\n',
    over: () => ({ kubeconfigPlace: () => 'merged' }),
  },
};

const machines: Machine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine.remove();
});
function prepare(kind: Kind): { machine: Machine; path: string; over: Partial<InjectorDeps> } {
  const machine = newMachine();
  machines.push(machine);
  const path = join(machine.home, kind.file);
  mkdirSync(dirname(path), { recursive: true });
  return { machine, path, over: kind.over?.(path) ?? {} };
}
/** All that can be told of what lies there, without opening a FIFO. */
function traitsOf(path: string) {
  if (!existsSync(path) && !isLink(path)) return null;
  const facts = lstatSync(path);
  return {
    mode: facts.mode,
    links: facts.nlink,
    to: facts.isSymbolicLink() ? readlinkSync(path) : null,
    content: facts.isFIFO() || facts.isDirectory() ? null : contentOf(path),
  };
}
const isLink = (path: string) => {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
};
const beside = (path: string) => readdirSync(dirname(path)).sort();

/** Injects, removes as `way` says, and compares; says whether it was taken. */
async function through(
  kind: Kind,
  make: (path: string) => void,
  way: 'returned' | 'next start',
): Promise<'taken' | 'refused'> {
  const { machine, path, over } = prepare(kind);
  make(path);
  const before = { traits: traitsOf(path), beside: beside(path) };
  const injector = machine.injector(undefined, over);
  let result: 'taken' | 'refused' = 'taken';
  try {
    expect(await injector.inject(machine.request({ credential: kind.credential }))).toMatchObject({
      state: 'injected',
    });
  } catch (cause) {
    if (!(cause instanceof InjectionError)) throw cause;
    expect(cause.userError.what).not.toMatch(/planted/);
    expect(traitsOf(path)).toEqual(before.traits);
    result = 'refused';
  }
  if (kind.credential.kind !== 'secret' && kind.credential.kind !== 'aws')
    expect(traitsOf(path)?.content ?? '').not.toMatch(/planted/); // a pointer, never the secret
  if (way === 'returned') await injector.remove(GRANT, 'returned');
  else {
    machine.pass(3_600_000);
    const next = machine.injector(undefined, over);
    const { failed } = await next.sweep();
    expect(failed, next.list()[0]?.error ?? '').toEqual([]);
  }
  expect(traitsOf(path)).toEqual(before.traits);
  expect(beside(path)).toEqual(before.beside);
  expect(existsSync(machine.leaseFolder())).toBe(false);
  return result;
}

test('the corpus is as large as it should be, and names each file once', () => {
  const names = [...HOSTILE_FILES, ...ODD_PLACES].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(60);
});

describe.each(Object.entries(KINDS))('%s', (_, kind) => {
  test.each(HOSTILE_FILES)('$name', async ({ text }) => {
    const make = (path: string) => {
      writeFileSync(path, Buffer.from(text(kind.plain), 'latin1'));
      chmodSync(path, 0o640);
    };
    expect(await through(kind, make, 'returned')).toBe(await through(kind, make, 'next start'));
  });

  test.runIf(process.platform !== 'win32').each(ODD_PLACES)('$name', async ({ make, refused }) => {
    const at = (path: string) => make(path, kind.plain);
    const result = await through(kind, at, 'returned');
    await through(kind, at, 'next start');
    // Kinds that have a place of their own besides may leave the shared file out instead of refusing.
    if (refused === 'never') expect(result).toBe('taken');
  });
});

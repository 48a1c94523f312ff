import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { openApiDocument } from '../../../electron/service/http/openapi';
import { API, type Route } from '../../../shared/contract/api';

// biome-ignore lint/suspicious/noExplicitAny: a document is looked into from all sides
const document = openApiDocument('1.2.3') as any;
const operations = Object.entries<Record<string, unknown>>(document.paths).flatMap(([path, methods]) =>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  Object.entries<any>(methods).map(([method, operation]) => ({ path, method, operation })),
);
function* refsIn(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === '$ref' && typeof item === 'string') yield item;
    else yield* refsIn(item);
  }
}

describe('the OpenAPI document', () => {
  test('is 3.1 and has every route of the contract, once, under its name', () => {
    expect(document.openapi).toBe('3.1.0');
    const names = operations.map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const [name, route] of Object.entries<Route>(API)) {
      const found = document.paths[route.path.replace(/:(\w+)/g, '{$1}')][route.method.toLowerCase()];
      expect(found.operationId).toBe(name);
      expect(found.requestBody !== undefined).toBe(route.body !== undefined);
    }
  });
  test('refers only to what it has', () => {
    const refs = [...refsIn(document)];
    expect(refs.length).toBeGreaterThan(50);
    for (const ref of refs) {
      const target = ref
        .slice(2)
        .split('/')
        .reduce((at, key) => at?.[key], document);
      expect([ref, typeof target]).toEqual([ref, 'object']);
    }
  });
  test('declares exactly the parameters that its paths have, and an answer for each operation', () => {
    for (const { path, operation } of operations) {
      const declared = (operation.parameters ?? [])
        .filter((p: { in: string }) => p.in === 'path')
        .map((p: { name: string }) => p.name);
      expect(declared.sort()).toEqual([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort());
      for (const parameter of operation.parameters ?? [])
        expect(parameter).toMatchObject({ name: expect.any(String), schema: expect.any(Object) });
      expect(operation.responses['200'].description).toBeTruthy();
      expect(operation.responses.default).toEqual({ $ref: '#/components/responses/Problem' });
    }
  });
  test('has schemas that a JSON Schema 2020-12 validator compiles', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    ajv.addSchema({ $id: 'doc', ...document });
    for (const name of Object.keys(document.components.schemas))
      expect(() => ajv.compile({ $ref: `doc#/components/schemas/${name}` })).not.toThrow();
    const validate = ajv.compile({ $ref: 'doc#/components/schemas/Device' });
    expect(validate({ id: 'nonsense' })).toBe(false);
    expect(Object.keys(document.components.schemas)).toEqual(
      expect.arrayContaining(['Person', 'RequestView', 'GrantView', 'Invite']),
    );
  });
});

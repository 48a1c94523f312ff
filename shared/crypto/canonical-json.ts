/**
 * RFC 8785 (JSON Canonicalization Scheme): one spelling for one value, so that what is signed and hashed does not hang on
 * the order in which somebody built an object. ECMAScript already writes numbers and strings the way the RFC demands;
 * what is left is the order of keys (UTF-16 code units) and refusing what JSON can't say.
 */

const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Throws TypeError on NaN, infinities, functions, symbols, bigints, lone surrogates and cycles; drops keys that are undefined. */
export function canonicalJson(value: unknown): string {
  return write(value, '$', new Set());
}

function write(value: unknown, path: string, above: Set<object>): string {
  switch (typeof value) {
    case 'string':
      if (LONE_SURROGATE.test(value)) throw new TypeError(`"${path}" has a lone surrogate`);
      return JSON.stringify(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`"${path}" expected a finite number, got ${value}`);
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : writeObject(value, path, above);
    case 'undefined':
    case 'function':
    case 'symbol':
    case 'bigint':
      throw new TypeError(`"${path}" can't be written as JSON: ${typeof value}`);
  }
}

function writeObject(value: object, path: string, above: Set<object>): string {
  if (above.has(value)) throw new TypeError(`"${path}" contains itself`);
  above.add(value);
  let text: string;
  if (Array.isArray(value)) {
    text = `[${value.map((item, i) => write(item, `${path}[${i}]`, above)).join(',')}]`;
  } else {
    const record = value as Record<string, unknown>;
    const members = Object.keys(record)
      .filter((key) => record[key] !== undefined)
      .sort()
      .map((key) => `${write(key, path, above)}:${write(record[key], `${path}.${key}`, above)}`);
    text = `{${members.join(',')}}`;
  }
  above.delete(value);
  return text;
}

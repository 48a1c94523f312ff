/**
 * Serves one built folder over a custom scheme. The path is decoded once, normalised, and must stay inside the folder;
 * what is read must lie inside it too, once links are followed.
 */
import { readFile, realpath } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { pageHeaders } from './csp';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
};

/** The file a URL path means inside `root`; undefined when it would leave it, or is of no known type. Pure. */
export function fileFor(root: string, urlPath: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(urlPath);
  } catch {
    return undefined;
  }
  if (decoded.includes('\0') || decoded.includes('\\')) return undefined;
  const file = normalize(join(root, decoded));
  return isInside(root, file) && TYPES[extname(file)] !== undefined ? file : undefined;
}
const isInside = (root: string, file: string) => file.startsWith(root.endsWith(sep) ? root : root + sep);

/** A handler for `protocol.handle`: files of `root`, `/` is `index`. */
export function serveFiles(root: string, index: string, policy: Readonly<Record<string, string>>) {
  return async (url: URL): Promise<Response> => {
    const file = fileFor(root, url.pathname === '/' ? `/${index}` : url.pathname);
    if (file === undefined) return new Response(null, { status: 404 });
    try {
      const real = await realpath(file);
      if (!isInside(await realpath(root), real)) return new Response(null, { status: 404 }); // a link that leads out
      const body = await readFile(real);
      return new Response(body, {
        status: 200,
        headers: { ...pageHeaders(policy), 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' },
      });
    } catch {
      return new Response(null, { status: 404 });
    }
  };
}

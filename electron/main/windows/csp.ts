/** Content security policies of our own origins. Values, so that a test can parse what is really sent. */

const shut = {
  'default-src': "'none'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
} as const;

/** app://hallpass: our bundle, our fonts, our API. `data:` images are what the style sheet draws masks with. */
export const APP_CSP: Readonly<Record<string, string>> = {
  ...shut,
  'script-src': "'self'",
  'style-src': "'self'",
  'img-src': "'self' data:",
  'font-src': "'self'",
  'connect-src': "'self'",
};

/** consent://card: no connection at all; facts come from the main process. */
export const CONSENT_CSP: Readonly<Record<string, string>> = {
  ...shut,
  'script-src': "'self'",
  'style-src': "'self'",
  'font-src': "'self'",
  'img-src': "'self' data:",
};

/** reveal://credential: a page without script. */
export const revealCsp = (styleNonce: string): Readonly<Record<string, string>> => ({
  ...shut,
  'style-src': `'nonce-${styleNonce}'`,
});

export const cspHeader = (policy: Readonly<Record<string, string>>): string =>
  Object.entries(policy)
    .map(([name, value]) => `${name} ${value}`.trim())
    .join('; ');

/** Headers of every page and file we serve. */
export const pageHeaders = (policy: Readonly<Record<string, string>>): Record<string, string> => ({
  'content-security-policy': cspHeader(policy),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
});

/** Answers of the service that reach a page are data, whatever they claim to be: shown as a page of ours they can do nothing. */
export const DATA_HEADERS: Readonly<Record<string, string>> = {
  ...pageHeaders({ ...shut, sandbox: '' }),
};

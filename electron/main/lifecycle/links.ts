/**
 * Links that reach the app: from argv at a cold start, from the second instance while it runs, from open-url on macOS.
 * Chromium re-orders argv and adds switches, so the link is found by its prefix, never by its place.
 */
import type { UserError } from '../../../shared/contract/ipc';
import { type DeepLink, LINK_PREFIX, parseLink } from '../../../shared/domain/links';

/** The one link in an argv; undefined when there is none. Two are as bad as a malformed one: somebody put them there. */
export function linkInArgv(argv: readonly string[]): string | undefined {
  const links = argv.filter((arg) => arg.toLowerCase().startsWith(LINK_PREFIX));
  return links.length > 1 ? `${LINK_PREFIX}several links at once` : links[0];
}

export type LinkOutcome =
  | { readonly kind: 'open'; readonly link: DeepLink }
  | { readonly kind: 'notice'; readonly notice: UserError };

/** What a link means: a thing to show, or a notice. Nothing else ever happens because of a link. Pure. */
export function readLink(text: string): LinkOutcome {
  const answer = parseLink(text);
  if (answer.ok) return { kind: 'open', link: answer.link };
  return {
    kind: 'notice',
    notice: {
      code: 'bad-link',
      what:
        answer.problem === 'foreign'
          ? 'That link is not a Hallpass link.'
          : 'That Hallpass link is damaged or incomplete.',
      safe: 'Nothing was opened and nothing was changed.',
      next: 'Ask the sender for a fresh link, or open the item from the Inbox.',
      detail: text.replace(/[^\u0020-\u007e]/g, '?').slice(0, 120),
    },
  };
}

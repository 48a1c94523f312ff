/** A line of YAML in coloured pieces. For the eye only; what the text means is the parser's to say. */
export type TokenKind = 'comment' | 'key' | 'text' | 'mark' | 'plain';
export interface Token {
  readonly text: string;
  readonly kind: TokenKind;
}
const PIECE =
  /(?<comment>(?<=^|\s)#.*$)|(?<key>[\w.-]+(?=:(?:\s|$)))|(?<text>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(?<mark>[[\]{}:,]|(?<=^\s*)-(?=\s))/g;

export function tokensOf(line: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const match of line.matchAll(PIECE)) {
    if (match.index > at) tokens.push({ text: line.slice(at, match.index), kind: 'plain' });
    const groups = match.groups ?? {};
    const kind = (['comment', 'key', 'text', 'mark'] as const).find((name) => groups[name] !== undefined) ?? 'plain';
    tokens.push({ text: match[0], kind });
    at = match.index + match[0].length;
  }
  if (at < line.length) tokens.push({ text: line.slice(at), kind: 'plain' });
  return tokens;
}

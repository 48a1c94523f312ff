/**
 * Policy text to policy document, or errors with the line they are on. Nothing is guessed: unknown keys, tags, anchors,
 * duplicate keys and durations that can't be read are errors, since a rule that is half understood opens a door.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { type Document, isAlias, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { PolicyDocument } from '../../../shared/contract/policy';
import { canonicalJson } from '../../../shared/crypto/canonical-json';
import { BUDGET_WINDOW_MS } from '../../../shared/domain/budget';
import { formatDuration, parseDuration } from '../../../shared/domain/duration';
import { MAX_POLICY_BYTES, MAX_TTL_MS, MIN_TTL_MS } from '../../../shared/domain/limits';

export interface PolicyError {
  /** 1-based; null when it can't be told. */
  readonly line: number | null;
  readonly path: string;
  readonly message: string;
}
export type ParsedPolicy =
  | { readonly ok: true; readonly document: PolicyDocument; readonly digest: string }
  | { readonly ok: false; readonly errors: readonly PolicyError[] };
type Path = readonly PropertyKey[];
const MAX_ERRORS = 50;

/** Reads and checks a policy. `digest` is the SHA-256 (hex) of the document's canonical JSON: comments don't change it. */
export function parsePolicy(yaml: string): ParsedPolicy {
  if (utf8ToBytes(yaml).length > MAX_POLICY_BYTES)
    return failed([{ line: null, path: '', message: `A policy may have ${MAX_POLICY_BYTES / 1024} KiB at most.` }]);
  const lines = new LineCounter();
  let source: Document.Parsed;
  let raw: unknown;
  try {
    source = parseDocument(yaml, { lineCounter: lines, uniqueKeys: true, version: '1.2', merge: false });
    const broken = [...source.errors, ...source.warnings];
    if (broken.length > 0)
      return failed(
        broken.map((e) => ({
          line: e.linePos?.[0].line ?? null,
          path: '',
          message: e.message.split('\n')[0] ?? e.message,
        })),
      );
    const alias = aliasLine(source, lines);
    if (alias !== null)
      return failed([{ line: alias, path: '', message: 'Anchors and aliases are not allowed; write it out.' }]);
    raw = source.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    // The YAML reader recurses; absurd nesting ends here instead of ending the service.
    return failed([{ line: null, path: '', message: `This can't be read as YAML: ${messageOf(cause)}` }]);
  }
  if (raw === null || raw === undefined)
    return failed([{ line: 1, path: '', message: 'The policy is empty. It starts with "version: 1" and "rules:".' }]);
  const lineAt = (path: Path) => lineOf(source, lines, path);
  const checked = PolicyDocument.safeParse(raw);
  if (!checked.success)
    return failed(
      checked.error.issues
        .flatMap((issue) => plainIssues(issue))
        .map((e) => ({ line: lineAt(e.path), path: dotted(e.path), message: e.message })),
    );
  const wrong = ruleErrors(checked.data);
  if (wrong.length > 0)
    return failed(wrong.map((e) => ({ line: lineAt(e.path), path: dotted(e.path), message: e.message })));
  return { ok: true, document: checked.data, digest: policyDigest(checked.data) };
}

export const policyDigest = (document: PolicyDocument): string =>
  bytesToHex(sha256(utf8ToBytes(canonicalJson(document))));

const failed = (errors: readonly PolicyError[]): ParsedPolicy => ({ ok: false, errors: errors.slice(0, MAX_ERRORS) });
const messageOf = (cause: unknown) => (cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause));
/** "rules[2].approvals[0].from" */
const dotted = (path: Path): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );

function aliasLine(source: Document.Parsed, lines: LineCounter): number | null {
  let found: number | null = null;
  visit(source, (_, node) => {
    if (isAlias(node) || (node !== null && typeof node === 'object' && 'anchor' in node && node.anchor)) {
      const start = (node as { range?: readonly number[] | null }).range?.[0];
      found = start === undefined ? 1 : lines.linePos(start).line;
      return visit.BREAK;
    }
    return undefined;
  });
  return found;
}

/** The line of the deepest part of `path` that is in the text. */
function lineOf(source: Document.Parsed, lines: LineCounter, path: Path): number | null {
  for (let depth = path.length; depth > 0; depth--) {
    const node = source.getIn(path.slice(0, depth) as unknown[], true) as
      | { range?: readonly number[] | null }
      | undefined;
    const start = node !== null && typeof node === 'object' ? node.range?.[0] : undefined;
    if (start !== undefined) return lines.linePos(start).line;
  }
  return 1;
}

/** Zod's findings in words; an unknown key is pointed at itself, so that the line is the key's own. */
function plainIssues(issue: z.core.$ZodIssue): { path: Path; message: string }[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: `"${key}" is not known here.` }));
  if (issue.code === 'invalid_union') {
    const deepest = issue.errors.flat().sort((a, b) => b.path.length - a.path.length)[0];
    if (deepest) return [{ path: [...issue.path, ...deepest.path], message: deepest.message }];
  }
  return [{ path: issue.path, message: issue.message }];
}

/** Lengths other than `max_duration`. */
function lengthErrors(rule: PolicyDocument['rules'][number], at: (field: string) => Path) {
  const errors: { path: Path; message: string }[] = [];
  const notOne = (field: string, text: string) =>
    errors.push({ path: at(field), message: `"${text}" is not a duration. Write "30m", "1h30m" or "2d".` });
  if (rule.effect === 'deny' && (rule.max_per_day !== undefined || rule.end_on !== undefined))
    errors.push({
      path: at(rule.max_per_day === undefined ? 'end_on' : 'max_per_day'),
      message: 'A rule that denies gives nothing that could be limited or ended.',
    });
  if (rule.max_per_day !== undefined) {
    const length = parseDuration(rule.max_per_day);
    if (length === undefined) notOne('max_per_day', rule.max_per_day);
    else if (length < MIN_TTL_MS || length > BUDGET_WINDOW_MS)
      errors.push({
        path: at('max_per_day'),
        message: `The budget of 24 hours lies between ${formatDuration(MIN_TTL_MS)} and ${formatDuration(BUDGET_WINDOW_MS)}.`,
      });
  }
  for (const one of rule.end_on ?? []) {
    if (typeof one === 'string') continue;
    const length = parseDuration(one.sleep);
    if (length === undefined) notOne('end_on', one.sleep);
    else if (length > MAX_TTL_MS)
      errors.push({ path: at('end_on'), message: `A sleep of more than ${formatDuration(MAX_TTL_MS)} ends nothing.` });
  }
  return errors;
}

/** What the shape alone can't say. */
function ruleErrors(document: PolicyDocument): { path: Path; message: string }[] {
  const errors: { path: Path; message: string }[] = [];
  const seen = new Set<string>();
  document.rules.forEach((rule, index) => {
    const at = (field: string): Path => ['rules', index, field];
    if (seen.has(rule.name)) errors.push({ path: at('name'), message: `Two rules are called "${rule.name}".` });
    seen.add(rule.name);
    if (rule.max_duration === undefined) {
      if (rule.effect !== 'deny')
        errors.push({ path: ['rules', index], message: `The rule "${rule.name}" needs a max_duration, such as "1h".` });
    } else {
      const length = parseDuration(rule.max_duration);
      if (length === undefined)
        errors.push({
          path: at('max_duration'),
          message: `"${rule.max_duration}" is not a duration. Write "30m", "1h30m" or "2d".`,
        });
      else if (length < MIN_TTL_MS || length > MAX_TTL_MS)
        errors.push({
          path: at('max_duration'),
          message: `A duration lies between ${formatDuration(MIN_TTL_MS)} and ${formatDuration(MAX_TTL_MS)}.`,
        });
    }
    errors.push(...lengthErrors(rule, at));
    if (rule.effect !== 'approve' && (rule.approvals?.length ?? 0) > 0)
      errors.push({ path: at('approvals'), message: `Approvals have no meaning when the effect is "${rule.effect}".` });
  });
  return errors;
}

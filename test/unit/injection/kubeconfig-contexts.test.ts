/** Our contexts in a kubeconfig that belongs to the user: every byte of theirs stays, whatever they or kubectl did to it. */
import { describe, expect, test } from 'vitest';
import {
  contextsIn,
  foreignContexts,
  type KubeContext,
  kubeconfigProblem,
  kubeGrantsIn,
  setContexts,
} from '../../../electron/main/injection/kubeconfig-contexts';

const PROFILE = '0badcafe';
const grant = (letter: string) => `grt_${letter.repeat(26)}`;
const context = (letter: string, names: readonly string[] = [`shop-${letter}`]): KubeContext => ({
  grantId: grant(letter),
  names,
  server: 'https://shop.internal:6443',
  caFile: `/run/user/1/hallpass/${PROFILE}/${grant(letter)}/ca.pem`,
  tokenFile: `/run/user/1/hallpass/${PROFILE}/${grant(letter)}/token`,
  namespace: 'shop',
});
const put = (before: string | null, ...contexts: KubeContext[]) => setContexts(before, PROFILE, contexts);

const KUBECTL = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: QUJD
    server: https://dev.internal:6443
  name: dev
contexts:
- context:
    cluster: dev
    namespace: web
    user: me
  name: dev
current-context: dev
kind: Config
preferences: {}
users:
- name: me
  user:
    token: secret-of-the-user
`;
/** Block-style files as people and tools write them. */
const FILES: Readonly<Record<string, string>> = {
  'as kubectl writes it': KUBECTL,
  'indented lists': KUBECTL.replaceAll(/^([- ] )/gm, '    $1'),
  'CRLF line ends': KUBECTL.replaceAll('\n', '\r\n'),
  'a BOM': `\u00ef\u00bb\u00bf${KUBECTL}`,
  'no final newline': KUBECTL.slice(0, -1),
  'a document mark and comments everywhere': `---\n# mine\n${KUBECTL.replaceAll('\n- ', ' # here\n\n# and there\n- ')}# end\n`,
  'empty lists': 'apiVersion: v1\nkind: Config\nclusters:\ncontexts:\nusers:\n',
  'lists followed by others': 'clusters:\nusers: # nobody\ncontexts:\ncurrent-context: ""\nkind: Config\n',
  'an exec plugin with arguments': KUBECTL.replace(
    '    token: secret-of-the-user',
    '    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      args:\n      - token\n      - |\n        - name: not an item\n        clusters:\n      command: aws',
  ),
  'bytes that are no UTF-8': KUBECTL.replace('name: dev', 'name: d\u00e9\u00ffv'),
  'quoted values': KUBECTL.replace('current-context: dev', `current-context: "dev"`).replace(
    'kind: Config',
    "'kind': Config".replace(/'/g, ''),
  ),
  'a block of another profile': `${KUBECTL}# >>> hallpass 11111111 ${grant('z')}\n# <<< hallpass 11111111 ${grant('z')}\n`,
  'unknown keys': `${KUBECTL}extensions:\n- name: x\n  extension: {a: b}\n`,
};

describe.each(Object.entries(FILES))('a file with %s', (_, before) => {
  test('takes contexts and gives every byte back, in any order of ending', () => {
    expect(kubeconfigProblem(before)).toBeNull();
    const one = put(before, context('a'));
    const two = put(one.text, context('b'), context('a'));
    expect(kubeconfigProblem(two.text)).toBeNull();
    expect([...contextsIn(two.text, PROFILE)].sort()).toEqual([
      [grant('a'), ['shop-a']],
      [grant('b'), ['shop-b']],
    ]);
    expect(kubeGrantsIn(two.text, PROFILE)).toEqual(new Set([grant('a'), grant('b')]));
    expect(put(two.text, context('b')).text).not.toContain(grant('a'));
    expect(put(put(two.text, context('b')).text).text).toBe(before);
    expect(put(put(two.text, context('a')).text).text).toBe(before);
    expect(put(two.text)).toEqual({ text: before, fileIsOurs: false });
  });

  test('is not changed again by what is in place, and keeps its own lines in their order', () => {
    const { text } = put(before, context('a'));
    expect(put(text, context('a')).text).toBe(text);
    const ours = new RegExp(`^ *# >>> hallpass ${PROFILE}[^]*?# <<< hallpass ${PROFILE}[^\\n]*\\n`, 'gm');
    expect(text.match(ours)).toHaveLength(3);
    expect(text.replace(ours, '')).toBe(before);
  });
});

test('no file becomes one of ours, and goes when the last access does', () => {
  const made = put(null, context('a'));
  expect(made.fileIsOurs).toBe(false);
  expect(kubeconfigProblem(made.text)).toBeNull();
  const both = put(made.text, context('a'), context('b'));
  expect(put(both.text, context('b')).fileIsOurs).toBe(false);
  expect(put(both.text)).toMatchObject({ fileIsOurs: true });
  const used = `${both.text}current-context: shop-a\n`;
  expect(put(used)).toMatchObject({ fileIsOurs: false });
  expect(put(used).text).toContain('current-context: shop-a');
  expect(put(null)).toMatchObject({ fileIsOurs: true });
});

test('after kubectl wrote the file anew, markers and quotes gone, ours are still found and go without a trace', () => {
  const id = `hallpass-${PROFILE}-${grant('a')}`;
  const rewritten = KUBECTL.replace(
    'clusters:\n',
    `clusters:\n- cluster:\n    certificate-authority: /x/ca.pem\n    server: https://shop.internal:6443\n  name: ${id}\n`,
  )
    .replace(
      'contexts:\n',
      `contexts:\n- context:\n    cluster: ${id}\n    namespace: shop\n    user: ${id}\n  name: shop-a\n`,
    )
    .replace('users:\n- name: me', `users:\n- name: ${id}\n  user:\n    tokenFile: /x/token\n- name: me`);
  expect(kubeGrantsIn(rewritten, PROFILE)).toEqual(new Set([grant('a')]));
  expect(contextsIn(rewritten, PROFILE)).toEqual(new Map([[grant('a'), ['shop-a']]]));
  expect(put(rewritten, context('a')).text).toBe(rewritten);
  expect(put(rewritten).text).toBe(KUBECTL);
});

test('a context of the user that points to our access goes with it; one that they wrote between our markers stays', () => {
  const { text } = put(KUBECTL, context('a'));
  const id = `hallpass-${PROFILE}-${grant('a')}`;
  const alias = `- name: my-alias\n  context:\n    cluster: ${id}\n    user: ${id}\n`;
  const own = '- name: mine\n  context:\n    cluster: dev\n    user: me\n';
  const edited = text
    .replace('contexts:\n', `contexts:\n${alias}`)
    .replace(/(# >>> hallpass.*\n)(- name: "shop-a")/, `$1${own}$2`);
  expect(edited).toContain(own);
  const after = put(edited).text;
  expect(after).toBe(KUBECTL.replace('contexts:\n', `contexts:\n${own}`));
});

test('names that the user has are told, so that ours take others', () => {
  const { text } = put(KUBECTL, context('a'));
  expect(foreignContexts(text, PROFILE)).toEqual(new Set(['dev']));
  expect(foreignContexts(text, '11111111')).toEqual(new Set(['dev', 'shop-a']));
  const flow =
    'clusters:\ncontexts:\n- {name: a, context: {cluster: "c"}}\n- {context: {user: u}, name: "b"}\nusers:\n';
  expect([...foreignContexts(flow, PROFILE)].sort()).toEqual(['a', 'b']);
});

test('a name that passes to another grant is written anew', () => {
  const both = put(KUBECTL, context('b', ['shop.admin', 'shop']), context('a', ['shop.reader']));
  const one = put(both.text, context('a', ['shop.reader', 'shop']));
  expect(contextsIn(one.text, PROFILE)).toEqual(new Map([[grant('a'), ['shop.reader', 'shop']]]));
  expect(put(one.text).text).toBe(KUBECTL);
});

/** What is not edited, and why it says so. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['{"apiVersion": "v1", "clusters": []}', 'block-style'],
  ['clusters: []\ncontexts: []\nusers: []\n', 'on one line'],
  ['clusters: null\ncontexts: null\nusers: null\n', 'on one line'],
  ['clusters: &c\n- name: a\ncontexts:\nusers:\n', 'on one line'],
  ['apiVersion: v1\n', 'no list'],
  ['', 'no list'],
  ['clusters:\ncontexts:\nusers:\nclusters:\n', 'twice'],
  ['clusters:\n\t- name: a\ncontexts:\nusers:\n', 'tabs'],
  ['clusters:\ncontexts:\nusers:', 'line end'],
  ['clusters:\ncontexts:\nusers:\nnote: "one\nclusters:\ntwo"\n', 'several lines'],
  ['clusters:\ncontexts:\nusers:\nnote: {a: 1,\nb: 2}\n', 'several lines'],
  ['clusters:\ncontexts:\nusers:\n---\nclusters:\n', 'block-style'],
  ['clusters:\ncontexts:\nusers:\n...\n', 'block-style'],
  ['? clusters\n: - a\n', 'block-style'],
  ['clusters:\ncontexts:\nusers:\n\0', 'plain text'],
  ['%YAML 1.2\n---\nclusters:\ncontexts:\nusers:\n', 'block-style'],
];
test.each(REFUSED)('%j is left alone', (text, why) => {
  expect(kubeconfigProblem(text)).toContain(why);
  expect(put(text, context('a'))).toEqual({ text, fileIsOurs: false });
  expect(put(text)).toEqual({ text, fileIsOurs: false });
});

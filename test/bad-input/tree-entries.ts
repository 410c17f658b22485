import { forge, forgeCommit, packOf, treeLine, type ForgedObject } from '../support/forged-packs.ts';
import { each, one, row, type Row, type Send } from './cases.ts';
import { gitPost, pushBody } from './git-requests.ts';

const blob = forge('blob', 'content\n');
let count = 0;

/** Push a commit with this tree as a new branch. */
function pushEntries(lines: readonly Buffer[], ...more: readonly ForgedObject[]): Send {
  const tree = forge('tree', Buffer.concat(lines));
  const commit = forgeCommit(tree.oid);
  const pack = packOf([commit, tree, blob, ...more]);
  return (world) =>
    gitPost(
      'git-receive-pack',
      pushBody([{ next: commit.oid, ref: `refs/heads/entries-${(count += 1)}` }], pack),
    )(world);
}

const named = (name: string | Buffer): Send => pushEntries([treeLine('100644', name, blob.oid)]);
const file = (name: string, content: string): Send => {
  const own = forge('blob', content);
  return pushEntries([treeLine('100644', name, own.oid)], own);
};
const link = (name: string, target: string): Send => {
  const own = forge('blob', target);
  return pushEntries([treeLine('120000', name, own.oid)], own);
};
/** A submodule, and the file that says where it comes from. */
const submodule = (name: string, url: string): Send => {
  const modules = forge('blob', `[submodule "${name}"]\n\tpath = sub\n\turl = ${url}\n`);
  return pushEntries(
    [treeLine('100644', '.gitmodules', modules.oid), treeLine('160000', 'sub', '5'.repeat(40))],
    modules,
  );
};

/** Section 3.12, and the names of section 3.5 that git itself refuses. */
export const TREE_ENTRIES: readonly Row[] = [
  row('B-222', 'names of devices', each('git ng', ['con', 'nul.txt', 'aux.safetensors', 'COM1'], named)),
  row('B-223', 'a stream of a file', each('git ng', ['a:b'], named)),
  row('B-224', 'a backslash', each('git ng', ['back\\slash'], named)),
  row('B-225', 'a line feed', each('git ng', ['a\nb'], named)),
  row('B-226', 'a dot or a space at the end', each('git ng', ['trail.', 'trail '], named)),
  row('B-227', 'bytes that are not UTF-8', [
    one('git ng', 'ff fe', named(Buffer.from([0xff, 0xfe]))),
    one('git ng', 'c0 af', named(Buffer.from([0xc0, 0xaf]))),
  ]),
  row('B-228', 'twins', [
    one(
      'git ng',
      'of case',
      pushEntries([treeLine('100644', 'A', blob.oid), treeLine('100644', 'a', blob.oid)]),
    ),
    one(
      'git ng',
      'of Unicode forms',
      pushEntries([treeLine('100644', 'cafe\u0301', blob.oid), treeLine('100644', 'caf\u00e9', blob.oid)]),
    ),
  ]),
  row('B-229', 'symbolic links', [
    one('git ok', 'to an absolute path', link('absolute', '/etc/passwd'), { isKept: true }),
    one('git ok', 'to the folder above', link('above', '..'), { isKept: true }),
    one('git ng', 'named .gitmodules', link('.gitmodules', 'other')),
    one('git ng', 'named .gitattributes', link('.gitattributes', 'other')),
  ]),
  row('B-230', 'where submodules come from', [
    ...each('git ng', ['ext::sh -c id', 'file:///etc'], (url) => submodule('sub', url)),
    one('git ok', 'a hub', submodule('sub', 'https://example.com/a/b.git'), { isKept: true }),
  ]),
  row('B-231', 'what git takes for options and folders', [
    one('git ng', 'a URL that is an option', submodule('sub', '-oProxyCommand=x')),
    one('git ng', 'a host with a line feed', submodule('sub', 'https://a%0ab/')),
    one('git ng', 'a name that leads out', submodule('../../x', 'https://example.com/a')),
    ...each('git ng', ['.', '..', '.git', '.GIT', '.Git ', 'git~1', '.g\u200cit'], named),
    one(
      'git ng',
      '.gitattributes with a very long line',
      file('.gitattributes', `${'a'.repeat(4000)} text\n`),
    ),
  ]),
];

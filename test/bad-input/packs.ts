import { deflateSync } from 'node:zlib';
import type { Answer } from '../support/hub.ts';
import {
  copy,
  delta,
  entryHead,
  forge,
  forgeCommit,
  forgePack,
  insert,
  ofsDelta,
  packOf,
  refDelta,
  treeLine,
  wholeEntry,
  ZERO_OID,
  type ForgedObject,
  type PackEntry,
} from '../support/forged-packs.ts';
import { one, row, type Row, type Send } from './cases.ts';
import { gitPost, pushBody } from './git-requests.ts';
import type { World } from './world.ts';

const MIB = 2 ** 20;

let count = 0;
/** Push a pack with a new branch that leads to `tip`. */
const push =
  (tip: string, pack: Buffer): Send =>
  (world) =>
    gitPost(
      'git-receive-pack',
      pushBody([{ next: tip, ref: `refs/heads/packs-${(count += 1)}` }], pack),
    )(world);

const blob = forge('blob', 'a small file\n');
const tree = forge('tree', treeLine('100644', 'file.txt', blob.oid));
const commit = forgeCommit(tree.oid);
const GOOD = [commit, tree, blob];
const entries = (objects: readonly ForgedObject[]): readonly PackEntry[] =>
  objects.map(({ type, content }) => wholeEntry(type, content));

const lying = (lies: Parameters<typeof forgePack>[1]): Send =>
  push(commit.oid, forgePack(entries(GOOD), lies));
const pushObjects = (...objects: readonly ForgedObject[]): Send =>
  push(objects[0]?.oid ?? '', packOf(objects));
const withEntries = (...more: readonly PackEntry[]): Send =>
  push(commit.oid, forgePack([...entries(GOOD), ...more]));
/** A commit whose tree is this. */
const pushTree = (content: Buffer): Send => {
  const odd = forge('tree', content);
  return pushObjects(forgeCommit(odd.oid), odd, blob);
};
const pushCommit = (text: string): Send => pushObjects(forge('commit', text), tree, blob);

const WHO = 'A <a@b> 1700000000 +0000';
const lines = (...given: readonly string[]): Send =>
  pushCommit(`${[`tree ${tree.oid}`, ...given].join('\n')}\n\nx\n`);
const AUTHOR = `author ${WHO}`;
const COMMITTER = `committer ${WHO}`;

/** Where the entries of a pack begin. */
const offsets = (list: readonly PackEntry[]): readonly number[] =>
  list.map((_, at) => 12 + list.slice(0, at).reduce((sum, { length }) => sum + length, 0));

/** A delta of the good blob by instructions that may be wrong. */
const badDelta = (bytes: Buffer): Send => withEntries(refDelta(blob.oid, bytes));

/** A small delta that makes very much of very little: the same 64 KiB again and again. */
function deltaBomb(): Send {
  const base = forge('blob', Buffer.alloc(0x10000));
  const copies = Array.from({ length: 1024 * 16 }, () => copy(0, 0x10000));
  return withEntries(
    wholeEntry('blob', base.content),
    refDelta(base.oid, delta(0x10000, 1024 * MIB, ...copies)),
  );
}

/** Zeros, squeezed a thousand to one. */
function zlibBomb(): Send {
  const content = Buffer.alloc(256 * MIB);
  return withEntries(Buffer.concat([entryHead(3, content.length), deflateSync(content)]));
}

/** Each level has ten times the one below. */
function treeBomb(): Send {
  const levels: ForgedObject[] = [forge('tree', treeLine('100644', 'f', blob.oid))];
  for (let level = 0; level < 10; level++) {
    const below = levels[0] as ForgedObject;
    levels.unshift(
      forge(
        'tree',
        Buffer.concat(Array.from({ length: 10 }, (_, at) => treeLine('40000', `d${at}`, below.oid))),
      ),
    );
  }
  return pushObjects(forgeCommit(levels[0]?.oid ?? ''), ...levels, blob);
}

/** Every delta stands on the one before it. */
function longChain(length: number): Send {
  const list: PackEntry[] = [...entries(GOOD)];
  const starts = [...offsets(list)];
  let end = (starts.at(-1) as number) + (list.at(-1) as Buffer).length;
  for (let at = 0; at < length; at++) {
    const size = blob.content.length + at;
    const entry = ofsDelta(
      end - (starts.at(-1) as number),
      delta(size, size + 1, copy(0, size), insert('x')),
    );
    starts.push(end);
    list.push(entry);
    end += entry.length;
  }
  return push(commit.oid, forgePack(list));
}

const sameBytes = (first: PackEntry): Send => {
  const [start = 0] = offsets([first]);
  return push(
    commit.oid,
    forgePack([first, ...entries(GOOD), ofsDelta(start + 1e6, delta(1, 1, insert('x')))]),
  );
};

/** Each of the two would be right if the other were there. */
function circle(world: World): Promise<Answer> {
  const [first, other] = [forge('blob', 'aaa'), forge('blob', 'bbb')];
  return withEntries(
    refDelta(other.oid, delta(3, 3, insert(first.content))),
    refDelta(first.oid, delta(3, 3, insert(other.content))),
  )(world);
}

const manyParents = (): readonly string[] =>
  Array.from({ length: 100_000 }, (_, at) => at.toString(16).padStart(40, '1'));

/** What takes long to forge is forged when it is sent. */
const later =
  (make: () => Send): Send =>
  (world) =>
    make()(world);

/** Section 3.11. */
export const GIT_PACKS: readonly Row[] = [
  row('B-205', 'magic and version', [
    one('git ng', 'another magic', lying({ magic: 'KCAP' })),
    ...[1, 4, 99].map((version) => one('git ng', `version ${version}`, lying({ version }))),
  ]),
  row('B-206', 'counts', [
    ...[2, 4, 2 ** 32 - 1].map((given) => one('git ng', `${given} for three`, lying({ count: given }))),
    one('git ng', 'many, and nothing more', push(commit.oid, forgePack([], { count: 2 ** 32 - 1 }))),
  ]),
  row('B-207', 'trailers', [
    one('git ng', 'wrong', lying({ trailer: Buffer.alloc(20, 7) })),
    one('git ng', 'cut off', push(commit.oid, packOf(GOOD).subarray(0, -5))),
    one('git ng', 'cut in an entry', push(commit.oid, packOf(GOOD).subarray(0, 40))),
    one('git ng', 'bytes behind it', lying({ after: Buffer.from('more') })),
    one('git ng', 'no pack at all', push(commit.oid, Buffer.alloc(0))),
  ]),
  row('B-208', 'bases of deltas', [
    one('git ng', 'missing', withEntries(refDelta('d'.repeat(40), delta(1, 1, insert('x'))))),
    one('git ng', 'before the pack', sameBytes(wholeEntry('blob', 'first'))),
    one('git ng', 'itself', withEntries(ofsDelta(0, delta(1, 1, insert('x'))))),
    one('git ng', 'in the middle of an entry', withEntries(ofsDelta(3, delta(1, 1, insert('x'))))),
    one('git ng', 'of each other', circle),
  ]),
  row('B-209', 'instructions of deltas', [
    one('git ng', 'another size of the base', badDelta(delta(999, 1, insert('x')))),
    one('git ng', 'a size too large for the result', badDelta(delta(blob.content.length, 99, insert('x')))),
    one('git ng', 'a size too small for the result', badDelta(delta(blob.content.length, 1, insert('xyz')))),
    one('git ng', 'a copy beyond the base', badDelta(delta(blob.content.length, 200, copy(0, 200)))),
    one(
      'git ng',
      'a reserved instruction',
      badDelta(delta(blob.content.length, 1, Buffer.from([0]), insert('x'))),
    ),
    one('git ng', 'cut off', badDelta(delta(blob.content.length, 5, Buffer.from([5, 0x61])))),
    one('git ng', 'nothing at all', badDelta(Buffer.alloc(0))),
  ]),
  row('B-210', 'a bomb of deltas', [one('git ng', '1 GiB of 130 KB', later(deltaBomb))]),
  row('B-211', 'a bomb of zlib', [one('git ng', '256 MiB of 256 KB', later(zlibBomb))]),
  row('B-212', 'a bomb of trees', [one('git ng', 'ten levels of ten', later(treeBomb))]),
  row('B-213', 'lengths', [
    one(
      'git ng',
      'a chain of 50,000',
      later(() => longChain(50_000)),
    ),
    one(
      'git ng',
      'an object of 2^60 bytes',
      withEntries(Buffer.concat([entryHead(3, 2n ** 60n), deflateSync('x')])),
    ),
    one(
      'git ng',
      'a size that is too small',
      withEntries(Buffer.concat([entryHead(3, 2), deflateSync('xyz')])),
    ),
    one(
      'git ng',
      'a size that is too large',
      withEntries(Buffer.concat([entryHead(3, 9), deflateSync('xyz')])),
    ),
  ]),
  row('B-214', 'types', [
    ...[0, 5].map((code) =>
      one('git ng', `type ${code}`, withEntries(Buffer.concat([entryHead(code, 3), deflateSync('xyz')]))),
    ),
    one('git ng', 'a tag of another type', (world) => {
      const tag = forge('tag', `object ${blob.oid}\ntype commit\ntag t\ntagger ${WHO}\n\nx\n`);
      return gitPost(
        'git-receive-pack',
        pushBody([{ next: tag.oid, ref: 'refs/tags/b214' }], packOf([tag, blob])),
      )(world);
    }),
    one('git ng', 'a blob as a tree', pushObjects(forgeCommit(blob.oid), blob)),
    one(
      'git ng',
      'a tree as a parent',
      pushObjects(forgeCommit(tree.oid, { parents: [tree.oid] }), tree, blob),
    ),
    one('git ng', 'a branch of a blob', pushObjects(blob)),
    one('git ng', 'a branch of a tree', pushObjects(tree, blob)),
    one('git ng', 'a tree named as a file', pushTree(treeLine('100644', 'f', tree.oid))),
  ]),
  row('B-215', 'commits', [
    one('git ng', 'no author', lines(COMMITTER)),
    one('git ng', 'two authors', lines(AUTHOR, AUTHOR, COMMITTER)),
    one('git ng', 'no committer', lines(AUTHOR)),
    one('git ng', 'NUL in the head', lines(AUTHOR, COMMITTER, 'x-odd a\0b')),
    one('git ng', 'a date of 2^63', lines('author A <a@b> 9223372036854775808 +0000', COMMITTER)),
    one('git ng', 'no date', lines('author A <a@b>', COMMITTER)),
    one('git ng', 'a zone that is none', lines('author A <a@b> 1700000000 UTC', COMMITTER)),
    one('git ng', 'no address', lines('author A 1700000000 +0000', COMMITTER)),
    one(
      'git ng',
      '100,000 parents',
      later(() => pushObjects(forgeCommit(tree.oid, { parents: manyParents() }), tree, blob)),
    ),
    one(
      'git ng',
      'a message of 50 MB',
      later(() => pushObjects(forgeCommit(tree.oid, { message: 'x'.repeat(50 * MIB) }), tree, blob)),
    ),
    one('git ng', 'no tree', pushCommit(`${AUTHOR}\n${COMMITTER}\n\nx\n`)),
  ]),
  row('B-216', 'trees', [
    one(
      'git ng',
      'not sorted',
      pushTree(Buffer.concat([treeLine('100644', 'b', blob.oid), treeLine('100644', 'a', blob.oid)])),
    ),
    one(
      'git ng',
      'an entry twice',
      pushTree(Buffer.concat([treeLine('100644', 'a', blob.oid), treeLine('100644', 'a', blob.oid)])),
    ),
    one('git ng', 'an empty name', pushTree(treeLine('100644', '', blob.oid))),
    one('git ng', 'a slash in a name', pushTree(treeLine('100644', 'a/b', blob.oid))),
    one('git ng', 'no id', pushTree(treeLine('100644', 'a', ZERO_OID))),
    one('git ng', 'cut off', pushTree(treeLine('100644', 'a', blob.oid).subarray(0, -3))),
    one('git ng', 'not a tree', pushTree(Buffer.from('nonsense'))),
  ]),
  row('B-217', 'a mode with zeros before it', [
    one('git ng', '0100644', pushTree(treeLine('0100644', 'a', blob.oid))),
    one('git ng', '040000', pushTree(treeLine('040000', 'a', forge('tree', '').oid))),
  ]),
  row('B-218', 'modes', [
    ...['777777', '100000', '1', 'x'].map((mode) =>
      one('git ng', mode, pushTree(treeLine(mode, 'a', blob.oid))),
    ),
    one('git ok', '100664, which old histories have', pushTree(treeLine('100664', 'a', blob.oid)), {
      isKept: true,
    }),
  ]),
  row('B-219', 'what is missing', [
    one('git ng', 'a parent', pushObjects(forgeCommit(tree.oid, { parents: ['e'.repeat(40)] }), tree, blob)),
    one('git ng', 'a tree', pushObjects(forgeCommit('e'.repeat(40)), tree, blob)),
    one('git ng', 'a file', pushTree(treeLine('100644', 'a', 'e'.repeat(40)))),
    one('git ng', 'the commit itself', push('e'.repeat(40), packOf(GOOD))),
    one('git ng', 'a commit of another repository', (world) => push(world.secretHead, packOf(GOOD))(world)),
    one('git ng', 'a parent in another repository', (world) =>
      pushObjects(forgeCommit(tree.oid, { parents: [world.secretHead] }), tree, blob)(world),
    ),
  ]),
  row('B-220', 'two contents for one id', [
    one(
      'git ng',
      'an object twice in a pack',
      push(commit.oid, forgePack([...entries(GOOD), wholeEntry('blob', blob.content)])),
    ),
  ]),
  row('B-221', 'a base in another repository', [
    one('git ng', 'of a thin pack', async (world) => {
      const info = await world.secret.api('POST', 'paths-info/main', { body: { paths: ['foreign.bin'] } });
      const [{ oid }] = info.json<[{ oid: string }]>();
      return withEntries(refDelta(oid, delta(130, 1, insert('x'))))(world);
    }),
  ]),
];

import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import type { GitObject, GitObjectType } from '../../../server/git/object-storage.ts';
import { EMPTY_TREE, hashObject, writeTree } from '../../../server/git/objects.ts';
import {
  copy,
  delta,
  entryHead,
  forgePack,
  insert,
  ofsDelta,
  refDelta,
  wholeEntry,
} from '../../support/forged-packs.ts';
import { ingest } from '../../support/pack-ingest.ts';

const ZERO = '0'.repeat(40);
const BLOB = 'hello\n';
const BLOB_OID = hashObject('blob', Buffer.from(BLOB));
const WHO = 'A <a@b> 1700000000 +0000';

const commitText = (tree: string, lines = `author ${WHO}\ncommitter ${WHO}\n`, message = 'x\n'): string =>
  `tree ${tree}\n${lines}\n${message}`;

/** A tree entry, byte for byte. */
const entry = (mode: string, name: string | Buffer, oid: string = BLOB_OID): Buffer =>
  Buffer.concat([Buffer.from(`${mode} `), Buffer.from(name), Buffer.from([0]), Buffer.from(oid, 'hex')]);

interface Made {
  readonly type: GitObjectType;
  readonly content: Buffer;
}

const made = (type: GitObjectType, content: string | Buffer): Made => ({
  type,
  content: Buffer.from(content),
});

const packOf = (...objects: readonly Made[]): Buffer =>
  forgePack(objects.map(({ type, content }) => wholeEntry(type, content)));

/** A commit with one tree, and the blob that its entries lead to. */
function snapshot(tree: Buffer, ...others: readonly Made[]): Buffer {
  const blob = made('blob', BLOB);
  const treeOid = hashObject('tree', tree);
  return packOf(blob, ...others, made('tree', tree), made('commit', commitText(treeOid)));
}

const EMPTY = new Map<Oid, GitObject>([[EMPTY_TREE, { type: 'tree', content: Buffer.alloc(0) }]]);

describe('a pack is refused', () => {
  const whole = wholeEntry('blob', BLOB);
  const good = forgePack([whole]);
  const bytes = BLOB.length;

  const cases: Readonly<Record<string, readonly [pack: Buffer, reason: string]>> = {
    'with another magic': [forgePack([whole], { magic: 'JUNK' }), 'does not begin as a pack does'],
    'of version 1': [forgePack([whole], { version: 1 }), 'version 1'],
    'of version 4': [forgePack([whole], { version: 4 }), 'version 4'],
    'of version 99': [forgePack([whole], { version: 99 }), 'version 99'],
    'with fewer objects than it says': [forgePack([whole], { count: 2 }), 'cut off'],
    'with more objects than it says': [forgePack([whole, wholeEntry('blob', 'b')], { count: 1 }), 'checksum'],
    'that says 2^32-1 and has none': [forgePack([], { count: 0xffffffff }), 'cut off'],
    'with a wrong trailer': [Buffer.concat([good.subarray(0, -1), Buffer.from([1])]), 'checksum'],
    'cut in the trailer': [good.subarray(0, -3), 'cut off'],
    'cut in an entry': [good.subarray(0, 16), 'cut off'],
    'cut in the header': [good.subarray(0, 7), 'cut off'],
    'of no bytes': [Buffer.alloc(0), 'cut off'],
    'with a delta to itself': [forgePack([ofsDelta(0, delta(1, 1, insert('x')))]), 'base'],
    'with a delta before its start': [
      forgePack([whole, ofsDelta(4000, delta(bytes, 1, insert('x')))]),
      'base is not in it',
    ],
    'with a delta into the middle of an entry': [
      forgePack([whole, ofsDelta(3, delta(bytes, 1, insert('x')))]),
      'base is not in it',
    ],
    'with a delta whose base is nowhere': [
      forgePack([refDelta('1'.repeat(40), delta(1, 1, insert('x')))]),
      'neither in it nor in the repository',
    ],
    'with a delta that is its own base by id': [
      forgePack([refDelta(hashObject('blob', Buffer.from('x')), delta(1, 1, insert('x')))]),
      'neither in it nor in the repository',
    ],
    'with a delta for a longer base': [
      forgePack([whole, ofsDelta(whole.length, delta(bytes + 1, 1, insert('x')))]),
      'does not fit its base',
    ],
    'with a delta that makes less than it says': [
      forgePack([whole, ofsDelta(whole.length, delta(bytes, 9, insert('x')))]),
      'does not fit its base',
    ],
    'with a delta that makes more than it says': [
      forgePack([whole, ofsDelta(whole.length, delta(bytes, 1, insert('xyz')))]),
      'does not fit its base',
    ],
    'with a copy beyond the base': [
      forgePack([whole, ofsDelta(whole.length, delta(bytes, 4, copy(bytes - 1, 4)))]),
      'does not fit its base',
    ],
    'with the reserved delta instruction': [
      forgePack([whole, ofsDelta(whole.length, delta(bytes, 1, Buffer.from([0])))]),
      'does not fit its base',
    ],
    'with a delta bomb': [
      forgePack([whole, ofsDelta(whole.length, delta(bytes, 2 ** 30, ...Array(1000).fill(copy(0, bytes))))]),
      'must be sent by Git LFS',
    ],
    'with an object of type 0': [
      forgePack([Buffer.concat([entryHead(0, 6), deflateSync(BLOB)])]),
      'no object',
    ],
    'with an object of type 5': [
      forgePack([Buffer.concat([entryHead(5, 6), deflateSync(BLOB)])]),
      'no object',
    ],
    'with an object of 2^60 bytes': [
      forgePack([Buffer.concat([entryHead(3, 2 ** 60), deflateSync(BLOB)])]),
      'no object',
    ],
    'with an object of 2^40 bytes': [
      forgePack([Buffer.concat([entryHead(3, 2 ** 40), deflateSync(BLOB)])]),
      'must be sent by Git LFS',
    ],
    'with a longer content than it says': [
      forgePack([Buffer.concat([entryHead(3, 2), deflateSync(BLOB)])]),
      'not as long as it says',
    ],
    'with a shorter content than it says': [
      forgePack([Buffer.concat([entryHead(3, 20), deflateSync(BLOB)])]),
      'not as long as it says',
    ],
    'with a large content that is longer than it says': [
      forgePack([Buffer.concat([entryHead(3, 3_000_000), deflateSync(Buffer.alloc(9_000_000))])]),
      'not as long as it says',
    ],
    'with a zlib stream that is none': [
      forgePack([Buffer.concat([entryHead(3, 6), Buffer.alloc(64, 0x55)])]),
      'cannot be inflated',
    ],
    'with the same object twice': [forgePack([whole, whole]), 'twice'],
    'with a blob of a GiB of zeros': [
      forgePack([Buffer.concat([entryHead(3, 2 ** 30), deflateSync(Buffer.alloc(2 ** 30))])]),
      'must be sent by Git LFS',
    ],
  };

  it.each(Object.entries(cases))('%s', async (_, [pack, reason]) => {
    await expect(ingest(pack)).rejects.toThrow(reason);
    await expect(ingest(pack, { pieceBytes: 4099 })).rejects.toThrow(reason);
  });

  it('with a chain of 50,000 deltas', async () => {
    const deltas: Buffer[] = [];
    let last = whole;
    for (let i = 0; i < 50_000; i += 1) {
      const text = i.toString().padStart(6);
      last = ofsDelta(last.length, delta(6, 6, insert(text)));
      deltas.push(last);
    }
    await expect(ingest(forgePack([whole, ...deltas]))).rejects.toThrow('chain of more than 4095');
    const fits = await ingest(forgePack([whole, ...deltas.slice(0, 4095)]));
    expect(fits.pack.objectCount).toBe(4096);
  });
});

describe('an object is refused', () => {
  const author = `author ${WHO}\n`;
  const committer = `committer ${WHO}\n`;
  const commit = (lines: string, message?: string): Made =>
    made('commit', commitText(EMPTY_TREE, lines, message));
  const identity = (text: string): Made => commit(`author ${text}\n${committer}`);
  const tag = (text: string): Made => made('tag', text);
  const parents = (count: number): string =>
    Array.from({ length: count }, (_, i) => `parent ${i.toString(16).padStart(40, '0')}\n`).join('');

  const cases: Readonly<Record<string, readonly [object: Made, reason: string]>> = {
    'a commit without an author': [commit(committer), 'no author'],
    'a commit with two authors': [commit(`${author}${author}${committer}`), 'more than one author'],
    'a commit without a committer': [commit(author), 'no committer'],
    'a commit without a tree': [made('commit', `${author}${committer}\nx`), 'tree line'],
    'a commit with a short tree': [made('commit', commitText('abc')), 'tree line'],
    'a commit with a bad parent': [commit(`parent abc\n${author}${committer}`), 'bad parent'],
    'a commit with NUL in its header': [commit(`${author}${committer}x \0y\n`), 'NUL'],
    'a commit dated 2^63': [identity('A <a@b> 9223372036854775808 +0000'), 'author line'],
    'a commit with a padded date': [identity('A <a@b> 01 +0000'), 'author line'],
    'a commit with a date that is no number': [identity('A <a@b> now +0000'), 'author line'],
    'a commit before time': [identity('A <a@b> -1 +0000'), 'author line'],
    'a commit with a bad zone': [identity('A <a@b> 1 --100'), 'author line'],
    'a commit with a long zone': [identity('A <a@b> 1 +00000'), 'author line'],
    'a commit without a mail': [identity('A 1 +0000'), 'author line'],
    'a commit without a name': [identity('<a@b> 1 +0000'), 'author line'],
    'a commit with 100,000 parents': [commit(`${parents(100_000)}${author}${committer}`), 'commit'],
    'a commit with 1,001 parents': [commit(`${parents(1001)}${author}${committer}`), 'parents'],
    'a commit with a message of 50 MB': [
      commit(`${author}${committer}`, 'x'.repeat(50_000_000)),
      'too much for a commit',
    ],
    'a commit without an end': [made('commit', `tree ${EMPTY_TREE}\n${author}committer ${WHO}`), 'end'],
    'a tag without an object': [tag('type commit\ntag x\n\nx'), 'object line'],
    'a tag of no type': [tag(`object ${EMPTY_TREE}\ntype thing\ntag x\n\nx`), 'type line'],
    'a tag without a name': [tag(`object ${EMPTY_TREE}\ntype tree\n\nx`), 'tag line'],
    'a tag with a bad tagger': [tag(`object ${EMPTY_TREE}\ntype tree\ntag x\ntagger A\n\nx`), 'tagger line'],
    'a tag of another type': [tag(`object ${EMPTY_TREE}\ntype commit\ntag x\n\nx`), 'neither in it nor'],
  };

  it.each(Object.entries(cases))('%s', async (_, [object, reason]) => {
    await expect(ingest(packOf(object), { has: EMPTY })).rejects.toThrow(reason);
  });

  it('a commit whose tree is a blob', async () => {
    const pack = packOf(made('blob', BLOB), made('commit', commitText(BLOB_OID)));
    await expect(ingest(pack)).rejects.toThrow(`names ${BLOB_OID} as a tree, and it is a blob`);
  });

  it('an object that is named as two types', async () => {
    const tree = Buffer.concat([entry('100644', 'a'), entry('40000', 'b')]);
    await expect(ingest(snapshot(tree))).rejects.toThrow('as two types');
  });

  it.each(['tree', 'parent', 'blob'])('a commit that leads to a missing %s', async (missing) => {
    const lines = `${missing === 'parent' ? `parent ${'1'.repeat(40)}\n` : ''}${author}${committer}`;
    const tree = writeTree([{ mode: '100644', name: 'dir.txt', oid: '2'.repeat(40) as Oid }]);
    const pack =
      missing === 'blob'
        ? packOf(made('tree', tree), made('commit', commitText(hashObject('tree', tree))))
        : packOf(made('commit', commitText(missing === 'tree' ? '3'.repeat(40) : EMPTY_TREE, lines)));
    const failed = ingest(pack, { has: EMPTY });
    await expect(failed).rejects.toThrow('is incomplete');
    if (missing === 'blob') await expect(failed).rejects.toThrow('"dir.txt"');
  });
});

describe('a tree is refused', () => {
  const file = (name: string | Buffer): Buffer => entry('100644', name);
  const nested = (name: string, inner: Buffer): readonly [Buffer, Made] => [
    entry('40000', name, hashObject('tree', inner)),
    made('tree', inner),
  ];
  const gitmodules = (text: string): readonly [Buffer, Made] => [
    entry('100644', '.gitmodules', hashObject('blob', Buffer.from(text))),
    made('blob', text),
  ];

  const cases: Readonly<Record<string, readonly [tree: Buffer, reason: string, ...others: Made[]]>> = {
    'out of order': [Buffer.concat([file('b'), file('a')]), 'out of order'],
    'with a name twice': [Buffer.concat([file('a'), file('a')]), 'a name twice'],
    'with a file and a folder of one name': [
      Buffer.concat([file('a'), file('a.txt'), nested('a', file('x'))[0]]),
      'a name twice',
      nested('a', file('x'))[1],
    ],
    'with an empty name': [file(''), 'no entry'],
    'with a slash in a name': [file('a/b'), 'no entry'],
    'with the null id': [entry('100644', 'a', ZERO), 'null id'],
    'with a padded mode': [entry('040000', 'a', EMPTY_TREE), 'leading zeros'],
    'with mode 777777': [entry('777777', 'a'), 'no entry'],
    'with mode 100000': [entry('100000', 'a'), 'mode 100000'],
    'with mode 100666': [entry('100666', 'a'), 'mode 100666'],
    'cut off': [file('a').subarray(0, -1), 'no entry'],
    'with .': [file('.'), '"."'],
    'with ..': [file('..'), '".."'],
    'with .git': [file('.git'), '.git'],
    'with .GIT': [file('.GIT'), '.git'],
    'with git~1': [file('git~1'), '.git'],
    'with .git in disguise': [file('.g\u200cit'), '.git'],
    'with .git and a stream': [file('.git::$INDEX_ALLOCATION'), '.git'],
    'with con': [file('con'), 'Windows'],
    'with nul.txt': [file('nul.txt'), 'Windows'],
    'with aux.safetensors': [file('aux.safetensors'), 'Windows'],
    'with a colon': [file('a:b'), 'colon'],
    'with a backslash': [file('back\\slash'), 'backslash'],
    'with a line feed': [file('a\nb'), 'control character'],
    'with a dot at the end': [file('trail.'), 'dot or a space'],
    'with a space at the end': [file('trail '), 'dot or a space'],
    'with bytes that are no text': [file(Buffer.from([0xff, 0xfe])), 'not UTF-8'],
    'with an overlong slash': [file(Buffer.from([0xc0, 0xaf])), 'not UTF-8'],
    'with twins but for case': [Buffer.concat([file('README.md'), file('readme.md')]), 'one file on Windows'],
    'with twins in Unicode': [Buffer.concat([file('e\u0301'), file('\u00e9')]), 'one file on Windows'],
    'with .gitmodules as a link': [entry('120000', '.gitmodules'), 'symbolic link'],
    'with .gitattributes as a link': [entry('120000', '.gitattributes'), 'symbolic link'],
    'with .GitModules as a link': [entry('120000', '.GitModules'), 'symbolic link'],
    'with gitmod~1 as a link': [entry('120000', 'gitmod~1'), 'symbolic link'],
    'with a submodule that runs a program': [
      gitmodules('[submodule "x"]\n\turl = ext::sh -c id\n')[0],
      'would run a program',
      gitmodules('[submodule "x"]\n\turl = ext::sh -c id\n')[1],
    ],
    'with a submodule of a local file': [
      gitmodules('[submodule "x"]\n\turl = file:///etc\n')[0],
      'read files',
      gitmodules('[submodule "x"]\n\turl = file:///etc\n')[1],
    ],
    'with a submodule whose URL is an option': [
      gitmodules('[submodule "x"]\n\turl = -oProxyCommand=x\n')[0],
      'must not start with',
      gitmodules('[submodule "x"]\n\turl = -oProxyCommand=x\n')[1],
    ],
    'with a submodule outside': [
      gitmodules('[submodule "../../x"]\n\turl = https://a/b\n')[0],
      'leads out',
      gitmodules('[submodule "../../x"]\n\turl = https://a/b\n')[1],
    ],
    'with .cache at its root': [nested('.cache', file('x'))[0], '.cache', nested('.cache', file('x'))[1]],
    'deep inside': [nested('dir', file('nul'))[0], '"dir/nul"', nested('dir', file('nul'))[1]],
  };

  it.each(Object.entries(cases))('%s', async (_, [tree, reason, ...others]) => {
    await expect(ingest(snapshot(tree, ...others), { has: EMPTY })).rejects.toThrow(reason);
  });

  it('that stands for more files than anybody can list', async () => {
    const trees: Made[] = [];
    let below = made('tree', Buffer.concat(Array.from({ length: 10 }, (_, i) => file(`f${i}`))));
    for (let level = 0; level < 9; level += 1) {
      trees.push(below);
      const oid = hashObject('tree', below.content);
      below = made('tree', Buffer.concat(Array.from({ length: 10 }, (_, i) => entry('40000', `d${i}`, oid))));
    }
    const pack = snapshot(below.content, ...trees);
    const commit = hashObject('commit', Buffer.from(commitText(hashObject('tree', below.content))));
    await expect(ingest(pack, { tips: [commit] })).rejects.toThrow('stands for more than');
  });

  it('and 300 levels of folders are too many', async () => {
    const trees: Made[] = [];
    let below = made('tree', file('f'));
    for (let level = 0; level < 300; level += 1) {
      trees.push(below);
      below = made('tree', entry('40000', 'd', hashObject('tree', below.content)));
    }
    const commit = hashObject('commit', Buffer.from(commitText(hashObject('tree', below.content))));
    await expect(ingest(snapshot(below.content, ...trees), { tips: [commit] })).rejects.toThrow(
      'folders deep',
    );
  });
});

describe('is taken', () => {
  const file = (name: string, mode = '100644', oid: string = BLOB_OID): Buffer => entry(mode, name, oid);
  it.each(
    Object.entries({
      'a mode that git wrote long ago': file('a', '100664'),
      'an executable': file('run.sh', '100755'),
      'a link to anywhere': file('link', '120000'),
      'a submodule that is not there': file('module', '160000', '4'.repeat(40)),
      'names of all kinds': Buffer.concat(
        ['.hidden', 'a b.txt', 'a+b#c?.txt', 'config.json', 'console', '日本語.parquet', 'x'.repeat(255)]
          .map((name) => Buffer.from(name))
          .sort(Buffer.compare)
          .map((name) => file(name.toString())),
      ),
    }),
  )('%s', async (_, tree) => {
    const { pack } = await ingest(snapshot(tree));
    expect(pack.objectCount).toBe(3);
  });

  it('a commit of a zone in the west, and a signed one', async () => {
    const lines = `author A <a@b> 1700000000 -0830\ncommitter A <a@b> 1 +1400\ngpgsig -----BEGIN\n x\n -----END\n`;
    const commit = made('commit', commitText(EMPTY_TREE, lines));
    expect((await ingest(packOf(commit), { has: EMPTY })).pack.objectCount).toBe(1);
  });

  it('a pack of no objects', async () => {
    expect((await ingest(forgePack([]))).pack.objectCount).toBe(0);
  });

  it('a pointer to a large file, which is told', async () => {
    const sha256 = 'ab'.repeat(32);
    const text = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize 12\n`;
    const { pack } = await ingest(packOf(made('blob', text), made('blob', BLOB)));
    expect(pack.pointers.count).toBe(1);
    expect(Buffer.from(pack.pointers.sha256s).toString('hex')).toBe(sha256);
    expect([...pack.pointers.sizes]).toEqual([12]);
  });

  it('no file over the limit: its path is said, though a later commit has it no more', async () => {
    const large = made('blob', 'x'.repeat(2_000_000));
    const inner = entry('100644', 'big.bin', hashObject('blob', large.content));
    const outer = entry('40000', 'data', hashObject('tree', inner));
    const first = made('commit', commitText(hashObject('tree', outer)));
    const parent = `parent ${hashObject('commit', first.content)}\nauthor ${WHO}\ncommitter ${WHO}\n`;
    const second = made('commit', commitText(EMPTY_TREE, parent));
    const pack = packOf(large, made('tree', inner), made('tree', outer), first, second);
    const tips = [hashObject('commit', second.content)];
    await expect(ingest(pack, { tips, has: EMPTY, plan: { maxFileBytes: 1_000_000 } })).rejects.toThrow(
      'The file "data/big.bin" has 2000000 bytes, and files over 1000000 bytes must be sent by Git LFS.',
    );
  });
});

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHubError } from '../../../server/domain/errors.ts';
import type { Oid } from '../../../server/domain/ids.ts';
import {
  canonicalMode,
  EMPTY_TREE,
  hashObject,
  parseCommit,
  parseTag,
  parseTree,
  writeCommit,
  writeTag,
  writeTree,
} from '../../../server/git/objects.ts';
import { aFileMode, aName, anOid } from './arbitraries.ts';
import { hasNativeGit, useNativeGit } from './native-git.ts';

const oid = hashObject('blob', Buffer.from('content'));
const ada = { name: 'Ada Lovelace', email: 'ada@example.org', time: 1_700_000_000, zone: '+0000' };

/** Damaged input must be named so, not crash in some other way. */
function expectCorrupt(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    expect(isHubError(error, 'CorruptObject'), String(error)).toBe(true);
  }
}

describe('ids', () => {
  it('are those of git for known contents', () => {
    expect(hashObject('blob', Buffer.alloc(0))).toBe('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391');
    expect(hashObject('tree', Buffer.alloc(0))).toBe(EMPTY_TREE);
    expect(hashObject('blob', Buffer.from('hello\n'))).toBe('ce013625030ba8dba906f756967f9e9ca394464a');
  });

  it('do not depend on how the content is hashed', () => {
    for (const sizeBytes of [16_383, 16_384, 16_385, 100_000]) {
      const content = Buffer.alloc(sizeBytes, 7);
      const expected = createHash('sha1').update(`blob ${sizeBytes}\0`).update(content).digest('hex');
      expect(hashObject('blob', content)).toBe(expected);
    }
  });
});

describe('trees', () => {
  it('are sorted with folders as if their names ended in a slash', () => {
    const tree = writeTree([
      { mode: '40000', name: 'a', oid },
      { mode: '100644', name: 'a.txt', oid },
      { mode: '100644', name: 'a-b', oid },
      { mode: '100644', name: 'a0', oid },
    ]);
    expect(parseTree(tree).map(({ name }) => name.toString())).toEqual(['a-b', 'a.txt', 'a', 'a0']);
  });

  it('keep names that are not UTF-8 byte for byte', () => {
    const name = Buffer.from([0x66, 0xff, 0xfe]);
    const tree = writeTree([{ mode: '100644', name, oid }]);
    expect(parseTree(tree)[0]?.name).toEqual(name);
    expect(writeTree(parseTree(tree))).toEqual(tree);
  });

  it('keep legacy modes as they are stored', () => {
    const tree = Buffer.concat([Buffer.from('100664 old\0'), Buffer.from(oid, 'hex')]);
    expect(parseTree(tree)[0]?.mode).toBe('100664');
    expect(canonicalMode('100664')).toBe('100644');
    expect(canonicalMode('100775')).toBe('100755');
    expect(canonicalMode('040000')).toBe('40000');
    expect(canonicalMode('100')).toBeUndefined();
    expect(canonicalMode('999999')).toBeUndefined();
  });

  const entry = (text: string): Buffer => Buffer.concat([Buffer.from(text), Buffer.from(oid, 'hex')]);
  it.each([
    ['no mode', entry(' name\0')],
    ['a mode that is not octal', entry('100648 name\0')],
    ['an unknown kind', entry('20000 name\0')],
    ['an endless mode', entry('000000000000100644 name\0')],
    ['no name', entry('100644 \0')],
    ['a slash in a name', entry('100644 a/b\0')],
    ['no end of the name', Buffer.from('100644 name')],
    ['a cut-off id', entry('100644 name\0').subarray(0, -1)],
  ])('with %s are corrupt', (_what, content) => {
    expect(() => parseTree(content)).toThrowError(expect.objectContaining({ code: 'CorruptObject' }));
  });

  it('come back from their bytes', () => {
    const entries = fc.uniqueArray(fc.record({ mode: aFileMode, name: aName, oid: anOid }), {
      selector: ({ name }) => name,
    });
    fc.assert(
      fc.property(entries, (list) => {
        const parsed = parseTree(writeTree(list));
        const expected = [...list].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
        expect(parsed.map(({ mode, name, oid: id }) => ({ mode, name: name.toString(), oid: id }))).toEqual(
          expected.map(({ mode, name, oid: id }) => ({ mode, name, oid: id })),
        );
      }),
    );
  });

  it('of arbitrary bytes parse or are corrupt, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) =>
        expectCorrupt(() => parseTree(Buffer.from(bytes))),
      ),
    );
  });
});

describe('commits', () => {
  const commit = {
    tree: EMPTY_TREE,
    parents: [oid, EMPTY_TREE],
    author: ada,
    committer: ada,
    message: 'Hé\n\nbody\n',
  };

  it('come back from their bytes', () => {
    expect(parseCommit(writeCommit(commit))).toEqual({ ...commit, extraHeaders: [] });
  });

  it('keep headers of other tools, signatures over many lines included', () => {
    const extraHeaders = [
      { name: 'gpgsig', value: '-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----' },
      { name: 'HG:rename', value: 'a b' },
    ];
    const content = writeCommit({ ...commit, extraHeaders });
    expect(content.toString()).toContain('gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n');
    expect(parseCommit(content).extraHeaders).toEqual(extraHeaders);
    expect(writeCommit(parseCommit(content))).toEqual(content);
  });

  it('cannot be forged through names', () => {
    const content = writeCommit({
      ...commit,
      author: { ...ada, name: 'x\ncommitter <evil>', email: 'a>b\n' },
    });
    expect(parseCommit(content).author).toEqual({ ...ada, name: 'xcommitter evil', email: 'ab' });
    expect(parseCommit(content).committer).toEqual(ada);
  });

  it('with a NUL in the message are refused', () => {
    expect(() => writeCommit({ ...commit, message: 'a\0b' })).toThrowError(
      expect.objectContaining({ code: 'InvalidBody' }),
    );
  });

  it.each([
    ['author A <a@b> 1 +0000', { name: 'A', email: 'a@b', time: 1, zone: '+0000' }],
    ['author  <> 1 -0730', { name: '', email: '', time: 1, zone: '-0730' }],
    ['author no mail at all', { name: 'no mail at all', email: '', time: 0, zone: '+0000' }],
    ['author A <a@b>', { name: 'A', email: 'a@b', time: 0, zone: '+0000' }],
    ['author A <a@b> 99999999999999999999 +0000', { name: 'A', email: 'a@b', time: 0, zone: '+0000' }],
    ['author A <a <b@c>> -5 +051800', { name: 'A', email: 'a <b@c>', time: -5, zone: '+051800' }],
  ])('are read with the odd signature "%s"', (line, author) => {
    const content = `tree ${EMPTY_TREE}\n${line}\ncommitter B <b@c> 2 +0100\n\nmessage`;
    expect(parseCommit(Buffer.from(content))).toMatchObject({
      author,
      committer: { time: 2 },
      message: 'message',
    });
  });

  it('in another encoding are read as what they say', () => {
    const head = `tree ${EMPTY_TREE}\nauthor Jos\xe9 <j@x> 1 +0000\ncommitter J <j@x> 1 +0000\nencoding ISO-8859-1\n\n`;
    const parsed = parseCommit(Buffer.from(`${head}caf\xe9`, 'latin1'));
    expect(parsed.author.name).toBe('José');
    expect(parsed.message).toBe('café');
    expect(writeCommit(parsed).toString()).not.toContain('encoding');
  });

  it.each([
    ['nothing', ''],
    ['no tree', `author A <a> 1 +0000\ncommitter A <a> 1 +0000\n\n`],
    ['a bad tree id', `tree abc\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\n`],
    ['a bad parent id', `tree ${EMPTY_TREE}\nparent x\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\n`],
    ['no committer', `tree ${EMPTY_TREE}\nauthor A <a> 1 +0000\n\nmessage`],
    ['a leading continuation', ` x\ntree ${EMPTY_TREE}\n\n`],
    ['a cut-off header', `tree ${EMPTY_TREE}\nauthor A <a> 1 +0000\ncommitter A`],
  ])('with %s are corrupt', (_what, content) => {
    expect(() => parseCommit(Buffer.from(content))).toThrowError(
      expect.objectContaining({ code: 'CorruptObject' }),
    );
  });

  it('with flipped bytes parse or are corrupt, nothing else', () => {
    const content = writeCommit(commit);
    fc.assert(
      fc.property(fc.nat(content.length - 1), fc.nat(255), fc.nat(content.length), (at, byte, length) => {
        const hostile = Buffer.from(content);
        hostile[at] = byte;
        expectCorrupt(() => parseCommit(hostile.subarray(0, length)));
      }),
    );
  });
});

describe('annotated tags', () => {
  const tag = {
    object: oid,
    type: 'blob' as const,
    tag: 'v1.0',
    tagger: ada,
    extraHeaders: [],
    message: 'First\n',
  };

  it('come back from their bytes', () => {
    expect(parseTag(writeTag(tag))).toEqual(tag);
    expect(parseTag(writeTag({ ...tag, tagger: undefined }))).toEqual({ ...tag, tagger: undefined });
  });

  it.each([
    ['no object', 'type blob\ntag x\n\n'],
    ['an unknown type', `object ${oid}\ntype file\ntag x\n\n`],
    ['no name', `object ${oid}\ntype blob\n\nmessage`],
  ])('with %s are corrupt', (_what, content) => {
    expect(() => parseTag(Buffer.from(content))).toThrowError(
      expect.objectContaining({ code: 'CorruptObject' }),
    );
  });
});

describe.skipIf(!hasNativeGit)('beside native git', () => {
  const git = useNativeGit();
  const store = (type: string, content: Buffer): Oid =>
    git.text(['hash-object', '-w', '--stdin', '-t', type], { input: content }) as Oid;

  it('contents of every type have the same ids and pass fsck', () => {
    const blob = Buffer.from('some bytes\0\xff', 'latin1');
    expect(store('blob', blob)).toBe(hashObject('blob', blob));
    const tree = writeTree([
      { mode: '100644', name: 'f', oid: hashObject('blob', blob) },
      { mode: '100755', name: 'é', oid: hashObject('blob', blob) },
    ]);
    expect(store('tree', tree)).toBe(hashObject('tree', tree));
    const commit = writeCommit({
      tree: hashObject('tree', tree),
      parents: [],
      author: ada,
      committer: { ...ada, name: '' },
      message: 'm\n',
    });
    expect(store('commit', commit)).toBe(hashObject('commit', commit));
    const tag = writeTag({
      object: hashObject('commit', commit),
      type: 'commit',
      tag: 'v1',
      tagger: ada,
      message: 'tag\n',
    });
    const tagId = store('tag', tag);
    expect(tagId).toBe(hashObject('tag', tag));
    git.run(['update-ref', 'refs/tags/v1', tagId]);
    git.run(['fsck', '--strict', '--full']);
    expect(git.text(['rev-parse', 'v1^{tree}'])).toBe(hashObject('tree', tree));
  });

  it('trees of awkward names are those of mktree', () => {
    const entries = fc.uniqueArray(fc.record({ mode: aFileMode, name: aName, oid: anOid }), {
      selector: ({ name }) => name,
    });
    fc.assert(
      fc.property(entries, (list) => {
        const types: Record<string, string> = { '160000': 'commit' };
        const input = list
          .map(({ mode, name, oid: id }) => `${mode} ${types[mode] ?? 'blob'} ${id}\t${name}\0`)
          .join('');
        expect(git.text(['mktree', '-z', '--missing'], { input })).toBe(hashObject('tree', writeTree(list)));
      }),
      { numRuns: 25 },
    );
  });

  it('commits made by git come back from their bytes', () => {
    const tree = git.text(['mktree'], { input: '' });
    const id = git.text(['commit-tree', tree, '-m', 'Grüße\n\nmore'], { input: '' });
    const content = git.run(['cat-file', 'commit', id]);
    const parsed = parseCommit(content);
    expect(parsed.author.name).toBe('Ada');
    expect(hashObject('commit', writeCommit(parsed))).toBe(id);
  });
});

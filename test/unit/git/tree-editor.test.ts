import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHubError } from '../../../server/domain/errors.ts';
import type { Oid } from '../../../server/domain/ids.ts';
import { EMPTY_TREE, hashObject, newObject } from '../../../server/git/objects.ts';
import { editTree } from '../../../server/git/tree-editor.ts';
import type { TreeDeletion, TreeEdit } from '../../../server/git/tree-editor.ts';
import { aFileMode, aFileSet, anOid, aPath } from './arbitraries.ts';
import { hasNativeGit, useNativeGit } from './native-git.ts';
import { openTrees, storeTree } from './trees.ts';
import type { FileSet } from './trees.ts';

const oid = hashObject('blob', Buffer.from('0'));
const other = hashObject('blob', Buffer.from('1'));
const file = { mode: '100644', oid };

const setOf = (...paths: readonly string[]): FileSet => new Map(paths.map((path) => [path, file]));
const adding = (...paths: readonly string[]): TreeEdit => ({ deletions: [], additions: setOf(...paths) });

/** Edit a stored tree of `before` and answer the new root beside the one a plain writer makes of `after`. */
async function edited(before: FileSet | undefined, edit: TreeEdit) {
  const { storage, db } = openTrees();
  const root = before === undefined ? undefined : storeTree(storage, before);
  return editTree(db, root, edit);
}
const rootOf = (files: FileSet): Oid => storeTree(openTrees().storage, files);

describe('adding', () => {
  it('makes the folders on the way', async () => {
    const { root, objects } = await edited(undefined, adding('a', 'b/c/d', 'b/e'));
    expect(root).toBe(rootOf(setOf('a', 'b/c/d', 'b/e')));
    expect(objects.length).toBe(3);
    expect(objects.at(-1)?.oid).toBe(root);
    for (const { oid: id, type, content } of objects) expect(hashObject(type, content)).toBe(id);
  });

  it('replaces a file, its mode included', async () => {
    const additions = new Map([['a/b', { mode: '100755', oid: other }]]);
    const { root } = await edited(setOf('a/b', 'a/c'), { deletions: [], additions });
    expect(root).toBe(
      rootOf(
        new Map([
          ['a/b', { mode: '100755', oid: other }],
          ['a/c', file],
        ]),
      ),
    );
  });

  it('replaces a symlink and a submodule by a file of their name', async () => {
    const before = new Map([
      ['link', { mode: '120000', oid }],
      ['module', { mode: '160000', oid }],
    ]);
    const { root } = await edited(before, adding('link', 'module'));
    expect(root).toBe(rootOf(setOf('link', 'module')));
  });

  it('writes legacy modes as git does today', async () => {
    const additions = new Map([
      ['a', { mode: '100664', oid }],
      ['b', { mode: '100775', oid }],
    ]);
    const { root } = await edited(undefined, { deletions: [], additions });
    expect(root).toBe(
      rootOf(
        new Map([
          ['a', file],
          ['b', { mode: '100755', oid }],
        ]),
      ),
    );
  });

  it('makes nothing new when nothing changes', async () => {
    const before = setOf('a', 'b/c');
    const { root, objects } = await edited(before, adding('b/c'));
    expect(root).toBe(rootOf(before));
    expect(objects).toEqual([]);
  });

  it('writes again only what changed', async () => {
    const { objects } = await edited(setOf('a/b/c', 'd/e', 'f'), adding('d/x'));
    expect(objects.length).toBe(2);
  });

  it('takes a folder mode for the mistake it is', async () => {
    const additions = new Map([['a', { mode: '40000', oid }]]);
    await expect(edited(undefined, { deletions: [], additions })).rejects.toThrow(TypeError);
  });
});

describe('deleting', () => {
  const deleting = (...deletions: TreeDeletion[]): TreeEdit => ({ deletions, additions: new Map() });

  it('makes folders vanish that become empty, up to the root', async () => {
    const { root } = await edited(setOf('a/b/c', 'd'), deleting({ path: 'a/b/c', kind: 'file' }));
    expect(root).toBe(rootOf(setOf('d')));
    const all = await edited(setOf('a/b/c'), deleting({ path: 'a/b/c', kind: 'file' }));
    expect(all).toMatchObject({ root: EMPTY_TREE, objects: [{ oid: EMPTY_TREE, type: 'tree' }] });
  });

  it('removes whole folders', async () => {
    const { root } = await edited(setOf('a/b/c', 'a/d', 'e'), deleting({ path: 'a', kind: 'folder' }));
    expect(root).toBe(rootOf(setOf('e')));
  });

  it('comes before adding, so a deleted folder may be filled anew and a path may change its kind', async () => {
    const { root } = await edited(setOf('a/b', 'a/c', 'f', 'g/h'), {
      deletions: [
        { path: 'a', kind: 'folder' },
        { path: 'f', kind: 'file' },
        { path: 'g/h', kind: 'either' },
      ],
      additions: setOf('a/x', 'f/inside', 'g'),
    });
    expect(root).toBe(rootOf(setOf('a/x', 'f/inside', 'g')));
  });

  it('of a path inside a folder that is deleted too is fine, there or not', async () => {
    const { root } = await edited(
      setOf('a/b/c', 'd'),
      deleting(
        { path: 'a/b/c', kind: 'file' },
        { path: 'a/no/where', kind: 'file' },
        { path: 'a', kind: 'folder' },
      ),
    );
    expect(root).toBe(rootOf(setOf('d')));
  });

  it.each<[string, TreeDeletion]>([
    ['an absent file', { path: 'x', kind: 'either' }],
    ['an absent file in a folder', { path: 'a/x', kind: 'file' }],
    ['a path in an absent folder', { path: 'x/y/z', kind: 'file' }],
    ['a path below a file', { path: 'f/x', kind: 'either' }],
    ['a folder as a file', { path: 'a', kind: 'file' }],
    ['a file as a folder', { path: 'a/b', kind: 'folder' }],
  ])('%s fails and names the path', async (_what, deletion) => {
    await expect(edited(setOf('a/b', 'f'), deleting(deletion))).rejects.toMatchObject({
      code: 'EntryNotFound',
      message: `Entry not found: ${deletion.path}`,
    });
  });

  it('below a file that is deleted too still fails', async () => {
    const edit = deleting({ path: 'f', kind: 'file' }, { path: 'f/x', kind: 'file' });
    await expect(edited(setOf('f'), edit)).rejects.toMatchObject({ code: 'EntryNotFound' });
  });

  it('the same path as a file and as a folder fails', async () => {
    const edit = deleting({ path: 'f', kind: 'file' }, { path: 'f', kind: 'folder' });
    await expect(edited(setOf('f'), edit)).rejects.toMatchObject({ code: 'EntryNotFound' });
    const twice = deleting({ path: 'f', kind: 'file' }, { path: 'f', kind: 'either' });
    expect((await edited(setOf('f', 'g'), twice)).root).toBe(rootOf(setOf('g')));
  });
});

describe('a path that would be both a file and a folder', () => {
  it.each<[string, FileSet, TreeEdit]>([
    ['two additions', new Map(), adding('a', 'a/b')],
    ['two additions, the other way round', new Map(), adding('a/b/c', 'a/b')],
    ['a file where a folder is', setOf('a/b'), adding('a')],
    ['a file below a file', setOf('a'), adding('a/b')],
    ['a file deep below a file', setOf('a/b'), adding('a/b/c/d')],
    ['a file below a symlink', new Map([['a', { mode: '120000', oid }]]), adding('a/b')],
    ['a file below a submodule', new Map([['a', { mode: '160000', oid }]]), adding('a/b')],
    [
      'a file where part of a folder remains',
      setOf('a/b', 'a/c'),
      { deletions: [{ path: 'a/b', kind: 'file' }], additions: setOf('a') },
    ],
    [
      'a file where a deleted folder is filled anew',
      setOf('a/b'),
      { deletions: [{ path: 'a', kind: 'folder' }], additions: setOf('a', 'a/x') },
    ],
  ])('is a collision: %s', async (_what, before, edit) => {
    await expect(edited(before, edit)).rejects.toMatchObject({ code: 'PathCollision' });
  });
});

describe('names that some file systems take for one', () => {
  const twins = async (before: FileSet, edit: TreeEdit) => {
    const { storage, db } = openTrees();
    return (await editTree(db, storeTree(storage, before), edit, { reportTwins: true })).twins;
  };

  it('are reported with the folder they are in, for files and folders that are new', async () => {
    expect(await twins(setOf('a/Read.md'), adding('a/README.md', 'a/READ.md'))).toEqual([
      { path: 'a/READ.md', twin: 'a/Read.md' },
    ]);
    expect(await twins(setOf('Data/x'), adding('data/x'))).toEqual([{ path: 'data', twin: 'Data' }]);
    expect(await twins(new Map(), adding('x/B', 'x/b'))).toEqual([{ path: 'x/B', twin: 'x/b' }]);
  });

  it('are reported across Unicode forms and cases', async () => {
    expect(await twins(setOf('caf\u00e9'), adding('cafe\u0301'))).toEqual([
      { path: 'cafe\u0301', twin: 'caf\u00e9' },
    ]);
    expect(await twins(setOf('\u00c4'), adding('\u00e4'))).toEqual([{ path: '\u00e4', twin: '\u00c4' }]);
  });

  it('are not reported when both were there before, or one of them goes', async () => {
    expect(await twins(setOf('a', 'A', 'b'), adding('a', 'c'))).toEqual([]);
    expect(
      await twins(setOf('a'), { deletions: [{ path: 'a', kind: 'file' }], additions: setOf('A') }),
    ).toEqual([]);
  });
});

/** The rules again, on a plain set of paths. */
function modelEdit(
  before: FileSet,
  { deletions, additions }: TreeEdit,
): Map<string, { mode: string; oid: Oid }> | string {
  const isFolder = (files: FileSet, path: string): boolean =>
    [...files.keys()].some((name) => name.startsWith(`${path}/`));
  const kinds = deletions.map(({ path, kind }) => {
    if (before.has(path)) return kind === 'folder' ? undefined : 'file';
    return isFolder(before, path) && kind !== 'file' ? 'folder' : undefined;
  });
  const after = new Map(before);
  for (const [i, { path }] of deletions.entries()) {
    const isEnclosed = deletions.some(
      (outer, j) => kinds[j] === 'folder' && path.startsWith(`${outer.path}/`),
    );
    if (kinds[i] === undefined && !isEnclosed) return 'EntryNotFound';
    for (const name of after.keys()) if (name === path || name.startsWith(`${path}/`)) after.delete(name);
  }
  for (const [path, target] of additions) after.set(path, target);
  for (const path of additions.keys()) {
    const parts = path.split('/');
    const isBelowFile = parts.some((_, i) => i > 0 && after.has(parts.slice(0, i).join('/')));
    if (isBelowFile || isFolder(after, path)) return 'PathCollision';
  }
  return after;
}

const anEdit = (before: FileSet): fc.Arbitrary<TreeEdit> => {
  const folders = [...before.keys()].flatMap((path) =>
    path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/')),
  );
  const somePath =
    folders.length === 0 ? aPath : fc.oneof(fc.constantFrom(...folders), fc.constantFrom(...folders), aPath);
  return fc.record({
    deletions: fc.array(
      fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({
            path: folders.length === 0 ? aPath : fc.constantFrom(...folders),
            kind: fc.constant('either' as const),
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            path: somePath,
            kind: fc.constantFrom('file' as const, 'folder' as const, 'either' as const),
          }),
        },
      ),
      { maxLength: 4 },
    ),
    additions: fc
      .array(fc.tuple(fc.oneof(aPath, somePath), aFileMode, anOid), { maxLength: 6 })
      .map((list) => new Map(list.map(([path, mode, id]) => [path, { mode, oid: id }]))),
  });
};

describe('any edit', () => {
  it('does what the rules say on a plain set of paths', async () => {
    const outcomes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(
        aFileSet.chain((before) => fc.tuple(fc.constant(before), anEdit(before))),
        async ([before, edit]) => {
          const { storage, db } = openTrees();
          const root = storeTree(storage, before);
          const expected = modelEdit(before, edit);
          let outcome: string;
          try {
            const result = await editTree(db, root, edit);
            if (typeof expected === 'string') throw new Error(`should be ${expected}`);
            expect(result.root).toBe(storeTree(storage, expected));
            expect(result.objects.every(({ oid: id }) => id !== root || result.root === EMPTY_TREE)).toBe(
              true,
            );
            outcome = 'edited';
          } catch (error) {
            if (!isHubError(error)) throw error;
            expect(error.code).toBe(expected);
            outcome = error.code;
          }
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        },
      ),
      { numRuns: 1500 },
    );
    for (const outcome of ['edited', 'EntryNotFound', 'PathCollision']) {
      expect(outcomes.get(outcome) ?? 0).toBeGreaterThan(50);
    }
  });

  it('of ten thousand paths is as one of them after the other', async () => {
    const { storage, db } = openTrees();
    const paths = Array.from({ length: 10_000 }, (_, i) => `d${i % 97}/${(i * 7919) % 10_007}`);
    const first = await editTree(db, undefined, adding(...paths.slice(0, 5000)));
    storage.addHot(first.objects);
    const second = await editTree(db, first.root, adding(...paths.slice(5000)));
    expect(second.root).toBe(rootOf(setOf(...paths)));
  });

  it('of a long unsorted folder is sorted', async () => {
    const paths = Array.from({ length: 30_000 }, (_, i) => `f${(i * 7919) % 30_011}`);
    expect((await edited(undefined, adding(...paths))).root).toBe(rootOf(setOf(...paths)));
  });

  it('lets others have their turn', async () => {
    const additions = setOf(...Array.from({ length: 100_000 }, (_, i) => `d${i % 10}/file-${i}`));
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    await edited(undefined, { deletions: [], additions });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  });
});

describe('hostile trees', () => {
  it('out of order or unreadable are corrupt rather than made worse', async () => {
    const { storage, db } = openTrees();
    const entry = (name: string): Buffer =>
      Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(oid, 'hex')]);
    for (const content of [
      Buffer.concat([entry('b'), entry('a')]),
      Buffer.concat([entry('a'), entry('a')]),
      entry('a').subarray(0, 12),
    ]) {
      const tree = newObject('tree', content);
      storage.addHot([tree]);
      await expect(editTree(db, tree.oid, adding('z'))).rejects.toMatchObject({ code: 'CorruptObject' });
    }
    await expect(editTree(db, oid, adding('z'))).rejects.toMatchObject({ code: 'CorruptObject' });
  });

  it('keep entries with names that are not UTF-8 and legacy modes', async () => {
    const { storage, db } = openTrees();
    const odd = Buffer.concat([Buffer.from('100664 \xff\xfe\0', 'latin1'), Buffer.from(oid, 'hex')]);
    const tree = newObject('tree', odd);
    storage.addHot([tree]);
    const { objects } = await editTree(db, tree.oid, adding('a'));
    expect(objects[0]?.content.subarray(-odd.length)).toEqual(odd);
  });
});

describe.skipIf(!hasNativeGit)('beside native git', () => {
  const git = useNativeGit();

  it('trees are those of write-tree', async () => {
    await fc.assert(
      fc.asyncProperty(aFileSet, aFileSet, async (before, more) => {
        const additions = new Map([...more].filter(([path]) => !before.has(path)));
        const expected = modelEdit(before, { deletions: [], additions });
        fc.pre(typeof expected !== 'string');
        const input = [...(expected as FileSet)]
          .map(([path, { mode, oid: id }]) => `${mode} ${id}\t${path}\0`)
          .join('');
        git.run(['read-tree', '--empty']);
        git.run(['update-index', '-z', '--index-info'], { input });
        const { root } = await edited(before, { deletions: [], additions });
        expect(root).toBe(git.text(['write-tree', '--missing-ok']));
      }),
      { numRuns: 25 },
    );
  });
});

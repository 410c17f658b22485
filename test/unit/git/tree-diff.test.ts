import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import { hashObject } from '../../../server/git/objects.ts';
import { diffTrees } from '../../../server/git/tree-diff.ts';
import type { DiffOptions, TreeChange } from '../../../server/git/tree-diff.ts';
import { aFileSet } from './arbitraries.ts';
import { hasNativeGit, useNativeGit } from './native-git.ts';
import { openTrees, storeTree } from './trees.ts';
import type { FileSet, TreeFixture } from './trees.ts';

const oid = hashObject('blob', Buffer.from('0'));
const other = hashObject('blob', Buffer.from('1'));
const file = { mode: '100644', oid };
const setOf = (...paths: readonly string[]): FileSet => new Map(paths.map((path) => [path, file]));

async function diff(
  { db }: TreeFixture,
  a: Oid | undefined,
  b: Oid | undefined,
  options?: DiffOptions,
): Promise<TreeChange[]> {
  const changes: TreeChange[] = [];
  for await (const change of diffTrees(db, a, b, options)) changes.push(change);
  return changes;
}
const brief = (changes: readonly TreeChange[]): string[] =>
  changes.map(({ kind, path }) => `${kind} ${path}`);

describe('a diff of trees', () => {
  const before = setOf('a/same', 'a/gone', 'both', 'old/x/y', 'kind');
  const after = new Map([
    ...setOf('a/same', 'a/new', 'fresh/x/y', 'kind/inside'),
    ['both', { mode: '100755', oid: other }],
  ] as const);

  it('reports files that are added, removed and changed', async () => {
    const trees = openTrees();
    const changes = await diff(trees, storeTree(trees.storage, before), storeTree(trees.storage, after));
    expect(brief(changes)).toEqual([
      'removed a/gone',
      'added a/new',
      'changed both',
      'added fresh/x/y',
      'removed kind',
      'added kind/inside',
      'removed old/x/y',
    ]);
    expect(changes[2]).toEqual({
      path: 'both',
      kind: 'changed',
      before: { mode: '100644', type: 'blob', oid },
      after: { mode: '100755', type: 'blob', oid: other },
    });
    expect(changes[0]).not.toHaveProperty('after');
    expect(changes[1]).not.toHaveProperty('before');
  });

  it('stops at folders that appear or vanish whole, if asked', async () => {
    const trees = openTrees();
    const [a, b] = [storeTree(trees.storage, before), storeTree(trees.storage, after)];
    expect(brief(await diff(trees, a, b, { expandNew: false }))).toEqual([
      'removed a/gone',
      'added a/new',
      'changed both',
      'added fresh',
      'removed kind',
      'added kind',
      'removed old',
    ]);
  });

  it('reports folders before what is in them, if asked', async () => {
    const trees = openTrees();
    const [a, b] = [storeTree(trees.storage, before), storeTree(trees.storage, after)];
    expect(brief(await diff(trees, a, b, { folders: true }))).toEqual([
      'changed a',
      'removed a/gone',
      'added a/new',
      'changed both',
      'added fresh',
      'added fresh/x',
      'added fresh/x/y',
      'removed kind',
      'added kind',
      'added kind/inside',
      'removed old',
      'removed old/x',
      'removed old/x/y',
    ]);
    expect(brief(await diff(trees, a, b, { folders: true, expandNew: false }))).toContain('changed a');
  });

  it('is empty between equal trees, and whole against nothing', async () => {
    const trees = openTrees();
    const root = storeTree(trees.storage, before);
    expect(await diff(trees, root, root)).toEqual([]);
    expect(await diff(trees, undefined, undefined)).toEqual([]);
    expect(brief(await diff(trees, undefined, root))).toEqual(
      [...before.keys()].sort().map((path) => `added ${path}`),
    );
    expect(brief(await diff(trees, root, undefined))).toEqual(
      [...before.keys()].sort().map((path) => `removed ${path}`),
    );
  });

  it('does not read what is equal', async () => {
    const trees = openTrees();
    const many = Array.from({ length: 50 }, (_, i) => `d${i}/f`);
    const [a, b] = [
      storeTree(trees.storage, setOf(...many)),
      storeTree(trees.storage, setOf(...many, 'd7/g')),
    ];
    const read: Oid[] = [];
    const db = { ...trees.db, tree: (id: Oid) => (read.push(id), trees.db.tree(id)) };
    expect(brief(await diff({ ...trees, db }, a, b))).toEqual(['added d7/g']);
    expect(read.length).toBe(4);
  });

  it('is what two sets of files differ in', async () => {
    await fc.assert(
      fc.asyncProperty(aFileSet, aFileSet, async (a, b) => {
        const trees = openTrees();
        const changes = await diff(trees, storeTree(trees.storage, a), storeTree(trees.storage, b));
        const patched = new Map(a);
        for (const { path, kind, before: was, after: is } of changes) {
          expect(a.get(path)).toEqual(was && { mode: was.mode, oid: was.oid });
          expect(kind).toBe(was === undefined ? 'added' : is === undefined ? 'removed' : 'changed');
          if (is === undefined) patched.delete(path);
          else patched.set(path, { mode: is.mode, oid: is.oid });
        }
        expect(new Map([...patched].sort())).toEqual(new Map([...b].sort()));
      }),
      { numRuns: 300 },
    );
  });
});

describe.skipIf(!hasNativeGit)('beside native git', () => {
  const git = useNativeGit();
  const store = (files: FileSet): Oid => {
    const input = [...files].map(([path, { mode, oid: id }]) => `${mode} ${id}\t${path}\0`).join('');
    git.run(['read-tree', '--empty']);
    git.run(['update-index', '-z', '--index-info'], { input });
    return git.text(['write-tree', '--missing-ok']) as Oid;
  };
  const zero = '0'.repeat(40);

  it('reports what diff-tree reports, in its order', async () => {
    await fc.assert(
      fc.asyncProperty(aFileSet, aFileSet, fc.boolean(), async (a, b, folders) => {
        const trees = openTrees();
        const [before, after] = [storeTree(trees.storage, a), storeTree(trees.storage, b)];
        const changes = await diff(trees, before, after, { folders });
        const lines = changes.map(
          ({ path, before: was, after: is }) =>
            `${(was?.mode ?? '').padStart(6, '0')} ${(is?.mode ?? '').padStart(6, '0')} ${was?.oid ?? zero} ${is?.oid ?? zero}\0${path}\0`,
        );
        const native = git
          .run(['diff-tree', '-r', ...(folders ? ['-t'] : []), '--no-renames', '-z', store(a), store(b)])
          .toString()
          .replace(/:(\S+ \S+ \S+ \S+) [AMDT]\0/g, '$1\0');
        expect(lines.join('')).toBe(native);
      }),
      { numRuns: 30 },
    );
  });
});

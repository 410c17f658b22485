import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHubError } from '../../../server/domain/errors.ts';
import { hashObject, newObject } from '../../../server/git/objects.ts';
import { findEntry, listTree } from '../../../server/git/tree-walk.ts';
import type { ListedEntry } from '../../../server/git/tree-walk.ts';
import { aFileSet } from './arbitraries.ts';
import { hasNativeGit, useNativeGit } from './native-git.ts';
import { openTrees, storeTree } from './trees.ts';
import type { FileSet, TreeFixture } from './trees.ts';
import type { Oid } from '../../../server/domain/ids.ts';

const oid = hashObject('blob', Buffer.from('0'));
const setOf = (...paths: readonly string[]): FileSet =>
  new Map(paths.map((path) => [path, { mode: '100644', oid }]));

async function listAll(
  { db }: TreeFixture,
  root: Oid,
  query: { path: string; recursive: boolean; limit: number },
): Promise<ListedEntry[]> {
  const entries: ListedEntry[] = [];
  let after: string | undefined;
  do {
    const page = await listTree(db, root, { ...query, after });
    if (page === undefined) throw new Error('not a folder');
    expect(page.entries.length).toBeLessThanOrEqual(query.limit);
    if (page.next !== undefined) expect(page.entries.length).toBe(query.limit);
    entries.push(...page.entries);
    after = page.next;
  } while (after !== undefined);
  return entries;
}

const paths = (entries: readonly ListedEntry[]): string[] => entries.map(({ path }) => path);

describe('finding a path', () => {
  it('tells what is there, and nothing for what is not', async () => {
    const { storage, db } = openTrees();
    const files = new Map([
      ...setOf('a/b/c', 'a-b', 'a0'),
      ['link', { mode: '120000', oid }],
      ['module', { mode: '160000', oid }],
    ] as const);
    const root = storeTree(storage, files);
    expect(await findEntry(db, root, '')).toEqual({ mode: '40000', type: 'tree', oid: root });
    expect(await findEntry(db, root, 'a/b/c')).toEqual({ mode: '100644', type: 'blob', oid });
    expect(await findEntry(db, root, 'a/b')).toMatchObject({ mode: '40000', type: 'tree' });
    expect(await findEntry(db, root, 'module')).toEqual({ mode: '160000', type: 'commit', oid });
    expect(await findEntry(db, root, 'link')).toEqual({ mode: '120000', type: 'blob', oid });
    for (const path of ['b', 'a/x', 'a/b/c/d', 'a0/x', 'module/x', 'link/x', 'a/', 'A']) {
      expect(await findEntry(db, root, path), path).toBeUndefined();
    }
  });
});

describe('listing', () => {
  it('gives folders between files in byte order, each right before its content', async () => {
    const trees = openTrees();
    const root = storeTree(trees.storage, setOf('a/x', 'a-b', 'a.txt', 'a0', 'b/c/d', 'b/c-d'));
    const query = { path: '', limit: 100 };
    expect(paths(await listAll(trees, root, { ...query, recursive: false }))).toEqual([
      'a-b',
      'a.txt',
      'a',
      'a0',
      'b',
    ]);
    expect(paths(await listAll(trees, root, { ...query, recursive: true }))).toEqual([
      'a-b',
      'a.txt',
      'a',
      'a/x',
      'a0',
      'b',
      'b/c-d',
      'b/c',
      'b/c/d',
    ]);
    expect(await listAll(trees, root, { path: 'b', recursive: true, limit: 1 })).toMatchObject([
      { path: 'b/c-d', name: 'c-d', type: 'blob', mode: '100644', oid },
      { path: 'b/c', name: 'c', type: 'tree', mode: '40000' },
      { path: 'b/c/d', name: 'd', type: 'blob' },
    ]);
  });

  it('of what is not a folder is undefined, of an empty root is empty', async () => {
    const { storage, db } = openTrees();
    const root = storeTree(storage, setOf('a/b'));
    expect(await listTree(db, root, { path: 'x', recursive: false, limit: 5 })).toBeUndefined();
    expect(await listTree(db, root, { path: 'a/b', recursive: true, limit: 5 })).toBeUndefined();
    expect(
      await listTree(db, storeTree(storage, new Map()), { path: '', recursive: true, limit: 5 }),
    ).toEqual({ entries: [] });
  });

  it('is the same in pages of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        aFileSet,
        fc.boolean(),
        fc.integer({ min: 1, max: 6 }),
        async (files, recursive, limit) => {
          const trees = openTrees();
          const root = storeTree(trees.storage, files);
          const whole = await listAll(trees, root, { path: '', recursive, limit: 1000 });
          expect(await listAll(trees, root, { path: '', recursive, limit })).toEqual(whole);
          if (recursive) {
            expect(whole.filter(({ type }) => type !== 'tree').length).toBe(files.size);
            for (const { path, type } of whole.filter((entry) => entry.type === 'tree')) {
              expect(await findEntry(trees.db, root, path)).toMatchObject({ type });
              const inside = await listAll(trees, root, { path, recursive: true, limit });
              expect(inside).toEqual(whole.filter((entry) => entry.path.startsWith(`${path}/`)));
            }
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('goes on behind the last path when the tree changes between pages', async () => {
    const isBehind = (path: string, last: ListedEntry): boolean => {
      const key = (entry: string, isFolder: boolean): Buffer => Buffer.from(isFolder ? `${entry}/` : entry);
      return Buffer.compare(key(path, false), key(last.path, last.type === 'tree')) > 0;
    };
    await fc.assert(
      fc.asyncProperty(aFileSet, aFileSet, fc.integer({ min: 1, max: 8 }), async (before, after, limit) => {
        const { storage, db } = openTrees();
        const first = await listTree(db, storeTree(storage, before), { path: '', recursive: true, limit });
        fc.pre(first?.next !== undefined);
        const root = storeTree(storage, after);
        const second = await listTree(db, root, {
          path: '',
          recursive: true,
          limit: 1000,
          after: first?.next,
        });
        const files = second?.entries.filter(({ type }) => type !== 'tree').map(({ path }) => path) ?? [];
        const last = first?.entries.at(-1) as ListedEntry;
        const expected = [...after.keys()].filter((path) => isBehind(path, last));
        expect(new Set(files)).toEqual(new Set(expected));
        expect(files.length).toBe(expected.length);
      }),
      { numRuns: 400 },
    );
  });

  it('refuses cursors that are none, and takes forged ones without harm', async () => {
    const { storage, db } = openTrees();
    const root = storeTree(storage, setOf('a/b', 'a/c', 'd', 'e/f'));
    for (const after of ['', 'x', 'f~', 'f.0', 'z.0~YQ', 'f.0~Y Q', 'f.-1~YQ', 'f.0~YQ\n']) {
      await expect(listTree(db, root, { path: '', recursive: true, limit: 2, after })).rejects.toMatchObject({
        code: 'InvalidCursor',
      });
    }
    const offset = fc.nat(200).map((n) => n.toString(36));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('f', 'd', 'i'),
        fc.array(offset, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('a', 'a/b', 'a/x', 'a/b/c', 'd', 'e', '/', '//', 'zz', '\0'),
        async (letter, offsets, path) => {
          const after = `${letter}.${offsets.join('.')}~${Buffer.from(path).toString('base64url')}`;
          const page = await listTree(db, root, { path: '', recursive: true, limit: 100, after });
          expect(page?.entries.length).toBeLessThanOrEqual(6);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('of a large folder reads on where it stopped instead of from the start', async () => {
    const trees = openTrees();
    const count = 200_000;
    const lines: Buffer[] = [];
    for (let i = 0; i < count; i += 1) {
      lines.push(Buffer.from(`100644 ${String(i).padStart(7, '0')}\0`), Buffer.from(oid, 'hex'));
    }
    const tree = newObject('tree', Buffer.concat(lines));
    trees.storage.addHot([tree]);
    const time = async (after: string | undefined): Promise<[number, string | undefined]> => {
      const start = performance.now();
      const page = await listTree(trees.db, tree.oid, { path: '', recursive: false, limit: 1000, after });
      return [performance.now() - start, page?.next];
    };
    const start = await time(undefined);
    const [first] = start;
    let after = start[1];
    let last = 0;
    for (let page = 1; page < count / 1000; page += 1) [last, after] = await time(after);
    expect(after).toBeUndefined();
    // A page from the end costs no more than one from the start; ten times leaves room for a busy machine.
    expect(last).toBeLessThan(10 * first + 20);
  });

  it('of many small folders reads many of them at a time', async () => {
    const trees = openTrees();
    const root = storeTree(trees.storage, setOf(...Array.from({ length: 500 }, (_, i) => `d${i}/file${i}`)));
    let calls = 0;
    const { hotObjects } = trees.storage;
    trees.storage.hotObjects = (oids) => {
      calls += 1;
      return hotObjects(oids);
    };
    expect((await listAll(trees, root, { path: '', recursive: true, limit: 10_000 })).length).toBe(1000);
    expect(calls).toBeLessThan(40);
  });

  it('of damaged trees is corrupt', async () => {
    const { storage, db } = openTrees();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        const tree = newObject('tree', Buffer.from(bytes));
        storage.addHot([tree]);
        try {
          await listTree(db, tree.oid, { path: '', recursive: true, limit: 10 });
        } catch (error) {
          expect(isHubError(error, 'CorruptObject'), String(error)).toBe(true);
        }
      }),
    );
  });
});

describe.skipIf(!hasNativeGit)('beside native git', () => {
  const git = useNativeGit();

  it('lists what ls-tree lists, in its order', async () => {
    await fc.assert(
      fc.asyncProperty(aFileSet, async (files) => {
        const input = [...files].map(([path, { mode, oid: id }]) => `${mode} ${id}\t${path}\0`).join('');
        git.run(['read-tree', '--empty']);
        git.run(['update-index', '-z', '--index-info'], { input });
        const root = git.text(['write-tree', '--missing-ok']) as Oid;
        const trees = openTrees();
        expect(storeTree(trees.storage, files)).toBe(root);
        const listed = await listAll(trees, root, { path: '', recursive: true, limit: 7 });
        const lines = listed.map(
          ({ path, mode, type, oid: id }) => `${mode.padStart(6, '0')} ${type} ${id}\t${path}\0`,
        );
        expect(lines.join('')).toBe(git.run(['ls-tree', '-r', '-t', '-z', root]).toString());
      }),
      { numRuns: 25 },
    );
  });
});

import { describe, expect, test } from 'vitest';
import type { Oid, RepositoryId } from '../../server/domain/ids.ts';
import { oidOf, type Fixture } from './database.suite.ts';

export function historySuite(fixture: Fixture): void {
  const { ask, change } = fixture;

  describe('history', () => {
    const add = (
      id: RepositoryId,
      name: string,
      parent: string | undefined,
      changes: readonly string[] = [],
    ) =>
      change((stores) =>
        stores.history.addCommit(
          id,
          {
            oid: oidOf(name),
            firstParent: parent === undefined ? undefined : oidOf(parent),
            reachable: 1,
            isLinear: true,
          },
          changes,
        ),
      );

    const last = (id: RepositoryId, head: string, paths: readonly string[]) =>
      ask(async ({ history }) => history.lastChanges(id, await history.lineage(id, oidOf(head)), paths));

    const page = (id: RepositoryId, head: string, skip: number, limit: number) =>
      ask(async ({ history }) => history.page(id, await history.lineage(id, oidOf(head)), skip, limit));

    const newRepo = async () => (await fixture.repo(await fixture.user())).id;

    test('a commit is found as it was added, and adding it again changes nothing', async () => {
      const id = await newRepo();
      const commit = { oid: oidOf('b'), firstParent: oidOf('a'), reachable: 7, isLinear: false };
      await add(id, 'a', undefined);
      const added = await change((stores) => stores.history.addCommit(id, commit, ['x']));
      expect(added).toMatchObject(commit);
      expect(await ask((stores) => stores.history.findCommit(id, oidOf('b')))).toEqual(added);
      const again = await change((stores) =>
        stores.history.addCommit(id, { ...commit, reachable: 9 }, ['y']),
      );
      expect(again).toEqual(added);
      expect((await last(id, 'b', ['x', 'y'])).size).toBe(1);
      expect(await ask((stores) => stores.history.findCommit(id, oidOf('c')))).toBeUndefined();
    });

    test('a commit before its first parent is refused', async () => {
      const id = await newRepo();
      await expect(add(id, 'b', 'a')).rejects.toMatchObject({ code: 'Internal' });
    });

    test('a straight line is one chain', async () => {
      const id = await newRepo();
      await add(id, 'c0', undefined);
      for (let index = 1; index < 5; index++) await add(id, `c${index}`, `c${index - 1}`);
      const lineage = await ask((stores) => stores.history.lineage(id, oidOf('c4')));
      expect(lineage).toEqual([{ chain: lineage[0]?.chain, upTo: 4 }]);
      expect(await page(id, 'c4', 0, 10)).toEqual(['c4', 'c3', 'c2', 'c1', 'c0'].map(oidOf));
      expect(await page(id, 'c2', 1, 1)).toEqual([oidOf('c1')]);
      expect(await page(id, 'c4', 5, 10)).toEqual([]);
    });

    test('a fork sees its own changes first, and of its parent only what came before', async () => {
      const id = await newRepo();
      await add(id, 'root', undefined, ['', 'a', 'b', 'c', 'only-root']);
      await add(id, 'm1', 'root', ['', 'a']);
      await add(id, 'm2', 'm1', ['', 'b', 'after']);
      await add(id, 'f1', 'm1', ['', 'c']);
      await add(id, 'f2', 'f1', ['', 'a']);
      await add(id, 'g1', 'f1', ['', 'b']);

      const lineage = await ask((stores) => stores.history.lineage(id, oidOf('g1')));
      expect(lineage.map(({ upTo }) => upTo)).toEqual([3, 2, 1]);

      const oids = async (head: string) =>
        Object.fromEntries(
          [...(await last(id, head, ['', 'a', 'b', 'c', 'only-root', 'after', 'never']))].map(
            ([path, { oid }]) => [path, oid],
          ),
        );
      const named = (names: Record<string, string>): Record<string, Oid> =>
        Object.fromEntries(Object.entries(names).map(([path, name]) => [path, oidOf(name)]));
      expect(await oids('m2')).toEqual(
        named({ '': 'm2', a: 'm1', b: 'm2', c: 'root', 'only-root': 'root', after: 'm2' }),
      );
      expect(await oids('f2')).toEqual(named({ '': 'f2', a: 'f2', b: 'root', c: 'f1', 'only-root': 'root' }));
      expect(await oids('g1')).toEqual(named({ '': 'g1', a: 'm1', b: 'g1', c: 'f1', 'only-root': 'root' }));
      expect(await page(id, 'g1', 0, 10)).toEqual(['g1', 'f1', 'm1', 'root'].map(oidOf));
      expect(await page(id, 'g1', 1, 2)).toEqual(['f1', 'm1'].map(oidOf));
    });

    test('a change says how near it is, and a folder is apart from its coming', async () => {
      const id = await newRepo();
      await add(id, 'root', undefined, ['data', 'data/']);
      await add(id, 'tip', 'root', ['x']);
      await add(id, 'fork', 'root', ['data', 'y']);
      const found = await last(id, 'fork', ['data', 'data/', 'y']);
      expect(found.get('y')).toEqual({ oid: oidOf('fork'), segment: 0, position: 1 });
      expect(found.get('data')).toEqual({ oid: oidOf('fork'), segment: 0, position: 1 });
      expect(found.get('data/')).toEqual({ oid: oidOf('root'), segment: 1, position: 0 });
    });

    test('histories without a common root stay apart', async () => {
      const id = await newRepo();
      await add(id, 'one', undefined, ['a']);
      await add(id, 'two', undefined, ['b']);
      expect([...(await last(id, 'two', ['a', 'b'])).keys()]).toEqual(['b']);
      expect(await page(id, 'two', 0, 10)).toEqual([oidOf('two')]);
      expect(await ask((stores) => stores.history.lineage(id, oidOf('three')))).toEqual([]);
      expect(await page(id, 'three', 0, 10)).toEqual([]);
    });

    test('one commit of another repository is not this one', async () => {
      const owner = await fixture.user();
      const mine = await fixture.repo(owner, 'mine');
      const other = await fixture.repo(owner, 'other');
      await add(mine.id, 'root', undefined, ['a']);
      await add(other.id, 'root', undefined, ['b']);
      expect([...(await last(mine.id, 'root', ['a', 'b'])).keys()]).toEqual(['a']);
      expect(await ask((stores) => stores.history.lineage(other.id, oidOf('root')))).toHaveLength(1);
    });

    test('a thousand commits with a fork every hundred answer as a walk would', async () => {
      const id = await newRepo();
      const parents = new Map<string, string | undefined>();
      const touched = new Map<string, readonly string[]>();
      await change(async ({ history }) => {
        for (let index = 0; index < 1_000; index++) {
          const name = `c${index}`;
          // Every hundredth commit starts again thirty commits back.
          const parent = index === 0 ? undefined : `c${index % 100 === 0 ? index - 30 : index - 1}`;
          const paths = ['', `dir${index % 7}`, `dir${index % 7}/file${index % 53}`];
          parents.set(name, parent);
          touched.set(name, paths);
          const commit = {
            oid: oidOf(name),
            firstParent: parent === undefined ? undefined : oidOf(parent),
            reachable: index + 1,
            isLinear: true,
          };
          await history.addCommit(id, commit, paths);
        }
      });

      for (const head of ['c999', 'c500', 'c499', 'c99']) {
        const walk: string[] = [];
        for (let at: string | undefined = head; at !== undefined; at = parents.get(at)) walk.push(at);
        const expected = new Map<string, Oid>();
        for (const name of walk) {
          for (const path of touched.get(name) ?? [])
            if (!expected.has(path)) expected.set(path, oidOf(name));
        }
        const found = await last(id, head, [...expected.keys(), 'absent']);
        expect(new Map([...found].map(([path, { oid }]) => [path, oid]))).toEqual(expected);
        expect(await page(id, head, 0, 2_000)).toEqual(walk.map(oidOf));
        expect(await page(id, head, 65, 50)).toEqual(walk.slice(65, 115).map(oidOf));
      }
    });
  });
}

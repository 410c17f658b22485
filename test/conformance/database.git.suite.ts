import { describe, expect, test } from 'vitest';
import type { HotObject, StoredObjectType } from '../../server/db/questions/git-objects.ts';
import { NOW, oidOf, type Fixture } from './database.suite.ts';

export function gitSuite(fixture: Fixture): void {
  const { ask, change } = fixture;
  const MAIN = 'refs/heads/main';

  describe('refs', () => {
    test('a ref is made, moved and deleted only from what it is', async () => {
      const { id } = await fixture.repo(await fixture.user());
      const set = (expected: number | undefined, next: number | undefined) =>
        change((stores) =>
          stores.refs.compareAndSet(
            id,
            MAIN,
            expected === undefined ? undefined : oidOf(expected),
            next === undefined ? undefined : { target: oidOf(next) },
            NOW,
          ),
        );
      expect(await set(undefined, undefined)).toBe(true);
      expect(await set(1, 2)).toBe(false);
      expect(await set(1, undefined)).toBe(false);
      expect(await set(undefined, 1)).toBe(true);
      expect(await set(undefined, 2)).toBe(false);
      expect(await set(undefined, undefined)).toBe(false);
      expect(await set(2, 3)).toBe(false);
      expect(await set(1, 2)).toBe(true);
      expect(await ask((stores) => stores.refs.find(id, MAIN))).toEqual({
        name: MAIN,
        target: oidOf(2),
        peeled: undefined,
      });
      expect(await set(1, undefined)).toBe(false);
      expect(await set(2, undefined)).toBe(true);
      expect(await ask((stores) => stores.refs.find(id, MAIN))).toBeUndefined();
    });

    test('of fifty moves from one head at once exactly one succeeds', async () => {
      const { id } = await fixture.repo(await fixture.user());
      await change((stores) => stores.refs.compareAndSet(id, MAIN, undefined, { target: oidOf('old') }, NOW));
      const moved = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          change((stores) =>
            stores.refs.compareAndSet(id, MAIN, oidOf('old'), { target: oidOf(index) }, NOW),
          ),
        ),
      );
      expect(moved.filter(Boolean)).toHaveLength(1);
      const head = await ask((stores) => stores.refs.find(id, MAIN));
      expect(head?.target).toBe(oidOf(moved.indexOf(true)));
    });

    test('an annotated tag keeps where it leads', async () => {
      const { id } = await fixture.repo(await fixture.user());
      const ref = { name: 'refs/tags/v1', target: oidOf('tag'), peeled: oidOf('commit') };
      await change((stores) => stores.refs.compareAndSet(id, ref.name, undefined, ref, NOW));
      expect(await ask((stores) => stores.refs.find(id, ref.name))).toEqual(ref);
      await change((stores) =>
        stores.refs.compareAndSet(id, ref.name, ref.target, { target: oidOf('plain') }, NOW),
      );
      expect(await ask((stores) => stores.refs.find(id, ref.name))).toMatchObject({ peeled: undefined });
    });

    test('very many refs come in pages, each ref once and in order', async () => {
      const { id } = await fixture.repo(await fixture.user());
      const names = Array.from({ length: 2000 }, (_, i) => `refs/heads/b${String(i).padStart(4, '0')}`);
      await change(async (stores) => {
        for (const name of [...names, 'refs/tags/v1']) {
          await stores.refs.compareAndSet(id, name, undefined, { target: oidOf('all') }, NOW);
        }
      });
      const pages = await ask(async (stores) => {
        const found: string[][] = [];
        for await (const page of stores.refs.pages(id, 'refs/heads/'))
          found.push(page.map(({ name }) => name));
        return found;
      });
      expect(pages.length).toBeGreaterThan(1);
      expect(pages.flat()).toEqual(names);
      expect(await ask((stores) => stores.refs.list(id, ''))).toHaveLength(names.length + 1);
    });

    test('refs are found by name and listed by prefix in byte order, case kept apart', async () => {
      const { id } = await fixture.repo(await fixture.user());
      const other = await fixture.repo(await fixture.user('bob'));
      const names = [
        'refs/heads/main',
        'refs/heads/Main',
        'refs/heads/a/b',
        'refs/heads0',
        'refs/tags/v1',
        'refs/heads/😀',
        'refs/heads/\uffee',
      ];
      await change(async (stores) => {
        for (const name of names) {
          await stores.refs.compareAndSet(id, name, undefined, { target: oidOf(name) }, NOW);
        }
        await stores.refs.compareAndSet(other.id, MAIN, undefined, { target: oidOf('other') }, NOW);
      });
      const list = async (prefix: string) =>
        (await ask((stores) => stores.refs.list(id, prefix))).map(({ name }) => name);
      expect(await list('refs/heads/')).toEqual([
        'refs/heads/Main',
        'refs/heads/a/b',
        'refs/heads/main',
        'refs/heads/\uffee',
        'refs/heads/😀',
      ]);
      expect(await list('')).toHaveLength(names.length);
      expect(await list('refs/pr/')).toEqual([]);
      const some = await ask((stores) => stores.refs.findMany(id, ['refs/tags/main', 'refs/tags/v1', MAIN]));
      expect(some.map(({ name }) => name)).toEqual([MAIN, 'refs/tags/v1']);
      expect(await ask((stores) => stores.refs.findMany(id, []))).toEqual([]);
    });
  });

  describe('hot git objects', () => {
    const object = (text: string, type: StoredObjectType = 'blob'): Omit<HotObject, 'id'> => ({
      oid: oidOf(text),
      type,
      sizeBytes: text.length * 2,
      deflated: Buffer.from(text),
    });
    const withoutId = ({ id: _id, ...rest }: HotObject) => rest;
    const byOid = (left: { oid: string }, right: { oid: string }) => (left.oid < right.oid ? -1 : 1);

    test('objects come back as they were stored, to their own repository alone', async () => {
      const owner = await fixture.user();
      const mine = await fixture.repo(owner, 'mine');
      const other = await fixture.repo(owner, 'other');
      const objects = (['commit', 'tree', 'blob', 'tag'] as const).map((type) => object(type, type));
      objects.push({ ...object('empty'), deflated: Buffer.alloc(0), sizeBytes: 0 });
      await change((stores) => stores.gitObjects.insertHot(mine.id, objects));
      const oids = objects.map(({ oid }) => oid);
      const found = await ask((stores) => stores.gitObjects.findHot(mine.id, [...oids, oidOf('absent')]));
      expect(found.map(withoutId).sort(byOid)).toEqual(objects.sort(byOid));
      for (const { deflated } of found) expect(Buffer.isBuffer(deflated)).toBe(true);
      expect(await ask((stores) => stores.gitObjects.findHot(other.id, oids))).toEqual([]);
    });

    test('inserting what is there changes nothing', async () => {
      const { id } = await fixture.repo(await fixture.user());
      await change((stores) => stores.gitObjects.insertHot(id, [object('a'), object('b')]));
      await change((stores) =>
        stores.gitObjects.insertHot(id, [{ ...object('a'), deflated: Buffer.from('forged') }, object('c')]),
      );
      const [found] = await ask((stores) => stores.gitObjects.findHot(id, [oidOf('a')]));
      expect(found?.deflated.toString()).toBe('a');
      expect(await ask((stores) => stores.gitObjects.hotTotals(id))).toEqual({ count: 3, sizeBytes: 3 });
    });

    test('five thousand objects go in, and come out in order, page by page', async () => {
      const { id } = await fixture.repo(await fixture.user());
      const objects = Array.from({ length: 5_000 }, (_, index) => object(`object ${index}`));
      await change((stores) => stores.gitObjects.insertHot(id, objects));
      const seen: HotObject[] = [];
      for (;;) {
        const page = await ask((stores) => stores.gitObjects.listHot(id, seen.at(-1)?.id ?? 0, 700));
        if (page.length === 0) break;
        seen.push(...page);
      }
      expect(seen.map(({ oid }) => oid)).toEqual(objects.map(({ oid }) => oid));
      const all = objects.map(({ oid }) => oid);
      expect(await ask((stores) => stores.gitObjects.findHot(id, all))).toHaveLength(5_000);
    });

    test('totals follow what is inserted and deleted', async () => {
      const { id } = await fixture.repo(await fixture.user());
      const small = await fixture.repo(await fixture.user('bob'));
      const objects = Array.from({ length: 1_100 }, (_, index) => object(`${index}`.padStart(10)));
      await change(async (stores) => {
        await stores.gitObjects.insertHot(id, objects);
        await stores.gitObjects.insertHot(small.id, [object('one')]);
      });
      expect(await ask((stores) => stores.gitObjects.hotTotals(id))).toEqual({
        count: 1_100,
        sizeBytes: 11_000,
      });
      const toRoll = (count: number, sizeBytes: number) =>
        ask((stores) => stores.gitObjects.repositoriesToRoll({ count, sizeBytes }, 10));
      expect(await toRoll(0, 1e9)).toEqual([id, small.id]);
      expect(await toRoll(1_099, 1e9)).toEqual([id]);
      expect(await toRoll(1e9, 10_999)).toEqual([id]);
      expect(await toRoll(1_100, 11_000)).toEqual([]);

      const rows = await ask((stores) => stores.gitObjects.listHot(id, 0, 2_000));
      const ids = rows.slice(100).map((row) => row.id);
      await change((stores) => stores.gitObjects.deleteHot(small.id, ids));
      await change((stores) => stores.gitObjects.deleteHot(id, ids));
      await change((stores) => stores.gitObjects.deleteHot(id, ids));
      expect(await ask((stores) => stores.gitObjects.hotTotals(id))).toEqual({
        count: 100,
        sizeBytes: 1_000,
      });
      expect(await ask((stores) => stores.gitObjects.hotTotals(small.id))).toEqual({
        count: 1,
        sizeBytes: 3,
      });
    });

    test('short ids are looked up by any number of digits', async () => {
      const { id } = await fixture.repo(await fixture.user());
      const objects = Array.from({ length: 300 }, (_, index) => object(`object ${index}`));
      await change((stores) => stores.gitObjects.insertHot(id, objects));
      for (const prefix of ['ab', 'abc', 'f', oidOf('object 7'), oidOf('object 7').slice(0, 7)]) {
        const expected = objects.map(({ oid }) => oid).filter((oid) => oid.startsWith(prefix));
        const found = await ask((stores) => stores.gitObjects.hotOidsByPrefix(id, prefix, 500));
        expect(found).toEqual(expected.sort());
      }
      expect(await ask((stores) => stores.gitObjects.hotOidsByPrefix(id, '', 2))).toHaveLength(2);
    });
  });

  describe('packs', () => {
    test('packs are listed newest first, and adding one again changes nothing', async () => {
      const { id, publicId } = await fixture.repo(await fixture.user());
      const pack = { source: 'push', objectCount: 5, sizeBytes: 2 ** 33, indexSizeBytes: 1_100 } as const;
      await change(async (stores) => {
        await stores.gitObjects.addPack(id, { ...pack, packId: oidOf('first') }, NOW);
        await stores.gitObjects.addPack(id, { ...pack, packId: oidOf('second'), source: 'rolled' }, NOW + 1);
        await stores.gitObjects.addPack(id, { ...pack, packId: oidOf('first'), objectCount: 9 }, NOW + 2);
      });
      expect(await ask((stores) => stores.gitObjects.packs(id))).toEqual([
        { ...pack, home: publicId, packId: oidOf('second'), source: 'rolled', createdAt: NOW + 1 },
        { ...pack, home: publicId, packId: oidOf('first'), createdAt: NOW },
      ]);
    });

    test('a copy lists the packs where they are, and outlives its source', async () => {
      const owner = await fixture.user();
      const source = await fixture.repo(owner, 'source');
      const copy = await fixture.repo(owner, 'copy');
      const second = await fixture.repo(owner, 'second');
      const pack = { source: 'push', objectCount: 5, sizeBytes: 9, indexSizeBytes: 1_100 } as const;
      const hot = Array.from({ length: 70 }, (_, index) => ({
        ...{ oid: oidOf(index), type: 'blob' as const, sizeBytes: 3, deflated: Buffer.from(`b${index}`) },
      }));
      await change(async (stores) => {
        await stores.gitObjects.insertHot(source.id, hot);
        await stores.gitObjects.addPack(source.id, { ...pack, packId: oidOf('first') }, NOW);
        await stores.gitObjects.addPack(source.id, { ...pack, packId: oidOf('second') }, NOW + 1);
        await stores.gitObjects.copyAll(source.id, copy.id);
        await stores.gitObjects.copyAll(copy.id, second.id);
      });
      expect(await ask((stores) => stores.gitObjects.mayHoldUnreachable(copy.id))).toBe(false);
      await change((stores) => stores.gitObjects.noteUnreachable(copy.id));
      await change((stores) => stores.gitObjects.noteUnreachable(copy.id));
      expect(await ask((stores) => stores.gitObjects.mayHoldUnreachable(copy.id))).toBe(true);
      expect(await ask((stores) => stores.gitObjects.mayHoldUnreachable(source.id))).toBe(false);
      for (const { id } of [copy, second]) {
        expect(await ask((stores) => stores.gitObjects.packs(id))).toEqual([
          { ...pack, home: source.publicId, packId: oidOf('second'), createdAt: NOW + 1 },
          { ...pack, home: source.publicId, packId: oidOf('first'), createdAt: NOW },
        ]);
        expect(await ask((stores) => stores.gitObjects.hotTotals(id))).toEqual({ count: 70, sizeBytes: 200 });
        expect(await ask((stores) => stores.inspection.countHot(id))).toEqual({ count: 70, sizeBytes: 200 });
        const rows = await ask((stores) => stores.gitObjects.listHot(id, 0, 100));
        expect(rows.map(({ id: _key, ...row }) => row)).toEqual(hot);
      }
      const isListed = (home = source.publicId, name: string = oidOf('first')) =>
        ask((stores) => stores.gitObjects.isPackListed(home, name));
      expect([await isListed(copy.publicId), await isListed(source.publicId, oidOf('third'))]).toEqual([
        false,
        false,
      ]);
      for (const { id } of [source, copy]) {
        expect(await isListed()).toBe(true);
        await change((stores) => stores.repos.delete(id));
      }
      expect(await isListed()).toBe(true);
      await change((stores) => stores.repos.delete(second.id));
      expect(await isListed()).toBe(false);
    });
  });

  describe('answered commits', () => {
    test('earlier answers are found newest first, by repository, branch and request', async () => {
      const { id } = await fixture.repo(await fixture.user());
      const fingerprint = Buffer.from('request');
      const first = { commit: oidOf(1), parent: undefined };
      const second = { commit: oidOf(2), parent: oidOf(1) };
      await change(async ({ commitRequests }) => {
        await commitRequests.remember(id, 'main', fingerprint, first, NOW);
        await commitRequests.remember(id, 'main', fingerprint, second, NOW + 1);
      });
      const find = (branch: string, asked: string) =>
        ask((stores) => stores.commitRequests.find(id, branch, Buffer.from(asked)));
      expect(await find('main', 'request')).toEqual([second, first]);
      expect(await find('dev', 'request')).toEqual([]);
      expect(await find('main', 'other')).toEqual([]);
      expect(await change((stores) => stores.commitRequests.deleteOlderThan(NOW + 1))).toBe(1);
      expect(await find('main', 'request')).toEqual([second]);
    });
  });
}

import { describe, expect, test } from 'vitest';
import type { BucketChange } from '../../server/db/questions/buckets.ts';
import type { LargeObject } from '../../server/db/questions/large-objects.ts';
import type { User } from '../../server/domain/account.ts';
import type { Repo } from '../../server/domain/repo.ts';
import { newRepo, NOW, sha256Of, xetHashOf, type Fixture } from './database.suite.ts';

export function bucketSuite(fixture: Fixture): void {
  const { ask, change } = fixture;

  describe('buckets', () => {
    const create = (owner: User, name: string, visibility: 'public' | 'private' = 'public'): Promise<Repo> =>
      change(async (stores) => {
        const repo = await stores.repos.create({ ...newRepo(owner, name), kind: 'bucket', visibility });
        await stores.buckets.begin(repo.id);
        return repo;
      });

    /** An object that waits for the bucket. */
    const pending = (repo: Repo, text: string, sizeBytes: number): Promise<LargeObject> =>
      change(async (stores) => {
        const form = { sha256: sha256Of(text), sizeBytes, xetHash: xetHashOf(text) };
        const object = await stores.largeObjects.addXetForm(form, NOW);
        await stores.largeObjects.pend(repo.id, [object.id], NOW + 1000);
        return object;
      });
    const put = (path: string, object: LargeObject): BucketChange => ({
      path,
      file: { object, modifiedAt: 5, contentType: undefined },
    });
    const apply = (repo: Repo, changes: readonly BucketChange[]) =>
      change((stores) => stores.buckets.change(repo.id, changes, NOW));
    const found = (repo: Repo, text: string, pendingAt?: number) =>
      ask(async ({ buckets }) =>
        (await buckets.findObjects(repo.id, [xetHashOf(text)], pendingAt)).get(xetHashOf(text)),
      );

    test('count their files, and link what their files are', async () => {
      const repo = await create(await fixture.user(), 'pail');
      const [a, b] = [await pending(repo, 'a', 10), await pending(repo, 'b', 2 ** 40)];
      expect(await found(repo, 'a')).toBeUndefined();
      expect(await found(repo, 'a', NOW)).toEqual(a);
      expect(await found(repo, 'a', NOW + 1000)).toBeUndefined();
      await apply(repo, [put('x', a), put('y', a), put('z', b)]);
      expect(await ask((stores) => stores.buckets.totals(repo.id))).toEqual({
        fileCount: 3,
        sizeBytes: 2 ** 40 + 20,
      });
      expect(await found(repo, 'a')).toEqual(a);

      await apply(repo, [{ path: 'x', file: undefined }, { path: 'absent', file: undefined }, put('z', a)]);
      expect(await found(repo, 'a')).toEqual(a);
      expect(await found(repo, 'b', NOW)).toBeUndefined();
      const totals = { fileCount: 2, sizeBytes: 20 };
      expect(await ask((stores) => stores.buckets.totals(repo.id))).toEqual(totals);
      expect(await ask((stores) => stores.buckets.inspect(repo.id))).toEqual({
        ...totals,
        unlinked: 0,
        unused: 0,
      });
      expect(await ask((stores) => stores.buckets.find(repo.id, ['z', 'absent']))).toEqual([
        { path: 'z', object: a, modifiedAt: 5, contentType: undefined, uploadedAt: NOW },
      ]);
    });

    test('of several changes of a path the last counts', async () => {
      const repo = await create(await fixture.user(), 'pail');
      const a = await pending(repo, 'a', 10);
      await apply(repo, [
        put('x', a),
        { path: 'x', file: undefined },
        { path: 'y', file: undefined },
        put('y', a),
      ]);
      expect(await ask((stores) => stores.buckets.totals(repo.id))).toEqual({ fileCount: 1, sizeBytes: 10 });
    });

    test('list their files by code point, from one path to another', async () => {
      const repo = await create(await fixture.user(), 'pail');
      const a = await pending(repo, 'a', 10);
      await apply(
        repo,
        ['b', 'B', 'a/b', 'a', 'a.b', '\u{1f917}', '\uffee'].map((path) => put(path, a)),
      );
      const paths = async (from: string, before?: string, limit = 10) =>
        ask(async ({ buckets }) =>
          (await buckets.listFiles(repo.id, { from, before, limit })).map(({ path }) => path),
        );
      expect(await paths('')).toEqual(['B', 'a', 'a.b', 'a/b', 'b', '\uffee', '\u{1f917}']);
      expect(await paths('a', 'b')).toEqual(['a', 'a.b', 'a/b']);
      expect(await paths('a.', undefined, 2)).toEqual(['a.b', 'a/b']);
    });

    test('are listed by owner, and not among repositories', async () => {
      const [ann, ben] = [await fixture.user('ann'), await fixture.user('ben')];
      const open = await create(ann, 'Open');
      const hidden = await create(ann, 'hidden', 'private');
      await create(ben, 'other');
      await fixture.repo(ann, 'open');
      const list = async (owners: readonly User[], search?: string, before?: number) =>
        ask(async ({ buckets }) => {
          const scope = { kind: 'public-and', owners: owners.map(({ id }) => id) } as const;
          const rows = await buckets.list(scope, { owner: ann.id, search, before, limit: 10 });
          return rows.map(({ repo }) => repo.name);
        });
      expect(await list([ann])).toEqual(['hidden', 'Open']);
      expect(await list([ben])).toEqual(['Open']);
      expect(await list([ann], 'pe')).toEqual(['Open']);
      expect(await list([ann], undefined, hidden.id)).toEqual(['Open']);
      const counts = await ask((stores) => stores.repos.countVisible({ kind: 'everything' }));
      expect(counts).toEqual({ model: 1, dataset: 0, space: 0, kernel: 0 });
      await change((stores) => stores.facts.markAllStale());
      expect(await ask((stores) => stores.facts.listStale(undefined, undefined, 10))).toHaveLength(1);
      expect(open.kind).toBe('bucket');
    });

    test('go with all their files', async () => {
      const repo = await create(await fixture.user(), 'pail');
      const a = await pending(repo, 'a', 10);
      await apply(
        repo,
        Array.from({ length: 1200 }, (_, index) => put(`f${index}`, a)),
      );
      await change((stores) => stores.repos.delete(repo.id));
      expect(await ask((stores) => stores.buckets.totals(repo.id))).toBeUndefined();
      expect(await found(repo, 'a', NOW)).toBeUndefined();
    });
  });
}

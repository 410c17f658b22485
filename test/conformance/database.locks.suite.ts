import { describe, expect, test } from 'vitest';
import type { PublicId, RepositoryId } from '../../server/domain/ids.ts';
import type { User } from '../../server/domain/account.ts';
import { NOW, type Fixture } from './database.suite.ts';

export function lockSuite(fixture: Fixture): void {
  const { ask, change } = fixture;
  const add = (repositoryId: RepositoryId, path: string, owner: User) =>
    change((stores) => stores.lfsLocks.add({ repositoryId, path, ownerId: owner.id }, NOW));
  const list = (id: RepositoryId, page: { path?: string; publicId?: PublicId } = {}) =>
    ask((stores) => stores.lfsLocks.list(id, { after: 0, limit: 10, ...page }));

  describe('locks', () => {
    test('a path is locked once in a repository, and whoever comes later learns by whom', async () => {
      const ann = await fixture.user();
      const bob = await fixture.user('bob');
      const { id } = await fixture.repo(ann);
      const other = await fixture.repo(ann, 'other');
      const first = await add(id, 'a.bin', bob);
      expect(first).toMatchObject({
        isNew: true,
        lock: { path: 'a.bin', lockedAt: NOW, owner: { id: bob.id, name: 'bob' } },
      });
      expect(await add(id, 'a.bin', ann)).toEqual({ isNew: false, lock: first.lock });
      expect((await add(id, 'A.bin', ann)).isNew).toBe(true);
      expect((await add(other.id, 'a.bin', ann)).isNew).toBe(true);
      expect(await ask((stores) => stores.lfsLocks.find(id, first.lock.publicId))).toEqual(first.lock);
      expect(await ask((stores) => stores.lfsLocks.find(other.id, first.lock.publicId))).toBeUndefined();
    });

    test('of many who lock a path at once one does', async () => {
      const ann = await fixture.user();
      const { id } = await fixture.repo(ann);
      const made = await Promise.all(Array.from({ length: 20 }, () => add(id, 'a.bin', ann)));
      expect(made.filter(({ isNew }) => isNew)).toHaveLength(1);
      expect(new Set(made.map(({ lock }) => lock.publicId)).size).toBe(1);
    });

    test('locks are listed oldest first, in pages, by path and by id', async () => {
      const ann = await fixture.user();
      const { id } = await fixture.repo(ann);
      for (const path of ['c', 'b', 'a']) await add(id, path, ann);
      const pathsOf = (locks: readonly { readonly path: string }[]) => locks.map(({ path }) => path);
      const first = await ask((stores) => stores.lfsLocks.list(id, { after: 0, limit: 2 }));
      expect(pathsOf(first)).toEqual(['c', 'b']);
      const after = first.at(-1)?.id ?? 0;
      expect(pathsOf(await ask((stores) => stores.lfsLocks.list(id, { after, limit: 2 })))).toEqual(['a']);
      expect(pathsOf(await list(id, { path: 'b' }))).toEqual(['b']);
      const publicId = first[0]?.publicId as PublicId;
      expect(pathsOf(await list(id, { publicId }))).toEqual(['c']);
      expect(pathsOf(await list(id, { publicId, path: 'b' }))).toEqual([]);
    });

    test('a lock is given up once, and only in its own repository', async () => {
      const ann = await fixture.user();
      const { id } = await fixture.repo(ann);
      const other = await fixture.repo(ann, 'other');
      const { lock } = await add(id, 'a.bin', ann);
      const remove = (from: RepositoryId) => change((stores) => stores.lfsLocks.remove(from, lock.publicId));
      expect([await remove(other.id), await remove(id), await remove(id)]).toEqual([false, true, false]);
      expect(await list(id)).toEqual([]);
    });

    test('locks go with their repository', async () => {
      const ann = await fixture.user();
      const { id } = await fixture.repo(ann);
      await add(id, 'a.bin', ann);
      await change((stores) => stores.repos.delete(id));
      expect(await list(id)).toEqual([]);
    });
  });
}

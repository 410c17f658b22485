import { describe, expect, test } from 'vitest';
import type { RepositoryId } from '../../server/domain/ids.ts';
import { DAY_MS, dayOf } from '../../server/domain/popularity.ts';
import type { Repo } from '../../server/domain/repo.ts';
import { newRepo, NOW, type Fixture } from './database.suite.ts';

export function popularitySuite(fixture: Fixture): void {
  const { ask, change } = fixture;
  const TODAY = dayOf(NOW);
  const counts = async (id: RepositoryId) => {
    const { likes, downloads, downloadsAllTime } = await ask((stores) => stores.repos.counters(id));
    return { likes, downloads, downloadsAllTime };
  };
  const trending = async (id: RepositoryId): Promise<number> => {
    const [found] = await ask((stores) => stores.popularity.mostUsed({ kind: 'everything' }, 'model', 10));
    return found?.repo.id === id
      ? ((await ask((stores) => stores.popularity.windows([id], TODAY, 7))).get(id)?.score ?? 0)
      : 0;
  };

  describe('likes', () => {
    test('a like counts once, and taking it back once', async () => {
      const ann = await fixture.user();
      const { id } = await fixture.repo(ann);
      const add = () => change((stores) => stores.likes.add(id, ann.id, NOW));
      const remove = () => change((stores) => stores.likes.remove(id, ann.id, NOW));
      expect(await ask((stores) => stores.likes.has(id, ann.id))).toBe(false);
      expect([await add(), await add()]).toEqual([true, false]);
      expect(await ask((stores) => stores.likes.has(id, ann.id))).toBe(true);
      expect(await counts(id)).toEqual({ likes: 1, downloads: 0, downloadsAllTime: 0 });
      expect(await trending(id)).toBe(70);
      expect([await remove(), await remove()]).toEqual([true, false]);
      expect(await counts(id)).toMatchObject({ likes: 0 });
      expect(await trending(id)).toBe(0);
    });

    test('of fifty people who like a repository at once each one counts', async () => {
      const ann = await fixture.user();
      const { id } = await fixture.repo(ann);
      const people = await Promise.all(Array.from({ length: 50 }, (_, at) => fixture.user(`fan-${at}`)));
      await Promise.all(people.map((user) => change((stores) => stores.likes.add(id, user.id, NOW))));
      expect(await counts(id)).toMatchObject({ likes: 50 });
      await Promise.all(
        people.flatMap((user, at) => [
          change((stores) => stores.likes.remove(id, user.id, NOW)),
          ...(at % 2 ? [change((stores) => stores.likes.add(id, user.id, NOW))] : []),
        ]),
      );
      const left = await ask((stores) => stores.likes.likersOf(id, undefined, 100));
      expect(await counts(id)).toMatchObject({ likes: left.length });
    });

    test('likers come newest first, in pages', async () => {
      const ann = await fixture.user();
      const { id } = await fixture.repo(ann);
      const other = await fixture.repo(ann, 'other');
      for (const name of ['bob', 'carl', 'dora']) {
        const user = await fixture.user(name);
        await change(async (stores) => {
          await stores.likes.add(id, user.id, NOW);
          await stores.likes.add(other.id, user.id, NOW);
        });
      }
      const page = (before?: number) => ask((stores) => stores.likes.likersOf(id, before, 2));
      const first = await page();
      expect(first.map(({ user }) => user.name)).toEqual(['dora', 'carl']);
      const second = await page(first.at(-1)?.id);
      expect(second.map(({ user }) => user.name)).toEqual(['bob']);
      expect(await page(second.at(-1)?.id)).toEqual([]);
    });

    test('what somebody likes is shown as far as a scope sees it', async () => {
      const ann = await fixture.user();
      const bob = await fixture.user('bob');
      const shown = await fixture.repo(ann, 'shown');
      const hidden = await change((stores) =>
        stores.repos.create({ ...newRepo(ann, 'hidden'), visibility: 'private' }),
      );
      await change(async (stores) => {
        await stores.likes.add(shown.id, ann.id, NOW);
        await stores.likes.add(hidden.id, ann.id, NOW + 1);
        await stores.likes.add(shown.id, bob.id, NOW + 2);
      });
      const own = { kind: 'public-and', owners: [ann.id] } as const;
      const list = (scope: Parameters<typeof countIn>[0], before?: number) =>
        ask((stores) => stores.likes.likedBy(ann.id, scope, before, 10));
      const countIn = (scope: typeof own | { readonly kind: 'public' }) =>
        ask((stores) => stores.likes.countLikedBy(ann.id, scope));
      const all = await list(own);
      expect(all.map(({ repo, likedAt }) => [repo.name, likedAt])).toEqual([
        ['hidden', NOW + 1],
        ['shown', NOW],
      ]);
      expect((await list(own, all[0]?.id)).map(({ repo }) => repo.id)).toEqual([shown.id]);
      expect((await list({ kind: 'public' })).map(({ repo }) => repo.id)).toEqual([shown.id]);
      expect([await countIn(own), await countIn({ kind: 'public' })]).toEqual([2, 1]);
    });

    test('a repository takes its likes with it, and a user gives theirs back before they go', async () => {
      const ann = await fixture.user();
      const bob = await fixture.user('bob');
      const [gone, kept] = [await fixture.repo(ann, 'gone'), await fixture.repo(ann, 'kept')];
      await change(async (stores) => {
        for (const { id } of [gone, kept])
          for (const user of [ann, bob]) await stores.likes.add(id, user.id, NOW);
        await stores.repos.delete(gone.id);
      });
      expect(await ask((stores) => stores.likes.countLikedBy(bob.id, { kind: 'everything' }))).toBe(1);
      expect(await change((stores) => stores.likes.removeAllOf(bob.id, NOW))).toBe(1);
      expect(await counts(kept.id)).toMatchObject({ likes: 1 });
      expect(await counts(gone.id)).toEqual({ likes: 0, downloads: 0, downloadsAllTime: 0 });
      expect(await fixture.db.check()).toEqual([]);
    });
  });

  describe('downloads', () => {
    const day = (repositoryId: RepositoryId, ago: number, downloads: number) => ({
      repositoryId,
      day: TODAY - ago,
      downloads,
      authenticated: 1,
      files: downloads * 2,
    });

    test('downloads add up by day and in the counters', async () => {
      const ann = await fixture.user();
      const [one, two] = [await fixture.repo(ann, 'one'), await fixture.repo(ann, 'two')];
      await change((stores) =>
        stores.popularity.addDownloads([day(one.id, 0, 3), day(one.id, 1, 2), day(two.id, 40, 5)], TODAY),
      );
      await change((stores) => stores.popularity.addDownloads([day(one.id, 0, 4)], TODAY));
      expect(await ask((stores) => stores.popularity.downloadDays(one.id, TODAY - 1))).toEqual([
        { day: TODAY - 1, downloads: 2, authenticated: 1, files: 4 },
        { day: TODAY, downloads: 7, authenticated: 2, files: 14 },
      ]);
      expect(await ask((stores) => stores.popularity.downloadDays(one.id, TODAY))).toHaveLength(1);
      expect(await counts(one.id)).toEqual({ likes: 0, downloads: 9, downloadsAllTime: 9 });
      expect(await counts(two.id)).toEqual({ likes: 0, downloads: 0, downloadsAllTime: 5 });
      expect(await trending(one.id)).toBe(7 * 7 + 2 * 6);
    });

    test('downloads of a repository that is gone are dropped, and those beside them count', async () => {
      const ann = await fixture.user();
      const [gone, kept] = [await fixture.repo(ann, 'gone'), await fixture.repo(ann, 'kept')];
      await change((stores) => stores.popularity.addDownloads([day(gone.id, 0, 1)], TODAY));
      await change((stores) => stores.repos.delete(gone.id));
      await change((stores) =>
        stores.popularity.addDownloads([day(gone.id, 0, 1), day(kept.id, 0, 1)], TODAY),
      );
      expect(await ask((stores) => stores.popularity.downloadDays(gone.id, 0))).toEqual([]);
      expect(await counts(kept.id)).toMatchObject({ downloads: 1 });
      expect(await fixture.db.check()).toEqual([]);
    });

    test('counting at the same time loses nothing', async () => {
      const { id } = await fixture.repo(await fixture.user());
      await Promise.all(
        Array.from({ length: 30 }, () =>
          change((stores) => stores.popularity.addDownloads([day(id, 0, 2)], TODAY)),
        ),
      );
      expect(await counts(id)).toMatchObject({ downloads: 60, downloadsAllTime: 60 });
    });

    test('days fall out of what is recent, and old ones are forgotten', async () => {
      const ann = await fixture.user();
      const repos = [
        await fixture.repo(ann, 'a'),
        await fixture.repo(ann, 'b'),
        await fixture.repo(ann, 'c'),
      ];
      await change(async (stores) => {
        for (const { id } of repos.slice(0, 2))
          await stores.popularity.addDownloads([day(id, 0, 3), day(id, 20, 4)], TODAY);
        await stores.likes.add((repos[0] as { id: RepositoryId }).id, ann.id, NOW);
      });
      const recount = async (today: number) => {
        let after: RepositoryId | undefined;
        do after = await change((stores) => stores.popularity.recount(after, today, 2));
        while (after !== undefined);
      };
      const [a, b, c] = repos.map(({ id }) => id) as [RepositoryId, RepositoryId, RepositoryId];
      const stored = async (id: RepositoryId) => {
        const used = await ask((stores) => stores.popularity.mostUsed({ kind: 'everything' }, 'model', 9));
        return [(await counts(id))?.downloads, used.some(({ repo }) => repo.id === id)];
      };
      await recount(TODAY);
      expect([await stored(a), await stored(b), await stored(c)]).toEqual([
        [7, true],
        [7, true],
        [0, false],
      ]);
      await recount(TODAY + 10);
      expect([await stored(a), await stored(b)]).toEqual([
        [3, true],
        [3, true],
      ]);
      await recount(TODAY + 30);
      expect([await stored(a), await stored(b)]).toEqual([
        [0, false],
        [0, false],
      ]);
      expect(await counts(a)).toEqual({ likes: 1, downloads: 0, downloadsAllTime: 7 });

      const forget = () => change((stores) => stores.popularity.deleteDownloadDays(TODAY, 1));
      expect([await forget(), await forget(), await forget()]).toEqual([1, 1, 0]);
      expect(await ask((stores) => stores.popularity.downloadDays(a, 0))).toMatchObject([{ day: TODAY }]);
    });

    test('a window weighs what was lately more, and a like as ten downloads', async () => {
      const ann = await fixture.user();
      const { id } = await fixture.repo(ann);
      await change(async (stores) => {
        await stores.likes.add(id, ann.id, NOW - 3 * DAY_MS);
        await stores.popularity.addDownloads([day(id, 2, 1), day(id, 9, 100)], TODAY);
      });
      const window = async (days: number) =>
        (await ask((stores) => stores.popularity.windows([id], TODAY, days))).get(id);
      expect(await window(7)).toEqual({ downloads: 1, score: 5 + 40 });
      expect(await window(1)).toBeUndefined();
      expect(await window(10)).toEqual({ downloads: 101, score: 8 + 100 + 70 });
    });

    test('the most used are those a scope shows, of one kind', async () => {
      const ann = await fixture.user();
      const repos: Repo[] = [];
      for (const [index, kind] of (['model', 'model', 'dataset'] as const).entries())
        repos.push(
          await change((stores) =>
            stores.repos.create({
              ...newRepo(ann, `r${index}`),
              kind,
              visibility: index === 0 ? 'private' : 'public',
            }),
          ),
        );
      await change((stores) =>
        stores.popularity.addDownloads(
          repos.map(({ id }, index) => day(id, index === 1 ? 20 : 0, index + 1)),
          TODAY,
        ),
      );
      const names = async (
        scope: { readonly kind: 'public' | 'everything' },
        kind: 'model' | 'dataset' | 'space',
      ) => (await ask((stores) => stores.popularity.mostUsed(scope, kind, 5))).map(({ repo }) => repo.name);
      expect(await names({ kind: 'everything' }, 'model')).toEqual(['r0', 'r1']);
      expect(await names({ kind: 'public' }, 'model')).toEqual(['r1']);
      expect(await names({ kind: 'public' }, 'dataset')).toEqual(['r2']);
      expect(await names({ kind: 'public' }, 'space')).toEqual([]);
    });
  });
}

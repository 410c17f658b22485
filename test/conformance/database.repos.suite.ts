import { describe, expect, test } from 'vitest';
import type { RepoScope } from '../../server/db/questions/repo-scope.ts';
import type { Stores } from '../../server/db/stores.ts';
import type { RepositoryId } from '../../server/domain/ids.ts';
import type { Repo } from '../../server/domain/repo.ts';
import { newRepo, NOW, oidOf, sha256Of, type Fixture } from './database.suite.ts';

export function repoSuite(fixture: Fixture): void {
  const { ask, change } = fixture;

  describe('repositories', () => {
    test('a repository is found by names in any case, and by its ids', async () => {
      const owner = await fixture.user('Ann');
      const repo = await fixture.repo(owner, 'Llama');
      expect(repo).toMatchObject({
        kind: 'model',
        owner: { id: owner.id, name: 'Ann', kind: 'user' },
        name: 'Llama',
        visibility: 'public',
        defaultBranch: 'main',
        createdBy: owner.id,
        createdAt: NOW,
        updatedAt: NOW,
      });
      expect(repo.publicId).toMatch(/^[0-9a-f]{24}$/);
      expect(await ask((stores) => stores.repos.find('model', 'aNN', 'lLAMA'))).toEqual({
        repo,
        isRedirect: false,
      });
      expect(await ask((stores) => stores.repos.findById(repo.id))).toEqual(repo);
      expect(await ask((stores) => stores.repos.findByPublicId(repo.publicId))).toEqual(repo);
      expect(await ask((stores) => stores.repos.find('dataset', 'ann', 'llama'))).toBeUndefined();
      expect(await ask((stores) => stores.repos.find('model', 'bob', 'llama'))).toBeUndefined();
    });

    test('one name serves every kind and every owner once', async () => {
      const ann = await fixture.user('ann');
      const bob = await fixture.user('bob');
      await fixture.repo(ann);
      await fixture.repo(bob);
      await change((stores) => stores.repos.create({ ...newRepo(ann, 'llama'), kind: 'dataset' }));
      await expect(fixture.repo(ann, 'LLAMA')).rejects.toMatchObject({ code: 'Conflict' });
    });

    test('of fifty creations of one repository at once exactly one succeeds', async () => {
      const owner = await fixture.user();
      const attempts = await Promise.allSettled(
        Array.from({ length: 50 }, (_, index) => fixture.repo(owner, index % 2 ? 'llama' : 'LLAMA')),
      );
      const lost = attempts.filter((attempt) => attempt.status === 'rejected');
      expect(lost).toHaveLength(49);
      for (const { reason } of lost) expect(reason).toMatchObject({ code: 'Conflict' });
      expect(await ask((stores) => stores.repos.listAll(undefined, 100))).toHaveLength(1);
    });

    test('the id chosen beforehand is used', async () => {
      const owner = await fixture.user();
      const { publicId } = owner;
      const repo = await change((stores) => stores.repos.create({ ...newRepo(owner, 'llama'), publicId }));
      expect(repo.publicId).toBe(publicId);
    });

    test('visibility and time of change are kept', async () => {
      const repo = await fixture.repo(await fixture.user());
      await change((stores) => stores.repos.update(repo.id, { visibility: 'private' }, NOW + 1));
      expect(await ask((stores) => stores.repos.findById(repo.id))).toEqual({
        ...repo,
        visibility: 'private',
        updatedAt: NOW + 1,
      });
      await change((stores) => stores.repos.touch(repo.id, NOW + 2));
      expect(await ask((stores) => stores.repos.findById(repo.id))).toMatchObject({ updatedAt: NOW + 2 });
    });

    test('deleting a repository takes everything that is its own, and its name is free again', async () => {
      const owner = await fixture.user();
      const repo = await fixture.repo(owner);
      const other = await fixture.repo(owner, 'other');
      await change(async (stores) => {
        for (const { id } of [repo, other]) {
          await stores.refs.compareAndSet(id, 'refs/heads/main', undefined, { target: oidOf(1) }, NOW);
          await stores.gitObjects.insertHot(id, [
            { oid: oidOf(1), type: 'commit', sizeBytes: 3, deflated: Buffer.from('abc') },
          ]);
          const object = await stores.largeObjects.addPlainForm({ sha256: sha256Of(1), sizeBytes: 1 }, NOW);
          await stores.largeObjects.link(id, [object.id], NOW);
          await stores.largeObjects.pend(id, [object.id], NOW + 1);
          const commit = { oid: oidOf(1), firstParent: undefined, reachable: 1, isLinear: true };
          const changes = Array.from({ length: 1_200 }, (_, index) => `f${index}`);
          await stores.history.addCommit(id, commit, changes);
          await stores.commitRequests.remember(
            id,
            'main',
            Buffer.from('x'),
            { commit: oidOf(1), parent: undefined },
            NOW,
          );
        }
      });
      await change((stores) => stores.repos.delete(repo.id));

      expect(await ask((stores) => stores.repos.findById(repo.id))).toBeUndefined();
      expect(await ask((stores) => stores.refs.list(repo.id, ''))).toEqual([]);
      expect(await ask((stores) => stores.gitObjects.findHot(repo.id, [oidOf(1)]))).toEqual([]);
      expect(await ask((stores) => stores.gitObjects.hotTotals(repo.id))).toEqual({ count: 0, sizeBytes: 0 });
      expect(
        await ask((stores) => stores.largeObjects.findForRepository(repo.id, [sha256Of(1)], NOW)),
      ).toEqual([]);
      expect(await ask((stores) => stores.history.findCommit(repo.id, oidOf(1)))).toBeUndefined();
      expect(await ask((stores) => stores.refs.list(other.id, ''))).toHaveLength(1);
      expect(
        await ask((stores) => stores.largeObjects.findForRepository(other.id, [sha256Of(1)], NOW)),
      ).toHaveLength(1);
      expect(await fixture.db.check()).toEqual([]);

      const again = await fixture.repo(owner);
      expect(again.id).not.toBe(repo.id);
    });
  });

  describe('names of repositories', () => {
    const find = (owner: string, name: string) =>
      ask(async (stores) => {
        const found = await stores.repos.find('model', owner, name);
        return found && [found.repo.name, found.isRedirect];
      });
    const move = (repo: Repo, owner: Repo['owner'], name: string) =>
      change((stores) => stores.repos.move(repo, { owner, name }, NOW + 5));

    test('that are too much alike exclude each other, and the one that is there is named', async () => {
      const ann = await fixture.user('Ann');
      await fixture.repo(ann, 'Some-Name');
      const { id } = await fixture.repo(ann, 'some.name');
      for (const name of ['some_name', 'SOMENAME', 'Some-Name']) {
        await expect(fixture.repo(ann, name)).rejects.toMatchObject({
          code: 'Conflict',
          details: { name: 'Ann/Some-Name' },
        });
        expect(await ask((stores) => stores.repos.findAlike(ann.id, 'model', name))).toMatchObject({
          name: 'Some-Name',
        });
      }
      expect(await ask((stores) => stores.repos.findAlike(ann.id, 'dataset', 'SomeName'))).toBeUndefined();
      const repo = await ask((stores) => stores.repos.findById(id));
      await expect(move(repo as Repo, ann, 'so_mename')).rejects.toMatchObject({ code: 'Conflict' });
    });

    test('a move keeps everything but the name, and former names lead to it', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      const repo = await fixture.repo(ann, 'one');
      const second = await move(repo, ann, 'Two');
      expect(second).toEqual({ ...repo, name: 'Two', updatedAt: NOW + 5 });
      const third = await move(second, bob, 'three');
      expect(await ask((stores) => stores.repos.findById(repo.id))).toEqual(third);
      expect(third.owner).toEqual({ id: bob.id, name: 'bob', kind: 'user' });
      expect(await find('ann', 'ONE')).toEqual(['three', true]);
      expect(await find('ann', 'two')).toEqual(['three', true]);
      expect(await find('bob', 'three')).toEqual(['three', false]);
      await move(third, ann, 'one');
      expect(await find('ann', 'one')).toEqual(['one', false]);
      expect(await find('bob', 'three')).toEqual(['one', true]);
      await change((stores) => stores.repos.delete(repo.id));
      expect(await find('bob', 'three')).toBeUndefined();
      expect(await fixture.db.check()).toEqual([]);
    });

    test('a former name goes to whoever of the same owner takes it, and is kept for what went away', async () => {
      const [ann, bob] = [await fixture.user('ann'), await fixture.user('bob')];
      const [first, given] = [await fixture.repo(ann, 'first'), await fixture.repo(ann, 'given')];
      const other = await fixture.repo(ann, 'other');
      await move(first, ann, 'moved');
      await move(given, bob, 'given');
      await expect(move(other, ann, 'given')).rejects.toMatchObject({ code: 'Conflict' });
      await move(other, ann, 'first');
      expect(await find('ann', 'first')).toEqual(['first', false]);
      expect(await find('ann', 'other')).toEqual(['first', true]);
      expect(await find('ann', 'moved')).toEqual(['moved', false]);
      await fixture.repo(ann, 'given');
      expect(await find('ann', 'given')).toEqual(['given', false]);
    });

    test('only the case of a name may change', async () => {
      const ann = await fixture.user('ann');
      const repo = await fixture.repo(ann, 'cased');
      await move(repo, ann, 'CASED');
      expect(await find('ann', 'cased')).toEqual(['CASED', false]);
      expect(await ask((stores) => stores.inspection.namesOf(repo.id))).toHaveLength(1);
    });

    test('settings change alone or together', async () => {
      const repo = await fixture.repo(await fixture.user());
      const update = (change_: Parameters<Stores['repos']['update']>[1]) =>
        change(async (stores) => {
          await stores.repos.update(repo.id, change_, NOW + 1);
          return stores.repos.findById(repo.id);
        });
      expect(await update({ archivedAt: NOW })).toMatchObject({ archivedAt: NOW, visibility: 'public' });
      expect(await update({ defaultBranch: 'dev' })).toMatchObject({ archivedAt: NOW, defaultBranch: 'dev' });
      expect(await update({ archivedAt: undefined, visibility: 'private' })).toEqual({
        ...repo,
        ...{ visibility: 'private', defaultBranch: 'dev', updatedAt: NOW + 1 },
      });
    });
  });

  describe('lists of repositories', () => {
    async function fill(): Promise<{ scopes: Record<string, RepoScope>; repos: readonly Repo[] }> {
      const ann = await fixture.user('ann');
      const bob = await fixture.user('Bob');
      const repos = await change(async (stores) => {
        const made: Repo[] = [];
        for (const [index, owner] of [ann, bob, ann, bob, ann, bob].entries()) {
          const visibility = index < 2 ? 'private' : 'public';
          made.push(
            await stores.repos.create({
              ...newRepo(owner, `Repo-${index}`),
              visibility,
              now: NOW + (index % 5),
            }),
          );
        }
        return made;
      });
      return {
        repos,
        scopes: {
          everything: { kind: 'everything' },
          public: { kind: 'public' },
          ann: { kind: 'public-and', owners: [ann.id] },
          nobody: { kind: 'public-and', owners: [] },
        },
      };
    }

    const query = { kind: 'model', sort: 'updatedAt', direction: 'descending', limit: 10 } as const;
    const names = (items: readonly { repo: Repo }[]) => items.map(({ repo }) => repo.name);

    test('a scope shows public repositories and the private ones of its owners', async () => {
      const { scopes } = await fill();
      const list = (scope: RepoScope | undefined) =>
        ask((stores) => stores.repos.listVisible(scope ?? { kind: 'public' }, query));
      expect(names(await list(scopes.everything))).toEqual([
        'Repo-4',
        'Repo-3',
        'Repo-2',
        'Repo-1',
        'Repo-5',
        'Repo-0',
      ]);
      expect(names(await list(scopes.public))).toEqual(['Repo-4', 'Repo-3', 'Repo-2', 'Repo-5']);
      expect(names(await list(scopes.nobody))).toEqual(['Repo-4', 'Repo-3', 'Repo-2', 'Repo-5']);
      expect(names(await list(scopes.ann))).toEqual(['Repo-4', 'Repo-3', 'Repo-2', 'Repo-5', 'Repo-0']);
    });

    test('a count sees what a list sees', async () => {
      const { scopes } = await fill();
      const count = (scope: RepoScope | undefined) =>
        ask((stores) => stores.repos.countVisible(scope ?? { kind: 'public' }));
      expect(await count(scopes.everything)).toEqual({ model: 6, dataset: 0, space: 0, kernel: 0 });
      expect(await count(scopes.ann)).toMatchObject({ model: 5 });
      expect(await count(scopes.public)).toMatchObject({ model: 4 });
    });

    test('a count can be of one owner', async () => {
      const { scopes, repos } = await fill();
      const owner = (repos[1] as Repo).owner.id;
      const count = (scope: RepoScope | undefined) =>
        ask((stores) => stores.repos.countVisible(scope ?? { kind: 'public' }, owner));
      expect(await count(scopes.everything)).toMatchObject({ model: 3 });
      expect(await count(scopes.ann)).toMatchObject({ model: 2 });
    });

    test('an owner has all of theirs, newest first, with the bytes linked to each', async () => {
      const { repos } = await fill();
      const [first, , third] = repos as readonly [Repo, Repo, Repo];
      await change(async ({ largeObjects }) => {
        const object = await largeObjects.addPlainForm({ sha256: sha256Of(1), sizeBytes: 7 }, NOW);
        const other = await largeObjects.addPlainForm({ sha256: sha256Of(2), sizeBytes: 5 }, NOW);
        await largeObjects.link(first.id, [object.id], NOW);
        await largeObjects.link(third.id, [object.id, other.id], NOW);
      });
      const page = (before?: number) => ask((stores) => stores.repos.listOwned(first.owner.id, before, 2));
      const newest = await page();
      expect(newest.map(({ repo, storedBytes }) => [repo.name, storedBytes])).toEqual([
        ['Repo-4', 0],
        ['Repo-2', 12],
      ]);
      expect((await page(third.id)).map(({ repo, storedBytes }) => [repo.name, storedBytes])).toEqual([
        ['Repo-0', 7],
      ]);
      expect(await ask((stores) => stores.repos.ownedBytes(first.owner.id))).toBe(19);
      expect(await ask((stores) => stores.repos.ownedBytes((repos[1] as Repo).owner.id))).toBe(0);
    });

    test('pages follow each other without gap or repeat, in either direction', async () => {
      await fill();
      for (const direction of ['ascending', 'descending'] as const) {
        for (const sort of ['updatedAt', 'createdAt'] as const) {
          const seen: string[] = [];
          let after: { value: number; id: number } | undefined;
          for (;;) {
            const page = await ask((stores) =>
              stores.repos.listVisible(
                { kind: 'everything' },
                { ...query, sort, direction, limit: 2, ...(after && { after }) },
              ),
            );
            seen.push(...names(page));
            const last = page.at(-1)?.repo;
            if (!last) break;
            after = { value: last[sort], id: last.id };
          }
          const whole = await ask((stores) =>
            stores.repos.listVisible({ kind: 'everything' }, { ...query, sort, direction }),
          );
          expect(seen).toEqual(names(whole));
          expect(seen).toHaveLength(6);
        }
      }
    });

    test('a list is narrowed by owner and by part of the full name', async () => {
      await fill();
      const list = (narrow: { owner?: string; search?: string[] }) =>
        ask((stores) => stores.repos.listVisible({ kind: 'everything' }, { ...query, ...narrow }));
      expect(names(await list({ owner: 'BOB' }))).toEqual(['Repo-3', 'Repo-1', 'Repo-5']);
      expect(names(await list({ owner: 'nobody' }))).toEqual([]);
      expect(names(await list({ search: ['bOB/rEPO-3'] }))).toEqual(['Repo-3']);
      expect(names(await list({ search: ['%'] }))).toEqual([]);
      expect(names(await list({ search: [''] }))).toHaveLength(6);
    });

    test('a list has the head of the default branch', async () => {
      const { repos } = await fill();
      const id = (repos[4] as Repo).id;
      await change((stores) =>
        stores.refs.compareAndSet(id, 'refs/heads/main', undefined, { target: oidOf('head') }, NOW),
      );
      const [first, second] = await ask((stores) => stores.repos.listVisible({ kind: 'public' }, query));
      expect(first).toMatchObject({ repo: { id }, head: oidOf('head') });
      expect(second).toMatchObject({ head: undefined });
    });

    test('jobs walk all repositories in order of their ids', async () => {
      const { repos } = await fill();
      const ids: RepositoryId[] = [];
      for (;;) {
        const page = await ask((stores) => stores.repos.listAll(ids.at(-1), 4));
        if (page.length === 0) break;
        ids.push(...page.map(({ id }) => id));
      }
      expect(ids).toEqual(repos.map(({ id }) => id));
    });
  });
}

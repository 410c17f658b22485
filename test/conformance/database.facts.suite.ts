import { describe, expect, test } from 'vitest';
import type { RepoListQuery } from '../../server/db/questions/repo-lists.ts';
import type { RepoScope } from '../../server/db/questions/repo-scope.ts';
import type { Label, LabelRole } from '../../server/domain/repo-facts.ts';
import type { Repo } from '../../server/domain/repo.ts';
import { newRepo, NOW, oidOf, type Fixture } from './database.suite.ts';

const labels = (role: LabelRole, ...names: string[]): Label[] => names.map((label) => ({ role, label }));

export function factSuite(fixture: Fixture): void {
  const { ask, change } = fixture;

  const factsOf = (name: string, more: { labels?: Label[]; parameters?: number } = {}) => ({
    commit: oidOf(name),
    summary: JSON.stringify({ name }),
    card: '{"license":"mit"}',
    details: '{}',
    parameters: more.parameters,
    labels: more.labels ?? [],
  });

  describe('facts of repositories', () => {
    test('are kept whole, and replaced whole', async () => {
      const repo = await fixture.repo(await fixture.user());
      expect(await ask((stores) => stores.facts.find(repo.id))).toBeUndefined();
      await change((stores) =>
        stores.facts.put(repo, factsOf('a', { labels: labels('tag', 'x', 'y', 'x') })),
      );
      expect(await ask((stores) => stores.facts.find(repo.id))).toEqual({
        commit: oidOf('a'),
        summary: '{"name":"a"}',
        card: '{"license":"mit"}',
        details: '{}',
      });
      await change((stores) => stores.facts.put(repo, factsOf('b', { labels: labels('tag', 'y') })));
      expect((await ask((stores) => stores.facts.findMany([repo.id]))).get(repo.id)?.commit).toBe(oidOf('b'));
      const tags = await ask((stores) =>
        stores.facts.listLabels(
          { kind: 'public' },
          { kind: 'model', role: 'tag', after: undefined, limit: 9 },
        ),
      );
      expect(tags).toEqual(['y']);
    });

    test('are due when marked, until they are put or cleared', async () => {
      const owner = await fixture.user();
      const [a, b] = [await fixture.repo(owner, 'a'), await fixture.repo(owner, 'b')];
      const stale = () => ask((stores) => stores.facts.listStale(undefined, undefined, 10));
      expect(await stale()).toEqual([]);
      await change(async (stores) => {
        await stores.facts.markStale(b.id);
        await stores.facts.markStale(b.id);
        await stores.facts.markAllStale();
      });
      expect(await stale()).toEqual([a.id, b.id]);
      expect(await ask((stores) => stores.facts.listStale('model', a.id, 10))).toEqual([b.id]);
      expect(await ask((stores) => stores.facts.listStale('space', undefined, 10))).toEqual([]);
      await change(async (stores) => {
        await stores.facts.put(a, factsOf('a', { labels: labels('tag', 'x') }));
        await stores.facts.clear(b.id);
      });
      expect(await stale()).toEqual([]);
      await change((stores) => stores.facts.clear(a.id));
      expect(await ask((stores) => stores.facts.find(a.id))).toBeUndefined();
    });

    test('go with their repository', async () => {
      const owner = await fixture.user();
      const repo = await fixture.repo(owner);
      await change(async (stores) => {
        await stores.facts.put(repo, factsOf('a', { labels: labels('tag', 'x') }));
        await stores.facts.markStale(repo.id);
        await stores.repos.delete(repo.id);
      });
      expect(await ask((stores) => stores.facts.find(repo.id))).toBeUndefined();
      expect(await ask((stores) => stores.facts.listStale(undefined, undefined, 10))).toEqual([]);
      const [tag] = labels('tag', 'x');
      if (!tag) throw new Error('There is a label.');
      expect(await ask((stores) => stores.facts.countLabeled({ kind: 'everything' }, 'model', tag))).toBe(0);
      expect(await fixture.db.check()).toEqual([]);
    });

    test('labels are listed page by page, of what the scope shows', async () => {
      const ann = await fixture.user('ann');
      const bob = await fixture.user('bob');
      const made = await change(async (stores) => {
        const open = await stores.repos.create(newRepo(ann, 'open'));
        const closed = await stores.repos.create({ ...newRepo(bob, 'closed'), visibility: 'private' });
        await stores.facts.put(open, factsOf('open', { labels: labels('tag', 'b', 'ä', 'a b') }));
        await stores.facts.put(closed, factsOf('closed', { labels: labels('tag', 'b', 'secret') }));
        return { open, closed };
      });
      const list = (scope: RepoScope, after?: string, limit = 10) =>
        ask((stores) => stores.facts.listLabels(scope, { kind: 'model', role: 'tag', after, limit }));
      expect(await list({ kind: 'public' })).toEqual(['a b', 'b', 'ä']);
      expect(await list({ kind: 'public-and', owners: [ann.id] })).toEqual(['a b', 'b', 'ä']);
      expect(await list({ kind: 'public-and', owners: [bob.id] })).toEqual(['a b', 'b', 'secret', 'ä']);
      expect(await list({ kind: 'everything' }, 'a b', 2)).toEqual(['b', 'secret']);
      expect(await list({ kind: 'everything' }, 'ä')).toEqual([]);
      const b = { role: 'tag', label: 'b' } as const;
      const count = (scope: RepoScope) => ask((stores) => stores.facts.countLabeled(scope, 'model', b));
      expect([await count({ kind: 'public' }), await count({ kind: 'everything' })]).toEqual([1, 2]);
      expect(made.open.id).not.toBe(made.closed.id);
    });
  });

  describe('filtered lists of repositories', () => {
    /** Every third has `third`, all have `all`, one has `one`; parameters and likes go with the number. */
    async function fill(count: number): Promise<readonly Repo[]> {
      const owner = await fixture.user('ann');
      return change(async (stores) => {
        const made: Repo[] = [];
        for (let index = 0; index < count; index++) {
          const repo = await stores.repos.create({ ...newRepo(owner, `r${index}`), now: NOW + index });
          const own = [
            ...labels('tag', 'all'),
            ...(index % 3 === 0 ? labels('tag', 'third') : []),
            ...(index === 4 ? labels('tag', 'one') : []),
            ...(index % 2 === 0 ? labels('pipeline', 'text-generation') : []),
            ...labels('app', index % 2 === 0 ? 'ollama' : 'vllm'),
          ];
          const parameters = index % 4 === 3 ? undefined : (index + 1) * 1_000_000_000;
          await stores.facts.put(
            repo,
            factsOf(repo.name, { labels: own, ...(parameters === undefined ? {} : { parameters }) }),
          );
          made.push(repo);
        }
        return made;
      });
    }

    const newest = { kind: 'model', sort: 'createdAt', direction: 'descending', limit: 100 } as const;
    const list = async (query: Partial<RepoListQuery>, scope: RepoScope = { kind: 'public' }) =>
      (await ask((stores) => stores.repos.listVisible(scope, { ...newest, ...query }))).map(
        ({ repo }) => repo.name,
      );

    test('have each label that is asked for', async () => {
      await fill(8);
      expect(await list({ labels: labels('tag', 'third') })).toEqual(['r6', 'r3', 'r0']);
      expect(await list({ labels: labels('tag', 'third', 'all') })).toEqual(['r6', 'r3', 'r0']);
      expect(await list({ labels: labels('tag', 'one', 'third') })).toEqual([]);
      expect(await list({ labels: labels('tag', 'absent') })).toEqual([]);
      expect(await list({ labels: labels('tag', 'text-generation') })).toEqual([]);
      expect(await list({ labels: labels('pipeline', 'text-generation') })).toEqual(['r6', 'r4', 'r2', 'r0']);
      expect(await list({ kind: 'dataset', labels: labels('tag', 'all') })).toEqual([]);
    });

    test('have one of several labels', async () => {
      await fill(4);
      expect(await list({ anyLabel: labels('app', 'ollama', 'absent') })).toEqual(['r2', 'r0']);
      expect(await list({ anyLabel: labels('app', 'ollama', 'vllm') })).toEqual(['r3', 'r2', 'r1', 'r0']);
      expect(await list({ anyLabel: [] })).toEqual([]);
    });

    test('have every text that is searched, by its letters', async () => {
      await fill(3);
      expect(await list({ search: ['ANN/', 'R2'] })).toEqual(['r2']);
      expect(await list({ search: ['r', 'absent'] })).toEqual([]);
      expect(await list({ search: ['_'] })).toEqual([]);
    });

    test('are as large as is asked for, and can be sorted by that', async () => {
      await fill(8);
      const billion = 1_000_000_000;
      expect(await list({ parameters: { min: 2 * billion, max: 6 * billion } })).toEqual([
        'r5',
        'r4',
        'r2',
        'r1',
      ]);
      expect(await list({ sort: 'parameters', direction: 'ascending' })).toEqual([
        'r0',
        'r1',
        'r2',
        'r4',
        'r5',
        'r6',
      ]);
      expect(await list({ sort: 'parameters', labels: labels('tag', 'third') })).toEqual(['r6', 'r0']);
    });

    test('show only what the scope shows, whichever way they are found', async () => {
      const [first] = await fill(3);
      if (!first) throw new Error('There is a repository.');
      await change((stores) => stores.repos.update(first.id, { visibility: 'private' }, NOW));
      for (const query of [
        { labels: labels('tag', 'all') },
        { anyLabel: labels('app', 'ollama', 'vllm') },
        { search: ['r'] },
        { sort: 'parameters' as const },
      ]) {
        expect(await list(query)).toEqual(['r2', 'r1']);
        expect(await list(query, { kind: 'public-and', owners: [first.owner.id] })).toEqual([
          'r2',
          'r1',
          'r0',
        ]);
      }
    });

    test('say what every item shows', async () => {
      const [repo] = await fill(1);
      if (!repo) throw new Error('There is a repository.');
      const [item] = await ask((stores) => stores.repos.listVisible({ kind: 'public' }, newest));
      expect(item).toEqual({
        repo,
        head: undefined,
        counters: { likes: 0, downloads: 0, downloadsAllTime: 0, trending: 0 },
        sortValue: NOW,
        summary: '{"name":"r0"}',
      });
      expect(await ask((stores) => stores.repos.counters(repo.id))).toEqual(item?.counters);
    });

    test(
      'of a label that many have are the same pages as of one that few have',
      { timeout: 60_000 },
      async () => {
        const made = await fill(620);
        const expected = made.map(({ name }) => name).reverse();
        const thirds = expected.filter((name) => Number(name.slice(1)) % 3 === 0);
        for (const [label, wanted] of [
          ['all', expected],
          ['third', thirds],
        ] as const) {
          for (const sort of ['createdAt', 'trending', 'likes', 'downloads'] as const) {
            const seen: string[] = [];
            let after: RepoListQuery['after'];
            for (;;) {
              const query = { ...newest, sort, labels: labels('tag', label), ...(after && { after }) };
              const page = await ask((stores) => stores.repos.listVisible({ kind: 'public' }, query));
              seen.push(...page.map(({ repo }) => repo.name));
              const last = page.at(-1);
              if (!last) break;
              after = { value: last.sortValue, id: last.repo.id };
            }
            expect(seen).toEqual(wanted);
          }
        }
      },
    );
  });
}

import { describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import { createCommitGraph } from '../../../server/git/commit-graph.ts';
import type { CommitGraph } from '../../../server/git/commit-graph.ts';
import { createCommitTable } from '../../../server/git/commit-table.ts';
import { createObjectCache } from '../../../server/git/object-cache.ts';
import { createObjectDb } from '../../../server/git/object-db.ts';
import { createMemoryGitStorage } from '../../support/memory-git-storage.ts';
import type { MemoryGitStorage } from '../../support/memory-git-storage.ts';
import { hasNativeGit, useNativeGit } from './native-git.ts';
import { allObjects, makeRandomRepo, randomFrom } from './random-repo.ts';

const ABSENT = '1'.repeat(40) as Oid;

function openGraph(storage: MemoryGitStorage): CommitGraph {
  const cache = createObjectCache({ maxBytes: 1024 * 1024 });
  return createCommitGraph(createCommitTable(), createObjectDb({ storage, cache, scope: 'test' }));
}

describe.skipIf(!hasNativeGit)('a graph of commits answers as git does', () => {
  const git = useNativeGit();
  const revList = (...args: string[]): Oid[] => {
    const text = git.text(['rev-list', ...args]);
    return text === '' ? [] : (text.split('\n') as Oid[]);
  };

  it.each([1, 2, 3, 4])('in history %i', async (seed) => {
    const random = randomFrom(seed);
    const { commits, tags } = makeRandomRepo(git, seed, { commits: 60, skew: seed % 2 === 0 ? 0 : 2 });
    const storage = createMemoryGitStorage();
    storage.addHot(allObjects(git));
    const some = (count: number): Oid[] =>
      Array.from({ length: count }, () => commits[Math.floor(random() * commits.length)] as Oid);
    const kept = openGraph(storage);

    for (let round = 0; round < 40; round += 1) {
      const graph = round % 4 === 0 ? openGraph(storage) : kept;
      const wants = some(1 + (round % 2));
      const haves = some(round % 4);
      const { sent } = await graph.select({ wants, haves, ends: [], haveEnds: [] });
      const sentOids = sent.map((at) => graph.table.oidAt(at)).sort();
      expect(sentOids).toEqual(revList(...wants, '--not', ...haves).sort());

      const common = some(2);
      const behind = new Set(revList(...wants));
      const isReached = wants.every((want) => revList(want).some((oid) => common.includes(oid)));
      if (seed % 2 === 0) expect(await graph.allReach(wants, common)).toBe(isReached);
      else if (await graph.allReach(wants, common)) expect(isReached).toBe(true);
      expect(await graph.reachable([...common, ABSENT], wants)).toEqual(
        new Set(common.filter((oid) => behind.has(oid))),
      );

      const [oldest] = some(1);
      const since = Number(git.text(['log', '-1', '--format=%ct', oldest as string]));
      const newer = await graph.newer(wants, { since, not: haves });
      if (seed % 2 === 0) {
        const expected = revList(`--max-age=${since}`, ...wants, '--not', ...haves);
        expect([...newer.kept].sort()).toEqual(expected.sort());
      }
      for (const oid of newer.kept) {
        const { parents = [] } = (await graph.find(oid)) ?? {};
        expect(newer.edge.includes(oid)).toBe(parents.some((parent) => !newer.kept.includes(parent)));
      }
    }
    const node = await kept.find(commits[7] as Oid);
    expect(node).toEqual({
      oid: commits[7],
      tree: git.text(['rev-parse', `${commits[7] ?? ''}^{tree}`]),
      parents: git
        .text(['log', '-1', '--format=%P', commits[7] as string])
        .split(' ')
        .filter(Boolean),
      time: Number(git.text(['log', '-1', '--format=%ct', commits[7] as string])),
    });
    expect(await kept.find(ABSENT)).toBeUndefined();
    expect(await kept.find(tags[0] as Oid)).toBeUndefined();
    const size = kept.table.size;
    expect(await kept.findMany([ABSENT, tags[0] as Oid, commits[0] as Oid])).toHaveProperty('size', 1);
    expect(kept.table.size).toBe(size);
  });

  it('keeps commits up to a depth, and names those at its edge', async () => {
    const storage = createMemoryGitStorage();
    const { commits } = makeRandomRepo(git, 9, { commits: 40 });
    storage.addHot(allObjects(git));
    const graph = openGraph(storage);
    const tip = commits[39] as Oid;
    for (const depth of [1, 2, 3, 7, 100]) {
      const { kept, edge } = await graph.within([tip, tip], depth);
      const distances = new Map<string, number>([[tip, 1]]);
      for (const [oid, distance] of distances) {
        if (distance === depth) continue;
        for (const parent of git.text(['log', '-1', '--format=%P', oid]).split(' ').filter(Boolean)) {
          if (!distances.has(parent)) distances.set(parent, distance + 1);
        }
      }
      expect(new Set(kept)).toEqual(new Set(distances.keys()));
      expect(new Set(edge)).toEqual(
        new Set([...distances].filter(([, at]) => at === depth).map(([oid]) => oid)),
      );
    }
  });

  it('goes on behind the places where a history ends, by so many steps from each', async () => {
    const storage = createMemoryGitStorage();
    const { commits } = makeRandomRepo(git, 10, { commits: 60 });
    storage.addHot(allObjects(git));
    const graph = openGraph(storage);
    const parentsOf = (oid: Oid): Oid[] =>
      git.text(['log', '-1', '--format=%P', oid]).split(' ').filter(Boolean) as Oid[];
    const tip = commits[59] as Oid;
    for (const [depth, cut] of [
      [1, 2],
      [1, 5],
      [2, 3],
      [4, 4],
      [100, 3],
    ] as const) {
      const { kept: had, edge: ends } = await graph.within([tip], cut);
      const { kept, edge } = await graph.behind([tip], ends, depth);
      const expected = new Set(ends);
      let step: readonly Oid[] = ends;
      for (let at = 0; at < depth; at += 1) {
        step = [...new Set(step.flatMap(parentsOf))].filter(
          (oid) => !had.includes(oid) && !expected.has(oid),
        );
        for (const oid of step) expected.add(oid);
      }
      expect(new Set(kept)).toEqual(expected);
      expect(new Set(edge)).toEqual(new Set(step));
    }
    // Ends that the tips do not lead to are nobody's.
    expect(await graph.behind([commits[0] as Oid], [tip], 1)).toEqual({ kept: [], edge: [] });
  });

  it('stops where the client or the answer ends, and says what a missing commit is', async () => {
    const storage = createMemoryGitStorage();
    const { commits } = makeRandomRepo(git, 11, { commits: 30 });
    const objects = allObjects(git);
    storage.addHot(objects);
    const [tip] = revList('--max-count=1', commits[29] as Oid);
    const [, second] = revList('--first-parent', tip as Oid);
    const graph = openGraph(storage);
    const one = await graph.select({ wants: [tip as Oid], haves: [], ends: [tip as Oid], haveEnds: [] });
    expect(one.sent.map((at) => graph.table.oidAt(at))).toEqual([tip]);
    // The client has `second` and nothing behind it: what is behind is sent when it is asked for.
    const parents = git.text(['log', '-1', '--format=%P', second as string]).split(' ') as Oid[];
    const deepened = await graph.select({
      wants: [tip as Oid, ...parents],
      haves: [tip as Oid, second as Oid],
      ends: [second as Oid],
      haveEnds: [second as Oid],
    });
    expect(deepened.sent.map((at) => graph.table.oidAt(at)).sort()).toEqual(
      expect.arrayContaining(
        revList(...parents)
          .filter((oid) => parents.includes(oid))
          .sort(),
      ),
    );

    storage.hot.delete(parents[0] as Oid);
    await expect(
      openGraph(storage).select({ wants: [tip as Oid], haves: [], ends: [], haveEnds: [] }),
    ).rejects.toMatchObject({ code: 'CorruptObject' });
    const lenient = await openGraph(storage).select({
      wants: [tip as Oid],
      haves: [second as Oid],
      ends: [],
      haveEnds: [],
    });
    expect(lenient.sent).toBeDefined();
  });
});

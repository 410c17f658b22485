import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import { isAncestor, walkCommits } from '../../../server/git/commit-log.ts';
import { EMPTY_TREE, newObject, writeCommit } from '../../../server/git/objects.ts';
import { hasNativeGit, useNativeGit } from './native-git.ts';
import { openTrees } from './trees.ts';
import type { TreeFixture } from './trees.ts';

/** A commit of the history under test: its parents are earlier positions. */
interface Node {
  readonly parents: readonly number[];
  readonly time: number;
}

/** Histories with merges, several roots, equal dates and wrong clocks. */
const aHistory: fc.Arbitrary<readonly Node[]> = fc
  .array(
    fc.record({
      parents: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 3 }),
      skew: fc.integer({ min: -2, max: 2 }),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .map((nodes) =>
    nodes.map(({ parents, skew }, i) => ({
      parents: [...new Set(parents.map((back) => i - back).filter((at) => at >= 0))],
      time: 1_700_000_000 + i + skew,
    })),
  );

function contentOf({ time }: Node, parents: readonly Oid[], i: number): Buffer {
  const who = { name: 'A', email: 'a@b', time, zone: '+0000' };
  return writeCommit({ tree: EMPTY_TREE, parents, author: who, committer: who, message: `commit ${i}\n` });
}

function storeHistory({ storage }: TreeFixture, history: readonly Node[]): Oid[] {
  const oids: Oid[] = [];
  for (const [i, node] of history.entries()) {
    const parents = node.parents.map((at) => oids[at] as Oid);
    const commit = newObject('commit', contentOf(node, parents, i));
    storage.addHot([commit]);
    oids.push(commit.oid);
  }
  return oids;
}

async function walked({ db }: TreeFixture, tips: Oid | readonly Oid[]): Promise<Oid[]> {
  const oids: Oid[] = [];
  for await (const { oid } of walkCommits(db, tips)) oids.push(oid);
  return oids;
}

describe('a log', () => {
  it('gives each commit once, newest first, also where branches meet again', async () => {
    const trees = openTrees();
    const oids = storeHistory(trees, [
      { parents: [], time: 1 },
      { parents: [0], time: 2 },
      { parents: [0], time: 3 },
      { parents: [1, 2], time: 4 },
    ]);
    expect(await walked(trees, oids[3] as Oid)).toEqual([oids[3], oids[2], oids[1], oids[0]]);
    expect(await walked(trees, [oids[1] as Oid, oids[2] as Oid, oids[1] as Oid])).toEqual([
      oids[2],
      oids[1],
      oids[0],
    ]);
  });

  it('reads no further than it is asked to', async () => {
    const trees = openTrees();
    const oids = storeHistory(
      trees,
      Array.from({ length: 100 }, (_, i) => ({ parents: i === 0 ? [] : [i - 1], time: i })),
    );
    let reads = 0;
    const db = { commit: (oid: Oid) => ((reads += 1), trees.db.commit(oid)) };
    for await (const { commit } of walkCommits(db, oids[99] as Oid)) if (commit.committer.time < 95) break;
    expect(reads).toBeLessThan(8);
  });

  it('of a broken history is corrupt where it breaks', async () => {
    const trees = openTrees();
    const oids = storeHistory(trees, [
      { parents: [], time: 1 },
      { parents: [0], time: 2 },
    ]);
    trees.storage.hot.delete(oids[0] as Oid);
    await expect(walked(trees, oids[1] as Oid)).rejects.toMatchObject({ code: 'CorruptObject' });
  });
});

describe('ancestry', () => {
  it('is what reachability says', async () => {
    await fc.assert(
      fc.asyncProperty(aHistory, fc.nat(24), fc.nat(24), async (history, a, b) => {
        const trees = openTrees();
        const oids = storeHistory(trees, history);
        const [ancestor, descendant] = [a % history.length, b % history.length];
        const reach = (at: number): number[] => [at, ...(history[at]?.parents ?? []).flatMap(reach)];
        expect(await isAncestor(trees.db, oids[ancestor] as Oid, oids[descendant] as Oid)).toBe(
          reach(descendant).includes(ancestor),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe.skipIf(!hasNativeGit)('beside native git', () => {
  const git = useNativeGit();

  it('gives the commits of rev-list, in its order', async () => {
    await fc.assert(
      fc.asyncProperty(aHistory, async (history) => {
        const trees = openTrees();
        const oids = storeHistory(trees, history);
        git.run(['hash-object', '-w', '-t', 'tree', '--stdin'], { input: '' });
        for (const [i, node] of history.entries()) {
          const content = contentOf(
            node,
            node.parents.map((at) => oids[at] as Oid),
            i,
          );
          git.run(['hash-object', '-w', '-t', 'commit', '--stdin'], { input: content });
        }
        const tip = oids.at(-1) as Oid;
        expect(await walked(trees, tip)).toEqual(git.text(['rev-list', tip]).split('\n'));
      }),
      { numRuns: 8 },
    );
  });
});

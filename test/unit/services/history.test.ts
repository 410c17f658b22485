import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import type { Repo } from '../../../server/domain/repo.ts';
import { setRef, storeHistory, type HistoryNode } from '../../support/git-history.ts';
import { openHubServices, type HubServices } from '../../support/hub-services.ts';

/* Histories with merges as lists see them: counted, in order, and derived in a time that follows their length. */

let hub: HubServices;
let count = 0;
beforeAll(async () => {
  hub = await openHubServices();
});
afterAll(() => hub[Symbol.asyncDispose]());

const newRepo = (): Promise<Repo> => hub.createRepo(`history${(count += 1)}`);

const aHistory: fc.Arbitrary<readonly HistoryNode[]> = fc
  .array(
    fc.record({
      parents: fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 3 }),
      skew: fc.integer({ min: -3, max: 3 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((nodes) =>
    nodes.map(({ parents, skew }, i) => ({
      parents: [...new Set(parents.map((back) => i - back).filter((at) => at >= 0))],
      time: 1_700_000_000 + i + skew,
    })),
  );

function reachableFrom(nodes: readonly HistoryNode[], tip: number): ReadonlySet<number> {
  const seen = new Set([tip]);
  for (const at of seen) for (const parent of nodes[at]?.parents ?? []) seen.add(parent);
  return seen;
}

test('a page tells how many commits are reachable in all, whatever their shape', async () => {
  await fc.assert(
    fc.asyncProperty(aHistory, async (nodes) => {
      const repo = await newRepo();
      const oids = await storeHistory(hub.db, repo, nodes);
      const granted = await hub.writer(repo);
      // From the newest: most of what the others ask for is derived by then, as it is after a push.
      for (const tip of [oids.length - 1, Math.floor(oids.length / 2), 0]) {
        const page = await hub.services.contents.commits(granted, oids[tip] as Oid, 0, 100);
        const expected = reachableFrom(nodes, tip);
        expect(page.total).toBe(expected.size);
        expect(new Set(page.commits.map(({ oid }) => oid))).toEqual(
          new Set([...expected].map((at) => oids[at])),
        );
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);

test('pages by place and pages behind a commit are slices of one order', async () => {
  await fc.assert(
    fc.asyncProperty(aHistory, fc.integer({ min: 1, max: 7 }), async (nodes, size) => {
      const repo = await newRepo();
      const oids = await storeHistory(hub.db, repo, nodes);
      const tip = oids.at(-1) as Oid;
      const granted = await hub.writer(repo);
      const { contents } = hub.services;
      const all = (await contents.commits(granted, tip, 0, 100)).commits.map(({ oid }) => oid);
      for (let at = 0; at < all.length; at += size) {
        const page = await contents.commits(granted, tip, at, size);
        expect(page.commits.map(({ oid }) => oid)).toEqual(all.slice(at, at + size));
        const behind = await contents.commits(granted, tip, { after: all[at] as Oid }, size);
        expect(behind.commits.map(({ oid }) => oid)).toEqual(all.slice(at + 1, at + 1 + size));
        expect(behind.skipped).toBe(at + 1);
      }
      const stray = oids.find((oid) => !all.includes(oid));
      if (stray) {
        await expect(contents.commits(granted, tip, { after: stray }, size)).rejects.toMatchObject({
          code: 'InvalidCursor',
        });
      }
    }),
    { numRuns: 30 },
  );
}, 60_000);

/** A main line with a branch of two commits merged into it at every fifth commit. */
function lineWithMerges(length: number): readonly HistoryNode[] {
  const nodes: HistoryNode[] = [];
  let head: number | undefined;
  const add = (parents: readonly number[]): number =>
    nodes.push({ parents, time: 1_700_000_000 + nodes.length }) - 1;
  while (nodes.length < length) {
    const fork = add(head === undefined ? [] : [head]);
    const side = add([add([fork])]);
    head = add([add([fork]), side]);
  }
  return nodes;
}

test('a long history full of merges is derived and read without walking it once a commit', async () => {
  const times: number[] = [];
  for (const length of [500, 2_000]) {
    const repo = await newRepo();
    const nodes = lineWithMerges(length);
    const oids = await storeHistory(hub.db, repo, nodes);
    const tip = oids.at(-1) as Oid;
    await setRef(hub.db, repo, 'refs/heads/merged', tip);
    const granted = await hub.writer(repo);
    const begun = performance.now();
    const seen = new Set<Oid>();
    for (let at = 0; at < oids.length; at += 50) {
      const page = await hub.services.contents.commits(granted, tip, at, 50);
      expect(page.total).toBe(oids.length);
      for (const { oid } of page.commits) seen.add(oid);
    }
    times.push(performance.now() - begun);
    expect(seen.size).toBe(oids.length);
  }
  const [short = 0, long = 0] = times;
  // Four times the commits: sixteen times the time would be one walk for every commit or every page.
  expect(long).toBeLessThan(Math.max(short, 100) * 9);
}, 60_000);

import { describe, expect, it } from 'vitest';
import { createObjectCache } from '../../../server/git/object-cache.ts';
import { createObjectDb } from '../../../server/git/object-db.ts';
import { walkConnectivity } from '../../../server/git/connectivity.ts';
import type { ConnectivityProblem } from '../../../server/git/connectivity.ts';
import type { NewGitObject } from '../../../server/git/object-storage.ts';
import { EMPTY_TREE, newObject, writeCommit, writeTag, writeTree } from '../../../server/git/objects.ts';
import type { Oid } from '../../../server/domain/ids.ts';
import { createMemoryGitStorage } from '../../support/memory-git-storage.ts';
import { buildPack } from './pack-files.ts';

const ada = { name: 'Ada', email: 'ada@example.org', time: 1_700_000_000, zone: '+0000' };
const commitOf = (tree: Oid, ...parents: Oid[]): NewGitObject =>
  newObject('commit', writeCommit({ tree, parents, author: ada, committer: ada, message: 'm\n' }));

const small = newObject('blob', Buffer.from('small'));
const pointerSized = newObject('blob', Buffer.alloc(1024, 'p'));
const medium = newObject('blob', Buffer.alloc(1025, 'm'));
const large = newObject('blob', Buffer.alloc(3_000_000, 'l'));
const inner = newObject('tree', writeTree([{ mode: '100644', name: 'medium', oid: medium.oid }]));
const root = newObject(
  'tree',
  writeTree([
    { mode: '100644', name: 'small', oid: small.oid },
    { mode: '120000', name: 'again', oid: small.oid },
    { mode: '100644', name: 'pointer', oid: pointerSized.oid },
    { mode: '100644', name: 'large', oid: large.oid },
    { mode: '40000', name: 'inner', oid: inner.oid },
    { mode: '160000', name: 'module', oid: 'a'.repeat(40) as Oid },
  ]),
);
const first = commitOf(EMPTY_TREE);
const second = commitOf(root.oid, first.oid);
const tag = newObject(
  'tag',
  writeTag({ object: second.oid, type: 'commit', tag: 'v1', tagger: ada, message: 'tag\n' }),
);
const all = [small, pointerSized, medium, large, inner, root, first, second, tag];
const tips = [{ name: 'refs/tags/v1', oid: tag.oid }];

type Storage = ReturnType<typeof createMemoryGitStorage>;

async function check(storage: Storage, from: readonly { name: string; oid: Oid }[] = tips) {
  const db = createObjectDb({ storage, cache: createObjectCache({ maxBytes: 1_000_000 }), scope: 'repo' });
  const problems: ConnectivityProblem[] = [];
  const blobs: Oid[] = [];
  const walk = walkConnectivity(db, from, { onSmallBlob: (oid) => void blobs.push(oid) });
  for await (const problem of walk) problems.push(problem);
  return { problems, blobs };
}

function hotStorage(objects: readonly NewGitObject[]): Storage {
  const storage = createMemoryGitStorage();
  storage.addHot(objects);
  return storage;
}

describe('a connectivity walk', () => {
  it('finds nothing wrong with a whole repository, and shows each small blob once', async () => {
    const { problems, blobs } = await check(hotStorage(all));
    expect(problems).toEqual([]);
    expect(new Set(blobs)).toEqual(new Set([small.oid, pointerSized.oid]));
    expect(blobs.length).toBe(2);
  });

  it.each(all.map((object) => [object.type, object] as const))(
    'names a missing %s',
    async (_type, missing) => {
      const { problems } = await check(hotStorage(all.filter((object) => object !== missing)));
      expect(problems).toMatchObject([{ kind: 'missing', oid: missing.oid }]);
      expect(problems[0]?.from).toMatch(missing === tag ? /^refs\/tags\/v1$/ : /^[0-9a-f]{40}$/);
    },
  );

  it.each(all.filter((object) => object !== medium).map((object) => [object.type, object] as const))(
    'names a damaged %s, and goes on',
    async (_type, damaged) => {
      const storage = hotStorage(all);
      storage.hot.set(damaged.oid, { type: damaged.type, content: Buffer.from('damaged') });
      storage.hot.delete(medium.oid);
      const others = [second, root, inner].filter((object) => object !== damaged);
      const { problems } = await check(storage, [
        ...tips,
        ...others.map(({ oid, type }) => ({ name: `refs/${type}`, oid })),
      ]);
      const kinds = new Map(problems.map(({ oid, kind }) => [oid, kind]));
      expect(kinds.get(damaged.oid)).toBe('damaged');
      // Only a damaged tree hides what it alone leads to.
      expect(kinds.get(medium.oid)).toBe(damaged === inner ? undefined : 'missing');
      expect(kinds.size).toBe(damaged === inner ? 1 : 2);
    },
  );

  it('finds damage inside packs, in small and in large objects', async () => {
    for (const object of [small, large]) {
      const storage = createMemoryGitStorage();
      const { packId, pack, index } = await buildPack([object]);
      const others = await buildPack(all.filter((other) => other !== object));
      const hostile = Buffer.from(pack);
      hostile[pack.length - 25] = (hostile[pack.length - 25] as number) ^ 1;
      storage.addPack(packId, hostile, index);
      storage.addPack(others.packId, others.pack, others.index);
      expect((await check(storage)).problems).toMatchObject([
        { kind: 'damaged', oid: object.oid, from: root.oid },
      ]);
    }
  });

  it('names what is of another type than it is called', async () => {
    const tree = newObject(
      'tree',
      writeTree([
        { mode: '40000', name: 'folder', oid: small.oid },
        { mode: '100644', name: 'file', oid: inner.oid },
      ]),
    );
    const commit = commitOf(tree.oid, tag.oid);
    const { problems } = await check(hotStorage([...all, tree, commit]), [
      { name: 'refs/heads/main', oid: commit.oid },
    ]);
    expect(new Set(problems.map(({ kind, oid }) => `${kind} ${oid}`))).toEqual(
      new Set([`wrong-type ${small.oid}`, `wrong-type ${inner.oid}`, `wrong-type ${tag.oid}`]),
    );
  });

  it('names what cannot be parsed', async () => {
    const bad = newObject('commit', Buffer.from('nonsense'));
    const tree = newObject('tree', Buffer.from('nonsense'));
    const commit = commitOf(tree.oid, bad.oid);
    const { problems } = await check(hotStorage([bad, tree, commit]), [
      { name: 'refs/heads/main', oid: commit.oid },
    ]);
    expect(problems.map(({ kind, oid, from }) => ({ kind, oid, from }))).toEqual(
      expect.arrayContaining([
        { kind: 'damaged', oid: bad.oid, from: commit.oid },
        { kind: 'damaged', oid: tree.oid, from: commit.oid },
      ]),
    );
  });

  const line = (mode: string, name: string): Buffer =>
    Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(small.oid, 'hex')]);
  it.each([
    ['out of order', [line('100644', 'b'), line('100644', 'a')]],
    ['with a name twice', [line('100644', 'a'), line('100644', 'a')]],
    ['with a parent folder', [line('100644', '..')]],
    ['with a git folder', [line('100644', '.GIT')]],
    ['with padded modes', [line('0100644', 'a')]],
  ])('names a tree %s', async (_what, lines) => {
    const tree = newObject('tree', Buffer.concat(lines));
    const { problems } = await check(hotStorage([small, tree]), [{ name: 'refs/x', oid: tree.oid }]);
    expect(problems).toMatchObject([{ kind: 'malformed', oid: tree.oid, from: 'refs/x' }]);
  });

  it('stops when the store fails, rather than call everything damaged', async () => {
    const storage = hotStorage(all);
    storage.hotObjects = () => Promise.reject(new Error('database is down'));
    await expect(check(storage)).rejects.toThrow('database is down');
  });
});

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import * as fs from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import git from 'isomorphic-git';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import { exportRepository } from '../../../server/git/export.ts';
import type { ExportedRef } from '../../../server/git/export.ts';
import type { NewGitObject } from '../../../server/git/object-storage.ts';
import { newObject, writeCommit, writeTag } from '../../../server/git/objects.ts';
import { editTree } from '../../../server/git/tree-editor.ts';
import { createSpool } from '../../../server/platform/spool.ts';
import { hasNativeGit, runGit } from './native-git.ts';
import { buildPack } from './pack-files.ts';
import { openTrees } from './trees.ts';

const ada = { name: 'Ada', email: 'ada@example.org', time: 1_700_000_000, zone: '+0000' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'atoll-export-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A repository with a commit in a pack, one in rows, a branch, a tag of each kind. */
async function makeRepository() {
  const trees = openTrees();
  const commitFiles = async (files: Readonly<Record<string, string>>, tree?: Oid, parent?: Oid) => {
    const blobs = Object.entries(files).map(
      ([path, text]) => [path, newObject('blob', Buffer.from(text))] as const,
    );
    const additions = new Map(blobs.map(([path, { oid }]) => [path, { mode: '100644', oid }]));
    const edited = await editTree(trees.db, tree, { deletions: [], additions });
    const commit = newObject(
      'commit',
      writeCommit({
        tree: edited.root,
        parents: parent === undefined ? [] : [parent],
        author: ada,
        committer: ada,
        message: 'm\n',
      }),
    );
    const objects: NewGitObject[] = [...blobs.map(([, blob]) => blob), ...edited.objects, commit];
    return { commit: commit.oid, tree: edited.root, objects };
  };
  const one = await commitFiles({ 'README.md': 'hello\n', 'data/é.txt': 'text' });
  const built = await buildPack(one.objects);
  trees.storage.addPack(built.packId, built.pack, built.index);
  const two = await commitFiles({ 'data/more.txt': 'more' }, one.tree, one.commit);
  trees.storage.addHot(two.objects);
  const tag = newObject(
    'tag',
    writeTag({ object: one.commit, type: 'commit', tag: 'v1', tagger: ada, message: 'first\n' }),
  );
  trees.storage.addHot([tag]);
  const refs: ExportedRef[] = [
    { name: 'refs/tags/v1', target: tag.oid, peeled: one.commit },
    { name: 'refs/heads/main', target: two.commit, peeled: undefined },
    { name: 'refs/tags/light', target: one.commit, peeled: undefined },
    { name: 'refs/heads/feature/x', target: one.commit, peeled: undefined },
  ];
  return { ...trees, refs, head: two.commit };
}

async function exportTo(
  gitDir: string,
  storage: Parameters<typeof exportRepository>[0]['storage'],
  refs: readonly ExportedRef[],
) {
  const spool = createSpool({ folder, memoryBytes: 1024 });
  await exportRepository({
    storage,
    refs,
    head: 'refs/heads/main',
    spool,
    target: {
      makeFolder: (path) => Promise.resolve(void mkdirSync(join(gitDir, path), { recursive: true })),
      async write(path, source) {
        mkdirSync(dirname(join(gitDir, path)), { recursive: true });
        await writeFile(join(gitDir, path), source);
      },
    },
  });
  await spool.dispose();
}

describe('an exported repository', () => {
  it('is read by an independent implementation', async () => {
    const { storage, refs, head } = await makeRepository();
    const gitdir = join(folder, 'out.git');
    await exportTo(gitdir, storage, refs);
    expect(await git.resolveRef({ fs, gitdir, ref: 'HEAD' })).toBe(head);
    expect((await git.listBranches({ fs, gitdir })).sort()).toEqual(['feature/x', 'main']);
    expect((await git.listTags({ fs, gitdir })).sort()).toEqual(['light', 'v1']);
    expect(await git.listFiles({ fs, gitdir, ref: 'main' })).toEqual([
      'README.md',
      'data/more.txt',
      'data/é.txt',
    ]);
    const { blob } = await git.readBlob({ fs, gitdir, oid: head, filepath: 'data/é.txt' });
    expect(Buffer.from(blob).toString()).toBe('text');
    expect((await git.log({ fs, gitdir, ref: 'main' })).length).toBe(2);
  });

  it.skipIf(!hasNativeGit)('passes fsck --strict and can be cloned', async () => {
    const { storage, refs, head } = await makeRepository();
    const gitDir = join(folder, 'out.git');
    await exportTo(gitDir, storage, refs);
    runGit(gitDir, ['fsck', '--strict', '--full']);
    expect(
      runGit(gitDir, ['for-each-ref', '--format=%(refname) %(objectname) %(*objectname)']).toString(),
    ).toBe(
      [...refs]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, target, peeled }) => `${name} ${target} ${peeled ?? ''}\n`)
        .join(''),
    );
    runGit(folder, ['clone', '-q', gitDir, 'clone']);
    expect(runGit(join(folder, 'clone'), ['rev-parse', 'HEAD']).toString().trim()).toBe(head);
    expect(fs.readFileSync(join(folder, 'clone/data/é.txt'), 'utf8')).toBe('text');
    expect(fs.readFileSync(join(folder, 'clone/data/more.txt'), 'utf8')).toBe('more');
  });

  it.skipIf(!hasNativeGit)('may be empty', async () => {
    const gitDir = join(folder, 'empty.git');
    await exportTo(gitDir, openTrees().storage, []);
    runGit(gitDir, ['fsck', '--strict', '--full']);
    expect(runGit(gitDir, ['symbolic-ref', 'HEAD']).toString()).toBe('refs/heads/main\n');
    runGit(folder, ['clone', '-q', gitDir, 'clone']);
  });

  it('holds every row, however many start alike', async () => {
    const { storage } = openTrees();
    const blobs = Array.from({ length: 5000 }, (_, i) => newObject('blob', Buffer.from(`${i}`)));
    storage.addHot(blobs);
    const { hotOidsByPrefix } = storage;
    // A store that gives few at a time, as if there were many more rows.
    storage.hotOidsByPrefix = async (prefix, limit) =>
      prefix.length < 2
        ? Array.from({ length: limit }, () => blobs[0]?.oid as Oid)
        : hotOidsByPrefix(prefix, limit);
    const gitdir = join(folder, 'out.git');
    await exportTo(gitdir, storage, []);
    for (const { oid, content } of blobs.filter((_, i) => i % 500 === 0)) {
      expect(Buffer.from((await git.readBlob({ fs, gitdir, oid })).blob)).toEqual(content);
    }
  });

  it('is whole when rows are rolled into a pack meanwhile', async () => {
    const { storage, refs, head } = await makeRepository();
    const rows: NewGitObject[] = [...storage.hot].map(([oid, object]) => ({ oid, ...object }));
    const { hotObjects } = storage;
    storage.hotObjects = async (oids) => {
      storage.hotObjects = hotObjects;
      const built = await buildPack(rows);
      storage.addPack(built.packId, built.pack, built.index);
      storage.hot.clear();
      return hotObjects(oids);
    };
    const gitdir = join(folder, 'out.git');
    await exportTo(gitdir, storage, refs);
    expect((await git.readBlob({ fs, gitdir, oid: head, filepath: 'data/more.txt' })).blob.length).toBe(4);
  });
});

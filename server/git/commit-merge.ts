import type { Oid } from '../domain/ids.ts';
import { mergeBases } from './merge-base.ts';
import type { ObjectDb } from './object-db.ts';
import type { GitObject } from './object-storage.ts';
import { newObject, writeCommit } from './objects.ts';
import { mergeTrees } from './tree-merge.ts';

/** More ancestors than this, or criss-crosses within criss-crosses, are not folded: the newest ancestor is taken. */
const MAX_BASES = 8;
const MAX_DEPTH = 5;

const NOBODY = { name: 'Atoll', email: 'merge@atoll.invalid', zone: '+0000' } as const;

/**
 * The tree that a merge of two commits compares with. After a criss-cross there are several best common ancestors:
 * they are merged with each other first, the oldest ones first, as git's merges do. Undefined without any.
 *
 * @param overlay What `db` reads from first; the made-up commits and trees go in there.
 */
export async function ancestorTree(
  db: ObjectDb,
  overlay: Map<Oid, GitObject>,
  bases: readonly Oid[],
  depth = 0,
): Promise<Oid | undefined> {
  const [newest, ...others] = bases;
  if (newest === undefined) return undefined;
  if (others.length === 0 || bases.length > MAX_BASES || depth > MAX_DEPTH) return db.rootTree(newest);
  const [oldest, ...rest] = bases.toReversed() as [Oid, ...Oid[]];
  let merged = oldest;
  for (const next of rest) {
    const [one, two] = [await db.commit(merged), await db.commit(next)];
    const base = await ancestorTree(db, overlay, await mergeBases(db, merged, next), depth + 1);
    const { root } = await mergeTrees(db, overlay, { base, ours: one.tree, theirs: two.tree }, 'base');
    const signature = { ...NOBODY, time: Math.max(one.committer.time, two.committer.time) };
    const commit = newObject(
      'commit',
      writeCommit({
        tree: root,
        parents: [merged, next],
        author: signature,
        committer: signature,
        message: 'merged common ancestors\n',
      }),
    );
    overlay.set(commit.oid, commit);
    merged = commit.oid;
  }
  return db.rootTree(merged);
}

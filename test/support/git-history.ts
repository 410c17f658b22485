import type { HotObject } from '../../server/db/questions/git-objects.ts';
import type { Database } from '../../server/db/stores.ts';
import type { Oid } from '../../server/domain/ids.ts';
import type { Repo } from '../../server/domain/repo.ts';
import type { NewGitObject } from '../../server/git/object-storage.ts';
import { EMPTY_TREE, newObject, writeCommit } from '../../server/git/objects.ts';
import { deflateObject } from '../../server/git/pack-write.ts';

/** A commit of a made-up history: its parents are earlier positions. */
export interface HistoryNode {
  readonly parents: readonly number[];
  /** Seconds. */
  readonly time: number;
  readonly tree?: Oid;
}

/** Put git objects into a repository as a push would, without a ref that leads to them. */
export async function storeObjects(
  db: Database,
  repo: Pick<Repo, 'id'>,
  objects: readonly Pick<NewGitObject, 'oid' | 'type' | 'content'>[],
): Promise<void> {
  const rows: Omit<HotObject, 'id'>[] = [];
  for (const { oid, type, content } of objects) {
    rows.push({ oid, type, sizeBytes: content.byteLength, deflated: await deflateObject(content) });
  }
  for (let at = 0; at < rows.length; at += 500) {
    await db.write((stores) => stores.gitObjects.insertHot(repo.id, rows.slice(at, at + 500)));
  }
}

/** Put a history into a repository. Answers the ids by position. */
export async function storeHistory(
  db: Database,
  repo: Pick<Repo, 'id'>,
  nodes: readonly HistoryNode[],
): Promise<readonly Oid[]> {
  const commits: NewGitObject[] = [];
  for (const [at, { parents, time, tree = EMPTY_TREE }] of nodes.entries()) {
    const who = { name: 'A', email: 'a@b', time, zone: '+0000' };
    const content = writeCommit({
      tree,
      parents: parents.flatMap((parent) => commits[parent]?.oid ?? []),
      author: who,
      committer: who,
      message: `commit ${at}\n`,
    });
    commits.push(newObject('commit', content));
  }
  await storeObjects(db, repo, commits);
  return commits.map(({ oid }) => oid);
}

export const setRef = async (
  db: Database,
  repo: Pick<Repo, 'id'>,
  name: string,
  target: Oid,
): Promise<void> => {
  await db.write(async (stores) => {
    const old = await stores.refs.find(repo.id, name);
    await stores.refs.compareAndSet(repo.id, name, old?.target, { target }, Date.now());
  });
};

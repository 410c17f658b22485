import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { ObjectDb } from './object-db.ts';
import type { Commit } from './objects.ts';
import { createOidTable } from './oid-table.ts';
import { createPriorityQueue } from './priority-queue.ts';

export interface LoggedCommit {
  readonly oid: Oid;
  readonly commit: Commit;
}

interface Waiting extends LoggedCommit {
  /** Order of discovery: of two commits with one date, the one met first comes first, as in git. */
  readonly sequence: number;
}

const isNewer = (a: Waiting, b: Waiting): boolean =>
  a.commit.committer.time !== b.commit.committer.time
    ? a.commit.committer.time > b.commit.committer.time
    : a.sequence < b.sequence;

/**
 * The commits reachable from `tips`, each once, newest committer date first: the order of `git log`. With wrong clocks
 * a parent may come before its child, as in git. Commits are read as the walk goes on, so stopping early is cheap.
 */
export async function* walkCommits(
  db: Pick<ObjectDb, 'commit'>,
  tips: Oid | readonly Oid[],
): AsyncGenerator<LoggedCommit, void, undefined> {
  const slice = createTimeSlice();
  const queue = createPriorityQueue(isNewer);
  const seen = createOidTable();
  let sequence = 0;
  const discover = async (oid: Oid): Promise<void> => {
    if (!seen.add(oid)) return;
    queue.push({ oid, commit: await db.commit(oid), sequence });
    sequence += 1;
  };
  for (const tip of typeof tips === 'string' ? [tips] : tips) await discover(tip);
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    yield { oid: next.oid, commit: next.commit };
    for (const parent of next.commit.parents) await discover(parent);
    if (slice.isOver()) await slice.next();
  }
}

/** True when `ancestor` is `descendant` or reachable from it. A "no" reads the whole history of `descendant`. */
export async function isAncestor(
  db: Pick<ObjectDb, 'commit'>,
  ancestor: Oid,
  descendant: Oid,
): Promise<boolean> {
  if (ancestor === descendant) return true;
  for await (const { commit } of walkCommits(db, descendant)) {
    if (commit.parents.includes(ancestor)) return true;
  }
  return false;
}

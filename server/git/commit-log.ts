import type { Oid } from '../domain/ids.ts';
import type { ObjectDb } from './object-db.ts';
import type { Commit } from './objects.ts';
import { createOidTable } from './oid-table.ts';
import { createTimeSlice } from './time-slice.ts';

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

/** A binary heap with the newest commit on top. */
function createCommitQueue(): { push(item: Waiting): void; pop(): Waiting | undefined } {
  const heap: Waiting[] = [];
  const at = (i: number): Waiting => heap[i] as Waiting;
  return {
    push(item) {
      let i = heap.length;
      heap.push(item);
      while (i > 0) {
        const parent = (i - 1) >>> 1;
        if (!isNewer(item, at(parent))) break;
        heap[i] = at(parent);
        i = parent;
      }
      heap[i] = item;
    },
    pop() {
      const top = heap[0];
      const last = heap.pop();
      if (top === undefined || last === undefined || heap.length === 0) return top;
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && isNewer(at(child + 1), at(child))) child += 1;
        if (!isNewer(at(child), last)) break;
        heap[i] = at(child);
        i = child;
      }
      heap[i] = last;
      return top;
    },
  };
}

/**
 * The commits reachable from `tips`, each once, newest committer date first: the order of `git log`. With wrong clocks
 * a parent may come before its child, as in git. Commits are read as the walk goes on, so stopping early is cheap.
 */
export async function* walkCommits(
  db: Pick<ObjectDb, 'commit'>,
  tips: Oid | readonly Oid[],
): AsyncGenerator<LoggedCommit, void, undefined> {
  const slice = createTimeSlice();
  const queue = createCommitQueue();
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

import type { Oid } from '../domain/ids.ts';
import { walkCommits } from '../git/commit-log.ts';
import type { ObjectDb } from '../git/object-db.ts';

/** A branch that moves on by more commits is not looked at to the end. */
const MAX_COMMITS = 10_000;
/** How wrong the clocks of committers may be, in seconds. */
const CLOCK_SLACK = 7 * 24 * 3600;

/**
 * True when `next` is known to lead to `before`: what the branch had, it keeps. False where that is not so, or was not
 * found out within a bound of time, which costs no more than care taken for nothing.
 */
export async function isFastForward(objects: ObjectDb, before: Oid, next: Oid): Promise<boolean> {
  const { committer } = await objects.commit(before);
  let count = 0;
  for await (const { oid, commit } of walkCommits(objects, next)) {
    if (oid === before || commit.parents.includes(before)) return true;
    count += 1;
    if (count >= MAX_COMMITS || commit.committer.time < committer.time - CLOCK_SLACK) return false;
  }
  return false;
}

import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { ObjectDb } from './object-db.ts';
import { createPriorityQueue } from './priority-queue.ts';

interface Waiting {
  readonly oid: Oid;
  /** How many commits it reaches: always more than any commit it reaches, so children come before parents. */
  readonly rank: number;
  isInBase: boolean;
}

/**
 * How many commits a new commit reaches, itself included, when the same is known of every commit before it. Each parent
 * but the first adds what the first does not reach: only that is walked, and what lies between it and the first parent,
 * however long the history is.
 */
export async function countReachable(
  db: Pick<ObjectDb, 'commit'>,
  parents: readonly Oid[],
  reachableOf: (oid: Oid) => Promise<number>,
): Promise<number> {
  const [base, ...others] = parents;
  if (base === undefined) return 1;
  const slice = createTimeSlice();
  const queue = createPriorityQueue<Waiting>((a, b) => a.rank > b.rank);
  const waiting = new Map<Oid, Waiting>();
  let notInBase = 0;
  const discover = async (oid: Oid, isInBase: boolean): Promise<void> => {
    const known = waiting.get(oid);
    if (known) {
      if (isInBase && !known.isInBase) {
        known.isInBase = true;
        notInBase -= 1;
      }
      return;
    }
    const item = { oid, rank: await reachableOf(oid), isInBase };
    waiting.set(oid, item);
    queue.push(item);
    if (!isInBase) notInBase += 1;
  };

  let added = 0;
  await discover(base, true);
  for (const oid of others) await discover(oid, false);
  while (notInBase > 0) {
    const next = queue.pop();
    if (!next) break;
    waiting.delete(next.oid);
    if (!next.isInBase) {
      notInBase -= 1;
      added += 1;
    }
    for (const parent of (await db.commit(next.oid)).parents) await discover(parent, next.isInBase);
    if (slice.isOver()) await slice.next();
  }
  return 1 + (await reachableOf(base)) + added;
}

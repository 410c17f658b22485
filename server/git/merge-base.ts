import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { isAncestor } from './commit-log.ts';
import type { ObjectDb } from './object-db.ts';

const OURS = 1;
const THEIRS = 2;
/** Reachable from a common ancestor that is known already. */
const BEHIND = 4;

interface Seen {
  readonly oid: Oid;
  readonly time: number;
  readonly parents: readonly Oid[];
  flags: number;
  isWaiting: boolean;
}

/** Commits that wait to be looked at, the newest first. */
function createWaiting() {
  const heap: Seen[] = [];
  let open = 0;
  const at = (i: number): Seen => heap[i] as Seen;
  return {
    /** How many waiting ones are not behind a common ancestor. */
    get open() {
      return open;
    },
    reflag(seen: Seen, flags: number): void {
      const wasOpen = seen.isWaiting && (seen.flags & BEHIND) === 0;
      seen.flags |= flags;
      if (wasOpen && (seen.flags & BEHIND) !== 0) open -= 1;
    },
    push(seen: Seen): void {
      seen.isWaiting = true;
      if ((seen.flags & BEHIND) === 0) open += 1;
      let i = heap.length;
      heap.push(seen);
      while (i > 0) {
        const parent = (i - 1) >>> 1;
        if (seen.time <= at(parent).time) break;
        heap[i] = at(parent);
        i = parent;
      }
      heap[i] = seen;
    },
    pop(): Seen {
      const top = at(0);
      const last = heap.pop() as Seen;
      if (heap.length > 0) {
        let i = 0;
        for (;;) {
          let child = 2 * i + 1;
          if (child >= heap.length) break;
          if (child + 1 < heap.length && at(child + 1).time > at(child).time) child += 1;
          if (at(child).time <= last.time) break;
          heap[i] = at(child);
          i = child;
        }
        heap[i] = last;
      }
      top.isWaiting = false;
      if ((top.flags & BEHIND) === 0) open -= 1;
      return top;
    },
  };
}

/**
 * The best common ancestors of two commits, newest first: those that are no ancestor of another one. Several after a
 * criss-cross, none when the histories have nothing in common. Reads both histories down to the ancestors.
 */
export async function mergeBases(
  db: Pick<ObjectDb, 'commit'>,
  ours: Oid,
  theirs: Oid,
): Promise<readonly Oid[]> {
  if (ours === theirs) return [ours];
  const slice = createTimeSlice();
  const known = new Map<Oid, Seen>();
  const waiting = createWaiting();
  const paint = async (oid: Oid, flags: number): Promise<void> => {
    let seen = known.get(oid);
    if (seen === undefined) {
      const { committer, parents } = await db.commit(oid);
      seen = { oid, time: committer.time, parents, flags: 0, isWaiting: false };
      known.set(oid, seen);
    }
    if ((seen.flags & flags) === flags) return;
    waiting.reflag(seen, flags);
    if (!seen.isWaiting) waiting.push(seen);
  };
  await paint(ours, OURS);
  await paint(theirs, THEIRS);
  const common = new Set<Seen>();
  while (waiting.open > 0) {
    const seen = waiting.pop();
    let { flags } = seen;
    if ((flags & (OURS | THEIRS)) === (OURS | THEIRS)) {
      if ((flags & BEHIND) === 0) common.add(seen);
      flags |= BEHIND;
    }
    for (const parent of seen.parents) await paint(parent, flags);
    if (slice.isOver()) await slice.next();
  }
  const candidates = [...common].filter(({ flags }) => (flags & BEHIND) === 0);
  const best: Seen[] = [];
  for (const candidate of candidates) {
    // With wrong clocks an ancestor may have been met before what it is an ancestor of.
    if (!(await isBehindAnother(db, candidate, candidates))) best.push(candidate);
  }
  return best.sort((a, b) => b.time - a.time).map(({ oid }) => oid);
}

async function isBehindAnother(
  db: Pick<ObjectDb, 'commit'>,
  candidate: Seen,
  all: readonly Seen[],
): Promise<boolean> {
  for (const other of all) {
    if (other !== candidate && (await isAncestor(db, candidate.oid, other.oid))) return true;
  }
  return false;
}

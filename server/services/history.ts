import type { Database } from '../db/stores.ts';
import { HubError, repoNotFound } from '../domain/errors.ts';
import type { Oid, RepositoryId } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { ObjectDb } from '../git/object-db.ts';
import type { Commit } from '../git/objects.ts';
import { countReachable } from '../git/reachable.ts';
import { diffTrees } from '../git/tree-diff.ts';
import { createKeyedQueue } from '../platform/keyed-queue.ts';
import type { RightOfWay } from '../platform/right-of-way.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { createCommitOrder } from './commit-order.ts';
import type { RepoObjects } from './repo-objects.ts';

/** A commit as lists show it. */
export interface CommitSummary {
  readonly oid: Oid;
  readonly commit: Commit;
}

export interface CommitPage {
  readonly commits: readonly CommitSummary[];
  /** How many commits are reachable in all. */
  readonly total: number;
  /** How many of them come before the page. */
  readonly skipped: number;
}

export type PageStart = number | { readonly after: Oid };

/** Rows of one transaction of what is derived, more or less. */
const ROWS_AT_ONCE = 1_000;
/** Commits of histories with merges whose order is kept, some megabytes of it. */
const KEPT_ORDER = 100_000;

/**
 * The history of a repository as lists ask for it. It is derived from git objects and kept as rows; whatever is
 * missing for a question is derived before the answer, so an answer is right even when the job has not run yet.
 */
export interface History {
  /** Derive what is missing up to a commit, giving way to all others until somebody asks for that history. */
  indexAhead(repo: Repo, commit: Oid): Promise<void>;
  /** The last commit, at or before `commit`, that touched each path. */
  lastCommits(repo: Repo, commit: Oid, paths: readonly string[]): Promise<ReadonlyMap<string, CommitSummary>>;
  /** Reachable commits, newest first, behind so many or behind one of them. Throws InvalidCursor for another one. */
  page(repo: Repo, commit: Oid, start: PageStart, limit: number): Promise<CommitPage>;
}

export function createHistory(parts: {
  readonly db: Database;
  readonly repoObjects: RepoObjects;
  readonly rightOfWay: Pick<RightOfWay, 'giveWay'>;
}): History {
  const { db, repoObjects, rightOfWay } = parts;
  const deriving = createKeyedQueue();
  /** Questions that wait for a repository's history. */
  const asked = new Map<RepositoryId, number>();
  const order = createCommitOrder({ repoObjects, maxOids: KEPT_ORDER });

  async function isIndexed(repo: Repo, oid: Oid): Promise<boolean> {
    return (await db.read((stores) => stores.history.findCommit(repo.id, oid))) !== undefined;
  }

  /** Between two pieces, often: what is read may all be in memory, and nobody else would have a turn until the end. */
  const createPause = (repo: Repo): (() => Promise<void>) => {
    const slice = createTimeSlice();
    return async () => {
      if (!slice.isOver()) return;
      await rightOfWay.giveWay(() => asked.has(repo.id));
      await slice.next();
    };
  };

  /** Commits that are not indexed yet, parents before children. */
  async function missingFrom(repo: Repo, objects: ObjectDb, tip: Oid): Promise<readonly CommitSummary[]> {
    const pause = createPause(repo);
    const missing: CommitSummary[] = [];
    const done = new Set<Oid>();
    const stack: { readonly oid: Oid; readonly commit?: Commit }[] = [{ oid: tip }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      if (top.commit) {
        missing.push({ oid: top.oid, commit: top.commit });
        continue;
      }
      if (done.has(top.oid)) continue;
      done.add(top.oid);
      await pause();
      if (await isIndexed(repo, top.oid)) continue;
      const commit = await objects.commit(top.oid);
      stack.push({ oid: top.oid, commit }, ...commit.parents.map((oid) => ({ oid })));
    }
    return missing;
  }

  /** What is derived but not stored yet, by commit: children are counted from it before it is. */
  type Fresh = Map<Oid, { readonly reachable: number; readonly isLinear: boolean }>;

  async function derive(repo: Repo, objects: ObjectDb, fresh: Fresh, { oid, commit }: CommitSummary) {
    const standing = async (of: Oid): Promise<{ reachable: number; isLinear: boolean }> => {
      const known = fresh.get(of) ?? (await db.read((stores) => stores.history.findCommit(repo.id, of)));
      if (!known) throw new HubError('Internal', `History of ${oid} cannot be derived before that of ${of}.`);
      return known;
    };
    const { parents } = commit;
    const [firstParent] = parents;
    const isLinear =
      parents.length < 2 && (firstParent === undefined || (await standing(firstParent)).isLinear);
    const reachable = await countReachable(objects, parents, async (of) => (await standing(of)).reachable);
    const parentTree = firstParent && (await objects.commit(firstParent)).tree;
    const changes = await changedPaths(objects, parentTree, commit.tree);
    fresh.set(oid, { reachable, isLinear });
    return { commit: { oid, firstParent, reachable, isLinear }, changes };
  }

  /** Derive commits, parents before children, and store them in transactions of some commits each. */
  async function indexAll(repo: Repo, objects: ObjectDb, missing: readonly CommitSummary[]): Promise<void> {
    const fresh: Fresh = new Map();
    let batch: Awaited<ReturnType<typeof derive>>[] = [];
    let rows = 0;
    const store = async (): Promise<void> => {
      await db.write(async (stores) => {
        if (!(await stores.repos.findById(repo.id))) throw repoNotFound();
        for (const { commit, changes } of batch) await stores.history.addCommit(repo.id, commit, changes);
      });
      batch = [];
      rows = 0;
      fresh.clear();
    };
    const pause = createPause(repo);
    for (const summary of missing) {
      await pause();
      const derived = await derive(repo, objects, fresh, summary);
      batch.push(derived);
      rows += derived.changes.length + 1;
      if (rows >= ROWS_AT_ONCE) await store();
    }
    if (batch.length > 0) await store();
  }

  /** Callers who miss the same history wait for one of them to derive it. */
  async function indexAhead(repo: Repo, tip: Oid): Promise<void> {
    if (await isIndexed(repo, tip)) return;
    await deriving.run(String(repo.id), async () => {
      const objects = repoObjects.open(repo);
      await indexAll(repo, objects, await missingFrom(repo, objects, tip));
    });
  }

  /** The same for somebody who waits. */
  async function index(repo: Repo, tip: Oid): Promise<void> {
    asked.set(repo.id, (asked.get(repo.id) ?? 0) + 1);
    try {
      await indexAhead(repo, tip);
    } finally {
      const others = (asked.get(repo.id) ?? 0) - 1;
      if (others > 0) asked.set(repo.id, others);
      else asked.delete(repo.id);
    }
  }

  async function summaries(repo: Repo, oids: Iterable<Oid>): Promise<ReadonlyMap<Oid, CommitSummary>> {
    const objects = repoObjects.open(repo);
    const answer = new Map<Oid, CommitSummary>();
    for (const oid of new Set(oids)) answer.set(oid, { oid, commit: await objects.commit(oid) });
    return answer;
  }

  /** Where a listing from `tip` goes on behind this commit. Throws InvalidCursor for one it does not reach. */
  async function placeBehind(repo: Repo, tip: Oid, isLinear: boolean, after: Oid): Promise<number> {
    let place: number | undefined;
    if (isLinear) {
      await index(repo, tip);
      place = await db.read(async (stores) => {
        const [head, one] = [
          await stores.history.findCommit(repo.id, tip),
          await stores.history.findCommit(repo.id, after),
        ];
        const lineage = await stores.history.lineage(repo.id, tip);
        const isOnLine =
          one && lineage.some(({ chain, upTo }) => chain === one.chain && one.position <= upTo);
        return isOnLine && head ? head.reachable - one.reachable : undefined;
      });
    } else {
      place = await order.placeOf(repo, tip, after);
    }
    if (place === undefined) {
      throw new HubError('InvalidCursor', `Commit ${after} is not in the history of ${tip}.`);
    }
    return place + 1;
  }

  return {
    indexAhead,

    async lastCommits(repo, commit, paths) {
      await index(repo, commit);
      const asked = new Set<string>();
      for (const path of paths) for (const one of [path, ...foldersAbove(path)]) asked.add(one);
      const records = await db.read(async (stores) => {
        const lineage = await stores.history.lineage(repo.id, commit);
        return stores.history.lastChanges(repo.id, lineage, [...asked]);
      });
      const latest = new Map<string, Oid>();
      for (const path of paths) {
        let best: { readonly oid: Oid; readonly segment: number; readonly position: number } | undefined;
        // A path may have changed by itself, or have come with a folder above it that came whole.
        for (const one of [path, ...foldersAbove(path)]) {
          const record = records.get(one);
          if (record && (!best || isLater(record, best))) best = record;
        }
        if (best) latest.set(path, best.oid);
      }
      const commits = await summaries(repo, latest.values());
      const answer = new Map<string, CommitSummary>();
      for (const [path, oid] of latest) {
        const summary = commits.get(oid);
        if (summary) answer.set(path, summary);
      }
      return answer;
    },

    async page(repo, commit, start, limit) {
      await index(repo, commit);
      const head = await db.read((stores) => stores.history.findCommit(repo.id, commit));
      const total = head?.reachable ?? 0;
      const isLinear = head?.isLinear === true;
      const skip = typeof start === 'number' ? start : await placeBehind(repo, commit, isLinear, start.after);
      // A history with merges has no single line to count along: its commits are walked in order of date.
      const oids = isLinear
        ? await db.read(async (stores) =>
            stores.history.page(repo.id, await stores.history.lineage(repo.id, commit), skip, limit),
          )
        : await order.page(repo, commit, skip, limit);
      const commits = await summaries(repo, oids);
      return { commits: oids.flatMap((oid) => commits.get(oid) ?? []), total, skipped: skip };
    },
  };
}

/**
 * The paths that a commit changed against its first parent. A folder that came whole is recorded a second time with
 * a slash at its end, and what is in it is not recorded; so is the root of a first commit. Later changes below the
 * folder are changes of the folder, but never of its coming, which is why that has a record of its own.
 */
async function changedPaths(
  objects: ObjectDb,
  before: Oid | undefined,
  after: Oid,
): Promise<readonly string[]> {
  if (!before) return ['/'];
  const changes = new Set<string>();
  for await (const change of diffTrees(objects, before, after, { expandNew: false, folders: true })) {
    const { path } = change;
    // A file that became a folder is reported twice.
    changes.add(path);
    if (change.kind === 'added' && change.after?.type === 'tree') changes.add(`${path}/`);
  }
  return [...changes];
}

/** Nearer segments hold later commits; within one, higher positions do. */
const isLater = (
  a: { readonly segment: number; readonly position: number },
  b: { readonly segment: number; readonly position: number },
): boolean => a.segment < b.segment || (a.segment === b.segment && a.position > b.position);

/** Every folder above a path, each with a slash at its end; the root is `/`. */
function foldersAbove(path: string): readonly string[] {
  const all = ['/'];
  for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    all.push(path.slice(0, slash + 1));
  }
  return all;
}

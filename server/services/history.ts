import type { Database } from '../db/stores.ts';
import { repoNotFound } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { Repo } from '../domain/repo.ts';
import type { ObjectDb } from '../git/object-db.ts';
import type { Commit } from '../git/objects.ts';
import { walkCommits } from '../git/commit-log.ts';
import { diffTrees } from '../git/tree-diff.ts';
import { createKeyedQueue } from '../platform/keyed-queue.ts';
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
}

/**
 * The history of a repository as lists ask for it. It is derived from git objects and kept as rows; whatever is
 * missing for a question is derived before the answer, so an answer is right even when the job has not run yet.
 */
export interface History {
  /** Derive what is missing up to a commit. */
  index(repo: Repo, commit: Oid): Promise<void>;
  /** The last commit, at or before `commit`, that touched each path. */
  lastCommits(repo: Repo, commit: Oid, paths: readonly string[]): Promise<ReadonlyMap<string, CommitSummary>>;
  /** Reachable commits, newest first. */
  page(repo: Repo, commit: Oid, skip: number, limit: number): Promise<CommitPage>;
}

export function createHistory(parts: { readonly db: Database; readonly repoObjects: RepoObjects }): History {
  const { db, repoObjects } = parts;
  const deriving = createKeyedQueue();

  async function isIndexed(repo: Repo, oid: Oid): Promise<boolean> {
    return (await db.read((stores) => stores.history.findCommit(repo.id, oid))) !== undefined;
  }

  /** Commits that are not indexed yet, parents before children. */
  async function missingFrom(repo: Repo, objects: ObjectDb, tip: Oid): Promise<readonly CommitSummary[]> {
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
      if (await isIndexed(repo, top.oid)) continue;
      const commit = await objects.commit(top.oid);
      stack.push({ oid: top.oid, commit }, ...commit.parents.map((oid) => ({ oid })));
    }
    return missing;
  }

  async function reachableCount(objects: ObjectDb, oid: Oid): Promise<number> {
    const seen = new Set<Oid>([oid]);
    const queue = [oid];
    for (let next = queue.pop(); next; next = queue.pop()) {
      for (const parent of (await objects.commit(next)).parents) {
        if (seen.has(parent)) continue;
        seen.add(parent);
        queue.push(parent);
      }
    }
    return seen.size;
  }

  async function indexOne(repo: Repo, objects: ObjectDb, { oid, commit }: CommitSummary): Promise<void> {
    const [firstParent, ...others] = commit.parents;
    const parent =
      firstParent && (await db.read((stores) => stores.history.findCommit(repo.id, firstParent)));
    const isLinear = others.length === 0 && (parent?.isLinear ?? true);
    const reachable = isLinear ? (parent?.reachable ?? 0) + 1 : await reachableCount(objects, oid);
    const parentTree = firstParent && (await objects.commit(firstParent)).tree;
    const changes = await changedPaths(objects, parentTree, commit.tree);
    await db.write(async (stores) => {
      if (await stores.history.findCommit(repo.id, oid)) return;
      if (!(await stores.repos.findById(repo.id))) throw repoNotFound();
      await stores.history.addCommit(repo.id, { oid, firstParent, reachable, isLinear }, changes);
    });
  }

  /** Callers who miss the same history wait for one of them to derive it. */
  async function index(repo: Repo, tip: Oid): Promise<void> {
    if (await isIndexed(repo, tip)) return;
    await deriving.run(String(repo.id), async () => {
      const objects = repoObjects.open(repo);
      for (const commit of await missingFrom(repo, objects, tip)) await indexOne(repo, objects, commit);
    });
  }

  async function summaries(repo: Repo, oids: Iterable<Oid>): Promise<ReadonlyMap<Oid, CommitSummary>> {
    const objects = repoObjects.open(repo);
    const answer = new Map<Oid, CommitSummary>();
    for (const oid of new Set(oids)) answer.set(oid, { oid, commit: await objects.commit(oid) });
    return answer;
  }

  /** A history with merges has no single line to count along, so its commits are walked in order of date. */
  async function walked(
    repo: Repo,
    tip: Oid,
    skip: number,
    limit: number,
  ): Promise<readonly CommitSummary[]> {
    const commits: CommitSummary[] = [];
    let place = 0;
    for await (const entry of walkCommits(repoObjects.open(repo), [tip])) {
      if (place >= skip) commits.push(entry);
      place++;
      if (commits.length === limit) break;
    }
    return commits;
  }

  return {
    index,

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

    async page(repo, commit, skip, limit) {
      await index(repo, commit);
      const { oids, total } = await db.read(async (stores) => {
        const head = await stores.history.findCommit(repo.id, commit);
        const lineage = head?.isLinear ? await stores.history.lineage(repo.id, commit) : undefined;
        const oids = lineage && (await stores.history.page(repo.id, lineage, skip, limit));
        return { oids, total: head?.reachable ?? 0 };
      });
      if (!oids) return { commits: await walked(repo, commit, skip, limit), total };
      const commits = await summaries(repo, oids);
      return { commits: oids.flatMap((oid) => commits.get(oid) ?? []), total };
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

import type { Oid, RepositoryId } from '../../domain/ids.ts';

export interface HistoryCommit {
  readonly oid: Oid;
  /** First-parent chain this commit lies on. */
  readonly chain: number;
  /** How many first-parent ancestors it has, so that places on one lineage differ across its chains. */
  readonly position: number;
  /** Undefined for a root. */
  readonly firstParent: Oid | undefined;
  /** How many commits are reachable from this one, itself included. */
  readonly reachable: number;
  /** True when no commit reachable from this one has a second parent. */
  readonly isLinear: boolean;
}

export interface ChainSegment {
  readonly chain: number;
  /** Highest position of the chain that belongs to the lineage. */
  readonly upTo: number;
}

/** Derived, rebuildable: which commit of a first-parent lineage touched which path last. */
export interface HistoryStore {
  findCommit(repositoryId: RepositoryId, oid: Oid): Promise<HistoryCommit | undefined>;
  /**
   * Insert a commit with what it changed against its first parent: the paths of files and folders, and `folder/` for
   * a folder that came whole, of which nothing below is listed (`/` for the first tree). Long lists go in slices.
   */
  addCommit(
    repositoryId: RepositoryId,
    commit: { oid: Oid; firstParent: Oid | undefined; reachable: number; isLinear: boolean },
    changes: readonly string[],
  ): Promise<HistoryCommit>;
  /** The chains that make up the first-parent lineage of a commit, nearest first. */
  lineage(repositoryId: RepositoryId, oid: Oid): Promise<readonly ChainSegment[]>;
  /** For each path, as it was given to `addCommit`, the last commit of the lineage recorded for it. */
  lastChanges(
    repositoryId: RepositoryId,
    lineage: readonly ChainSegment[],
    paths: readonly string[],
  ): Promise<ReadonlyMap<string, { oid: Oid; segment: number; position: number }>>;
  /** Commits of the lineage, newest first. */
  page(
    repositoryId: RepositoryId,
    lineage: readonly ChainSegment[],
    skip: number,
    limit: number,
  ): Promise<readonly Oid[]>;
}

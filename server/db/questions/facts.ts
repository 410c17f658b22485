import type { Oid, RepositoryId } from '../../domain/ids.ts';
import type { Label, LabelRole } from '../../domain/repo-facts.ts';
import type { Repo, RepoKind } from '../../domain/repo.ts';
import type { RepoScope } from './repo-scope.ts';

/** What was derived from the files of a repository at a commit, as JSON text. */
export interface StoredFacts {
  readonly commit: Oid;
  readonly summary: string;
  readonly card: string;
  readonly details: string;
}

/**
 * Derived, rebuildable: what the files at the head of the default branch say. Whoever moves that branch, or chooses
 * another one, marks the repository stale in the same transaction; whoever derives facts unmarks it.
 */
export interface FactStore {
  /** What is kept, whichever commit it was derived from. */
  find(repositoryId: RepositoryId): Promise<StoredFacts | undefined>;
  findMany(repositoryIds: readonly RepositoryId[]): Promise<ReadonlyMap<RepositoryId, StoredFacts>>;
  /** Replace what is kept, and unmark the repository. */
  put(
    repo: Pick<Repo, 'id' | 'kind'>,
    facts: StoredFacts & { parameters: number | undefined; labels: readonly Label[] },
  ): Promise<void>;
  /** Forget what is kept, and unmark the repository: it has no default branch. */
  clear(repositoryId: RepositoryId): Promise<void>;
  markStale(repositoryId: RepositoryId): Promise<void>;
  markAllStale(): Promise<void>;
  /** In order of ids, after one; of one kind or all. */
  listStale(
    kind: RepoKind | undefined,
    after: RepositoryId | undefined,
    limit: number,
  ): Promise<readonly RepositoryId[]>;
  /** Labels of a role that repositories in scope have, in order, after one. */
  listLabels(
    scope: RepoScope,
    query: { kind: RepoKind; role: LabelRole; after: string | undefined; limit: number },
  ): Promise<readonly string[]>;
  countLabeled(scope: RepoScope, kind: RepoKind, label: Label): Promise<number>;
}

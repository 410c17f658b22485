import type { Namespace, Visibility } from '../../domain/account.ts';
import type { NamespaceId, PublicId, RepositoryId } from '../../domain/ids.ts';
import type { HeldKind, Repo, RepoKind } from '../../domain/repo.ts';
import type { RepoCounters } from './popularity.ts';
import type { RepoListItem, RepoListQuery } from './repo-lists.ts';
import type { RepoScope } from './repo-scope.ts';

export interface OwnedRepo {
  readonly repo: Repo;
  readonly storedBytes: number;
}

/** What settings change; what is left out stays. */
export interface RepoChange {
  readonly visibility?: Visibility;
  readonly defaultBranch?: string;
  /** Undefined unarchives. */
  readonly archivedAt?: number | undefined;
}

export interface RepoStore {
  /**
   * Throws `Conflict` with `details.name` when a repository of this owner and kind has the name, or one too much like
   * it (`normalName`). A redirect of this name ends.
   */
  create(repo: {
    kind: HeldKind;
    owner: Pick<Namespace, 'id' | 'name' | 'kind'>;
    name: string;
    visibility: Visibility;
    defaultBranch: string;
    createdBy: NamespaceId | undefined;
    /** Chosen beforehand where packs are stored under it before the row exists. */
    publicId?: PublicId;
    now: number;
  }): Promise<Repo>;
  /** By current or former name; `isRedirect` says which it was. */
  find(kind: HeldKind, owner: string, name: string): Promise<{ repo: Repo; isRedirect: boolean } | undefined>;
  findById(id: RepositoryId): Promise<Repo | undefined>;
  findByPublicId(id: PublicId): Promise<Repo | undefined>;
  /** How many of each kind a scope shows, of one owner or of all. */
  countVisible(scope: RepoScope, owner?: NamespaceId): Promise<Readonly<Record<RepoKind, number>>>;
  /** All repositories of an owner, newest first, before a row key, with the bytes of the large files linked to each. */
  listOwned(owner: NamespaceId, before: number | undefined, limit: number): Promise<readonly OwnedRepo[]>;
  /** Bytes of the large files linked to the repositories of an owner, in each that has them. */
  ownedBytes(owner: NamespaceId): Promise<number>;
  /** Keyset page, in the order asked for. */
  listVisible(scope: RepoScope, query: RepoListQuery): Promise<readonly RepoListItem[]>;
  /** All 0 when there is no such repository. */
  counters(id: RepositoryId): Promise<RepoCounters>;
  /** Every repository, in id order, after an id; for jobs, `doctor` and `repo list`. */
  listAll(after: RepositoryId | undefined, limit: number): Promise<readonly Repo[]>;
  /** The repository of this owner and kind whose name is this one or too much like it; redirects do not count. */
  findAlike(ownerId: NamespaceId, kind: HeldKind, name: string): Promise<Repo | undefined>;
  /**
   * Give a repository another name, another owner, or both; the former name leads to it from then on. Throws
   * `Conflict` as `create` does, and for a redirect to what somebody else owns.
   */
  move(
    repo: Repo,
    to: { readonly owner: Pick<Namespace, 'id' | 'name' | 'kind'>; readonly name: string },
    now: number,
  ): Promise<Repo>;
  update(id: RepositoryId, change: RepoChange, now: number): Promise<void>;
  touch(id: RepositoryId, now: number): Promise<void>;
  /** Remove the repository and every row that belongs to it alone. Objects stay for the collector. */
  delete(id: RepositoryId): Promise<void>;
}

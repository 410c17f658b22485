import type { User } from '../../domain/account.ts';
import type { NamespaceId, RepositoryId } from '../../domain/ids.ts';
import type { Repo } from '../../domain/repo.ts';
import type { RepoScope } from './repo-scope.ts';

export interface Liker {
  /** Row key of the like, ascending in time. */
  readonly id: number;
  readonly user: User;
}

export interface LikedRepo {
  /** Row key of the like, ascending in time. */
  readonly id: number;
  readonly repo: Repo;
  readonly likedAt: number;
}

/**
 * Who likes what. `likes` and `trending` of the repository move with the row of each like, in the database, so that
 * they are right whoever writes at the same time.
 */
export interface LikeStore {
  /** Answers false, changing nothing, when the user likes the repository already. */
  add(repositoryId: RepositoryId, userId: NamespaceId, now: number): Promise<boolean>;
  /** Answers false, changing nothing, when the user does not like the repository. */
  remove(repositoryId: RepositoryId, userId: NamespaceId, now: number): Promise<boolean>;
  /** Take back all likes of a user, who cannot be deleted before. Answers how many there were. */
  removeAllOf(userId: NamespaceId, now: number): Promise<number>;
  has(repositoryId: RepositoryId, userId: NamespaceId): Promise<boolean>;
  /** Newest first, before a row key. */
  likersOf(repositoryId: RepositoryId, before: number | undefined, limit: number): Promise<readonly Liker[]>;
  /** What a user likes of the repositories that a scope shows, newest first, before a row key. */
  likedBy(
    userId: NamespaceId,
    scope: RepoScope,
    before: number | undefined,
    limit: number,
  ): Promise<readonly LikedRepo[]>;
  countLikedBy(userId: NamespaceId, scope: RepoScope): Promise<number>;
}

import type { NamespaceId, PublicId, RepositoryId } from '../../domain/ids.ts';

/** A path of a repository that somebody asked others to leave alone (git-lfs locking API). */
export interface LfsLock {
  /** Row key: locks are listed in the order in which they were made. */
  readonly id: number;
  readonly publicId: PublicId;
  readonly path: string;
  readonly lockedAt: number;
  readonly owner: { readonly id: NamespaceId; readonly name: string };
}

export interface LfsLockStore {
  /** The lock of the path, made now unless there is one already. */
  add(
    lock: { readonly repositoryId: RepositoryId; readonly path: string; readonly ownerId: NamespaceId },
    now: number,
  ): Promise<{ readonly lock: LfsLock; readonly isNew: boolean }>;
  find(repositoryId: RepositoryId, publicId: PublicId): Promise<LfsLock | undefined>;
  /** Oldest first, after a row key. */
  list(
    repositoryId: RepositoryId,
    page: {
      readonly after: number;
      readonly limit: number;
      readonly path?: string | undefined;
      readonly publicId?: PublicId | undefined;
    },
  ): Promise<readonly LfsLock[]>;
  /** Answers false when it is gone already. */
  remove(repositoryId: RepositoryId, publicId: PublicId): Promise<boolean>;
}

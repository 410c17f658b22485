import type { Oid, RepositoryId } from '../../domain/ids.ts';

export interface Ref {
  /** Full name, e.g. `refs/heads/main`. */
  readonly name: string;
  /** What it points at: a commit of a branch, any object of other refs. */
  readonly target: Oid;
  /** For an annotated tag, what it leads to in the end: a commit, but for tags of files and folders. */
  readonly peeled: Oid | undefined;
}

export interface RefStore {
  find(repositoryId: RepositoryId, name: string): Promise<Ref | undefined>;
  /** Those of `names` that exist. */
  findMany(repositoryId: RepositoryId, names: readonly string[]): Promise<readonly Ref[]>;
  list(repositoryId: RepositoryId, prefix: string): Promise<readonly Ref[]>;
  /** The same in pieces of bounded length, each asked for when the one before was worked off. */
  pages(repositoryId: RepositoryId, prefix: string): AsyncIterable<readonly Ref[]>;
  /**
   * Move, create (`expected` undefined) or delete (`next` undefined) one ref. Answers false, changing nothing,
   * when the ref is not what `expected` says. Called by `services/ref-updates.ts` alone.
   */
  compareAndSet(
    repositoryId: RepositoryId,
    name: string,
    expected: Oid | undefined,
    next: { target: Oid; peeled?: Oid } | undefined,
    now: number,
  ): Promise<boolean>;
}

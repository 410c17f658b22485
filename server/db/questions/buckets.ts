import type { NamespaceId, RepositoryId, XetHash } from '../../domain/ids.ts';
import type { Repo } from '../../domain/repo.ts';
import type { LargeObject } from './large-objects.ts';
import type { RepoScope } from './repo-scope.ts';

export interface Bucket {
  readonly repo: Repo;
  readonly fileCount: number;
  readonly sizeBytes: number;
}

export interface BucketFile {
  readonly path: string;
  readonly object: LargeObject;
  /** When it was changed where it came from, as its uploader says. */
  readonly modifiedAt: number | undefined;
  readonly contentType: string | undefined;
  readonly uploadedAt: number;
}

/** What a path of a bucket shall hold from now on; without a file nothing. */
export interface BucketChange {
  readonly path: string;
  readonly file: Omit<BucketFile, 'path' | 'uploadedAt'> | undefined;
}

/** The files of buckets, and buckets as their owners list them. */
export interface BucketStore {
  /** How much is in a bucket; undefined for what is none. */
  totals(id: RepositoryId): Promise<Omit<Bucket, 'repo'> | undefined>;
  /** Start counting in a bucket that was just created. */
  begin(id: RepositoryId): Promise<void>;
  /** Buckets of an owner with this text in their names, newest first. */
  list(
    scope: RepoScope,
    query: {
      readonly owner: NamespaceId;
      readonly search: string | undefined;
      readonly before: number | undefined;
      readonly limit: number;
    },
  ): Promise<readonly Bucket[]>;
  find(id: RepositoryId, paths: readonly string[]): Promise<readonly BucketFile[]>;
  /** Files in the order of their paths, from `from` on and before `before`. */
  listFiles(
    id: RepositoryId,
    range: { readonly from: string; readonly before: string | undefined; readonly limit: number },
  ): Promise<readonly BucketFile[]>;
  /** Among the objects linked to a repository, and with `pendingAt` those pending for it then, by Xet hash. */
  findObjects(
    id: RepositoryId,
    xetHashes: readonly XetHash[],
    pendingAt: number | undefined,
  ): Promise<ReadonlyMap<XetHash, LargeObject>>;
  /**
   * Set and delete files; of several changes of a path the last counts. Objects that a file has become are linked,
   * those that no file is any more are not linked any longer.
   */
  change(id: RepositoryId, changes: readonly BucketChange[], now: number): Promise<void>;
  /** Counted anew, for `doctor`: the files, their bytes, files whose object is not linked, and links without a file. */
  inspect(id: RepositoryId): Promise<{
    readonly fileCount: number;
    readonly sizeBytes: number;
    readonly unlinked: number;
    readonly unused: number;
  }>;
}

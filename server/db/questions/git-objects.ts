import type { Oid, PublicId, RepositoryId } from '../../domain/ids.ts';

export type StoredObjectType = 'commit' | 'tree' | 'blob' | 'tag';

export interface PackRow {
  readonly packId: string;
  /** Public id of the repository that it is stored under: a duplicate lists the packs of its source. */
  readonly home: PublicId;
  readonly source: 'commit' | 'push' | 'rolled';
  readonly objectCount: number;
  readonly sizeBytes: number;
  readonly indexSizeBytes: number;
  readonly createdAt: number;
  /** Digest of the tips whose whole history it is (`git/tips-digest.ts`), when it holds nothing else. */
  readonly closureOf?: Buffer;
}

/** A pack of a repository's own, as whoever stored it describes it. */
export type NewPack = Omit<PackRow, 'createdAt' | 'home'>;

export interface HotObject {
  /** Row key, ascending in order of insertion. */
  readonly id: number;
  readonly oid: Oid;
  readonly type: StoredObjectType;
  /** Length of the inflated content. */
  readonly sizeBytes: number;
  /** zlib stream of the content, without git's header. */
  readonly deflated: Buffer;
}

export interface GitObjectStore {
  /** Insert hot rows, skipping ids that the repository has as rows already. Large batches go in slices. */
  insertHot(repositoryId: RepositoryId, objects: readonly Omit<HotObject, 'id'>[]): Promise<void>;
  findHot(repositoryId: RepositoryId, oids: readonly Oid[]): Promise<readonly HotObject[]>;
  hotOidsByPrefix(repositoryId: RepositoryId, hexPrefix: string, limit: number): Promise<readonly Oid[]>;
  hotTotals(repositoryId: RepositoryId): Promise<{ count: number; sizeBytes: number }>;
  /** Repositories whose hot rows exceed either bound, most rows first. */
  repositoriesToRoll(
    bounds: { count: number; sizeBytes: number },
    limit: number,
  ): Promise<readonly RepositoryId[]>;
  /** Hot rows in insertion order, after a row key. */
  listHot(repositoryId: RepositoryId, after: number, limit: number): Promise<readonly HotObject[]>;
  deleteHot(repositoryId: RepositoryId, ids: readonly number[]): Promise<void>;
  addPack(repositoryId: RepositoryId, pack: NewPack, now: number): Promise<void>;
  /** Newest first. */
  packs(repositoryId: RepositoryId): Promise<readonly PackRow[]>;
  /** Whether any repository lists the pack that is stored under `home`. */
  isPackListed(home: PublicId, packId: string): Promise<boolean>;
  /** Whether objects may be stored that no ref of the repository leads to. */
  mayHoldUnreachable(repositoryId: RepositoryId): Promise<boolean>;
  /** From now on there may be such objects. */
  noteUnreachable(repositoryId: RepositoryId): Promise<void>;
  /** Give a new repository all objects of another one: its hot rows in slices, and its packs by name. */
  copyAll(from: RepositoryId, to: RepositoryId): Promise<void>;
}

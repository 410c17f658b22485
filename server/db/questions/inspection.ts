import type { NamespaceId, PublicId, RepositoryId, Sha256, XetHash } from '../../domain/ids.ts';
import type { HeldKind } from '../../domain/repo.ts';
import type { Upload } from './uploads.ts';

/** A name under which a repository is found. */
export interface RepositoryName {
  readonly ownerId: NamespaceId;
  readonly kind: HeldKind;
  /** In ASCII lower case, without the owner. */
  readonly folded: string;
  /** A former name, which lasts until another repository takes it. */
  readonly isRedirect: boolean;
}

/** What `doctor` alone asks: counts taken anew, and who is affected by what is broken. */
export interface InspectionStore {
  namesOf(repositoryId: RepositoryId): Promise<readonly RepositoryName[]>;
  /** The hot rows there are, whatever `hotTotals` says. */
  countHot(repositoryId: RepositoryId): Promise<{ count: number; sizeBytes: number }>;
  /** Sizes of those objects that are linked to the repository for good; pending ones do not count. */
  linkedAmong(repositoryId: RepositoryId, sha256s: readonly Sha256[]): Promise<ReadonlyMap<Sha256, number>>;
  /** Those that the repository gave up on purpose. */
  removedAmong(repositoryId: RepositoryId, sha256s: readonly Sha256[]): Promise<ReadonlySet<Sha256>>;
  /** Repositories that link a large object. */
  linkersOf(objectId: number, limit: number): Promise<readonly RepositoryId[]>;
  /** Repositories that link a large object which is rebuilt from this xorb. */
  dependentsOf(xorb: XetHash, limit: number): Promise<readonly RepositoryId[]>;
  /** Unfinished uploads, expired ones too, in order of their ids. */
  listUploads(after: PublicId | undefined, limit: number): Promise<readonly Upload[]>;
}

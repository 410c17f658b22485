import type { NamespaceId, RepositoryId, Sha256, XetHash } from '../../domain/ids.ts';
import type { RepoKind } from '../../domain/repo.ts';

export interface LargeObject {
  readonly id: number;
  readonly sha256: Sha256;
  readonly sizeBytes: number;
  readonly hasPlainForm: boolean;
  readonly xetHash: XetHash | undefined;
}

/** Where a large file was committed first. */
export interface LinkOrigin {
  /** By row key of the large object. */
  readonly paths: ReadonlyMap<number, string>;
  /** Short name of the branch. */
  readonly ref: string;
  readonly pusherId: NamespaceId | undefined;
}

/** A large object that is linked to a repository; what is not known of its origin is absent. */
export interface LinkedFile extends LargeObject {
  readonly linkedAt: number;
  readonly path: string | undefined;
  readonly ref: string | undefined;
  readonly pusher: string | undefined;
}

export interface LargeObjectStore {
  /** Among the objects linked to, or pending for, this repository. */
  findForRepository(
    repositoryId: RepositoryId,
    sha256s: readonly Sha256[],
    now: number,
  ): Promise<readonly LargeObject[]>;
  /** By Xet hash, again only what this repository may see. */
  findByXetHash(repositoryId: RepositoryId, xetHash: XetHash, now: number): Promise<LargeObject | undefined>;
  /** Whatever the hub holds; for storing, jobs and `doctor`, never to answer a caller. */
  findAny(sha256: Sha256): Promise<LargeObject | undefined>;
  /** Record that the plain form is stored. Creates the object when new. */
  addPlainForm(object: { sha256: Sha256; sizeBytes: number }, now: number): Promise<LargeObject>;
  /** Record that the Xet form is stored. Creates the object when new; of several Xet forms the first stays. */
  addXetForm(
    object: { sha256: Sha256; sizeBytes: number; xetHash: XetHash },
    now: number,
  ): Promise<LargeObject>;
  /** Let the repository commit these until then; a later `until` wins. */
  pend(repositoryId: RepositoryId, objectIds: readonly number[], until: number): Promise<void>;
  /** Those that wait to be committed to this repository, in the order of their keys after `afterId`. */
  listPending(
    repositoryId: RepositoryId,
    now: number,
    afterId: number,
    limit: number,
  ): Promise<readonly LargeObject[]>;
  /** Tie the objects to the repository for good, and drop their pendings. Those that are tied keep their origin. */
  link(
    repositoryId: RepositoryId,
    objectIds: readonly number[],
    now: number,
    origin?: LinkOrigin,
  ): Promise<void>;
  /** The opposite, pendings included; it is remembered which were removed on purpose. */
  unlink(repositoryId: RepositoryId, sha256s: readonly Sha256[], now: number): Promise<void>;
  /** Among the objects linked to this repository; pending ones do not count. */
  findLinked(repositoryId: RepositoryId, sha256s: readonly Sha256[]): Promise<readonly LargeObject[]>;
  listFiles(repositoryId: RepositoryId, afterId: number, limit: number): Promise<readonly LinkedFile[]>;
  /** Tie what one repository has for good to a new one as well, and remember what it gave up. In slices. */
  copyLinks(from: RepositoryId, to: RepositoryId, now: number): Promise<void>;
  /** The next object in plain form alone that nobody has looked at, of at least so many bytes. */
  nextToExamine(minBytes: number): Promise<LargeObject | undefined>;
  /** Remember that it was looked at, and the raw chunk hashes by which it shall be found. */
  markExamined(objectId: number, samples: readonly Uint8Array[], now: number): Promise<void>;
  /** Objects in plain form alone that are found by these chunks, and by how many: a few hundred chunks at a time. */
  findBySamples(
    hashes: readonly Uint8Array[],
  ): Promise<readonly { readonly object: LargeObject; readonly samples: number }[]>;
  /** Say that an object which has a Xet form has no plain form any more. Its bytes are left to the sweep. */
  dropPlainForm(objectId: number): Promise<void>;
  deleteExpiredPendings(now: number): Promise<number>;
  /** Bytes of all objects linked to the repository. */
  linkedBytes(repositoryId: RepositoryId): Promise<number>;
  /** Bytes of the objects linked to repositories of each kind, an object once a kind. */
  linkedBytesByKind(): Promise<Readonly<Record<RepoKind, number>>>;
  listLinked(repositoryId: RepositoryId, afterId: number, limit: number): Promise<readonly LargeObject[]>;
  listAll(afterId: number, limit: number): Promise<readonly LargeObject[]>;
  totals(): Promise<{ count: number; sizeBytes: number }>;
}

import type { Oid } from '../domain/ids.ts';

export type GitObjectType = 'commit' | 'tree' | 'blob' | 'tag';

/** A whole git object: its type and its content without the `type size\0` header. */
export interface GitObject {
  readonly type: GitObjectType;
  readonly content: Buffer;
}

/** A git object with its id, ready to be stored. */
export interface NewGitObject extends GitObject {
  readonly oid: Oid;
}

/** One immutable pack of a repository: where its bytes lie in the object store and how many there are. */
export interface PackRef {
  readonly id: string;
  readonly packKey: string;
  readonly indexKey: string;
  readonly sizeBytes: number;
  readonly indexSizeBytes: number;
  /** Digest of the tips whose whole history it is (`tips-digest.ts`), when it holds nothing else. */
  readonly closureOf?: Buffer;
}

/** A hot row as it is stored. */
export interface HotEntry {
  readonly type: GitObjectType;
  /** Length of the content. */
  readonly sizeBytes: number;
  /** The zlib stream, as in a pack. */
  readonly deflated: Buffer;
}

/**
 * What the git room needs of one repository's storage; `db` (rows) and `objects` (packs) stand behind it.
 * Objects belong to one repository: nothing here looks anywhere else.
 */
export interface GitStorage {
  /** Hot rows by id; ids that are not hot rows are absent from the answer. `content` is inflated. */
  hotObjects(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, GitObject>>;
  /** The same, not inflated. */
  hotEntries(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, HotEntry>>;
  /** Ids of hot rows that start with a hex prefix; at most `limit`. */
  hotOidsByPrefix(prefix: string, limit: number): Promise<readonly Oid[]>;
  /** The packs of the repository, newest first. */
  packs(): Promise<readonly PackRef[]>;
  /** `length` bytes of a stored object from `offset`. */
  readRange(key: string, offset: number, length: number): Promise<Buffer>;
}

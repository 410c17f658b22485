import type { XetHash } from '../../domain/ids.ts';
import type { RepoScope } from './repo-scope.ts';

export interface XetTerm {
  readonly xorb: XetHash;
  readonly chunkStart: number;
  readonly chunkEnd: number;
  /** Raw length of the chunks of this term together. */
  readonly unpackedBytes: number;
}

export interface XorbRow {
  readonly hash: XetHash;
  readonly sizeBytes: number;
  readonly rawBytes: number;
  readonly chunkCount: number;
}

/** Chunks of a xorb that a file is made of. */
export interface XorbRange {
  readonly xorb: XetHash;
  readonly chunkStart: number;
  readonly chunkEnd: number;
}

export interface XetStore {
  /** Remember a xorb, and the raw hashes of the chunks by which it shall be found again. */
  addXorb(xorb: XorbRow, samples: readonly Uint8Array[], now: number): Promise<void>;
  /** Chunks by which xorbs shall be found, beside those they came with. Unknown xorbs are passed over. */
  addSamples(samples: readonly { xorb: XetHash; hash: Uint8Array }[]): Promise<void>;
  /** Xorbs that are found by any of these chunks, at most `limit`: a few hundred chunks at a time. */
  findBySamples(hashes: readonly Uint8Array[], limit: number): Promise<readonly XetHash[]>;
  /**
   * What files in repositories of the scope are made of, as far as they have a xorb that is found by this chunk: the
   * newest `files` of them, and at most `terms` ranges. What no such file names is not told.
   */
  rangesAround(
    scope: RepoScope,
    hash: Uint8Array,
    limits: { files: number; terms: number },
  ): Promise<readonly XorbRange[]>;
  findXorbs(hashes: readonly XetHash[]): Promise<readonly XorbRow[]>;
  /** Remember a reconstructable file: its terms in order. Adding it again changes nothing. */
  addFile(file: { hash: XetHash; sizeBytes: number; terms: readonly XetTerm[] }, now: number): Promise<void>;
  /** Terms in order with the file's size. */
  findFile(hash: XetHash): Promise<{ sizeBytes: number; terms: readonly XetTerm[] } | undefined>;
  listXorbs(after: XetHash | undefined, limit: number): Promise<readonly XorbRow[]>;
  totals(): Promise<{ xorbs: number; sizeBytes: number }>;
}

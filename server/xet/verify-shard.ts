import { HubError } from '../domain/errors.ts';
import type { Sha256, XetHash } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { rawBytesOf } from './chunk-index.ts';
import type { ChunkIndex } from './chunk-index.ts';
import { EMPTY_HASH, HASH_BYTES, loadXetHashing, xetHashText } from './hash.ts';
import type { XetHashing } from './hash.ts';
import { parseShard } from './shard.ts';
import type { ShardFile, XetTerm } from './shard.ts';

/** A file of a shard whose terms are proved. Its SHA-256 is not: that takes its bytes. */
export interface VerifiedFile {
  readonly hash: XetHash;
  /** Absent only where the verification allows it. */
  readonly declaredSha256: Sha256 | undefined;
  readonly sizeBytes: number;
  readonly terms: readonly XetTerm[];
  /** Raw hash of its first chunk, by which clients ask for it; absent for an empty file. */
  readonly firstChunk: Uint8Array | undefined;
}

export interface ShardVerification {
  readonly shard: Uint8Array;
  /** Chunk index of a xorb that is durably stored, or `undefined`. Asked once per run of terms on one xorb. */
  readonly findChunkIndex: (xorb: XetHash) => Promise<ChunkIndex | undefined>;
  /**
   * Most bytes one file may have, and all files of the shard together. A few hundred bytes of terms can name the
   * same highly compressed chunks over and over; without a bound they would buy hours of hashing.
   */
  readonly maxFileBytes: number;
  readonly maxTotalBytes: number;
  /** Clients leave the SHA-256 out of what they upload to a bucket, where files go by their Xet hash. */
  readonly mayLackSha256?: boolean;
}

/**
 * Chunks one file may have whatever its size, and how small they may be on average beyond that. Chunkers make none
 * below 8 KiB but at the end of a file; a xorb of one-byte chunks named again and again is work for nothing.
 */
const FREE_CHUNKS = 1_000_000;
const MIN_MEAN_CHUNK_BYTES = 1024;

/** hf_xet 1.8 declares this for an empty file whose SHA-256 it computed itself. */
const NO_SHA256 = '0'.repeat(64);
const SHA256_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' as Sha256;

/** Chunks between two looks at the time: about two milliseconds. */
const CHUNKS_PER_LOOK = 1024;

const refuse = (file: ShardFile, problem: string): HubError =>
  new HubError('InvalidObject', `File ${file.hash} of the shard ${problem}.`);

/** Checks that need nothing but the shard itself. */
const checkDeclared = (
  file: ShardFile,
  { maxFileBytes, mayLackSha256 }: Pick<ShardVerification, 'maxFileBytes' | 'mayLackSha256'>,
): void => {
  const { sizeBytes, chunkCount, termCount, sha256 } = file;
  if (sha256 === undefined && mayLackSha256 !== true) throw refuse(file, 'lacks its SHA-256');
  if (termCount > 0 && !file.rangeHash(0)) throw refuse(file, 'lacks its verification hashes');
  if (sizeBytes > maxFileBytes)
    throw refuse(file, `has ${sizeBytes} bytes, more than the ${maxFileBytes} allowed`);
  if (chunkCount > FREE_CHUNKS + sizeBytes / MIN_MEAN_CHUNK_BYTES) {
    throw refuse(file, 'has too many chunks for its size');
  }
};

const checkTerm = (
  hashing: XetHashing,
  file: ShardFile,
  number: number,
  term: XetTerm,
  index: ChunkIndex,
): void => {
  if (term.chunkEnd > index.count) {
    const range = `chunks ${term.chunkStart} to ${term.chunkEnd} of xorb ${term.xorb}`;
    throw refuse(file, `asks in term ${number} for ${range}, which has ${index.count}`);
  }
  const rawBytes = rawBytesOf(index, term.chunkStart, term.chunkEnd);
  if (rawBytes !== term.unpackedBytes) {
    throw refuse(file, `gives term ${number} ${term.unpackedBytes} bytes, but its chunks have ${rawBytes}`);
  }
  const hashes = index.hashes.subarray(term.chunkStart * HASH_BYTES, term.chunkEnd * HASH_BYTES);
  const declared = file.rangeHash(number);
  if (!declared || Buffer.compare(hashing.range(hashes), declared) !== 0) {
    throw refuse(file, `has a wrong verification hash in term ${number}`);
  }
};

/** Counts chunks, and lets other work have its turn when they took theirs. */
const createTurns = () => {
  const slice = createTimeSlice();
  let counted = 0;
  return async (): Promise<void> => {
    counted += 1;
    if (counted % CHUNKS_PER_LOOK === 0 && slice.isOver()) await slice.next();
  };
};

const provedTerms = async (
  file: ShardFile,
  hashing: XetHashing,
  findChunkIndex: ShardVerification['findChunkIndex'],
  count: () => Promise<void>,
): Promise<Pick<VerifiedFile, 'terms' | 'firstChunk'>> => {
  const tree = hashing.tree();
  const terms: XetTerm[] = [];
  let firstChunk: Uint8Array | undefined;
  let current: { readonly xorb: XetHash; readonly index: ChunkIndex } | undefined;
  for (let number = 0; number < file.termCount; number += 1) {
    const term = file.term(number);
    if (current?.xorb !== term.xorb) {
      const index = await findChunkIndex(term.xorb);
      if (!index) throw refuse(file, `needs xorb ${term.xorb}, which was not uploaded`);
      current = { xorb: term.xorb, index };
    }
    const { index } = current;
    checkTerm(hashing, file, number, term, index);
    for (let chunk = term.chunkStart; chunk < term.chunkEnd; chunk += 1) {
      const hash = index.hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES);
      firstChunk ??= Uint8Array.from(hash);
      tree.add(hash, rawBytesOf(index, chunk, chunk + 1));
      await count();
    }
    terms.push(term);
  }
  const hash = terms.length === 0 ? EMPTY_HASH : xetHashText(hashing.file(tree.root()));
  if (hash !== file.hash) throw refuse(file, `is made of chunks that hash to ${hash}`);
  return { terms, firstChunk };
};

/**
 * Prove an uploaded shard against the stored xorbs: every term lies within a xorb that exists and unpacks to the
 * size it says; its verification hash shows that the uploader knows the chunks (a xorb's name alone gives nothing);
 * the file's hash is that of its chunks; a SHA-256 is declared. Throws `InvalidObject` with a sentence about the
 * first failure. The declared SHA-256 must still be compared with the file's bytes before anyone may see the file.
 * Each file is given once, however often the shard has it.
 *
 * Source: "Shard upload" and "Hashing" of the Xet specification.
 */
export const verifyShard = async (verification: ShardVerification): Promise<readonly VerifiedFile[]> => {
  const { shard, findChunkIndex, maxTotalBytes } = verification;
  const hashing = await loadXetHashing();
  const count = createTurns();
  const verified = new Map<XetHash, VerifiedFile>();
  let totalBytes = 0;
  for (const file of parseShard(shard)) {
    await count();
    checkDeclared(file, verification);
    totalBytes += file.sizeBytes;
    if (totalBytes > maxTotalBytes) {
      const problem = `The files of the shard have more than the ${maxTotalBytes} bytes allowed together.`;
      throw new HubError('InvalidObject', problem);
    }
    const { terms, firstChunk } = await provedTerms(file, hashing, findChunkIndex, count);
    const isUndeclared = terms.length === 0 && file.sha256 === NO_SHA256;
    const declaredSha256 = isUndeclared ? SHA256_OF_NOTHING : file.sha256;
    const earlier = verified.get(file.hash);
    if (earlier && earlier.declaredSha256 !== declaredSha256) throw refuse(file, 'has two different SHA-256');
    if (!earlier) {
      const { hash, sizeBytes } = file;
      verified.set(hash, { hash, declaredSha256, sizeBytes, terms, firstChunk });
    }
  }
  return [...verified.values()];
};

import { setImmediate as nextTurn } from 'node:timers/promises';
import { HubError } from '../domain/errors.ts';
import type { Sha256, XetHash } from '../domain/ids.ts';
import { rawBytesOf } from './chunk-index.ts';
import type { ChunkIndex } from './chunk-index.ts';
import { EMPTY_HASH, HASH_BYTES, loadXetHashing, xetHashText } from './hash.ts';
import type { HashTree, XetHashing } from './hash.ts';
import { parseShard } from './shard.ts';
import type { ShardFile, XetTerm } from './shard.ts';

/** A file of a shard whose terms are proved. Its SHA-256 is not: that takes its bytes. */
export interface VerifiedFile {
  readonly hash: XetHash;
  readonly declaredSha256: Sha256;
  readonly sizeBytes: number;
  readonly terms: readonly XetTerm[];
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

/** Chunks hashed into a tree before other work gets its turn: about four milliseconds. */
const CHUNKS_PER_TURN = 2048;

const refuse = (file: ShardFile, problem: string): HubError =>
  new HubError('InvalidObject', `File ${file.hash} of the shard ${problem}.`);

/** Checks that need nothing but the shard itself. */
const checkDeclared = (file: ShardFile, maxFileBytes: number): number => {
  if (file.sha256 === undefined) throw refuse(file, 'lacks its SHA-256');
  if (file.rangeHashes.length !== file.terms.length) throw refuse(file, 'lacks its verification hashes');
  let sizeBytes = 0;
  let chunks = 0;
  file.terms.forEach((term, number) => {
    if (term.chunkStart >= term.chunkEnd) throw refuse(file, `has an empty chunk range in term ${number}`);
    sizeBytes += term.unpackedBytes;
    chunks += term.chunkEnd - term.chunkStart;
  });
  if (chunks > FREE_CHUNKS + sizeBytes / MIN_MEAN_CHUNK_BYTES)
    throw refuse(file, 'has too many chunks for its size');
  if (sizeBytes > maxFileBytes)
    throw refuse(file, `has ${sizeBytes} bytes, more than the ${maxFileBytes} allowed`);
  return sizeBytes;
};

const checkTerm = (
  hashing: XetHashing,
  file: ShardFile,
  number: number,
  term: XetTerm,
  index: ChunkIndex,
): void => {
  if (term.chunkEnd > index.count) {
    throw refuse(
      file,
      `asks in term ${number} for chunks ${term.chunkStart} to ${term.chunkEnd} of xorb ${term.xorb}, which has ${index.count}`,
    );
  }
  const rawBytes = rawBytesOf(index, term.chunkStart, term.chunkEnd);
  if (rawBytes !== term.unpackedBytes) {
    throw refuse(file, `gives term ${number} ${term.unpackedBytes} bytes, but its chunks have ${rawBytes}`);
  }
  const hashes = index.hashes.subarray(term.chunkStart * HASH_BYTES, term.chunkEnd * HASH_BYTES);
  if (xetHashText(hashing.range(hashes)) !== file.rangeHashes[number]) {
    throw refuse(file, `has a wrong verification hash in term ${number}`);
  }
};

const addChunks = async (
  tree: HashTree,
  term: XetTerm,
  index: ChunkIndex,
  turn: { chunks: number },
): Promise<void> => {
  for (let chunk = term.chunkStart; chunk < term.chunkEnd; chunk += 1) {
    tree.add(
      index.hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES),
      rawBytesOf(index, chunk, chunk + 1),
    );
    turn.chunks += 1;
    if (turn.chunks % CHUNKS_PER_TURN === 0) await nextTurn();
  }
};

/**
 * Prove an uploaded shard against the stored xorbs: every term lies within a xorb that exists and unpacks to the
 * size it says; its verification hash shows that the uploader knows the chunks (a xorb's name alone gives nothing);
 * the file's hash is that of its chunks; a SHA-256 is declared. Throws `InvalidObject` with a sentence about the
 * first failure. The declared SHA-256 must still be compared with the file's bytes before anyone may see the file.
 *
 * Source: "Shard upload" and "Hashing" of the Xet specification.
 */
export const verifyShard = async (verification: ShardVerification): Promise<readonly VerifiedFile[]> => {
  const { findChunkIndex, maxFileBytes, maxTotalBytes } = verification;
  const { files } = parseShard(verification.shard);
  const hashing = await loadXetHashing();
  const turn = { chunks: 0 };

  let totalBytes = 0;
  const sizes = files.map((file) => {
    const sizeBytes = checkDeclared(file, maxFileBytes);
    totalBytes += sizeBytes;
    return sizeBytes;
  });
  if (totalBytes > maxTotalBytes) {
    throw new HubError(
      'InvalidObject',
      `The files of the shard have ${totalBytes} bytes together, more than the ${maxTotalBytes} allowed.`,
    );
  }

  const verified: VerifiedFile[] = [];
  for (const [position, file] of files.entries()) {
    const tree = hashing.tree();
    let current: { readonly xorb: XetHash; readonly index: ChunkIndex } | undefined;
    for (const [number, term] of file.terms.entries()) {
      if (current?.xorb !== term.xorb) {
        const index = await findChunkIndex(term.xorb);
        if (!index) throw refuse(file, `needs xorb ${term.xorb}, which was not uploaded`);
        current = { xorb: term.xorb, index };
      }
      checkTerm(hashing, file, number, term, current.index);
      await addChunks(tree, term, current.index, turn);
    }
    const hash = file.terms.length === 0 ? EMPTY_HASH : xetHashText(hashing.file(tree.root()));
    if (hash !== file.hash) throw refuse(file, `is made of chunks that hash to ${hash}`);
    const isUndeclared = file.terms.length === 0 && file.sha256 === NO_SHA256;
    verified.push({
      hash: file.hash,
      declaredSha256: isUndeclared ? SHA256_OF_NOTHING : (file.sha256 as Sha256),
      sizeBytes: sizes[position] ?? 0,
      terms: file.terms,
    });
  }
  return verified;
};

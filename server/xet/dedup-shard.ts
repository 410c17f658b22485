import type { XetHash } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { ChunkIndex } from './chunk-index.ts';
import { rawBytesOf } from './chunk-index.ts';
import { HASH_BYTES, xetHashBytes } from './hash.ts';
import { BOOKEND_ENTRY, ENTRY_BYTES, FOOTER_BYTES, shardHeader } from './shard.ts';

/*
 * The answer to a client that asks which xorbs have a chunk: a shard without files, whose chunk hashes are keyed by
 * the key in its footer. Whoever has a chunk can compute its keyed hash; nobody can turn one back into the hash that
 * would prove possession of the chunk (Xet specification, "Deduplication", "HMAC Security Mechanism").
 */

/** Half-open range of chunk numbers. */
interface ChunkRange {
  readonly start: number;
  readonly end: number;
}

export interface ToldXorb {
  readonly hash: XetHash;
  readonly index: ChunkIndex;
  /** What the asker may know of it, ascending and apart. The other chunks are told with a random hash and no length. */
  readonly ranges: readonly ChunkRange[];
}

export interface DedupShard {
  readonly xorbs: readonly ToldXorb[];
  /** Key of the chunk hashes, 32 bytes, and how it is applied to one of them. */
  readonly key: Uint8Array;
  readonly keyed: (hash: Uint8Array) => Uint8Array;
  /** A hash that no chunk has. */
  readonly randomHash: () => Uint8Array;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** Chunks between two looks at the time: about two milliseconds. */
const CHUNKS_PER_LOOK = 512;

/** Sort ranges, and join those that touch. */
export const joinRanges = (ranges: readonly ChunkRange[]): readonly ChunkRange[] => {
  const joined: ChunkRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last && range.start <= last.end) {
      joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, range.end) };
    } else joined.push(range);
  }
  return joined;
};

/** How many entries the chunks of a xorb take: nothing is told behind the last one that may be known. */
export const toldChunks = (ranges: readonly ChunkRange[]): number => ranges.at(-1)?.end ?? 0;

/** Write the shard. Takes about 2 microseconds a chunk, in slices. */
export const writeDedupShard = async (shard: DedupShard): Promise<Buffer> => {
  const entries = shard.xorbs.reduce((total, xorb) => total + 1 + toldChunks(xorb.ranges), 0);
  const footerAt = ENTRY_BYTES * (3 + entries);
  const bytes = Buffer.alloc(footerAt + FOOTER_BYTES);
  shardHeader(FOOTER_BYTES).copy(bytes);
  BOOKEND_ENTRY.copy(bytes, ENTRY_BYTES);
  let at = 2 * ENTRY_BYTES;
  let written = 0;
  const slice = createTimeSlice();
  for (const { hash, index, ranges } of shard.xorbs) {
    const count = toldChunks(ranges);
    const header = at;
    at += ENTRY_BYTES;
    let rawBytes = 0;
    let range = 0;
    for (let chunk = 0; chunk < count; chunk += 1, at += ENTRY_BYTES) {
      while ((ranges[range]?.end ?? count) <= chunk) range += 1;
      const isTold = (ranges[range]?.start ?? count) <= chunk;
      const own = index.hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES);
      const length = isTold ? rawBytesOf(index, chunk, chunk + 1) : 0;
      bytes.set(isTold ? shard.keyed(own) : shard.randomHash(), at);
      bytes.writeUInt32LE(rawBytes, at + 32);
      bytes.writeUInt32LE(length, at + 36);
      rawBytes += length;
      written += 1;
      if (written % CHUNKS_PER_LOOK === 0 && slice.isOver()) await slice.next();
    }
    xetHashBytes(hash).copy(bytes, header);
    bytes.writeUInt32LE(count, header + 36);
    bytes.writeUInt32LE(rawBytes, header + 40);
    // How well the xorb compresses is nobody's business: what is told is its raw length.
    bytes.writeUInt32LE(rawBytes, header + 44);
  }
  BOOKEND_ENTRY.copy(bytes, at);
  bytes.writeBigUInt64LE(1n, footerAt);
  bytes.writeBigUInt64LE(BigInt(ENTRY_BYTES), footerAt + 8);
  bytes.writeBigUInt64LE(BigInt(2 * ENTRY_BYTES), footerAt + 16);
  // Lookup tables without entries: hf_xet takes the length of the xorb section from where the second one begins.
  for (const table of [24, 40, 56]) bytes.writeBigUInt64LE(BigInt(footerAt), footerAt + table);
  bytes.set(shard.key, footerAt + 72);
  bytes.writeBigUInt64LE(BigInt(shard.createdAt), footerAt + 104);
  bytes.writeBigUInt64LE(BigInt(shard.expiresAt), footerAt + 112);
  bytes.writeBigUInt64LE(BigInt(footerAt), footerAt + 192);
  return bytes;
};

import { HubError } from '../domain/errors.ts';
import type { Sha256, XetHash } from '../domain/ids.ts';
import { MAX_XORB_CHUNKS } from './chunk-index.ts';
import { HASH_BYTES, xetHashText } from './hash.ts';

/*
 * Shards as clients upload them: which files exist and which chunks of which xorbs they are made of.
 *
 *     header   32-byte tag | u64 version 2 | u64 footer size
 *     files    per file: {hash, u32 flags, u32 n, 8 unused}
 *                        n x {xorb hash, u32 flags, u32 unpacked bytes, u32 first chunk, u32 chunk behind the last}
 *                        n x {range hash, 16 unused}      if flag 31
 *                        {sha256, 16 unused}              if flag 30
 *              closed by a bookend: 32 x 0xff, 16 x 0
 *     xorbs    per xorb: {hash, u32 flags, u32 n, u32 raw bytes, u32 stored bytes}
 *                        n x {chunk hash, u32 raw offset, u32 raw bytes, u32 flags, 4 unused}
 *              closed by the same bookend
 *     footer   200 bytes, to be left out of uploads; `@huggingface/hub` 2.17 sends it, so it is tolerated
 *
 * Everything is little endian and 48 bytes wide but the footer. Source: "MDB Shard File Format Specification".
 */

/** Chunks `[chunkStart, chunkEnd)` of a xorb, the next bytes of a file. */
export interface XetTerm {
  readonly xorb: XetHash;
  readonly chunkStart: number;
  readonly chunkEnd: number;
  /** Raw bytes of those chunks together. */
  readonly unpackedBytes: number;
}

/** A file as the shard declares it; nothing of it is proved. */
export interface ShardFile {
  readonly hash: XetHash;
  readonly terms: readonly XetTerm[];
  /** One per term, or none at all. */
  readonly rangeHashes: readonly XetHash[];
  readonly sha256: Sha256 | undefined;
}

/** A xorb as the shard describes it; the hub trusts its own chunk index instead. */
export interface ShardXorb {
  readonly hash: XetHash;
  readonly chunkCount: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
}

export interface Shard {
  readonly files: readonly ShardFile[];
  readonly xorbs: readonly ShardXorb[];
}

/** Most bytes of an uploaded shard; clients start a new one below this (`@huggingface/hub`, `SHARD_MAX_SIZE`). */
export const MAX_SHARD_BYTES = 64 * 1024 * 1024;

const TAG = Buffer.concat([
  Buffer.from('HFRepoMetaData\0', 'latin1'),
  Buffer.of(85, 105, 103, 69, 106, 123, 129, 87, 131, 165, 189, 217, 92, 205, 209, 74, 169),
]);
const VERSION = 2n;
const FOOTER_BYTES = 200;
const ENTRY_BYTES = 48;
const FLAG_VERIFICATION = 0x80000000;
const FLAG_METADATA = 0x40000000;
const BOOKEND = Buffer.alloc(HASH_BYTES, 0xff);

const refuse = (problem: string): HubError => new HubError('InvalidObject', `The shard ${problem}.`);

/** Reads 48-byte entries one after the other, never past the end. */
const createEntryReader = (bytes: Buffer, end: number) => {
  let offset = ENTRY_BYTES;
  /** The next `count` entries of a kind; answers the offset of the first. */
  const take = (count: number, what: string): number => {
    const start = offset;
    if (count * ENTRY_BYTES > end - start) throw refuse(`is cut off in ${what}`);
    offset = start + count * ENTRY_BYTES;
    return start;
  };
  const isBookend = (at: number): boolean => bytes.subarray(at, at + HASH_BYTES).equals(BOOKEND);
  return { take, isBookend };
};

/** Parse a shard with or without footer. Throws `InvalidObject` with a sentence about what is malformed. */
export const parseShard = (upload: Uint8Array): Shard => {
  const bytes = Buffer.from(upload.buffer, upload.byteOffset, upload.byteLength);
  if (bytes.length > MAX_SHARD_BYTES) {
    throw refuse(`has ${bytes.length} bytes, more than the ${MAX_SHARD_BYTES} allowed`);
  }
  if (bytes.length < ENTRY_BYTES) throw refuse('is shorter than its header');
  if (!bytes.subarray(0, TAG.length).equals(TAG)) throw refuse('does not start with the tag of a shard');
  const version = bytes.readBigUInt64LE(32);
  if (version !== VERSION) throw refuse(`has the unknown version ${version}`);
  const footerBytes = bytes.readBigUInt64LE(40);
  if (footerBytes !== 0n && footerBytes !== BigInt(FOOTER_BYTES)) {
    throw refuse(`announces a footer of ${footerBytes} bytes`);
  }
  const end = bytes.length - Number(footerBytes);
  if (footerBytes !== 0n && (end < ENTRY_BYTES || bytes.readBigUInt64LE(end) !== 1n)) {
    throw refuse('has a damaged footer');
  }

  const { take, isBookend } = createEntryReader(bytes, end);
  const hashAt = (offset: number): XetHash => xetHashText(bytes, offset);

  const files: ShardFile[] = [];
  for (;;) {
    const at = take(1, 'its file section');
    if (isBookend(at)) break;
    const hash = hashAt(at);
    const flags = bytes.readUInt32LE(at + 32);
    const count = bytes.readUInt32LE(at + 36);
    // A flag of the future could announce entries we would then read as something else.
    const known = FLAG_VERIFICATION + FLAG_METADATA;
    if ((flags & ~known) !== 0) throw refuse(`has unknown flags for file ${hash}`);
    const firstTerm = take(count, `the terms of file ${hash}`);
    const hasRangeHashes = (flags & FLAG_VERIFICATION) !== 0;
    const firstRangeHash = hasRangeHashes ? take(count, `the verification entries of file ${hash}`) : 0;
    const sha256 =
      (flags & FLAG_METADATA) === 0 ? undefined : hashAt(take(1, `the metadata of file ${hash}`));

    const terms: XetTerm[] = [];
    const rangeHashes: XetHash[] = [];
    for (let term = 0; term < count; term += 1) {
      const entry = firstTerm + term * ENTRY_BYTES;
      terms.push({
        xorb: hashAt(entry),
        unpackedBytes: bytes.readUInt32LE(entry + 36),
        chunkStart: bytes.readUInt32LE(entry + 40),
        chunkEnd: bytes.readUInt32LE(entry + 44),
      });
      if (hasRangeHashes) rangeHashes.push(hashAt(firstRangeHash + term * ENTRY_BYTES));
    }
    files.push({ hash, terms, rangeHashes, sha256: sha256 as string as Sha256 | undefined });
  }

  const xorbs: ShardXorb[] = [];
  for (;;) {
    const at = take(1, 'its xorb section');
    if (isBookend(at)) break;
    const hash = hashAt(at);
    const chunkCount = bytes.readUInt32LE(at + 36);
    if (chunkCount === 0 || chunkCount > MAX_XORB_CHUNKS)
      throw refuse(`gives xorb ${hash} ${chunkCount} chunks`);
    take(chunkCount, `the chunks of xorb ${hash}`);
    xorbs.push({
      hash,
      chunkCount,
      rawBytes: bytes.readUInt32LE(at + 40),
      storedBytes: bytes.readUInt32LE(at + 44),
    });
  }
  // Between the sections and a footer older clients may put lookup tables; without a footer nothing follows.
  if (footerBytes === 0n && take(0, '') !== end) throw refuse('is followed by other bytes');
  return { files, xorbs };
};

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

/**
 * A file as the shard declares it; nothing of it is proved. Its terms are read when they are asked for: a shard may
 * have a million of them.
 */
export interface ShardFile {
  readonly hash: XetHash;
  readonly termCount: number;
  /** Raw bytes and chunks of all terms together. */
  readonly sizeBytes: number;
  readonly chunkCount: number;
  readonly sha256: Sha256 | undefined;
  term(number: number): XetTerm;
  /** Raw verification hash of a term; `undefined` when the file comes without them. */
  rangeHash(number: number): Uint8Array | undefined;
}

/** Most bytes of an uploaded shard; clients start a new one below this (`@huggingface/hub`, `SHARD_MAX_SIZE`). */
export const MAX_SHARD_BYTES = 64 * 1024 * 1024;

const TAG = Buffer.concat([
  Buffer.from('HFRepoMetaData\0', 'latin1'),
  Buffer.of(85, 105, 103, 69, 106, 123, 129, 87, 131, 165, 189, 217, 92, 205, 209, 74, 169),
]);
const VERSION = 2n;
/** Length of a footer, and of every entry before it. */
export const FOOTER_BYTES = 200;
export const ENTRY_BYTES = 48;
const FLAG_VERIFICATION = 0x80000000;
const FLAG_METADATA = 0x40000000;
const BOOKEND = Buffer.alloc(HASH_BYTES, 0xff);

/** What closes a section. */
export const BOOKEND_ENTRY = Buffer.concat([BOOKEND, Buffer.alloc(ENTRY_BYTES - HASH_BYTES)]);

/** What every shard begins with. */
export const shardHeader = (footerBytes: number): Buffer => {
  const header = Buffer.alloc(ENTRY_BYTES);
  TAG.copy(header);
  header.writeBigUInt64LE(VERSION, 32);
  header.writeBigUInt64LE(BigInt(footerBytes), 40);
  return header;
};

const refuse = (problem: string): HubError => new HubError('InvalidObject', `The shard ${problem}.`);

/** Reads 48-byte entries one after the other, never past the end. */
const createEntryReader = (bytes: Buffer, end: number) => {
  let offset = ENTRY_BYTES;
  return {
    /** The next `count` entries of a kind; answers the offset of the first. */
    take: (count: number, what: () => string): number => {
      const start = offset;
      if (count * ENTRY_BYTES > end - start) throw refuse(`is cut off in ${what()}`);
      offset = start + count * ENTRY_BYTES;
      return start;
    },
    isBookend: (at: number): boolean =>
      bytes[at] === 0xff && bytes.subarray(at, at + HASH_BYTES).equals(BOOKEND),
    isAtEnd: (): boolean => offset === end,
  };
};

type EntryReader = ReturnType<typeof createEntryReader>;

/** Check the header and the footer. Answers where the sections end, and whether anything may follow them. */
const parseFrame = (bytes: Buffer): { readonly end: number; readonly hasFooter: boolean } => {
  if (bytes.length > MAX_SHARD_BYTES) {
    throw refuse(`has ${bytes.length} bytes, more than the ${MAX_SHARD_BYTES} allowed`);
  }
  if (bytes.length < ENTRY_BYTES) throw refuse('is shorter than its header');
  if (!bytes.subarray(0, TAG.length).equals(TAG)) throw refuse('does not start with the tag of a shard');
  const version = bytes.readBigUInt64LE(32);
  if (version !== VERSION) throw refuse(`has the unknown version ${version}`);
  const footerBytes = bytes.readBigUInt64LE(40);
  if (footerBytes === 0n) return { end: bytes.length, hasFooter: false };
  if (footerBytes !== BigInt(FOOTER_BYTES)) throw refuse(`announces a footer of ${footerBytes} bytes`);
  const end = bytes.length - FOOTER_BYTES;
  if (end < ENTRY_BYTES || bytes.readBigUInt64LE(end) !== 1n) throw refuse('has a damaged footer');
  return { end, hasFooter: true };
};

/** The file block whose header lies at `at`. */
const parseFile = (bytes: Buffer, at: number, take: EntryReader['take']): ShardFile => {
  const hash = xetHashText(bytes, at);
  const flags = bytes.readUInt32LE(at + 32);
  const termCount = bytes.readUInt32LE(at + 36);
  // A flag of the future could announce entries that we would then read as something else.
  if ((flags & ~(FLAG_VERIFICATION + FLAG_METADATA)) !== 0)
    throw refuse(`has unknown flags for file ${hash}`);
  const firstTerm = take(termCount, () => `the terms of file ${hash}`);
  const hasRangeHashes = (flags & FLAG_VERIFICATION) !== 0;
  const firstRangeHash = hasRangeHashes
    ? take(termCount, () => `the verification entries of file ${hash}`)
    : 0;
  const hasSha256 = (flags & FLAG_METADATA) !== 0;
  const sha256 = hasSha256
    ? xetHashText(
        bytes,
        take(1, () => `the metadata of file ${hash}`),
      )
    : undefined;

  let sizeBytes = 0;
  let chunkCount = 0;
  for (let number = 0; number < termCount; number += 1) {
    const entry = firstTerm + number * ENTRY_BYTES;
    const chunks = bytes.readUInt32LE(entry + 44) - bytes.readUInt32LE(entry + 40);
    if (chunks <= 0) throw refuse(`has an empty chunk range in term ${number} of file ${hash}`);
    sizeBytes += bytes.readUInt32LE(entry + 36);
    chunkCount += chunks;
  }
  return {
    hash,
    termCount,
    sizeBytes,
    chunkCount,
    // `xetHashText` has just undone the rule of hash texts: this is the ordinary hex form now.
    sha256: sha256 as string as Sha256 | undefined,
    term: (number) => {
      const entry = firstTerm + number * ENTRY_BYTES;
      return {
        xorb: xetHashText(bytes, entry),
        unpackedBytes: bytes.readUInt32LE(entry + 36),
        chunkStart: bytes.readUInt32LE(entry + 40),
        chunkEnd: bytes.readUInt32LE(entry + 44),
      };
    },
    rangeHash: (number) => {
      const entry = firstRangeHash + number * ENTRY_BYTES;
      return hasRangeHashes ? bytes.subarray(entry, entry + HASH_BYTES) : undefined;
    },
  };
};

/**
 * The files of a shard with or without footer, parsed one by one. Throws `InvalidObject` with a sentence about what
 * is malformed; the shard as a whole is well-formed only when the last file was given without that. The xorb section
 * is checked and left alone: the hub knows every xorb from its own chunk index.
 */
export function* parseShard(upload: Uint8Array): Generator<ShardFile> {
  const bytes = Buffer.from(upload.buffer, upload.byteOffset, upload.byteLength);
  const { end, hasFooter } = parseFrame(bytes);
  const { take, isBookend, isAtEnd } = createEntryReader(bytes, end);

  for (;;) {
    const at = take(1, () => 'its file section');
    if (isBookend(at)) break;
    yield parseFile(bytes, at, take);
  }
  for (;;) {
    const at = take(1, () => 'its xorb section');
    if (isBookend(at)) break;
    const chunkCount = bytes.readUInt32LE(at + 36);
    const name = (): string => `xorb ${xetHashText(bytes, at)}`;
    if (chunkCount === 0 || chunkCount > MAX_XORB_CHUNKS)
      throw refuse(`gives ${name()} ${chunkCount} chunks`);
    take(chunkCount, () => `the chunks of ${name()}`);
  }
  // In front of a footer older clients put lookup tables; without one nothing may follow.
  if (!hasFooter && !isAtEnd()) throw refuse('is followed by other bytes');
}

import { crc32 } from 'node:zlib';
import {
  contentOf,
  modeOf,
  type ArchiveEntry,
  type ArchiveFacts,
  type ArchiveForm,
} from './archive-entry.ts';

/*
 * ZIP (PKWARE APPNOTE 6.3.10). Content is put in as deflate's stored blocks: models do not get smaller, and so the length
 * of the archive is known before its first byte, and the archive of a commit is the same bytes for ever, whichever zlib
 * writes it. A check sum follows its content, since large files are read once.
 */

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const ZIP64_END_BYTES = 56;
const ZIP64_LOCATOR_BYTES = 20;
const TIME_EXTRA_BYTES = 9;
const ZIP64_SIZES_BYTES = 20;
const ZIP64_OFFSET_BYTES = 12;
const DESCRIPTOR = { short: 16, long: 24 } as const;

const MAX_32 = 0xffffffff;
const MAX_16 = 0xffff;
const BLOCK_BYTES = 0xffff;
/** About a megabyte. */
const BLOCKS_AT_A_TIME = 16;
const BLOCK_HEADER_BYTES = 5;

const UTF8_NAMES = 1 << 11;
const SIZES_BEHIND = 1 << 3;
const DEFLATED = 8;
const MADE_BY_UNIX = 3 << 8;
const VERSION = { plain: 20, zip64: 45 } as const;
const FOLDER_ATTRIBUTE = 0x10;

/** What the headers of an entry say, known before its content is read. */
interface Sized {
  readonly entry: ArchiveEntry;
  readonly name: Buffer;
  readonly hasContent: boolean;
  /** With the headers of its blocks. */
  readonly storedBytes: number;
  /** Too long for headers of 32 bits. */
  readonly isLong: boolean;
}

function sized(entry: ArchiveEntry): Sized {
  const hasContent = entry.kind !== 'folder';
  const blocks = Math.max(1, Math.ceil(entry.sizeBytes / BLOCK_BYTES));
  const storedBytes = hasContent ? entry.sizeBytes + blocks * BLOCK_HEADER_BYTES : 0;
  const name = Buffer.from(hasContent ? entry.path : `${entry.path}/`);
  return { entry, name, hasContent, storedBytes, isLong: storedBytes >= MAX_32 };
}

const localBytes = ({ name, hasContent, storedBytes, isLong }: Sized): number =>
  LOCAL_BYTES +
  name.length +
  TIME_EXTRA_BYTES +
  (isLong ? ZIP64_SIZES_BYTES : 0) +
  storedBytes +
  (hasContent ? (isLong ? DESCRIPTOR.long : DESCRIPTOR.short) : 0);

const centralExtraBytes = ({ isLong }: Sized, offset: number): number =>
  TIME_EXTRA_BYTES +
  (isLong ? ZIP64_SIZES_BYTES + (offset >= MAX_32 ? 8 : 0) : offset >= MAX_32 ? ZIP64_OFFSET_BYTES : 0);

const centralBytes = (one: Sized, offset: number): number =>
  CENTRAL_BYTES + one.name.length + centralExtraBytes(one, offset);

const isLongEnd = (count: number, offset: number, length: number): boolean =>
  count >= MAX_16 || offset >= MAX_32 || length >= MAX_32;

const endBytes = (count: number, offset: number, length: number, facts: ArchiveFacts): number =>
  (isLongEnd(count, offset, length) ? ZIP64_END_BYTES + ZIP64_LOCATOR_BYTES : 0) +
  END_BYTES +
  facts.commit.length;

/** Date and time as DOS kept them, in UTC and in steps of two seconds. */
function dosTime(seconds: number): { readonly date: number; readonly time: number } {
  const at = new Date(Math.min(Math.max(seconds, 315_532_800), 4_354_819_198) * 1000);
  return {
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
  };
}

/** The time in full, as Unix tools read it ("UT"). */
function timeExtra(seconds: number): Buffer {
  const extra = Buffer.alloc(TIME_EXTRA_BYTES);
  extra.writeUInt16LE(0x5455, 0);
  extra.writeUInt16LE(5, 2);
  extra.writeUInt8(1, 4);
  extra.writeInt32LE(Math.min(Math.max(seconds, 0), 0x7fffffff), 5);
  return extra;
}

function zip64Extra(values: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + values.length * 8);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(values.length * 8, 2);
  for (const [at, value] of values.entries()) extra.writeBigUInt64LE(BigInt(value), 4 + at * 8);
  return extra;
}

/** The part that both headers of an entry have, from the version needed on. */
function commonHeader(one: Sized, facts: ArchiveFacts, crc: number, isCentral: boolean): Buffer {
  const { name, hasContent, storedBytes, isLong, entry } = one;
  const { date, time } = dosTime(facts.time);
  const header = Buffer.alloc(26);
  const isLater = hasContent && !isCentral;
  const sizeOf = (size: number): number => (isLong ? MAX_32 : isLater ? 0 : size);
  header.writeUInt16LE(isLong ? VERSION.zip64 : VERSION.plain, 0);
  header.writeUInt16LE(UTF8_NAMES | (hasContent ? SIZES_BEHIND : 0), 2);
  header.writeUInt16LE(hasContent ? DEFLATED : 0, 4);
  header.writeUInt16LE(time, 6);
  header.writeUInt16LE(date, 8);
  header.writeUInt32LE(crc, 10);
  header.writeUInt32LE(sizeOf(storedBytes), 14);
  header.writeUInt32LE(sizeOf(entry.sizeBytes), 18);
  header.writeUInt16LE(name.length, 22);
  return header;
}

function localHeader(one: Sized, facts: ArchiveFacts): Buffer {
  const extra = Buffer.concat([timeExtra(facts.time), ...(one.isLong ? [zip64Extra([0, 0])] : [])]);
  const header = commonHeader(one, facts, 0, false);
  header.writeUInt16LE(extra.length, 24);
  return Buffer.concat([Buffer.from('PK\x03\x04'), header, one.name, extra]);
}

function descriptor({ storedBytes, isLong, entry }: Sized, crc: number): Buffer {
  const bytes = Buffer.alloc(isLong ? DESCRIPTOR.long : DESCRIPTOR.short);
  bytes.write('PK\x07\x08', 'latin1');
  bytes.writeUInt32LE(crc, 4);
  if (isLong) {
    bytes.writeBigUInt64LE(BigInt(storedBytes), 8);
    bytes.writeBigUInt64LE(BigInt(entry.sizeBytes), 16);
  } else {
    bytes.writeUInt32LE(storedBytes, 8);
    bytes.writeUInt32LE(entry.sizeBytes, 12);
  }
  return bytes;
}

function centralHeader(one: Sized, facts: ArchiveFacts, crc: number, offset: number): Buffer {
  const { entry, name, storedBytes, isLong, hasContent } = one;
  const isFar = offset >= MAX_32;
  const long = [...(isLong ? [entry.sizeBytes, storedBytes] : []), ...(isFar ? [offset] : [])];
  const extra = Buffer.concat([timeExtra(facts.time), ...(long.length > 0 ? [zip64Extra(long)] : [])]);
  const head = Buffer.alloc(6);
  head.write('PK\x01\x02', 'latin1');
  head.writeUInt16LE(MADE_BY_UNIX | (long.length > 0 ? VERSION.zip64 : VERSION.plain), 4);
  const common = commonHeader(one, facts, crc, true);
  if (isFar) common.writeUInt16LE(VERSION.zip64, 0);
  common.writeUInt16LE(extra.length, 24);
  const tail = Buffer.alloc(14);
  tail.writeUInt32LE(((modeOf(entry) << 16) | (hasContent ? 0 : FOLDER_ATTRIBUTE)) >>> 0, 6);
  tail.writeUInt32LE(isFar ? MAX_32 : offset, 10);
  return Buffer.concat([head, common, tail, name, extra]);
}

function end(count: number, offset: number, length: number, facts: ArchiveFacts): Buffer {
  const pieces: Buffer[] = [];
  if (isLongEnd(count, offset, length)) {
    const long = Buffer.alloc(ZIP64_END_BYTES);
    long.write('PK\x06\x06', 'latin1');
    long.writeBigUInt64LE(BigInt(ZIP64_END_BYTES - 12), 4);
    long.writeUInt16LE(MADE_BY_UNIX | VERSION.zip64, 12);
    long.writeUInt16LE(VERSION.zip64, 14);
    long.writeBigUInt64LE(BigInt(count), 24);
    long.writeBigUInt64LE(BigInt(count), 32);
    long.writeBigUInt64LE(BigInt(length), 40);
    long.writeBigUInt64LE(BigInt(offset), 48);
    const locator = Buffer.alloc(ZIP64_LOCATOR_BYTES);
    locator.write('PK\x06\x07', 'latin1');
    locator.writeBigUInt64LE(BigInt(offset + length), 8);
    locator.writeUInt32LE(1, 16);
    pieces.push(long, locator);
  }
  const last = Buffer.alloc(END_BYTES);
  last.write('PK\x05\x06', 'latin1');
  last.writeUInt16LE(Math.min(count, MAX_16), 8);
  last.writeUInt16LE(Math.min(count, MAX_16), 10);
  last.writeUInt32LE(Math.min(length, MAX_32), 12);
  last.writeUInt32LE(Math.min(offset, MAX_32), 16);
  last.writeUInt16LE(facts.commit.length, 20);
  pieces.push(last, Buffer.from(facts.commit));
  return Buffer.concat(pieces);
}

/** Bytes of the next blocks, as many as are made at a time, of content that is so long. */
function runBytes(contentBytes: number): number {
  const bytes = Math.min(contentBytes, BLOCKS_AT_A_TIME * BLOCK_BYTES);
  return bytes + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_HEADER_BYTES;
}

/** Returns where the content of the block begins. */
function writeBlockHeader(bytes: Buffer, at: number, length: number, isLast: boolean): number {
  bytes.writeUInt8(isLast ? 1 : 0, at);
  bytes.writeUInt16LE(length, at + 1);
  return bytes.writeUInt16LE(length ^ MAX_16, at + 3);
}

/**
 * Content in stored blocks of one length, whatever the pieces it comes in. Each byte is copied once, to where it goes
 * out: sources may use their buffers again.
 */
async function* storedBlocks(
  entry: ArchiveEntry,
  seen: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  /** Content that no block has room for yet. */
  let left = entry.sizeBytes;
  let blockLeft = 0;
  let run = Buffer.alloc(0);
  let filled = 0;
  if (left === 0) {
    const empty = Buffer.alloc(BLOCK_HEADER_BYTES);
    writeBlockHeader(empty, 0, 0, true);
    yield empty;
  }
  for await (const chunk of contentOf(entry)) {
    seen(chunk);
    for (let at = 0; at < chunk.byteLength;) {
      if (filled === run.length) {
        run = Buffer.allocUnsafe(runBytes(left));
        filled = 0;
      }
      if (blockLeft === 0) {
        blockLeft = Math.min(BLOCK_BYTES, left);
        left -= blockLeft;
        filled = writeBlockHeader(run, filled, blockLeft, left === 0);
      }
      const length = Math.min(blockLeft, chunk.byteLength - at);
      run.set(chunk.subarray(at, at + length), filled);
      at += length;
      filled += length;
      blockLeft -= length;
      if (filled === run.length) yield run;
    }
  }
}

export const zipForm: ArchiveForm = {
  mediaType: 'application/zip',

  lengthOf(entries, facts) {
    let [offset, central] = [0, 0];
    for (const entry of entries) {
      const one = sized(entry);
      central += centralBytes(one, offset);
      offset += localBytes(one);
    }
    return offset + central + endBytes(entries.length, offset, central, facts);
  },

  async *write(entries, facts) {
    const sums: number[] = [];
    let localLength = 0;
    for await (const entry of entries()) {
      const one = sized(entry);
      localLength += localBytes(one);
      yield localHeader(one, facts);
      let crc = 0;
      if (one.hasContent) {
        yield* storedBlocks(entry, (chunk) => {
          crc = crc32(chunk, crc);
        });
        yield descriptor(one, crc);
      }
      sums.push(crc);
    }
    let [count, offset, length] = [0, 0, 0];
    let headers: Buffer[] = [];
    for await (const entry of entries()) {
      const one = sized(entry);
      headers.push(centralHeader(one, facts, sums[count] ?? 0, offset));
      length += centralBytes(one, offset);
      offset += localBytes(one);
      count += 1;
      if (headers.length === HEADERS_AT_ONCE) {
        yield Buffer.concat(headers);
        headers = [];
      }
    }
    yield Buffer.concat([...headers, end(count, localLength, length, facts)]);
  },
};

const HEADERS_AT_ONCE = 500;

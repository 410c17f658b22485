import { createHash } from 'node:crypto';
import { corruptObject } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { OID_BYTES } from './oid-table.ts';

/*
 * Layout of an .idx, version 2 (git, Documentation/gitformat-pack): magic, version, fan-out of 256 counts, ids, CRC32s,
 * offsets (31 bits, or with the top bit set a position in the table that follows), 64-bit offsets, SHA-1 of the pack,
 * SHA-1 of all before.
 */
const MAGIC = 0xff744f63;
const VERSION = 2;
const FAN_OUT_AT = 8;
const OIDS_AT = FAN_OUT_AT + 256 * 4;
const BYTES_PER_OBJECT = OID_BYTES + 4 + 4;
export const CHECKSUM_BYTES = 20;
const TRAILER_BYTES = 2 * CHECKSUM_BYTES;
const LARGE_OFFSET = 0x80000000;
const TWO_TO_32 = 0x100000000;

/** Bytes of a pack before its first entry. */
export const PACK_HEADER_BYTES = 12;

const HASH_STEP_BYTES = 4 * 1024 * 1024;
const LOOP_STEP = 64 * 1024;

/** A pack's index, searched in place: no JS object per entry. */
export interface PackIndex {
  readonly objectCount: number;
  /** SHA-1 over the pack's content, as stored in the last 20 bytes of the pack. */
  readonly packChecksum: Buffer;
  /** Memory it holds. */
  readonly sizeBytes: number;
  /** Position of an id among the sorted ids, or -1. */
  find(oid: Oid): number;
  /** The same for the raw id at `at` in `bytes`. */
  findRaw(bytes: Buffer, at: number): number;
  oidAt(position: number): Oid;
  offsetAt(position: number): number;
  crc32At(position: number): number;
  /** Positions, start inclusive and end exclusive, of the ids that start with 1 to 40 hex digits. */
  prefixRange(hexPrefix: string): { readonly start: number; readonly end: number };
  /** Where the entry that starts at `offset` ends, or `undefined` if none starts there. */
  entryEnd(offset: number, packSizeBytes: number): number | undefined;
}

const damaged = (problem: string): Error => corruptObject(`pack index with ${problem}`);

async function checksum(bytes: Buffer): Promise<Buffer> {
  const slice = createTimeSlice();
  const sha1 = createHash('sha1');
  for (let at = 0; at < bytes.length; at += HASH_STEP_BYTES) {
    sha1.update(bytes.subarray(at, at + HASH_STEP_BYTES));
    if (slice.isOver()) await slice.next();
  }
  return sha1.digest();
}

/** Sort numbers below 2^53 by 11 bits a pass, leaving the event loop alone between steps. */
export async function sortOffsets(offsets: Float64Array): Promise<Float64Array> {
  const slice = createTimeSlice();
  const radix = 2048;
  let from: Float64Array = offsets;
  let to: Float64Array = new Float64Array(offsets.length);
  let largest = 0;
  for (const offset of offsets) if (offset > largest) largest = offset;
  for (let unit = 1; unit <= largest; unit *= radix) {
    const starts = new Uint32Array(radix);
    for (const offset of from) {
      const digit = Math.floor(offset / unit) % radix;
      starts[digit] = (starts[digit] as number) + 1;
    }
    let sum = 0;
    for (let digit = 0; digit < radix; digit += 1) {
      const count = starts[digit] as number;
      starts[digit] = sum;
      sum += count;
    }
    if (slice.isOver()) await slice.next();
    for (let start = 0; start < from.length; start += LOOP_STEP) {
      const end = Math.min(start + LOOP_STEP, from.length);
      for (let i = start; i < end; i += 1) {
        const offset = from[i] as number;
        const digit = Math.floor(offset / unit) % radix;
        const place = starts[digit] as number;
        starts[digit] = place + 1;
        to[place] = offset;
      }
      if (slice.isOver()) await slice.next();
    }
    [from, to] = [to, from];
  }
  return from;
}

/** First position in a sorted list whose value is at least `value`. */
export function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Read an .idx of version 2. Its checksum, sizes and offsets are verified, so a damaged index is `CorruptObject` here
 * rather than nonsense later. `bytes` is kept and must not change.
 */
export async function parsePackIndex(bytes: Buffer): Promise<PackIndex> {
  if (bytes.length < OIDS_AT + TRAILER_BYTES) throw damaged('too few bytes');
  if (bytes.readUInt32BE(0) !== MAGIC || bytes.readUInt32BE(4) !== VERSION)
    throw damaged('an unknown format');
  const own = bytes.subarray(-CHECKSUM_BYTES);
  if (!(await checksum(bytes.subarray(0, -CHECKSUM_BYTES))).equals(own)) throw damaged('a wrong checksum');

  const fanOut = new Uint32Array(257);
  for (let i = 0; i < 256; i += 1) {
    const count = bytes.readUInt32BE(FAN_OUT_AT + i * 4);
    if (count < (fanOut[i] as number)) throw damaged('a falling fan-out');
    fanOut[i + 1] = count;
  }
  const objectCount = fanOut[256] as number;
  const crcsAt = OIDS_AT + objectCount * OID_BYTES;
  const offsetsAt = crcsAt + objectCount * 4;
  const largeAt = offsetsAt + objectCount * 4;
  const largeBytes = bytes.length - TRAILER_BYTES - largeAt;
  if (largeBytes < 0 || largeBytes % 8 !== 0 || largeBytes > objectCount * 8) throw damaged('a wrong length');

  const offsetAt = (position: number): number => {
    const offset = bytes.readUInt32BE(offsetsAt + position * 4);
    if (offset < LARGE_OFFSET) return offset;
    const at = (offset - LARGE_OFFSET) * 8;
    if (at >= largeBytes) throw damaged('an offset outside its table');
    return bytes.readUInt32BE(largeAt + at) * TWO_TO_32 + bytes.readUInt32BE(largeAt + at + 4);
  };

  const slice = createTimeSlice();
  const unsorted = new Float64Array(objectCount);
  for (let position = 0; position < objectCount; position += 1) {
    const offset = offsetAt(position);
    if (offset < PACK_HEADER_BYTES || !Number.isSafeInteger(offset)) throw damaged('an impossible offset');
    unsorted[position] = offset;
    if (position % LOOP_STEP === 0 && slice.isOver()) await slice.next();
  }
  const sorted = await sortOffsets(unsorted);

  /** First position at or after `low` whose id is not below `target`, at most `high`. */
  const search = (target: Buffer, low: number, high: number): number => {
    const word = target.readUInt32BE(0);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = OIDS_AT + middle * OID_BYTES;
      const first = bytes.readUInt32BE(at);
      const isBelow =
        first !== word ? first < word : bytes.compare(target, 0, OID_BYTES, at, at + OID_BYTES) < 0;
      if (isBelow) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const key = Buffer.alloc(OID_BYTES);
  const findKey = (): number => {
    const byte = key[0] as number;
    const end = fanOut[byte + 1] as number;
    const position = search(key, fanOut[byte] as number, end);
    const at = OIDS_AT + position * OID_BYTES;
    return position < end && bytes.compare(key, 0, OID_BYTES, at, at + OID_BYTES) === 0 ? position : -1;
  };
  return {
    objectCount,
    packChecksum: bytes.subarray(-TRAILER_BYTES, -CHECKSUM_BYTES),
    sizeBytes: bytes.length + sorted.byteLength,
    find(oid) {
      key.write(oid, 'hex');
      return findKey();
    },
    findRaw(from, at) {
      from.copy(key, 0, at, at + OID_BYTES);
      return findKey();
    },
    oidAt: (position) =>
      bytes.toString('hex', OIDS_AT + position * OID_BYTES, OIDS_AT + (position + 1) * OID_BYTES) as Oid,
    offsetAt,
    crc32At: (position) => bytes.readUInt32BE(crcsAt + position * 4),
    prefixRange(hexPrefix) {
      const first = Buffer.from(hexPrefix.padEnd(40, '0'), 'hex');
      const last = Buffer.from(hexPrefix.padEnd(40, 'f'), 'hex');
      const start = search(first, 0, objectCount);
      let end = search(last, start, objectCount);
      const at = OIDS_AT + end * OID_BYTES;
      if (end < objectCount && bytes.compare(last, 0, OID_BYTES, at, at + OID_BYTES) === 0) end += 1;
      return { start, end };
    },
    entryEnd(offset, packSizeBytes) {
      const position = lowerBound(sorted, offset);
      if (sorted[position] !== offset) return undefined;
      return position + 1 < sorted.length ? sorted[position + 1] : packSizeBytes - CHECKSUM_BYTES;
    },
  };
}

/** What an index says of a pack, one row an object in any order, in flat arrays. */
export interface PackIndexRows {
  /** Raw ids, 20 bytes each. */
  readonly oids: Buffer;
  readonly crc32s: Uint32Array;
  readonly offsets: Float64Array;
}

/** Positions of the rows in order of their ids: first by leading byte, then each group by its next four. */
async function sortRows(oids: Buffer, count: number): Promise<{ order: Uint32Array; fanOut: Uint32Array }> {
  const slice = createTimeSlice();
  const fanOut = new Uint32Array(257);
  for (let row = 0; row < count; row += 1) {
    const group = (oids[row * OID_BYTES] as number) + 1;
    fanOut[group] = (fanOut[group] as number) + 1;
  }
  for (let i = 1; i <= 256; i += 1) fanOut[i] = (fanOut[i] as number) + (fanOut[i - 1] as number);
  const order = new Uint32Array(count);
  const next = fanOut.slice(0, 256);
  for (let row = 0; row < count; row += 1) {
    const group = oids[row * OID_BYTES] as number;
    const place = next[group] as number;
    next[group] = place + 1;
    order[place] = row;
  }
  const compareRows = (a: number, b: number): number =>
    oids.compare(oids, b * OID_BYTES, (b + 1) * OID_BYTES, a * OID_BYTES, (a + 1) * OID_BYTES);

  for (let group = 0; group < 256; group += 1) {
    const rows = order.subarray(fanOut[group], fanOut[group + 1]);
    // Sorting plain numbers needs no callback: four bytes of the id above, the place in the group below.
    const size = rows.length;
    const keys = new Float64Array(size);
    for (let i = 0; i < size; i += 1) {
      keys[i] = oids.readUInt32BE((rows[i] as number) * OID_BYTES + 1) * size + i;
    }
    keys.sort();
    const sorted = new Uint32Array(size);
    for (let i = 0; i < size; i += 1) {
      const row = rows[(keys[i] as number) % size] as number;
      let place = i;
      for (; place > 0 && compareRows(sorted[place - 1] as number, row) > 0; place -= 1) {
        sorted[place] = sorted[place - 1] as number;
      }
      sorted[place] = row;
    }
    rows.set(sorted);
    if (slice.isOver()) await slice.next();
  }
  return { order, fanOut };
}

/** Write an .idx of version 2, byte for byte what `git index-pack` writes for the pack. */
export async function writePackIndex(rows: PackIndexRows, packChecksum: Uint8Array): Promise<Buffer> {
  const count = rows.oids.length / OID_BYTES;
  const { order, fanOut } = await sortRows(rows.oids, count);
  const large: number[] = [];
  for (const row of order) {
    const offset = rows.offsets[row] as number;
    if (offset >= LARGE_OFFSET) large.push(offset);
  }
  const crcsAt = OIDS_AT + count * OID_BYTES;
  const offsetsAt = crcsAt + count * 4;
  const largeAt = offsetsAt + count * 4;
  const bytes = Buffer.allocUnsafeSlow(OIDS_AT + count * BYTES_PER_OBJECT + large.length * 8 + TRAILER_BYTES);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt32BE(VERSION, 4);
  for (let i = 0; i < 256; i += 1) bytes.writeUInt32BE(fanOut[i + 1] as number, FAN_OUT_AT + i * 4);

  const slice = createTimeSlice();
  let largeCount = 0;
  for (let position = 0; position < count; position += 1) {
    const row = order[position] as number;
    rows.oids.copy(bytes, OIDS_AT + position * OID_BYTES, row * OID_BYTES, (row + 1) * OID_BYTES);
    bytes.writeUInt32BE(rows.crc32s[row] as number, crcsAt + position * 4);
    const offset = rows.offsets[row] as number;
    if (offset >= LARGE_OFFSET) {
      bytes.writeUInt32BE(LARGE_OFFSET + largeCount, offsetsAt + position * 4);
      largeCount += 1;
    } else {
      bytes.writeUInt32BE(offset, offsetsAt + position * 4);
    }
    if (position % LOOP_STEP === 0 && slice.isOver()) await slice.next();
  }
  large.forEach((offset, i) => {
    bytes.writeUInt32BE(Math.floor(offset / TWO_TO_32), largeAt + i * 8);
    bytes.writeUInt32BE(offset % TWO_TO_32, largeAt + i * 8 + 4);
  });
  bytes.set(packChecksum, bytes.length - TRAILER_BYTES);
  bytes.set(await checksum(bytes.subarray(0, -CHECKSUM_BYTES)), bytes.length - CHECKSUM_BYTES);
  return bytes;
}

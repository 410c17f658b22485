import { HubError } from '../domain/errors.ts';

/*
 * LZ4 frames, read only, for bytes from strangers. Source: "LZ4 Frame Format Description" 1.6 and "LZ4 Block
 * Format Description" (github.com/lz4/lz4, doc/). Checksums are skipped, not verified: every caller proves the
 * content by its BLAKE3 hash. Own code, because `lz4js` checks no bound (a damaged frame gives silent rubbish or a
 * loop over memory it does not have) and copies byte by byte, which is slow where data hardly compresses.
 */

const MAGIC = 0x184d2204;
const VERSION_MASK = 0xc0;
const VERSION = 0x40;
const FLAG_INDEPENDENT = 0x20;
const FLAG_BLOCK_CHECKSUM = 0x10;
const FLAG_CONTENT_SIZE = 0x08;
const FLAG_CONTENT_CHECKSUM = 0x04;
const FLAG_DICTIONARY = 0x01;
const CHECKSUM_BYTES = 4;
const MIN_MATCH = 4;
/** Below this a loop copies faster than a call into the engine. */
const SHORT_COPY = 32;

const malformed = (problem: string): HubError => new HubError('InvalidObject', `The LZ4 frame ${problem}.`);

/**
 * Decode one block of `source` from `from` up to `end` into `target` at `to`.
 * @param windowStart matches may reach back to this offset of `target`
 * @param limit first offset of `target` that must not be written
 * @returns the offset in `target` behind the last byte written
 */
const decodeBlock = (
  source: Uint8Array,
  from: number,
  end: number,
  target: Uint8Array,
  to: number,
  windowStart: number,
  limit: number,
): number => {
  let read = from;
  let write = to;
  for (;;) {
    if (read >= end) throw malformed('has a block that ends in a match');
    const token = source[read++] as number;

    let literals = token >>> 4;
    if (literals === 15) {
      let more: number;
      do {
        if (read >= end) throw malformed('has a block cut off in a length');
        more = source[read++] as number;
        literals += more;
      } while (more === 255);
    }
    if (literals > end - read) throw malformed('has a block with fewer bytes than it announces');
    if (literals > limit - write) throw malformed('inflates to more bytes than it may');
    if (literals <= SHORT_COPY) {
      for (const stop = read + literals; read < stop;) target[write++] = source[read++] as number;
    } else {
      target.set(source.subarray(read, read + literals), write);
      read += literals;
      write += literals;
    }
    if (read === end) return write;

    if (end - read < 2) throw malformed('has a block cut off in an offset');
    const offset = (source[read] as number) | ((source[read + 1] as number) << 8);
    read += 2;
    if (offset === 0 || offset > write - windowStart) throw malformed('refers to bytes before its start');

    let length = (token & 15) + MIN_MATCH;
    if (length === 15 + MIN_MATCH) {
      let more: number;
      do {
        if (read >= end) throw malformed('has a block cut off in a length');
        more = source[read++] as number;
        length += more;
      } while (more === 255);
    }
    if (length > limit - write) throw malformed('inflates to more bytes than it may');
    if (length <= SHORT_COPY) {
      for (const stop = write + length; write < stop; write += 1)
        target[write] = target[write - offset] as number;
    } else if (offset === 1) {
      target.fill(target[write - 1] as number, write, write + length);
      write += length;
    } else {
      // A match may overlap what it produces: each round copies the whole period made so far, doubling it.
      const start = write - offset;
      const stop = write + length;
      while (write < stop) {
        const count = Math.min(write - start, stop - write);
        target.copyWithin(write, start, start + count);
        write += count;
      }
    }
  }
};

const readU32 = (bytes: Uint8Array, offset: number): number => {
  if (offset + 4 > bytes.length) throw malformed('is cut off');
  return (
    ((bytes[offset] as number) |
      ((bytes[offset + 1] as number) << 8) |
      ((bytes[offset + 2] as number) << 16) |
      ((bytes[offset + 3] as number) << 24)) >>>
    0
  );
};

/**
 * Inflate exactly one frame into `target`, filling it exactly.
 * Throws `InvalidObject` when the frame is malformed, is followed by anything, or does not hold `target.length` bytes;
 * `target` then holds rubbish. Reads and writes nothing outside of the two arrays.
 */
export const decodeLz4Frame = (source: Uint8Array, target: Uint8Array): void => {
  if (readU32(source, 0) !== MAGIC) throw malformed('does not start with its magic number');
  const flags = source[4];
  const descriptor = source[5];
  if (flags === undefined || descriptor === undefined) throw malformed('is cut off');
  if ((flags & VERSION_MASK) !== VERSION) throw malformed('is of an unknown version');
  if ((flags & FLAG_DICTIONARY) !== 0) throw malformed('needs a dictionary');
  const sizeCode = (descriptor >>> 4) & 7;
  if (sizeCode < 4) throw malformed('has an unknown block size');
  const maxBlockBytes = 1 << (8 + 2 * sizeCode);
  const isIndependent = (flags & FLAG_INDEPENDENT) !== 0;

  let read = 6;
  if ((flags & FLAG_CONTENT_SIZE) !== 0) {
    const sizeBytes = readU32(source, read) + readU32(source, read + 4) * 2 ** 32;
    if (sizeBytes !== target.length) throw malformed('announces another size than its chunk');
    read += 8;
  }
  read += 1; // header checksum

  let write = 0;
  for (;;) {
    const word = readU32(source, read);
    read += 4;
    if (word === 0) break;
    const sizeBytes = word & 0x7fffffff;
    const end = read + sizeBytes;
    if (sizeBytes > maxBlockBytes) throw malformed('has a block above its own limit');
    if (end > source.length) throw malformed('is cut off');
    if (word >= 0x80000000) {
      if (sizeBytes > target.length - write) throw malformed('inflates to more bytes than it may');
      target.set(source.subarray(read, end), write);
      write += sizeBytes;
    } else {
      const limit = Math.min(target.length, write + maxBlockBytes);
      write = decodeBlock(source, read, end, target, write, isIndependent ? write : 0, limit);
    }
    read = (flags & FLAG_BLOCK_CHECKSUM) === 0 ? end : end + CHECKSUM_BYTES;
  }
  if ((flags & FLAG_CONTENT_CHECKSUM) !== 0) read += CHECKSUM_BYTES;
  if (read > source.length) throw malformed('is cut off');
  if (read < source.length) throw malformed('is followed by other bytes');
  if (write !== target.length) throw malformed('inflates to fewer bytes than its chunk');
};

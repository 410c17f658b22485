import { MAX_CHUNK_RAW_BYTES } from './chunk-record.ts';
import { GEAR_HIGH, GEAR_LOW } from './gear-table.ts';

/*
 * Where a file is cut into chunks: behind a byte at which the upper 16 bits of a rolling hash are zero, but never
 * below 8 KiB and always at 128 KiB. Source: "Content-Defined Chunking Algorithm" of the Xet specification.
 */

const MIN_CHUNK_BYTES = 8 * 1024;
/** The hash depends on the last 64 bytes alone, so the bytes before those need not be looked at. */
const SKIPPED_BYTES = MIN_CHUNK_BYTES - 64 - 1;
const CARRY = 2 ** 32;

/** Finds the cuts of one stream of bytes. */
export interface Chunker {
  /**
   * How many of these bytes, which follow those of the calls before, belong to the current chunk, when that ends among
   * them; `undefined` when all of them do and it goes on. Ask again with the bytes behind a cut.
   */
  cut(bytes: Uint8Array): number | undefined;
}

/** Takes about 3 ns a byte: for worker threads. */
export const createChunker = (): Chunker => {
  let size = 0;
  let high = 0;
  let low = 0;

  return {
    cut(bytes) {
      let at = size < SKIPPED_BYTES ? Math.min(SKIPPED_BYTES - size, bytes.length) : 0;
      let length = size + at;
      for (; at < bytes.length; at += 1) {
        const byte = bytes[at] as number;
        // (hash << 1) + constant, modulo 2^64, in halves.
        const sum = low * 2 + (GEAR_LOW[byte] as number);
        low = sum >>> 0;
        high = ((high << 1) + (GEAR_HIGH[byte] as number) + (sum - low) / CARRY) | 0;
        length += 1;
        if (length < MIN_CHUNK_BYTES) continue;
        if (length >= MAX_CHUNK_RAW_BYTES || (high & 0xffff0000) === 0) {
          size = 0;
          high = 0;
          low = 0;
          return at + 1;
        }
      }
      size = length;
      return undefined;
    },
  };
};

import { createHash } from 'node:crypto';
import { CHECKSUM_BYTES, PACK_HEADER_BYTES } from './pack-index.ts';

const CHUNK_BYTES = 256 * 1024;
/** Pieces from this length on are handed on as they are, instead of being copied into a chunk. */
const HAND_ON_BYTES = 64 * 1024;

/** The head of a pack of version 2. */
export function packHeader(objectCount: number): Buffer {
  const header = Buffer.alloc(PACK_HEADER_BYTES);
  header.write('PACK', 'latin1');
  header.writeUInt32BE(2, 4);
  header.writeUInt32BE(objectCount, 8);
  return header;
}

/** Gathers what is written of a pack into chunks, and its checksum. */
export interface PackOutput {
  /** Where the next byte goes. */
  readonly offset: number;
  /** Bytes that nobody changes afterwards. */
  put(bytes: Buffer): void;
  /** Chunks that are full; they belong to the caller. */
  take(): readonly Buffer[];
  /** Write the trailer, and take what is left. Nothing may be put afterwards. */
  finish(): readonly Buffer[];
}

export function createPackOutput(objectCount: number): PackOutput {
  const sha1 = createHash('sha1');
  let full: Buffer[] = [];
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let filled = 0;
  let offset = 0;

  const hand = (bytes: Buffer): void => {
    sha1.update(bytes);
    full.push(bytes);
  };

  const flush = (): void => {
    if (filled === 0) return;
    hand(chunk.subarray(0, filled));
    chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    filled = 0;
  };

  const put = (bytes: Buffer): void => {
    offset += bytes.length;
    if (bytes.length >= HAND_ON_BYTES) {
      flush();
      hand(bytes);
      return;
    }
    const fits = bytes.copy(chunk, filled);
    filled += fits;
    if (filled < CHUNK_BYTES) return;
    flush();
    if (fits < bytes.length) filled = bytes.copy(chunk, 0, fits);
  };

  const take = (): readonly Buffer[] => {
    if (full.length === 0) return full;
    const taken = full;
    full = [];
    return taken;
  };

  put(packHeader(objectCount));
  return {
    get offset() {
      return offset;
    },
    put,
    take,
    finish() {
      flush();
      const trailer = sha1.digest();
      full.push(trailer);
      offset += CHECKSUM_BYTES;
      return take();
    },
  };
}

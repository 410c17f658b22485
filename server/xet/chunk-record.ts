import { HubError } from '../domain/errors.ts';
import { decodeLz4Frame } from './lz4.ts';

/*
 * One chunk as a xorb stores it: an 8-byte header (version, u24 stored length, u8 scheme, u24 raw length, little
 * endian), then the stored bytes. Source: "Xorb Formation & Serialization Format" of the Xet specification.
 */

export const CHUNK_HEADER_BYTES = 8;
/** Upper bound of a chunk's raw bytes; together with the exact target it makes decompression bombs impossible. */
export const MAX_CHUNK_RAW_BYTES = 128 * 1024;
/** As the reference implementation: twice the raw bound. */
const MAX_CHUNK_STORED_BYTES = 2 * MAX_CHUNK_RAW_BYTES;

const SCHEME_NONE = 0;
const SCHEME_LZ4 = 1;
/** Bytes grouped by their index modulo 4, then LZ4. */
const SCHEME_GROUPED_LZ4 = 2;

export interface ChunkHeader {
  /** 0: stored raw, 1: LZ4 frame, 2: byte groups in an LZ4 frame. */
  readonly scheme: number;
  /** Length behind the header. */
  readonly storedBytes: number;
  readonly rawBytes: number;
}

const readU24 = (bytes: Uint8Array, offset: number): number =>
  (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8) | ((bytes[offset + 2] ?? 0) << 16);

/** The header at `offset` of a chunk that lies whole within `bytes`. Throws `InvalidObject`. */
export const parseChunkHeader = (bytes: Uint8Array, offset: number): ChunkHeader => {
  const problem = (text: string): HubError => new HubError('InvalidObject', `The chunk ${text}.`);
  if (offset + CHUNK_HEADER_BYTES > bytes.length) throw problem('is cut off in its header');
  const version = bytes[offset];
  const storedBytes = readU24(bytes, offset + 1);
  const scheme = bytes[offset + 4] ?? 0;
  const rawBytes = readU24(bytes, offset + 5);
  if (version !== 0) throw problem(`has the unknown version ${version}`);
  if (scheme > SCHEME_GROUPED_LZ4) throw problem(`uses the unknown compression scheme ${scheme}`);
  if (rawBytes === 0) throw problem('is empty');
  if (rawBytes > MAX_CHUNK_RAW_BYTES) {
    throw problem(`has ${rawBytes} raw bytes, more than the ${MAX_CHUNK_RAW_BYTES} allowed`);
  }
  if (storedBytes > MAX_CHUNK_STORED_BYTES)
    throw problem(`has ${storedBytes} stored bytes, which is too many`);
  if (scheme === SCHEME_NONE && storedBytes !== rawBytes) {
    throw problem(`is stored raw with ${storedBytes} bytes but announces ${rawBytes}`);
  }
  if (offset + CHUNK_HEADER_BYTES + storedBytes > bytes.length) throw problem('is cut off');
  return { scheme, storedBytes, rawBytes };
};

/** Undo the byte grouping: group g holds the bytes whose index is g modulo 4. */
const ungroup = (grouped: Uint8Array, target: Uint8Array): void => {
  const length = target.length;
  const quarter = length >>> 2;
  const rest = length & 3;
  const second = quarter + (rest > 0 ? 1 : 0);
  const third = second + quarter + (rest > 1 ? 1 : 0);
  const fourth = third + quarter + (rest > 2 ? 1 : 0);
  let write = 0;
  for (let index = 0; index < quarter; index += 1) {
    target[write] = grouped[index] as number;
    target[write + 1] = grouped[second + index] as number;
    target[write + 2] = grouped[third + index] as number;
    target[write + 3] = grouped[fourth + index] as number;
    write += 4;
  }
  const starts = [0, second, third];
  for (let group = 0; group < rest; group += 1) {
    target[write + group] = grouped[(starts[group] ?? 0) + quarter] as number;
  }
};

const grouped = new Uint8Array(MAX_CHUNK_RAW_BYTES);

/**
 * Inflate the stored bytes of a chunk into `target`, which has exactly the header's raw length.
 * Throws `InvalidObject` when they do not inflate to exactly that.
 */
export const inflateChunk = (header: ChunkHeader, stored: Uint8Array, target: Uint8Array): void => {
  switch (header.scheme) {
    case SCHEME_NONE:
      target.set(stored);
      return;
    case SCHEME_LZ4:
      decodeLz4Frame(stored, target);
      return;
    default: {
      const groups = grouped.subarray(0, target.length);
      decodeLz4Frame(stored, groups);
      ungroup(groups, target);
    }
  }
};

/** Write the header of a chunk that is stored raw. */
export const writeRawChunkHeader = (target: Uint8Array, offset: number, rawBytes: number): void => {
  const low = rawBytes & 0xff;
  const middle = (rawBytes >>> 8) & 0xff;
  const high = rawBytes >>> 16;
  target.set([0, low, middle, high, SCHEME_NONE, low, middle, high], offset);
};

/** True when the stored bytes are the raw bytes. */
export const isStoredRaw = (header: ChunkHeader): boolean => header.scheme === SCHEME_NONE;

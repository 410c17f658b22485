import { HubError, isHubError } from '../domain/errors.ts';
import type { XetHash } from '../domain/ids.ts';
import { MAX_XORB_CHUNKS } from './chunk-index.ts';
import type { ChunkIndex } from './chunk-index.ts';
import {
  CHUNK_HEADER_BYTES,
  MAX_CHUNK_RAW_BYTES,
  inflateChunk,
  isStoredRaw,
  parseChunkHeader,
} from './chunk-record.ts';
import { HASH_BYTES, loadXetHashing, xetHashText } from './hash.ts';

/**
 * Most bytes of chunk records a xorb may have. Clients fill xorbs by raw bytes, up to 64 MiB of them (xet-core,
 * `MAX_XORB_BYTES`), so data that does not compress comes with a header per chunk on top of that.
 */
export const MAX_XORB_CONTENT_BYTES = 64 * 1024 * 1024 + MAX_XORB_CHUNKS * CHUNK_HEADER_BYTES;

/** Footers hold a hash and two offsets per chunk and some fixed fields. */
const MAX_FOOTER_BYTES = MAX_XORB_CHUNKS * (HASH_BYTES + 8) + 1024;
const FOOTER_IDENT = Buffer.from('XETBLOB', 'latin1');

/** Most bytes an uploaded xorb may have, footer included. */
export const MAX_XORB_UPLOAD_BYTES = MAX_XORB_CONTENT_BYTES + MAX_FOOTER_BYTES;

/** A xorb whose every chunk was inflated and whose name was proved. */
export interface VerifiedXorb {
  /** Length of the chunk records; what follows them in the upload is a footer, not to be stored. */
  readonly contentBytes: number;
  /** Raw bytes of all chunks together. */
  readonly rawBytes: number;
  readonly index: ChunkIndex;
}

const refuse = (problem: string): HubError => new HubError('InvalidObject', `The xorb ${problem}.`);

const isFooter = (bytes: Uint8Array, offset: number): boolean =>
  FOOTER_IDENT.every((byte, position) => bytes[offset + position] === byte);

/**
 * Parse an uploaded xorb, inflate and hash each chunk, and compare the root of their tree with the name it was
 * uploaded under. Throws `InvalidObject` with a sentence about the first thing that is wrong.
 *
 * Synchronous work of about two seconds per GiB: call it in a worker.
 */
export const verifyXorb = async (bytes: Uint8Array, expected: XetHash): Promise<VerifiedXorb> => {
  const hashing = await loadXetHashing();
  if (bytes.length > MAX_XORB_UPLOAD_BYTES) {
    throw refuse(`has ${bytes.length} bytes, more than the ${MAX_XORB_UPLOAD_BYTES} allowed`);
  }
  const hashes = new Uint8Array(MAX_XORB_CHUNKS * HASH_BYTES);
  const storedOffsets = [0];
  const rawOffsets = [0];
  const tree = hashing.tree();
  const scratch = new Uint8Array(MAX_CHUNK_RAW_BYTES);

  let offset = 0;
  let rawBytes = 0;
  while (offset < bytes.length && !isFooter(bytes, offset)) {
    const chunk = storedOffsets.length - 1;
    if (chunk === MAX_XORB_CHUNKS) throw refuse(`has more than ${MAX_XORB_CHUNKS} chunks`);
    try {
      const header = parseChunkHeader(bytes, offset);
      const start = offset + CHUNK_HEADER_BYTES;
      offset = start + header.storedBytes;
      const stored = bytes.subarray(start, offset);
      const raw = isStoredRaw(header) ? stored : scratch.subarray(0, header.rawBytes);
      if (raw !== stored) inflateChunk(header, stored, raw);
      const hash = hashing.chunk(raw);
      tree.add(hash, header.rawBytes);
      hashes.set(hash, chunk * HASH_BYTES);
      rawBytes += header.rawBytes;
    } catch (error) {
      if (!isHubError(error, 'InvalidObject')) throw error;
      throw refuse(`has a damaged chunk (number ${chunk}): ${error.message}`.replace(/\.$/, ''));
    }
    storedOffsets.push(offset);
    rawOffsets.push(rawBytes);
  }
  const count = storedOffsets.length - 1;
  if (count === 0) throw refuse('has no chunks');
  if (offset > MAX_XORB_CONTENT_BYTES) {
    throw refuse(`has ${offset} bytes of chunks, more than the ${MAX_XORB_CONTENT_BYTES} allowed`);
  }
  if (bytes.length - offset > MAX_FOOTER_BYTES) throw refuse('has a footer that is too long');
  const actual = xetHashText(tree.root());
  if (actual !== expected) throw refuse(`is named ${expected} but its chunks hash to ${actual}`);

  return {
    contentBytes: offset,
    rawBytes,
    index: {
      count,
      hashes: hashes.slice(0, count * HASH_BYTES),
      storedOffsets: Uint32Array.from(storedOffsets),
      rawOffsets: Uint32Array.from(rawOffsets),
    },
  };
};

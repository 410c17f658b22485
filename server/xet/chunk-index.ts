import { HubError } from '../domain/errors.ts';
import { CHUNK_HEADER_BYTES, MAX_CHUNK_RAW_BYTES } from './chunk-record.ts';
import { HASH_BYTES } from './hash.ts';

/**
 * Where the chunks of one xorb lie, and what they are. An immutable object beside the xorb, made when the xorb was
 * verified, so that terms can be checked and ranges served without touching the xorb itself.
 *
 *     "ATXI" | u16 version | u16 reserved | u32 chunk count
 *     then per chunk: 32 bytes raw hash | u32 stored end | u32 raw end
 *
 * Little endian; an end is the offset behind the chunk, its header included.
 *
 * A xorb's name covers its raw chunks, not how they are compressed: two uploads under one name may differ in stored
 * bytes and stored offsets. Xorb and index must come from the same upload, and neither may be replaced later.
 */
export interface ChunkIndex {
  readonly count: number;
  /** Raw hashes back to back, 32 bytes each. */
  readonly hashes: Uint8Array;
  /** `count + 1` offsets into the stored xorb: chunk `i`, header included, lies between items `i` and `i + 1`. */
  readonly storedOffsets: Uint32Array;
  /** `count + 1` offsets into the raw bytes of all chunks together. */
  readonly rawOffsets: Uint32Array;
}

/** More is refused by every implementation (xet-core, `MAX_XORB_CHUNKS`). */
export const MAX_XORB_CHUNKS = 8192;

const MAGIC = 'ATXI';
const VERSION = 1;
const HEADER_BYTES = 12;
const ENTRY_BYTES = HASH_BYTES + 8;

/** Byte length of the stored form of an index. */
export const chunkIndexBytes = (count: number): number => HEADER_BYTES + count * ENTRY_BYTES;

/** The stored form. */
export const writeChunkIndex = (index: ChunkIndex): Buffer => {
  const bytes = Buffer.alloc(chunkIndexBytes(index.count));
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt16LE(VERSION, 4);
  bytes.writeUInt32LE(index.count, 8);
  for (let chunk = 0; chunk < index.count; chunk += 1) {
    const at = HEADER_BYTES + chunk * ENTRY_BYTES;
    bytes.set(index.hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES), at);
    bytes.writeUInt32LE(index.storedOffsets[chunk + 1] ?? 0, at + HASH_BYTES);
    bytes.writeUInt32LE(index.rawOffsets[chunk + 1] ?? 0, at + HASH_BYTES + 4);
  }
  return bytes;
};

/** Parse the stored form. Throws `CorruptObject` on anything `writeChunkIndex` does not write. */
export const parseChunkIndex = (stored: Uint8Array): ChunkIndex => {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const damaged = (problem: string): HubError =>
    new HubError('CorruptObject', `Stored chunk index is damaged: ${problem}.`);
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 4) !== MAGIC) throw damaged('wrong magic');
  if (bytes.readUInt16LE(4) !== VERSION || bytes.readUInt16LE(6) !== 0) throw damaged('unknown version');
  const count = bytes.readUInt32LE(8);
  if (count === 0 || count > MAX_XORB_CHUNKS) throw damaged(`${count} chunks`);
  if (bytes.length !== chunkIndexBytes(count)) throw damaged('wrong length');

  const hashes = new Uint8Array(count * HASH_BYTES);
  const storedOffsets = new Uint32Array(count + 1);
  const rawOffsets = new Uint32Array(count + 1);
  let storedEnd = 0;
  let rawEnd = 0;
  for (let chunk = 0; chunk < count; chunk += 1) {
    const at = HEADER_BYTES + chunk * ENTRY_BYTES;
    const nextStored = bytes.readUInt32LE(at + HASH_BYTES);
    const nextRaw = bytes.readUInt32LE(at + HASH_BYTES + 4);
    if (nextStored < storedEnd + CHUNK_HEADER_BYTES || nextRaw <= rawEnd)
      throw damaged('offsets do not ascend');
    if (nextRaw - rawEnd > MAX_CHUNK_RAW_BYTES) throw damaged('a chunk is too large');
    hashes.set(bytes.subarray(at, at + HASH_BYTES), chunk * HASH_BYTES);
    storedOffsets[chunk + 1] = storedEnd = nextStored;
    rawOffsets[chunk + 1] = rawEnd = nextRaw;
  }
  return { count, hashes, storedOffsets, rawOffsets };
};

/** Raw bytes of the chunks `[start, end)`. */
export const rawBytesOf = (index: ChunkIndex, start: number, end: number): number =>
  (index.rawOffsets[end] ?? 0) - (index.rawOffsets[start] ?? 0);

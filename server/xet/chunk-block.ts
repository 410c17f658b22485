import { HubError } from '../domain/errors.ts';
import { CHUNK_HEADER_BYTES, inflateChunk, isStoredRaw, parseChunkHeader } from './chunk-record.ts';

/*
 * A block: consecutive chunk records of a xorb, cut out of it at chunk boundaries. `InvalidObject` here means that
 * stored bytes are damaged; readers turn it into `CorruptObject`.
 */

/** How many raw bytes of a block must be inflated, not only copied. Throws `InvalidObject`. */
export const bytesToInflate = (records: Uint8Array): number => {
  let total = 0;
  for (let offset = 0; offset < records.length;) {
    const header = parseChunkHeader(records, offset);
    if (!isStoredRaw(header)) total += header.rawBytes;
    offset += CHUNK_HEADER_BYTES + header.storedBytes;
  }
  return total;
};

/**
 * The raw bytes of a block whose chunks are all stored raw, `rawBytes` of them, moved together over their headers at the
 * start of `records`. Throws `InvalidObject`.
 */
export const joinBlock = (records: Uint8Array, rawBytes: number): Uint8Array => {
  let write = 0;
  for (let offset = 0; offset < records.length;) {
    const header = parseChunkHeader(records, offset);
    if (!isStoredRaw(header)) throw new HubError('InvalidObject', 'The block has a chunk to inflate.');
    const start = offset + CHUNK_HEADER_BYTES;
    offset = start + header.storedBytes;
    records.copyWithin(write, start, offset);
    write += header.rawBytes;
  }
  if (write !== rawBytes) throw new HubError('InvalidObject', 'The block has another size than its chunks.');
  return records.subarray(0, write);
};

/** The raw bytes of a block, `rawBytes` of them, in an array of their own. Throws `InvalidObject`. */
export const inflateBlock = (records: Uint8Array, rawBytes: number): Uint8Array<ArrayBuffer> => {
  const target = new Uint8Array(new ArrayBuffer(rawBytes));
  let write = 0;
  for (let offset = 0; offset < records.length;) {
    const header = parseChunkHeader(records, offset);
    const start = offset + CHUNK_HEADER_BYTES;
    offset = start + header.storedBytes;
    if (header.rawBytes > rawBytes - write)
      throw new HubError('InvalidObject', 'The block has too many bytes.');
    inflateChunk(header, records.subarray(start, offset), target.subarray(write, write + header.rawBytes));
    write += header.rawBytes;
  }
  if (write !== rawBytes) throw new HubError('InvalidObject', 'The block has too few bytes.');
  return target;
};

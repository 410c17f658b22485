import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { crc32, deflate, deflateSync } from 'node:zlib';
import { corruptObject } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { Spool } from '../platform/spool.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { GitObjectType } from './object-storage.ts';
import { hashObject } from './objects.ts';
import { createOidTable } from './oid-table.ts';
import { writeEntryHeader } from './pack-entry.ts';
import { CHECKSUM_BYTES, PACK_HEADER_BYTES, writePackIndex } from './pack-index.ts';
import { packHeader } from './pack-output.ts';

const deflateInPool = promisify(deflate);

/** Above this, deflating would hold the event loop for milliseconds: the thread pool does it. */
const POOL_BYTES = 128 * 1024;
/** Contents up to this are simply deflated; of larger ones a sample tells whether that is worth it. */
const SAMPLED_BYTES = 64 * 1024;
const SAMPLE_BYTES = 4 * 1024;
/** What deflates to more than this part of its size (weights, images, archives) is stored as it is. */
const WORTHWHILE_RATIO = 0.95;

/** A finished pack, ready to be put into the object store. */
export interface BuiltPack {
  /**
   * SHA-1 (hex) over the index without its two checksums: it pins every id, CRC32 and offset, and with them the
   * bytes of the pack.
   */
  readonly packId: string;
  /** The `.idx`, version 2. */
  readonly index: Buffer;
  /** Length of the `.pack`. */
  readonly sizeBytes: number;
  readonly objectCount: number;
  /**
   * The `.pack`. May be read again. Throws `CorruptObject` before the last piece if the spool no longer gives the
   * bytes that were hashed.
   */
  bytes(): AsyncIterable<Uint8Array>;
}

export interface PackBuilder {
  readonly objectCount: number;
  /** Bytes of the pack so far. */
  readonly sizeBytes: number;
  has(oid: Oid): boolean;
  /** Add an object; one that the pack has already is skipped. Calls may overlap. */
  add(type: GitObjectType, content: Buffer): Promise<Oid>;
  /** Add an object whose id and zlib stream are known. `sizeBytes` is the length of its content. */
  addDeflated(type: GitObjectType, sizeBytes: number, oid: Oid, deflated: Buffer): Promise<void>;
  /** Close the pack. Nothing may be added afterwards. */
  finish(): Promise<BuiltPack>;
}

function isIncompressible(content: Buffer): boolean {
  const middle = Math.floor((content.length - SAMPLE_BYTES) / 2);
  const sample = content.subarray(middle, middle + SAMPLE_BYTES);
  return deflateSync(sample, { level: 1 }).length > sample.length * WORTHWHILE_RATIO;
}

/**
 * The zlib stream under which an object is stored, in a pack as in a row: level 1, or 0 (stored) for what does not
 * shrink. Larger contents are deflated off the event loop.
 */
export async function deflateObject(content: Buffer): Promise<Buffer> {
  const level = content.length > SAMPLED_BYTES && isIncompressible(content) ? 0 : 1;
  // One chunk large enough for the whole result: otherwise zlib makes several of 16 KiB and joins them.
  const chunkSize = content.length + (content.length >>> 8) + 64;
  if (content.length > POOL_BYTES) return deflateInPool(content, { level, chunkSize });
  const deflated = deflateSync(content, { level, chunkSize });
  // A copy, for a view would keep the whole chunk alive.
  return Buffer.from(deflated);
}

/**
 * Build a pack of whole objects (no deltas). Entries wait in `spool`, which must be new and which the
 * caller disposes of at the end.
 */
export function createPackBuilder({ spool }: { readonly spool: Spool }): PackBuilder {
  const oids = createOidTable();
  let crc32s = new Uint32Array(64);
  let offsets = new Float64Array(64);
  const slice = createTimeSlice();
  let isFinished = false;

  const packOffset = (): number => PACK_HEADER_BYTES + spool.sizeBytes;

  const append = async (
    type: GitObjectType,
    sizeBytes: number,
    oid: Oid,
    deflated: Buffer,
  ): Promise<void> => {
    if (isFinished) throw new Error('the pack is finished');
    const offset = packOffset();
    if (!oids.add(oid)) return;
    const row = oids.size - 1;
    if (row === offsets.length) {
      const moreOffsets = new Float64Array(row * 2);
      moreOffsets.set(offsets);
      offsets = moreOffsets;
      const moreCrc32s = new Uint32Array(row * 2);
      moreCrc32s.set(crc32s);
      crc32s = moreCrc32s;
    }
    const header = writeEntryHeader(type, sizeBytes);
    offsets[row] = offset;
    crc32s[row] = crc32(deflated, crc32(header));
    // Both calls before any await: entries of overlapping calls must not mix.
    await Promise.all([spool.append(header), spool.append(deflated)]);
    if (slice.isOver()) await slice.next();
  };

  return {
    get objectCount() {
      return oids.size;
    },
    get sizeBytes() {
      return packOffset() + CHECKSUM_BYTES;
    },
    has: (oid) => oids.has(oid),
    async add(type, content) {
      const oid = hashObject(type, content);
      if (!oids.has(oid)) await append(type, content.length, oid, await deflateObject(content));
      return oid;
    },
    addDeflated: append,
    async finish() {
      isFinished = true;
      const objectCount = oids.size;
      const sizeBytes = packOffset() + CHECKSUM_BYTES;
      const header = packHeader(objectCount);
      const sha1 = createHash('sha1').update(header);
      for await (const piece of spool.bytes()) sha1.update(piece);
      const trailer = sha1.digest();
      const index = await writePackIndex(
        {
          oids: oids.bytes(),
          crc32s: crc32s.subarray(0, objectCount),
          offsets: offsets.subarray(0, objectCount),
        },
        trailer,
      );
      return {
        packId: createHash('sha1')
          .update(index.subarray(0, -2 * CHECKSUM_BYTES))
          .digest('hex'),
        index,
        sizeBytes,
        objectCount,
        async *bytes() {
          const again = createHash('sha1').update(header);
          yield header;
          for await (const piece of spool.bytes()) {
            again.update(piece);
            yield piece;
          }
          if (!again.digest().equals(trailer)) throw corruptObject('pack in the making');
          yield trailer;
        },
      };
    },
  };
}

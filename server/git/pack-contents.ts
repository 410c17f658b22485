import { inflateSync } from 'node:zlib';
import type { HubError } from '../domain/errors.ts';
import type { RandomAccessFile } from '../platform/scratch-file.ts';
import { createSlabs } from '../platform/slabs.ts';
import { applyDelta } from './pack-entry.ts';
import { NO_ROW, type PackRows } from './pack-rows.ts';
import { badPack } from './pack-scan.ts';

/** Contents up to here are hashed as a whole, and kept for the deltas that follow them. */
export const WHOLE_BYTES = 64 * 1024;
/** Contents that are kept for the deltas against them, which git writes right behind their bases. */
const KEPT_BYTES = 16 * 1024 * 1024;
const KEPT_OVERHEAD_BYTES = 200;
/** Contents up to this share slabs of memory: one allocation each would cost as much as making them. */
const MAX_SLAB_CONTENT_BYTES = 32 * 1024;
/** Entries are read in order, or nearly, so one read brings what many of them need. */
const READ_AHEAD_BYTES = 64 * 1024;
/** What a pack may unpack to. Histories of large texts reach thousands of times their pack, forged ones anything. */
const FREE_BYTES = 64 * 1024 ** 3;
const BYTES_PER_PACK_BYTE = 256;

/** Contents of the entries of a pack that is being received, in bounded memory. */
export interface PackContents {
  /** Where the last entry ends. */
  bodyEnd: number;
  /** The bytes of an entry's zlib stream. A view: valid until the next call. */
  deflated(row: number): Buffer;
  /** What the entry's stream inflates to: a content, or a delta. */
  inflated(row: number, sizeBytes?: number): Buffer;
  /** The content of a resolved object. */
  get(row: number): Buffer;
  /** The same, when it happens to be at hand. */
  held(row: number): Buffer | undefined;
  /** Keep a content at hand for a while. */
  keep(row: number, content: Buffer): void;
  /** Let go of all that is at hand. */
  forget(): void;
  /**
   * Make a content from its base, and from the delta where that is at hand. Throws InvalidObject when the pack has
   * unpacked to too much.
   */
  apply(base: Buffer, row: number, maxBytes: number, delta?: Buffer): Buffer;
}

const cutOff = (): HubError => badPack('was cut off while it was read');

export function createPackContents(needs: {
  readonly file: RandomAccessFile;
  readonly rows: PackRows;
  readonly maxBytes: number;
}): PackContents {
  const { file, rows, maxBytes } = needs;
  const kept = new Map<number, Buffer>();
  /** Rows in the order in which they were kept. What is used again stays no longer for it: slabs go as a whole. */
  let order: number[] = [];
  let oldest = 0;
  let keptBytes = 0;
  let unpackedBytes = 0;
  let allocate = createSlabs(MAX_SLAB_CONTENT_BYTES);
  let ahead = Buffer.alloc(0);
  let aheadOffset = 0;
  let aheadLength = 0;

  const contents: PackContents = {
    bodyEnd: 0,

    deflated(row) {
      const start = rows.offset(row) + rows.dataStart(row);
      const end = row + 1 < rows.count ? rows.offset(row + 1) : contents.bodyEnd;
      const length = end - start;
      if (length > READ_AHEAD_BYTES) {
        const bytes = Buffer.allocUnsafeSlow(length);
        if (file.read(bytes, start) !== length) throw cutOff();
        return bytes;
      }
      if (start < aheadOffset || end > aheadOffset + aheadLength) {
        if (ahead.length === 0) ahead = Buffer.allocUnsafeSlow(READ_AHEAD_BYTES);
        const most = Math.min(READ_AHEAD_BYTES, contents.bodyEnd - start);
        aheadOffset = start;
        aheadLength = file.read(ahead.subarray(0, most), start);
        if (aheadLength < length) throw cutOff();
      }
      return ahead.subarray(start - aheadOffset, end - aheadOffset);
    },

    inflated(row, sizeBytes) {
      const chunkSize = sizeBytes === undefined ? 16 * 1024 : Math.max(64, sizeBytes + 1);
      // It was inflated once, so that it can be is known.
      return inflateSync(contents.deflated(row), { chunkSize });
    },

    get(row) {
      const chain: number[] = [];
      let at = row;
      let content = kept.get(at);
      while (!content) {
        const base = rows.base(at);
        if (base === NO_ROW) content = contents.inflated(at, rows.size(at));
        else {
          chain.push(at);
          at = base;
          content = kept.get(at);
        }
      }
      if (at !== row || chain.length === 0) contents.keep(at, content);
      for (const link of chain.reverse()) {
        content = contents.apply(content, link, maxBytes);
        contents.keep(link, content);
      }
      return content;
    },

    held: (row) => kept.get(row),

    keep(row, content) {
      const bytes = content.length + KEPT_OVERHEAD_BYTES;
      if (bytes > KEPT_BYTES || kept.has(row)) return;
      kept.set(row, content);
      order.push(row);
      keptBytes += bytes;
      while (keptBytes > KEPT_BYTES) {
        const gone = order[oldest++] as number;
        keptBytes -= (kept.get(gone) as Buffer).length + KEPT_OVERHEAD_BYTES;
        kept.delete(gone);
      }
      if (oldest > order.length / 2) {
        order = order.slice(oldest);
        oldest = 0;
      }
    },

    forget() {
      kept.clear();
      order = [];
      oldest = 0;
      keptBytes = 0;
      allocate = createSlabs(MAX_SLAB_CONTENT_BYTES);
    },

    apply(base, row, limit, delta = contents.inflated(row)) {
      unpackedBytes += rows.size(row);
      if (unpackedBytes > FREE_BYTES + contents.bodyEnd * BYTES_PER_PACK_BYTE) {
        throw badPack(`unpacks to more than ${FREE_BYTES} bytes`);
      }
      return applyDelta(base, delta, limit, allocate);
    },
  };
  return contents;
}

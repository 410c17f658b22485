import { inflateSync } from 'node:zlib';
import type { RandomAccessFile } from '../platform/scratch-file.ts';
import { applyDelta } from './pack-entry.ts';
import { NO_ROW, type PackRows } from './pack-rows.ts';
import { badPack } from './pack-scan.ts';

/** Contents that are kept for the deltas against them: what git keeps, too (`core.deltaBaseCacheLimit`). */
const KEPT_BYTES = 64 * 1024 * 1024;
const KEPT_OVERHEAD_BYTES = 200;
/** What a pack may unpack to. Histories of large texts reach thousands of times their pack, forged ones anything. */
const FREE_BYTES = 64 * 1024 ** 3;
const BYTES_PER_PACK_BYTE = 256;

/** Contents of the entries of a pack that is being received, in bounded memory. */
export interface PackContents {
  /** Where the last entry ends. */
  bodyEnd: number;
  /** The bytes of an entry's zlib stream. */
  deflated(row: number): Buffer;
  /** What the entry's stream inflates to: a content, or a delta. */
  inflated(row: number, sizeBytes?: number): Buffer;
  /** The content of a resolved object. */
  get(row: number): Buffer;
  /** Keep a content at hand for a while. */
  keep(row: number, content: Buffer): void;
  /** Make a content from its base. Throws InvalidObject when the pack has unpacked to too much. */
  apply(base: Buffer, row: number, maxBytes: number): Buffer;
}

export function createPackContents(needs: {
  readonly file: RandomAccessFile;
  readonly rows: PackRows;
  readonly maxBytes: number;
}): PackContents {
  const { file, rows, maxBytes } = needs;
  // A Map iterates in order of insertion, and a hit inserts anew: the first key is the one used longest ago.
  const kept = new Map<number, Buffer>();
  let keptBytes = 0;
  let unpackedBytes = 0;

  const take = (row: number): Buffer | undefined => {
    const content = kept.get(row);
    if (content) {
      kept.delete(row);
      kept.set(row, content);
    }
    return content;
  };

  const contents: PackContents = {
    bodyEnd: 0,

    deflated(row) {
      const start = rows.offset(row) + rows.dataStart(row);
      const end = row + 1 < rows.count ? rows.offset(row + 1) : contents.bodyEnd;
      const bytes = Buffer.allocUnsafe(end - start);
      if (file.read(bytes, start) !== bytes.length) throw badPack('was cut off while it was read');
      return bytes;
    },

    inflated(row, sizeBytes) {
      const chunkSize = sizeBytes === undefined ? 16 * 1024 : Math.max(64, sizeBytes + 1);
      // It was inflated once, so that it can be is known.
      return inflateSync(contents.deflated(row), { chunkSize });
    },

    get(row) {
      const chain: number[] = [];
      let at = row;
      let content = take(at);
      while (!content) {
        const base = rows.base(at);
        if (base === NO_ROW) content = contents.inflated(at, rows.size(at));
        else {
          chain.push(at);
          at = base;
          content = take(at);
        }
      }
      if (at !== row || chain.length === 0) contents.keep(at, content);
      for (const link of chain.reverse()) {
        content = contents.apply(content, link, maxBytes);
        contents.keep(link, content);
      }
      return content;
    },

    keep(row, content) {
      const bytes = content.length + KEPT_OVERHEAD_BYTES;
      if (bytes > KEPT_BYTES || kept.has(row)) return;
      kept.set(row, content);
      keptBytes += bytes;
      for (const [oldest, { length }] of kept) {
        if (keptBytes <= KEPT_BYTES) break;
        kept.delete(oldest);
        keptBytes -= length + KEPT_OVERHEAD_BYTES;
      }
    },

    apply(base, row, limit) {
      unpackedBytes += rows.size(row);
      if (unpackedBytes > FREE_BYTES + contents.bodyEnd * BYTES_PER_PACK_BYTE) {
        throw badPack(`unpacks to more than ${FREE_BYTES} bytes`);
      }
      return applyDelta(base, contents.inflated(row), limit);
    },
  };
  return contents;
}

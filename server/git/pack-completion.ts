import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import type { Oid } from '../domain/ids.ts';
import type { RandomAccessFile } from '../platform/scratch-file.ts';
import type { IngestTurns } from './ingest-turns.ts';
import type { NamedObjects } from './named-objects.ts';
import type { GitObject } from './object-storage.ts';
import type { PackContents } from './pack-contents.ts';
import { writeEntryHeader } from './pack-entry.ts';
import { PACK_HEADER_BYTES } from './pack-index.ts';
import type { PackRows } from './pack-rows.ts';
import { TreeScan } from './tree-scan.ts';

const HASH_BYTES = 1024 * 1024;

/** Makes a thin pack a whole one, in its file. */
export interface PackCompletion {
  /** Add an object of the repository to the pack, which left it out. Answers its row. */
  addBase(oid: Oid, base: GitObject): number;
  /** Header and trailer of a pack that became longer. Answers the new checksum. */
  seal(): Promise<Buffer>;
}

export function createPackCompletion(needs: {
  readonly file: RandomAccessFile;
  readonly rows: PackRows;
  readonly contents: PackContents;
  readonly named: NamedObjects;
  readonly turns: Pick<IngestTurns, 'pause'>;
}): PackCompletion {
  const { file, rows, contents, named, turns } = needs;
  return {
    addBase(oid, { type, content: given }) {
      const content = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
      const header = writeEntryHeader(type, content.length);
      const deflated = deflateSync(content, { level: 1 });
      const offset = contents.bodyEnd;
      file.write(header, offset);
      file.write(deflated, offset + header.length);
      contents.bodyEnd += header.length + deflated.length;
      const row = rows.add({ offset, dataStart: header.length, crc32: crc32(deflated, crc32(header)) });
      rows.setSize(row, content.length);
      rows.resolve(row, type, oid, 0);
      contents.keep(row, content);
      // What the repository has, it has with everything that it names.
      if (type === 'tree') {
        const scan = new TreeScan(content);
        while (scan.next()) if (scan.type !== 'commit') named.know(scan.type, content, scan.nameEnd + 1);
      }
      return row;
    },

    async seal() {
      const count = Buffer.alloc(4);
      count.writeUInt32BE(rows.count);
      file.write(count, PACK_HEADER_BYTES - count.length);
      const sha1 = createHash('sha1');
      const bytes = Buffer.allocUnsafe(HASH_BYTES);
      for (let at = 0; at < contents.bodyEnd;) {
        const piece = bytes.subarray(0, Math.min(HASH_BYTES, contents.bodyEnd - at));
        file.read(piece, at);
        sha1.update(piece);
        at += piece.length;
        const paused = turns.pause();
        if (paused) await paused;
      }
      const trailer = sha1.digest();
      file.write(trailer, contents.bodyEnd);
      return trailer;
    },
  };
}

import { createHash } from 'node:crypto';
import { isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import type { IngestTurns } from './ingest-turns.ts';
import { hashObject, objectHeader } from './objects.ts';
import { WHOLE_BYTES, type PackContents } from './pack-contents.ts';
import type { PackDeltas } from './pack-deltas.ts';
import { parseDeltaSizes, type PackEntryHeader } from './pack-entry.ts';
import { sentenceOf } from './pack-fault.ts';
import type { PackInspection } from './pack-inspection.ts';
import { NO_ROW, type PackRows } from './pack-rows.ts';
import { badPack, type EntrySink } from './pack-scan.ts';

/** More objects than any repository has; what is kept of each takes memory. */
const MAX_OBJECTS = 12_000_000;
/** A file that is too large is inflated all the same, to find out its name, up to this many times the pack. */
const OVERSIZE_RATIO = 4;
const OVERSIZE_FREE_BYTES = 256 * 1024 * 1024;
const DELTA_SIZES_BYTES = 32;
/** Deltas are shorter than what they make, but for a few bytes. */
const DELTA_ROOM_BYTES = 64 * 1024;

/**
 * What becomes of each entry of a pack while it is read: a row, with the object's id where it is whole. Throws
 * InvalidObject and UseLfs.
 */
export function createPackSinks(needs: {
  readonly rows: PackRows;
  readonly contents: PackContents;
  readonly inspection: PackInspection;
  readonly deltas: PackDeltas;
  readonly turns: Pick<IngestTurns, 'growth'>;
}): (header: PackEntryHeader) => EntrySink {
  const { rows, contents, inspection, deltas, turns } = needs;
  let oversizeBytes = 0;

  function addRow(offset: number, header: PackEntryHeader, crc: number): number {
    if (rows.count >= MAX_OBJECTS) throw badPack(`has more than ${MAX_OBJECTS} objects`);
    return rows.add({ offset, dataStart: header.dataStart, crc32: crc });
  }

  function deltaSink(header: PackEntryHeader & { kind: 'ofs-delta' | 'ref-delta' }): EntrySink {
    if (header.sizeBytes > inspection.maxBytes + DELTA_ROOM_BYTES) {
      throw badPack(`has a delta of ${header.sizeBytes} bytes, which is more than any object may have`);
    }
    const settle = (offset: number, crc: number, start: Buffer): number => {
      const row = addRow(offset, header, crc);
      const { resultBytes } = readDeltaSizes(start, offset);
      rows.setSize(row, Math.min(resultBytes, 0xffffffff));
      if (resultBytes > inspection.maxBytes)
        inspection.note(undefined, 'blob', inspection.tooLarge('blob', resultBytes));
      if (header.kind === 'ofs-delta') {
        const base = header.baseDistance > 0 ? rows.rowAt(offset - header.baseDistance) : NO_ROW;
        if (base === NO_ROW) throw badPack(`has a delta at byte ${offset} whose base is not in it`);
        rows.addDelta(base, row);
      } else {
        deltas.awaitBase(header.baseOid, row);
      }
      return row;
    };
    if (header.kind === 'ofs-delta' && header.sizeBytes <= WHOLE_BYTES) {
      return {
        onEnd: ({ offset, crc32: crc }, delta = Buffer.alloc(0)) => {
          deltas.resolveAtOnce(settle(offset, crc, delta), delta);
        },
      };
    }
    const start = Buffer.alloc(DELTA_SIZES_BYTES);
    let filled = 0;
    return {
      onPiece: (piece) => {
        filled += piece.copy(start, filled, 0, DELTA_SIZES_BYTES - filled);
      },
      onEnd: ({ offset, crc32: crc }) => void settle(offset, crc, start.subarray(0, filled)),
    };
  }

  function wholeSink(header: PackEntryHeader & { kind: 'whole' }): EntrySink {
    const { type, sizeBytes } = header;
    const isTooLarge = sizeBytes > inspection.maxBytesOf(type);
    if (isTooLarge) {
      oversizeBytes += sizeBytes;
      const isWorthIt = oversizeBytes <= OVERSIZE_FREE_BYTES + OVERSIZE_RATIO * turns.growth.sizeBytes;
      if (!isWorthIt)
        throw sentenceOf({ oid: undefined, type, problem: inspection.tooLarge(type, sizeBytes) });
    }
    const settle = (offset: number, crc: number, oid: Oid): number => {
      const row = addRow(offset, header, crc);
      rows.setSize(row, Math.min(sizeBytes, 0xffffffff));
      rows.resolve(row, type, oid, 0);
      return row;
    };
    if (!isTooLarge && (type !== 'blob' || sizeBytes <= WHOLE_BYTES)) {
      return {
        onEnd: ({ offset, crc32: crc }, content = Buffer.alloc(0)) => {
          const oid = hashObject(type, content);
          contents.keep(settle(offset, crc, oid), content);
          inspection.inspect(type, oid, content);
        },
      };
    }
    const sha1 = createHash('sha1').update(objectHeader(type, sizeBytes));
    return {
      onPiece: (piece) => void sha1.update(piece),
      onEnd: ({ offset, crc32: crc }) => {
        const oid = sha1.digest('hex') as Oid;
        settle(offset, crc, oid);
        if (isTooLarge) inspection.note(oid, type, inspection.tooLarge(type, sizeBytes));
      },
    };
  }

  return (header) => (header.kind === 'whole' ? wholeSink(header) : deltaSink(header));
}

function readDeltaSizes(start: Buffer, offset: number): { readonly resultBytes: number } {
  try {
    return parseDeltaSizes(start);
  } catch (error) {
    if (!isHubError(error, 'CorruptObject')) throw error;
    throw badPack(`has a delta at byte ${offset} that cannot be read`, error);
  }
}

import { corruptObject } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { GitObject, GitObjectType, GitStorage, PackRef } from './object-storage.ts';
import {
  applyDelta,
  inflateEntry,
  inflatePrefix,
  MAX_ENTRY_HEADER_BYTES,
  parseDeltaSizes,
  parseEntryHeader,
} from './pack-entry.ts';
import type { PackEntryHeader } from './pack-entry.ts';
import type { PackIndex } from './pack-index.ts';

/** Longest chain of deltas; git itself writes at most 4,095. Also what ends a circle of deltas. */
const MAX_CHAIN = 4096;
/** Entries of a chain that are kept between finding the base and applying the deltas; the others are read again. */
const CHAIN_KEEP_BYTES = 16 * 1024 * 1024;
/** Longer entries are not fetched whole while only their headers are wanted. */
const CHAIN_READ_BYTES = 256 * 1024;
/** Enough of a delta to inflate both of its sizes: the code tables of a deflate block alone may take 553 bytes. */
const DELTA_PREFIX_BYTES = MAX_ENTRY_HEADER_BYTES + 608;
/** Neighbors are fetched with one read: up to this much, skipping at most this gap. */
const WINDOW_BYTES = 1024 * 1024;
const WINDOW_GAP_BYTES = 16 * 1024;
/**
 * Short reads are served from blocks of this many bytes: entries that belong together lie near each other, and a walk
 * through a history reads thousands of them, one after the other.
 */
const BLOCK_BYTES = 64 * 1024;
/** Largest object that is read into memory; git itself stores larger ones without deltas, to be streamed. */
export const MAX_OBJECT_BYTES = 1024 * 1024 * 1024;

export interface ObjectInfo {
  readonly type: GitObjectType;
  /** Length of the content. */
  readonly sizeBytes: number;
}

/** Objects of one pack by the offset of their entry, kept so that long chains are not resolved from the start. */
export interface BaseCache {
  get(offset: number): GitObject | undefined;
  put(offset: number, base: GitObject): void;
}

/** Where an entry of a pack lies: `end` is exclusive. */
export interface EntryRange {
  readonly start: number;
  readonly end: number;
}

/** A whole (undeltified) entry, not inflated yet. */
export interface WholeEntry extends ObjectInfo, EntryRange {
  /** Where the zlib stream starts in the pack. */
  readonly dataStart: number;
}

/** Reads objects of one pack by the offset of their entry. Whether they are the objects wanted, the caller checks. */
export interface PackReader {
  /** The object whose entry starts at `offset`; `depth` is the length of the delta chain that led here. */
  read(offset: number, depth?: number): Promise<GitObject>;
  /** Type and size without reading the content, as far as deltas allow. */
  info(offset: number, depth?: number): Promise<ObjectInfo>;
  /** Many objects, in few reads. `onObject` is called once for each offset, `onProblem` for those that fail. */
  readMany(
    offsets: readonly number[],
    onObject: (offset: number, object: GitObject) => void,
    onProblem: (offset: number, problem: unknown) => void,
  ): Promise<void>;
  infoMany(
    offsets: readonly number[],
    onInfo: (offset: number, info: ObjectInfo) => void,
    onProblem: (offset: number, problem: unknown) => void,
  ): Promise<void>;
  /** The entry at `offset` if it is stored whole, so that it can be streamed. */
  wholeEntry(offset: number): Promise<WholeEntry | undefined>;
}

export function createPackReader(needs: {
  readonly pack: PackRef;
  readonly index: PackIndex;
  readonly readRange: GitStorage['readRange'];
  readonly bases: BaseCache;
  /** A block of the pack by its number, kept where it was read lately. */
  readonly block: (block: number, load: () => Promise<Buffer>) => Promise<Buffer>;
  /** Looks a delta's base up outside this pack. */
  readonly findBase: (oid: Oid, depth: number) => Promise<GitObject | undefined>;
  readonly findBaseInfo: (oid: Oid, depth: number) => Promise<ObjectInfo | undefined>;
}): PackReader {
  const { pack, index, bases } = needs;

  const damaged = (problem: string): Error => corruptObject(`pack ${pack.id} with ${problem}`);

  const rangeOf = (offset: number): EntryRange => {
    const end = index.entryEnd(offset, pack.sizeBytes);
    if (end === undefined || end <= offset) throw damaged(`no entry at ${offset}`);
    return { start: offset, end };
  };

  const readDirectly = async (start: number, length: number): Promise<Buffer> => {
    const bytes = await needs.readRange(pack.packKey, start, length);
    if (bytes.length !== length) throw damaged('too few bytes');
    return bytes;
  };

  const readBlock = (block: number): Promise<Buffer> =>
    needs.block(block, () => {
      const start = block * BLOCK_BYTES;
      return readDirectly(start, Math.min(BLOCK_BYTES, pack.sizeBytes - start));
    });

  const readBytes = async (start: number, length: number): Promise<Buffer> => {
    const first = Math.floor(start / BLOCK_BYTES);
    const last = Math.floor((start + length - 1) / BLOCK_BYTES);
    if (length > BLOCK_BYTES || start + length > pack.sizeBytes) return readDirectly(start, length);
    const at = start - first * BLOCK_BYTES;
    const bytes = await readBlock(first);
    if (last <= first) return bytes.subarray(at, at + length);
    return Buffer.concat([
      bytes.subarray(at),
      (await readBlock(last)).subarray(0, at + length - BLOCK_BYTES),
    ]);
  };

  const checkSize = (sizeBytes: number): number => {
    if (sizeBytes > MAX_OBJECT_BYTES) throw damaged('an object too large to read whole');
    return sizeBytes;
  };

  const baseOffset = (offset: number, header: PackEntryHeader & { kind: 'ofs-delta' | 'ref-delta' }) => {
    if (header.kind === 'ofs-delta') {
      if (header.baseDistance === 0 || header.baseDistance > offset) throw damaged('a delta base outside');
      return offset - header.baseDistance;
    }
    const position = index.find(header.baseOid);
    return position < 0 ? undefined : index.offsetAt(position);
  };

  const inflateAt = async (entry: Buffer, header: PackEntryHeader): Promise<Buffer> =>
    inflateEntry(entry.subarray(header.dataStart), checkSize(header.sizeBytes));

  /** `first` is the entry at `offset` when the caller has read it. */
  const resolve = async (offset: number, depth: number, first?: Buffer): Promise<GitObject> => {
    const chain: {
      readonly offset: number;
      readonly range: EntryRange;
      readonly entry: Buffer | undefined;
    }[] = [];
    let keptBytes = 0;
    let at = offset;
    let base: GitObject | undefined;
    for (;;) {
      if (depth + chain.length > MAX_CHAIN) throw damaged('an endless delta chain');
      base = bases.get(at);
      if (base !== undefined) break;
      const range = rangeOf(at);
      const length = range.end - range.start;
      const isWhole = length <= CHAIN_READ_BYTES;
      const bytes =
        at === offset && first !== undefined
          ? first
          : await readBytes(at, isWhole ? length : MAX_ENTRY_HEADER_BYTES);
      const header = parseEntryHeader(bytes);
      if (header.kind === 'whole') {
        const entry = bytes.length === length ? bytes : await readBytes(at, length);
        base = { type: header.type, content: await inflateAt(entry, header) };
        if (chain.length > 0) bases.put(at, base);
        break;
      }
      const isKept = bytes.length === length && keptBytes + length <= CHAIN_KEEP_BYTES;
      if (isKept) keptBytes += length;
      chain.push({ offset: at, range, entry: isKept ? bytes : undefined });
      const next = baseOffset(at, header);
      if (next === undefined) {
        base = await needs.findBase((header as { baseOid: Oid }).baseOid, depth + chain.length);
        if (base === undefined) throw damaged('a delta whose base is missing');
        break;
      }
      at = next;
    }
    for (let i = chain.length - 1; i >= 0; i -= 1) {
      const link = chain[i] as (typeof chain)[number];
      const entry = link.entry ?? (await readBytes(link.range.start, link.range.end - link.range.start));
      const delta = await inflateAt(entry, parseEntryHeader(entry));
      base = { type: base.type, content: applyDelta(base.content, delta, MAX_OBJECT_BYTES) };
      if (i > 0) bases.put(link.offset, base);
    }
    return base;
  };

  /** `first` is at least the first bytes of the entry at `offset` when the caller has read it. */
  const info = async (offset: number, depth: number, first?: Buffer): Promise<ObjectInfo> => {
    let at = offset;
    let sizeBytes: number | undefined;
    for (let steps = depth; ; steps += 1) {
      if (steps > MAX_CHAIN) throw damaged('an endless delta chain');
      const known = bases.get(at);
      if (known !== undefined) return { type: known.type, sizeBytes: sizeBytes ?? known.content.length };
      const range = rangeOf(at);
      const entry =
        at === offset && first !== undefined
          ? first
          : await readBytes(at, Math.min(range.end - at, DELTA_PREFIX_BYTES));
      const header = parseEntryHeader(entry);
      if (header.kind === 'whole') return { type: header.type, sizeBytes: sizeBytes ?? header.sizeBytes };
      sizeBytes ??= parseDeltaSizes(inflatePrefix(entry.subarray(header.dataStart))).resultBytes;
      const next = baseOffset(at, header);
      if (next === undefined) {
        const base = await needs.findBaseInfo((header as { baseOid: Oid }).baseOid, steps + 1);
        if (base === undefined) throw damaged('a delta whose base is missing');
        return { type: base.type, sizeBytes };
      }
      at = next;
    }
  };

  /** Fetch entries that lie near each other together, and hand out each one's first `wanted(range)` bytes. */
  const readWindows = async (
    offsets: readonly number[],
    wanted: (range: EntryRange) => number,
    onEntry: (offset: number, bytes: Buffer) => Promise<void>,
    onProblem: (offset: number, problem: unknown) => void,
  ): Promise<void> => {
    const ranges: EntryRange[] = [];
    for (const offset of [...offsets].sort((a, b) => a - b)) {
      try {
        const range = rangeOf(offset);
        ranges.push({ start: offset, end: offset + Math.min(wanted(range), range.end - offset) });
      } catch (error) {
        onProblem(offset, error);
      }
    }
    const slice = createTimeSlice();
    let first = 0;
    while (first < ranges.length) {
      const { start, end: firstEnd } = ranges[first] as EntryRange;
      let end = firstEnd;
      let last = first + 1;
      for (; last < ranges.length; last += 1) {
        const next = ranges[last] as EntryRange;
        if (next.start - end > WINDOW_GAP_BYTES || next.end - start > WINDOW_BYTES) break;
        end = next.end;
      }
      const group = ranges.slice(first, last);
      first = last;
      let window: Buffer;
      try {
        window = await readBytes(start, end - start);
      } catch (error) {
        for (const range of group) onProblem(range.start, error);
        continue;
      }
      for (const range of group) {
        try {
          await onEntry(range.start, window.subarray(range.start - start, range.end - start));
        } catch (error) {
          onProblem(range.start, error);
        }
        if (slice.isOver()) await slice.next();
      }
    }
  };

  return {
    read: (offset, depth = 0) => resolve(offset, depth),
    info: (offset, depth = 0) => info(offset, depth),
    readMany: (offsets, onObject, onProblem) =>
      readWindows(
        offsets,
        ({ start, end }) => end - start,
        async (offset, entry) => onObject(offset, await resolve(offset, 0, entry)),
        onProblem,
      ),
    infoMany: (offsets, onInfo, onProblem) =>
      readWindows(
        offsets,
        () => DELTA_PREFIX_BYTES,
        async (offset, entry) => onInfo(offset, await info(offset, 0, entry)),
        onProblem,
      ),
    async wholeEntry(offset) {
      const range = rangeOf(offset);
      const header = parseEntryHeader(
        await readBytes(offset, Math.min(range.end - offset, MAX_ENTRY_HEADER_BYTES)),
      );
      if (header.kind !== 'whole') return undefined;
      return {
        type: header.type,
        sizeBytes: header.sizeBytes,
        start: offset,
        end: range.end,
        dataStart: offset + header.dataStart,
      };
    },
  };
}

import { crc32 } from 'node:zlib';
import { corruptObject, isHubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { encodeDelta } from './delta-encode.ts';
import type { ObjectDb } from './object-db.ts';
import type { GitObject, GitObjectType, GitStorage, HotEntry } from './object-storage.ts';
import {
  MAX_ENTRY_HEADER_BYTES,
  parseEntryHeader,
  writeEntryHeader,
  writeOffsetDeltaHeader,
  writeRefDeltaHeader,
} from './pack-entry.ts';
import type { PackEntryHeader } from './pack-entry.ts';
import { createPackOutput } from './pack-output.ts';
import { placeObjects } from './pack-places.ts';
import type { ObjectPlaces, PackedObjects } from './pack-places.ts';
import { deflateObject } from './pack-write.ts';
import type { SelectedObjects } from './selected-objects.ts';

/** Entries that lie near each other are read together: up to so much, with gaps up to so much. */
const WINDOW_BYTES = 2 * 1024 * 1024;
const WINDOW_GAP_BYTES = 32 * 1024;
/** Longer entries are copied piece by piece. */
const LARGE_ENTRY_BYTES = 1024 * 1024;
const ROW_BATCH_BYTES = 4 * 1024 * 1024;
const MOST_ROWS = 512;

/** Longest chain of deltas that a delta made here may end. */
const MAX_CHAIN = 50;
/** What takes so few bytes is not worth a delta. */
const LEAST_FOR_DELTA_BYTES = 128;
const MOST_FOR_DELTA_BYTES: Readonly<Record<GitObjectType, number>> = {
  commit: 0,
  tag: 0,
  tree: 32 * 1024 * 1024,
  blob: 1024 * 1024,
};
/** Git takes content with a NUL among its first bytes for binary. */
const TEXT_SAMPLE_BYTES = 8000;

export interface PackStreamNeeds {
  readonly db: ObjectDb;
  readonly storage: Pick<GitStorage, 'readRange' | 'hotEntries'>;
  readonly selected: SelectedObjects;
  /** Deltas may be against what the client has, as far as that is known. */
  readonly mayBeThin: boolean;
  /** Deltas may name their base by its distance. */
  readonly mayUseOffsets: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A pack that is ready to be written. */
export interface PlannedPack {
  /** Bytes of the stored entries that it is made of, but for those that no pack holds. */
  readonly sizeInPacks: number;
  readonly bytes: AsyncGenerator<Buffer, void, undefined>;
}

/**
 * A pack of the selected objects, made of what is stored: entries are copied as they are, in few reads. A delta stays
 * one when its base was written before it, which no circle of deltas can outlive, or when the client has the base.
 * Where a whole object replaced another one that the client can have by then, a delta is made. Holds in memory where
 * each object lies and went, and a few megabytes of content.
 */
export async function planPack(needs: PackStreamNeeds): Promise<PlannedPack> {
  const { db, selected } = needs;
  const places = await placeObjects(selected, await db.packs());
  return { sizeInPacks: places.sizeInPacks, bytes: writePack(needs, places) };
}

async function* writePack(
  needs: PackStreamNeeds,
  places: ObjectPlaces,
): AsyncGenerator<Buffer, void, undefined> {
  const { selected } = needs;
  const writer = createEntryWriter(needs, places);
  for (let group = 0; group < selected.groups; group += 1) yield* writer.write(group);
  yield* writer.finish();
}

function createEntryWriter(needs: PackStreamNeeds, places: ObjectPlaces) {
  const { db, storage, selected, mayBeThin, mayUseOffsets, signal } = needs;
  const { oids } = selected;
  const output = createPackOutput(selected.count);
  const slice = createTimeSlice();
  /** Where each object starts in the answer; 0 before it was written. */
  const written = new Float64Array(oids.size);
  /** How many deltas lead to each object. */
  const depths = new Uint16Array(oids.size);
  let count = 0;

  const begin = (at: number, depth: number): void => {
    written[at] = output.offset;
    depths[at] = depth;
    count += 1;
  };

  const isAtClient = (oid: Oid, at: number): boolean => {
    if (!mayBeThin) return false;
    if (selected.isHeld(oid)) return true;
    // Former versions come from trees of the answer or of the client.
    const former = selected.formerAt(at);
    return former === oid && oids.position(oid) < 0;
  };

  /** The head of a delta against an object that a reader of this answer has by now; undefined when there is none. */
  const deltaHeader = (at: number, base: Oid, sizeBytes: number): Buffer | undefined => {
    const baseAt = oids.position(base);
    const baseOffset = baseAt < 0 ? 0 : (written[baseAt] as number);
    if (baseOffset === 0) return isAtClient(base, at) ? writeRefDeltaHeader(sizeBytes, base) : undefined;
    return mayUseOffsets
      ? writeOffsetDeltaHeader(sizeBytes, output.offset - baseOffset)
      : writeRefDeltaHeader(sizeBytes, base);
  };

  const depthOn = (base: Oid): number => {
    const baseAt = oids.position(base);
    return baseAt < 0 ? 1 : (depths[baseAt] as number) + 1;
  };

  /** Write an object as a delta against its former version, when that saves something. */
  async function writeAsDelta(
    at: number,
    type: GitObjectType,
    storedBytes: number,
    content?: Buffer,
  ): Promise<boolean> {
    const former = selected.formerAt(at);
    if (former === undefined || storedBytes < LEAST_FOR_DELTA_BYTES) return false;
    const most = MOST_FOR_DELTA_BYTES[type];
    if (deltaHeader(at, former, 0) === undefined || depthOn(former) > MAX_CHAIN) return false;
    if (type === 'blob') {
      const info = (await db.infoMany([former])).get(former);
      if (info === undefined || info.sizeBytes > most) return false;
    }
    const oid = oids.oidAt(at);
    const found = await db.findMany(content === undefined ? [oid, former] : [former]);
    const target = content ?? found.get(oid)?.content;
    const base = found.get(former);
    if (target === undefined || base?.type !== type || target.length > most) return false;
    if (type === 'blob' && (isBinary(target) || isBinary(base.content))) return false;
    // An incompressible delta longer than what is stored is of no use.
    const delta = await encodeDelta(base.content, target, Math.min(target.length, storedBytes) >>> 1);
    if (delta === undefined) return false;
    const deflated = await deflateObject(delta);
    const header = deltaHeader(at, former, delta.length);
    if (header === undefined || header.length + deflated.length >= storedBytes) return false;
    begin(at, depthOn(former));
    output.put(header);
    output.put(deflated);
    return true;
  }

  async function writeWhole(at: number, { type, content }: GitObject): Promise<void> {
    const deflated = await deflateObject(content);
    if (await writeAsDelta(at, type, deflated.length, content)) return;
    begin(at, 0);
    output.put(writeEntryHeader(type, content.length));
    output.put(deflated);
  }

  /** What cannot be copied is read, which proves it, and written anew. */
  async function rewrite(at: number): Promise<void> {
    await writeWhole(at, await db.get(oids.oidAt(at)));
  }

  /** The base of a stored delta, as far as its id can be told. */
  const baseOf = (
    header: PackEntryHeader,
    offset: number,
    from: PackedObjects,
    at: number,
  ): Oid | undefined => {
    if (header.kind === 'ref-delta') return header.baseOid;
    if (header.kind === 'whole') return undefined;
    const baseOffset = offset - header.baseDistance;
    const local = from.at(baseOffset);
    if (local >= 0) return oids.oidAt(from.positions[local] as number);
    const former = selected.formerAt(at);
    if (former === undefined) return undefined;
    const row = from.index.find(former);
    return row >= 0 && from.index.offsetAt(row) === baseOffset ? former : undefined;
  };

  /** The head under which stored data can be copied; undefined when it cannot. */
  const copyHeader = (
    at: number,
    header: PackEntryHeader,
    offset: number,
    from: PackedObjects,
  ): Buffer | undefined => {
    if (header.kind === 'whole') {
      const written = writeEntryHeader(header.type, header.sizeBytes);
      begin(at, 0);
      return written;
    }
    const base = baseOf(header, offset, from, at);
    const written = base === undefined ? undefined : deltaHeader(at, base, header.sizeBytes);
    if (base !== undefined && written !== undefined) begin(at, depthOn(base));
    return written;
  };

  async function writeEntry(local: number, entry: Buffer, from: PackedObjects): Promise<void> {
    const at = from.positions[local] as number;
    if (crc32(entry) !== from.index.crc32At(from.rows[local] as number)) return rewrite(at);
    const header = parseEntryHeader(entry);
    if (header.kind === 'whole' && (await writeAsDelta(at, header.type, entry.length))) return;
    const copied = copyHeader(at, header, from.offsets[local] as number, from);
    if (copied === undefined) return rewrite(at);
    output.put(copied);
    output.put(entry.subarray(header.dataStart));
  }

  async function* writeLargeEntry(local: number, end: number, from: PackedObjects): AsyncGenerator<Buffer> {
    const at = from.positions[local] as number;
    const start = from.offsets[local] as number;
    const { packKey } = from.ref;
    const head = await storage.readRange(packKey, start, Math.min(MAX_ENTRY_HEADER_BYTES, end - start));
    const header = parseEntryHeader(head);
    const copied = copyHeader(at, header, start, from);
    if (copied === undefined) {
      await rewrite(at);
      yield* output.take();
      return;
    }
    output.put(copied);
    let checksum = crc32(head.subarray(0, header.dataStart));
    for (let place = start + header.dataStart; place < end; place += LARGE_ENTRY_BYTES) {
      signal?.throwIfAborted();
      const piece = await storage.readRange(packKey, place, Math.min(LARGE_ENTRY_BYTES, end - place));
      checksum = crc32(piece, checksum);
      output.put(piece);
      yield* output.take();
    }
    if (checksum !== from.index.crc32At(from.rows[local] as number)) {
      throw corruptObject(`object ${oids.oidAt(at)} has other bytes than its pack's index says`);
    }
  }

  async function* writePacked(from: PackedObjects, group: number): AsyncGenerator<Buffer> {
    let next = read(from, windowFrom(from, 0, group, selected));
    for (;;) {
      const { window, bytes } = await next;
      if (window === undefined) return;
      // The next window is read while this one is written.
      next = read(from, windowFrom(from, window.after, group, selected));
      // Whoever stops in between does not wait for it.
      next.catch(() => undefined);
      signal?.throwIfAborted();
      const [first] = window.locals;
      if (first !== undefined && window.isLarge) {
        yield* writeLargeEntry(first, window.end, from);
        continue;
      }
      for (const [i, local] of window.locals.entries()) {
        const start = from.offsets[local] as number;
        if (bytes === undefined) await rewrite(from.positions[local] as number);
        else
          await writeEntry(
            local,
            bytes.subarray(start - window.start, (window.ends[i] as number) - window.start),
            from,
          );
        yield* output.take();
        if (slice.isOver()) await slice.next();
      }
    }
  }

  /** Undefined bytes: the pack is gone or damaged, so every object is looked for elsewhere. */
  async function read(
    from: PackedObjects,
    window: Window | undefined,
  ): Promise<{ readonly window: Window | undefined; readonly bytes: Buffer | undefined }> {
    if (window === undefined || window.isLarge) return { window, bytes: undefined };
    try {
      const bytes = await storage.readRange(from.ref.packKey, window.start, window.end - window.start);
      return { window, bytes };
    } catch (error) {
      if (!isHubError(error, 'CorruptObject')) throw error;
      return { window, bytes: undefined };
    }
  }

  async function writeRow(at: number, row: HotEntry | undefined): Promise<void> {
    // A row that is none any more was rolled into a pack since.
    if (row === undefined) return rewrite(at);
    const { type, sizeBytes, deflated } = row;
    if (await writeAsDelta(at, type, deflated.length)) return;
    begin(at, 0);
    output.put(writeEntryHeader(type, sizeBytes));
    output.put(deflated);
  }

  async function* writeUnpacked(group: number): AsyncGenerator<Buffer> {
    const mine = places.unpacked.filter((at) => selected.groupAt(at) === group);
    let batch = 16;
    for (let start = 0; start < mine.length;) {
      signal?.throwIfAborted();
      const positions = mine.slice(start, start + batch);
      start += positions.length;
      const rows = await storage.hotEntries(positions.map((at) => oids.oidAt(at)));
      let bytes = 0;
      for (const at of positions) {
        const row = rows.get(oids.oidAt(at));
        bytes += row?.deflated.length ?? 0;
        await writeRow(at, row);
        yield* output.take();
        if (slice.isOver()) await slice.next();
      }
      batch = bytes > ROW_BATCH_BYTES ? Math.max(1, batch >>> 1) : Math.min(MOST_ROWS, batch * 2);
    }
  }

  return {
    async *write(group: number): AsyncGenerator<Buffer> {
      for (const packed of places.packed) yield* writePacked(packed, group);
      yield* writeUnpacked(group);
    },
    *finish(): Generator<Buffer> {
      if (count !== selected.count) throw new Error(`a pack of ${selected.count} objects got ${count}`);
      yield* output.finish();
    },
  };
}

const isBinary = (content: Buffer): boolean => content.subarray(0, TEXT_SAMPLE_BYTES).includes(0);

/** Entries that are read together. */
interface Window {
  readonly start: number;
  readonly end: number;
  readonly locals: readonly number[];
  readonly ends: readonly number[];
  /** Where to look for the next window. */
  readonly after: number;
  /** One entry that is too long to be read at once. */
  readonly isLarge: boolean;
}

/** The next entries of one group in a pack, from a place in its list on. */
function windowFrom(
  { offsets, positions, index, ref }: PackedObjects,
  from: number,
  group: number,
  selected: SelectedObjects,
): Window | undefined {
  const locals: number[] = [];
  const ends: number[] = [];
  let start = 0;
  let end = 0;
  let local = from;
  for (; local < offsets.length; local += 1) {
    if (selected.groupAt(positions[local] as number) !== group) continue;
    const offset = offsets[local] as number;
    const entryEnd = index.entryEnd(offset, ref.sizeBytes);
    if (entryEnd === undefined || entryEnd <= offset)
      throw corruptObject(`pack ${ref.id} has no entry at ${offset}`);
    const isLarge = entryEnd - offset > LARGE_ENTRY_BYTES;
    if (locals.length === 0) {
      start = offset;
      if (isLarge)
        return { start, end: entryEnd, locals: [local], ends: [entryEnd], after: local + 1, isLarge };
    } else if (isLarge || offset - end > WINDOW_GAP_BYTES || entryEnd - start > WINDOW_BYTES) {
      break;
    }
    locals.push(local);
    ends.push(entryEnd);
    end = entryEnd;
  }
  return locals.length === 0 ? undefined : { start, end, locals, ends, after: local, isLarge: false };
}

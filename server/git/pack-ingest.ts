import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import { isHubError } from '../domain/errors.ts';
import type { GitFileName } from '../domain/git-files.ts';
import type { Oid } from '../domain/ids.ts';
import { MAX_POINTER_BYTES, parsePointer } from '../domain/lfs.ts';
import type { RandomAccessFile } from '../platform/scratch-file.ts';
import { createHexReader, createNamedObjects } from './named-objects.ts';
import {
  commitProblem,
  MAX_TEXT_OBJECT_BYTES,
  MAX_TREE_BYTES,
  tagProblem,
  type ObjectProblem,
} from './object-checks.ts';
import type { GitObject, GitObjectType } from './object-storage.ts';
import { hashObject, objectHeader } from './objects.ts';
import { createOidTable, OID_BYTES } from './oid-table.ts';
import { createPackChecks } from './pack-checks.ts';
import { createPackContents } from './pack-contents.ts';
import { parseDeltaSizes, writeEntryHeader, type PackEntryHeader } from './pack-entry.ts';
import { sentenceOf, type PackFault } from './pack-fault.ts';
import { CHECKSUM_BYTES, PACK_HEADER_BYTES, parsePackIndex, writePackIndex } from './pack-index.ts';
import { createPackRows, NO_ROW } from './pack-rows.ts';
import { badPack, scanPack, type EntrySink, type Growth } from './pack-scan.ts';
import { createPackWalk, type PackWalk } from './pack-walk.ts';
import { createPointerList, type PointerList } from './pointer-list.ts';
import { createTreeChecks, type TreeVisitor } from './tree-checks.ts';
import { TreeScan } from './tree-scan.ts';

/** What the worker is told about a pack before it begins, and what it may not hold. */
export interface IngestPlan {
  readonly tips: readonly Oid[];
  /** Larger files belong into LFS. */
  readonly maxFileBytes: number;
  /** Up to here the objects are handed over as rows, and no index is made. */
  readonly hot: { readonly bytes: number; readonly objects: number };
}

/** What the other side is told, each time it has the turn. */
export type IngestReport =
  /** Everything that is there was read; more must come. */
  | { readonly kind: 'starved'; readonly objectCount: number }
  /** Nothing is needed but the thread. */
  | { readonly kind: 'working'; readonly phase: IngestPhase; readonly done: number; readonly total: number }
  /** The pack was read to its end. What follows it does not belong to it. */
  | { readonly kind: 'read'; readonly sizeBytes: number }
  /** Bases of deltas that the pack leaves out. Answer as many as are wanted to be in memory, at least one. */
  | { readonly kind: 'bases'; readonly oids: readonly Oid[] }
  /** Objects that the pack names and does not hold: raw ids, and the type each must have. */
  | { readonly kind: 'outside'; readonly oids: Uint8Array; readonly types: readonly GitObjectType[] }
  /** Files outside the pack that it names as ones that git reads. */
  | {
      readonly kind: 'git-files';
      readonly files: readonly { readonly oid: Oid; readonly name: GitFileName }[];
    }
  | { readonly kind: 'done'; readonly pack: IngestedPack }
  | { readonly kind: 'paths'; readonly paths: ReadonlyMap<Oid, string> };

export type IngestPhase = 'reading' | 'resolving' | 'checking';

/** The answer to a report. */
export interface IngestTurn {
  readonly growth?: Growth;
  /** In the order they were asked for; undefined where the repository has none. */
  readonly bases?: readonly (GitObject | undefined)[];
  /** Which of the objects outside are not there, or of another type: positions in the report. */
  readonly missing?: readonly number[];
  /** After `done`: find where these lie. */
  readonly pathsOf?: readonly Oid[];
}

/** A pack that was read, completed and found to be good. */
export interface IngestedPack {
  /** Objects in the file, those included that were added to complete it. */
  readonly objectCount: number;
  /** Length of the file that now is the pack. */
  readonly sizeBytes: number;
  readonly packId: string;
  readonly index: Uint8Array;
  /** The objects themselves, where they are few and small. */
  readonly rows: readonly IngestedRow[] | undefined;
  /** No object of the pack is there for nothing: all are reached from the tips. */
  readonly isAllReachable: boolean;
  /** It holds all that the tips lead to, and nothing else. */
  readonly isClosed: boolean;
  readonly pointers: PointerList;
}

export interface IngestedRow {
  readonly oid: Oid;
  readonly type: GitObjectType;
  readonly sizeBytes: number;
  readonly deflated: Uint8Array;
}

/** Longest chain of deltas that git itself writes. */
const MAX_CHAIN = 4095;
/** More objects than any repository has; what is kept of each takes memory. */
const MAX_OBJECTS = 12_000_000;
/** A file that is too large is inflated all the same, to find out its name, up to this many times the pack. */
const OVERSIZE_RATIO = 4;
const OVERSIZE_FREE_BYTES = 256 * 1024 * 1024;
const BASES_AT_ONCE = 64;
const HASH_BYTES = 1024 * 1024;
const DELTA_SIZES_BYTES = 32;
/** Contents up to here are hashed as a whole, and kept for the deltas that follow them. */
const WHOLE_BYTES = 64 * 1024;
/** Deltas are shorter than what they make, but for a few bytes. */
const DELTA_ROOM_BYTES = 64 * 1024;
/** Small packs of huge contents are not made into rows. */
const MAX_HOT_CONTENT_BYTES = 16 * 1024 * 1024;
const SLICE_MS = 20;

/**
 * Receive a pack: read it through, resolve its deltas depth-first, hash and check every object, add the bases it leaves
 * out, and make its index. Memory goes by the number of objects (about 100 bytes each), by one chain of deltas, and by
 * nothing else. Throws InvalidObject and UseLfs, each with one sentence for whoever pushed.
 *
 * @param file Grows while it is read; the pack is completed in it.
 * @param turn Lets the other side have the turn.
 */
export async function ingestPack(
  file: RandomAccessFile,
  plan: IngestPlan,
  first: IngestTurn,
  turn: (report: IngestReport) => Promise<IngestTurn>,
): Promise<IngestReport> {
  const { tips, maxFileBytes } = plan;
  const maxAnyBytes = Math.max(maxFileBytes, MAX_TREE_BYTES);
  const rows = createPackRows();
  const contents = createPackContents({ file, rows, maxBytes: maxAnyBytes });
  const named = createNamedObjects();
  const checkTree = createTreeChecks();
  const rawOf = createHexReader();
  /** Ids that deltas name as their bases, and by number the first row of those deltas that waits for it. */
  const refBases = createOidTable();
  const refHeads: number[] = [];
  const pointers = createPointerList();
  let fault: PackFault | undefined;
  let oversizeBytes = 0;
  let growth: Growth = first.growth ?? { sizeBytes: 0, isEnd: false };
  let phase: IngestPhase = 'reading';
  let done = 0;
  let total = 0;
  let sliceEnd = performance.now() + SLICE_MS;

  const tell = async (report: IngestReport): Promise<IngestTurn> => {
    const told = await turn(report);
    if (told.growth) growth = told.growth;
    sliceEnd = performance.now() + SLICE_MS;
    return told;
  };

  const pause = (): Promise<void> | undefined =>
    performance.now() < sliceEnd
      ? undefined
      : tell({ kind: 'working', phase, done, total }).then(() => undefined);

  const note = (oid: Oid | undefined, type: GitObjectType, problem: ObjectProblem): void => {
    fault ??= { oid, type, problem };
  };

  const limitOf = (type: GitObjectType): number =>
    type === 'blob' ? maxFileBytes : type === 'tree' ? MAX_TREE_BYTES : MAX_TEXT_OBJECT_BYTES;

  const tooLarge = (type: GitObjectType, sizeBytes: number): ObjectProblem =>
    type === 'blob'
      ? {
          text: `has ${sizeBytes} bytes, and files over ${maxFileBytes} bytes must be sent by Git LFS`,
          isSize: true,
        }
      : { text: `has ${sizeBytes} bytes, which is too much for a ${type}` };

  const nameEntry: TreeVisitor['onEntry'] = (kind, bytes, at) => {
    if (kind !== 'commit') named.name(kind, bytes, at);
  };

  /**
   * Look at a content once, wherever it came from.
   *
   * @param likeness An object of the pack that was looked at already.
   */
  function inspect(type: GitObjectType, oid: Oid, content: Buffer, likeness?: Buffer): void {
    let problem: ObjectProblem | undefined;
    if (type === 'blob') {
      const pointer = content.length <= MAX_POINTER_BYTES ? parsePointer(content) : undefined;
      if (pointer) pointers.add(oid, pointer);
      return;
    }
    if (content.length > limitOf(type)) problem = tooLarge(type, content.length);
    else if (type === 'tree') {
      const visitor: TreeVisitor = {
        onEntry: nameEntry,
        onGitFile: named.nameGitFile,
        onCacheFolder: () => named.noteCacheFolder(rawOf(oid), 0),
      };
      problem = checkTree(content, visitor, likeness);
    } else if (type === 'commit') {
      problem = commitProblem(content, (kind, hex) => {
        if (kind === 'tree') named.nameRoot(rawOf(hex), 0);
        else named.name(kind, rawOf(hex), 0);
      });
    } else problem = tagProblem(content, (kind, hex) => named.name(kind, rawOf(hex), 0));
    if (problem) note(oid, type, problem);
  }

  function addRow(offset: number, header: PackEntryHeader, crc: number): number {
    if (rows.count >= MAX_OBJECTS) throw badPack(`has more than ${MAX_OBJECTS} objects`);
    return rows.add({ offset, dataStart: header.dataStart, crc32: crc });
  }

  function deltaSink(header: PackEntryHeader & { kind: 'ofs-delta' | 'ref-delta' }): EntrySink {
    if (header.sizeBytes > maxAnyBytes + DELTA_ROOM_BYTES) {
      throw badPack(`has a delta of ${header.sizeBytes} bytes, which is more than any object may have`);
    }
    const settle = (offset: number, crc: number, start: Buffer): number => {
      const row = addRow(offset, header, crc);
      const { resultBytes } = readDeltaSizes(start, offset);
      rows.setSize(row, Math.min(resultBytes, 0xffffffff));
      if (resultBytes > maxAnyBytes) note(undefined, 'blob', tooLarge('blob', resultBytes));
      if (header.kind === 'ofs-delta') {
        const base = header.baseDistance > 0 ? rows.rowAt(offset - header.baseDistance) : NO_ROW;
        if (base === NO_ROW) throw badPack(`has a delta at byte ${offset} whose base is not in it`);
        rows.addDelta(base, row);
      } else {
        const number = refBases.add(header.baseOid) ? refBases.size - 1 : refBases.position(header.baseOid);
        rows.setNextDelta(row, refHeads[number] ?? NO_ROW);
        refHeads[number] = row;
      }
      return row;
    };
    if (header.kind === 'ofs-delta' && header.sizeBytes <= WHOLE_BYTES) {
      return {
        onEnd: ({ offset, crc32: crc }, delta = Buffer.alloc(0)) => {
          const row = settle(offset, crc, delta);
          const base = baseAtHand(rows.base(row));
          if (base) resolveDelta(base, row, delta);
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
    const isTooLarge = sizeBytes > limitOf(type);
    if (isTooLarge) {
      oversizeBytes += sizeBytes;
      const isWorthIt = oversizeBytes <= OVERSIZE_FREE_BYTES + OVERSIZE_RATIO * growth.sizeBytes;
      if (!isWorthIt) throw sentenceOf({ oid: undefined, type, problem: tooLarge(type, sizeBytes) });
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
          inspect(type, oid, content);
        },
      };
    }
    const sha1 = createHash('sha1').update(objectHeader(type, sizeBytes));
    return {
      onPiece: (piece) => void sha1.update(piece),
      onEnd: ({ offset, crc32: crc }) => {
        const oid = sha1.digest('hex') as Oid;
        settle(offset, crc, oid);
        if (isTooLarge) note(oid, type, tooLarge(type, sizeBytes));
      },
    };
  }

  /** Deltas that name the object as their base by its id are deltas against its row from now on. */
  function adopt(row: number): void {
    if (refBases.size === 0) return;
    const number = refBases.positionRaw(rows.oids(), row * OID_BYTES);
    if (number < 0) return;
    for (let delta = refHeads[number] ?? NO_ROW; delta !== NO_ROW;) {
      const next = rows.nextDelta(delta);
      rows.addDelta(row, delta);
      delta = next;
    }
    refHeads[number] = NO_ROW;
  }

  /** The content of a row, where it can be had without making others first. */
  function baseAtHand(row: number): Buffer | undefined {
    if (rows.type(row) === undefined || rows.size(row) > WHOLE_BYTES) return undefined;
    return contents.held(row) ?? (rows.depth(row) === 0 ? contents.get(row) : undefined);
  }

  /** Make the content of a delta against a resolved row. Undefined when that is not worth it, which is a fault. */
  function resolveDelta(base: Buffer, row: number, delta?: Buffer): Buffer | undefined {
    const baseRow = rows.base(row);
    const type = rows.type(baseRow) as GitObjectType;
    const depth = rows.depth(baseRow) + 1;
    if (depth > MAX_CHAIN) throw badPack(`has a chain of more than ${MAX_CHAIN} deltas`);
    const sizeBytes = rows.size(row);
    if (sizeBytes > limitOf(type)) {
      note(undefined, type, tooLarge(type, sizeBytes));
      return undefined;
    }
    const content = makeContent(base, row, delta);
    const oid = hashObject(type, content);
    rows.resolve(row, type, oid, depth);
    // What was added from the repository was not looked at here.
    const isLookedAt = type === 'tree' && fault === undefined && baseRow < row;
    const isLikeness = isLookedAt && !named.hasCacheFolder(rows.oids(), baseRow * OID_BYTES);
    inspect(type, oid, content, isLikeness ? base : undefined);
    if (content.length <= WHOLE_BYTES || rows.firstDelta(row) !== NO_ROW) contents.keep(row, content);
    return content;
  }

  /** Make everything that rests on a resolved row, one chain at a time. */
  async function resolveFrom(root: number): Promise<void> {
    const stack = [root];
    for (let row = stack.pop(); row !== undefined; row = stack.pop()) {
      if (rows.size(row) > maxAnyBytes) continue;
      let base: Buffer | undefined;
      for (let delta = rows.firstDelta(row); delta !== NO_ROW; delta = rows.nextDelta(delta)) {
        // Most are resolved as they come: their bases are right before them.
        if (rows.type(delta) !== undefined) continue;
        done += 1;
        base ??= contents.get(row);
        if (!resolveDelta(base, delta)) continue;
        adopt(delta);
        if (rows.firstDelta(delta) !== NO_ROW) stack.push(delta);
        const paused = pause();
        if (paused) await paused;
      }
    }
  }

  function makeContent(base: Buffer, row: number, delta?: Buffer): Buffer {
    try {
      return contents.apply(base, row, maxAnyBytes, delta);
    } catch (error) {
      if (!isHubError(error, 'CorruptObject')) throw error;
      throw badPack(`has a delta at byte ${rows.offset(row)} that does not fit its base`, error);
    }
  }

  /** Add an object of the repository to the pack, which left it out. */
  function addBase(oid: Oid, { type, content: given }: GitObject): number {
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
  }

  async function addBases(): Promise<void> {
    const isWaiting = (number: number): boolean => (refHeads[number] ?? NO_ROW) !== NO_ROW;
    for (let number = 0; number < refBases.size;) {
      const oids: Oid[] = [];
      for (; number < refBases.size && oids.length < BASES_AT_ONCE; number += 1) {
        if (isWaiting(number)) oids.push(refBases.oidAt(number));
      }
      while (oids.length > 0) {
        const { bases = [] } = await tell({ kind: 'bases', oids });
        if (bases.length === 0) throw new Error('a base was asked for and not answered');
        for (const base of bases) {
          const oid = oids.shift() as Oid;
          // What another base brought along meanwhile is there already.
          if (!isWaiting(refBases.position(oid))) continue;
          if (!base)
            throw badPack(`has a delta against ${oid}, which is neither in it nor in the repository`);
          const row = addBase(oid, base);
          adopt(row);
          await resolveFrom(row);
        }
      }
    }
  }

  /** Header and trailer of a pack that became longer. Answers the new checksum. */
  async function complete(): Promise<Buffer> {
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
      const paused = pause();
      if (paused) await paused;
    }
    const trailer = sha1.digest();
    file.write(trailer, contents.bodyEnd);
    return trailer;
  }

  /** Few and small objects as they are stored in rows; undefined when they turn out not to be. */
  function makeRows(ownCount: number, packBytes: number): readonly IngestedRow[] | undefined {
    if (ownCount > plan.hot.objects || packBytes > plan.hot.bytes) return undefined;
    let contentBytes = 0;
    for (let row = 0; row < ownCount; row += 1) contentBytes += rows.size(row);
    if (contentBytes > MAX_HOT_CONTENT_BYTES) return undefined;
    const made: IngestedRow[] = [];
    let bytes = 0;
    for (let row = 0; row < ownCount; row += 1) {
      const isDelta = rows.base(row) !== NO_ROW;
      const deflated = isDelta
        ? deflateSync(contents.get(row), { level: 1 })
        : Buffer.from(contents.deflated(row));
      bytes += deflated.length;
      if (bytes > plan.hot.bytes) return undefined;
      const type = rows.type(row) as GitObjectType;
      made.push({ oid: rows.oid(row), type, sizeBytes: rows.size(row), deflated });
    }
    return made;
  }

  const failWith = async (found: PackFault, walk?: PackWalk): Promise<never> => {
    fault = undefined;
    const path = found.oid === undefined ? undefined : (await walk?.paths([found.oid]))?.get(found.oid);
    throw sentenceOf(found, path);
  };

  async function receive(): Promise<{ pack: IngestedPack; walk: PackWalk }> {
    const packBytes = await scanPack({
      file,
      more: async () => {
        const before = growth.sizeBytes;
        while (growth.sizeBytes === before && !growth.isEnd) {
          await tell({ kind: 'starved', objectCount: rows.count });
        }
        return growth;
      },
      pause: (read, count) => {
        done = read;
        total = count;
        return pause();
      },
      onEntry: (header, offset) => {
        contents.bodyEnd = offset;
        return header.kind === 'whole' ? wholeSink(header) : deltaSink(header);
      },
    });
    contents.bodyEnd = packBytes - CHECKSUM_BYTES;
    const ownCount = rows.count;
    // It may take a while until it is this pack's turn.
    contents.forget();
    await tell({ kind: 'read', sizeBytes: packBytes });

    phase = 'resolving';
    done = 0;
    total = 0;
    for (let row = 0; row < ownCount; row += 1) {
      if (rows.type(row) === undefined) total += 1;
    }
    for (let row = 0; total > 0 && row < ownCount; row += 1) {
      if (rows.type(row) === undefined) continue;
      adopt(row);
      await resolveFrom(row);
    }
    await addBases();
    for (let row = 0; row < ownCount; row += 1) {
      if (rows.type(row) !== undefined) continue;
      if (fault) await failWith(fault);
      throw badPack('has deltas that rest on each other');
    }

    phase = 'checking';
    done = 0;
    total = 0;
    const isCompleted = rows.count > ownCount;
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    if (isCompleted) checksum.set(await complete());
    else file.read(checksum, contents.bodyEnd);
    const index = await writePackIndex(rows.indexRows(), checksum);
    const parsed = await parsePackIndex(index);
    const walk = createPackWalk({ rows, contents, index: parsed, tips, pause });
    let before: Oid | undefined;
    for (let position = 0; position < parsed.objectCount; position += 1) {
      const oid = parsed.oidAt(position);
      if (oid === before) throw badPack(`has the object ${oid} twice`);
      before = oid;
    }
    if (fault) await failWith(fault, walk);

    const checks = createPackChecks({ rows, contents, named, tips, note, tell, pause });
    const isAllReachable = await checks.checkInside(ownCount);
    if (fault) await failWith(fault, walk);
    const leadsOutside = await checks.checkOutside(walk);
    await checks.checkGitFiles(walk);
    const oversize = await walk.oversizeTree();
    if (oversize) {
      await failWith({ oid: rows.oid(oversize.row), type: 'tree', problem: oversize.problem });
    }
    return {
      walk,
      pack: {
        objectCount: rows.count,
        sizeBytes: contents.bodyEnd + CHECKSUM_BYTES,
        packId: packIdOf(index),
        index,
        rows: makeRows(ownCount, packBytes),
        isAllReachable,
        isClosed:
          isAllReachable && !leadsOutside && !isCompleted && tips.every((oid) => parsed.find(oid) >= 0),
        pointers: pointers.list(),
      },
    };
  }

  let received: { pack: IngestedPack; walk: PackWalk };
  try {
    received = await receive();
  } catch (error) {
    // What is wrong with one object says more than what comes of it.
    if (fault && isHubError(error, 'InvalidObject')) throw sentenceOf(fault);
    throw error;
  }
  let told = await tell({ kind: 'done', pack: received.pack });
  for (;;) {
    told = await tell({ kind: 'paths', paths: await received.walk.paths(told.pathsOf ?? []) });
  }
}

/** SHA-1 over the index without its two checksums, as `pack-write.ts` names packs. */
const packIdOf = (index: Buffer): string =>
  createHash('sha1')
    .update(index.subarray(0, -2 * CHECKSUM_BYTES))
    .digest('hex');

function readDeltaSizes(start: Buffer, offset: number): { readonly resultBytes: number } {
  try {
    return parseDeltaSizes(start);
  } catch (error) {
    if (!isHubError(error, 'CorruptObject')) throw error;
    throw badPack(`has a delta at byte ${offset} that cannot be read`, error);
  }
}

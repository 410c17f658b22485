import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream';
import { createInflate } from 'node:zlib';
import { corruptObject, isHubError } from '../domain/errors.ts';
import type { HubError } from '../domain/errors.ts';
import type { Oid } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import type { ObjectCache } from './object-cache.ts';
import type { GitObject, GitObjectType, GitStorage, PackRef } from './object-storage.ts';
import {
  EMPTY_TREE,
  hashLargeObject,
  hashObject,
  objectHeader,
  parseCommit,
  treeOfCommit,
} from './objects.ts';
import type { Commit } from './objects.ts';
import { parsePackIndex } from './pack-index.ts';
import type { PackIndex } from './pack-index.ts';
import { createPackReader } from './pack-read.ts';
import type { ObjectInfo, PackReader, WholeEntry } from './pack-read.ts';

/** Blobs above this are handed out as a stream rather than from memory. */
const STREAM_BYTES = 1024 * 1024;
const STREAM_READ_BYTES = 512 * 1024;
/** Hashing more than this at once would hold the event loop for milliseconds. */
const LARGE_BYTES = 8 * 1024 * 1024;

const isZlibError = (error: unknown): boolean =>
  String((error as NodeJS.ErrnoException).code).startsWith('Z_');

const notItsId = (oid: Oid): HubError =>
  corruptObject(`object ${oid} does not have the content its id promises`);

/** As in git, there without being stored. */
const EMPTY_TREE_OBJECT: GitObject = { type: 'tree', content: Buffer.alloc(0) };

const HEX_PREFIX = /^[0-9a-f]{1,40}$/;

/** An object's bytes as they are read. The consumer must read them to the end or call `return()`. */
export interface ObjectBody extends ObjectInfo {
  /** All of them, where they are in memory anyway. */
  readonly content?: Buffer;
  /** Throws `CorruptObject` before the last piece if the bytes are not what the id promises. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/**
 * The objects of one repository, wherever they lie: an overlay in memory, the shared cache, hot rows, packs. Whatever
 * is read from storage is hashed and compared with its id. Cheap to make; one per request or job.
 */
export interface ObjectDb {
  /** An object, `undefined` when the repository has none by that id. Throws `CorruptObject` when it is damaged. */
  find(oid: Oid): Promise<GitObject | undefined>;
  /** Many objects in few reads; absent ones are absent from the answer. All contents are in memory together. */
  findMany(oids: Iterable<Oid>): Promise<ReadonlyMap<Oid, GitObject>>;
  /** An object that must be there: `CorruptObject` when it is absent, damaged or of another type. */
  get(oid: Oid, type?: GitObjectType): Promise<GitObject>;
  /** Types and sizes without reading contents, as far as storage allows. Absent ones are absent from the answer. */
  infoMany(oids: Iterable<Oid>): Promise<ReadonlyMap<Oid, ObjectInfo>>;
  /** An object as a stream, without holding a large one in memory. */
  open(oid: Oid): Promise<ObjectBody | undefined>;
  /** Those of `oids` that the repository has; contents are not checked. */
  has(oids: Iterable<Oid>): Promise<ReadonlySet<Oid>>;
  /** The packs as they are listed now, newest first. */
  packs(): Promise<readonly IndexedPack[]>;
  /** At most `limit` ids that start with `hexPrefix`, in order. */
  findByPrefix(hexPrefix: string, limit: number): Promise<readonly Oid[]>;
  /** A commit that must be there. */
  commit(oid: Oid): Promise<Commit>;
  /** The tree of a commit that must be there: what nearly every question begins with. */
  rootTree(commit: Oid): Promise<Oid>;
  /** The raw content of a tree that must be there; read it with `TreeScan` or `parseTree`. */
  tree(oid: Oid): Promise<Buffer>;
}

/** A pack with its index at hand. */
export interface IndexedPack {
  readonly ref: PackRef;
  readonly index: PackIndex;
}

interface OpenPack extends IndexedPack {
  readonly reader: PackReader;
}

interface Place {
  readonly pack: OpenPack;
  readonly offset: number;
}

const bodyOf = ({ type, content }: GitObject): ObjectBody => ({
  type,
  sizeBytes: content.length,
  content,
  bytes: (async function* () {
    yield await Promise.resolve(content);
  })(),
});

/**
 * @param scope Public id of the repository: the cache is shared between repositories.
 * @param overlay Objects made but not stored yet; looked at first, never cached. May grow while in use.
 */
export function createObjectDb(needs: {
  readonly storage: GitStorage;
  readonly cache: ObjectCache;
  readonly scope: string;
  readonly overlay?: ReadonlyMap<Oid, GitObject>;
}): ObjectDb {
  const { storage, cache, scope, overlay } = needs;

  const readRange = (key: string, offset: number, length: number): Promise<Buffer> =>
    storage.readRange(key, offset, length);

  const openPack = async (ref: PackRef): Promise<OpenPack> => {
    const index = await cache.index(scope, ref.id, async () =>
      parsePackIndex(await readRange(ref.indexKey, 0, ref.indexSizeBytes)),
    );
    const reader = createPackReader({
      pack: ref,
      index,
      readRange,
      bases: {
        get: (offset) => cache.object(scope, `${ref.id} ${offset}`),
        put: (offset, base) => cache.keepObject(scope, `${ref.id} ${offset}`, base),
      },
      block: (block, load) => cache.block(scope, ref.id, block, load),
      findBase: (oid, depth) => findFrom(oid, depth),
      findBaseInfo: (oid, depth) => infoFrom(oid, depth),
    });
    return { ref, index, reader };
  };

  /** Packs as last listed. The list grows and shrinks under us: a miss or a vanished file means listing anew. */
  let opened: readonly OpenPack[] | undefined;
  const listPacks = async (): Promise<readonly OpenPack[]> => {
    const known = new Map(opened?.map((pack) => [pack.ref.id, pack]));
    const refs = await storage.packs();
    opened = await Promise.all(refs.map(async (ref) => known.get(ref.id) ?? openPack(ref)));
    return opened;
  };

  const placesIn = (packs: readonly OpenPack[], oid: Oid): Place[] => {
    const places: Place[] = [];
    for (const pack of packs) {
      const position = pack.index.find(oid);
      if (position >= 0) places.push({ pack, offset: pack.index.offsetAt(position) });
    }
    return places;
  };

  const atHand = (oid: Oid): GitObject | undefined =>
    overlay?.get(oid) ?? cache.object(scope, oid) ?? (oid === EMPTY_TREE ? EMPTY_TREE_OBJECT : undefined);

  const checked = (oid: Oid, object: GitObject): GitObject => {
    if (hashObject(object.type, object.content) !== oid) throw notItsId(oid);
    cache.keepObject(scope, oid, object);
    return object;
  };

  const checkedLarge = async (oid: Oid, object: GitObject): Promise<GitObject> => {
    if (object.content.length <= LARGE_BYTES) return checked(oid, object);
    if ((await hashLargeObject(object.type, object.content)) !== oid) throw notItsId(oid);
    cache.keepObject(scope, oid, object);
    return object;
  };

  const hotObject = async (oid: Oid): Promise<GitObject | undefined> =>
    (await storage.hotObjects([oid])).get(oid);

  /**
   * Try one place after the other; if all fail, the first failure is what is wrong. Bases of deltas (`depth` above 0)
   * have one try: with several at every step, forged chains would take exponential time.
   */
  const firstGood = async <T>(
    places: readonly Place[],
    depth: number,
    read: (place: Place) => Promise<T>,
  ): Promise<T> => {
    let problem: HubError | undefined;
    for (const place of depth > 0 ? places.slice(0, 1) : places) {
      try {
        return await read(place);
      } catch (error) {
        if (!isHubError(error, 'CorruptObject')) throw error;
        problem ??= error;
      }
    }
    throw problem ?? corruptObject('nowhere to read an object from');
  };

  /**
   * Where an object lies now. Hot rows become packs and packs become larger packs at any time, always written before
   * the old place is given up: so rows are asked before packs are listed, and a failed read lists them once more.
   */
  const lookUp = async <T>(
    oid: Oid,
    depth: number,
    fromHot: (object: GitObject) => T,
    fromPack: (place: Place) => Promise<T>,
  ): Promise<T | undefined> => {
    let problem: HubError | undefined;
    if (opened !== undefined) {
      const places = placesIn(opened, oid);
      try {
        if (places.length > 0) return await firstGood(places, depth, fromPack);
      } catch (error) {
        if (depth > 0 || !isHubError(error, 'CorruptObject')) throw error;
        problem = error;
      }
    }
    const hot = await hotObject(oid);
    if (hot !== undefined) return fromHot(hot);
    const places = placesIn(await listPacks(), oid);
    if (places.length > 0) return firstGood(places, depth, fromPack);
    if (problem !== undefined) throw problem;
    return undefined;
  };

  const findFrom = async (oid: Oid, depth: number): Promise<GitObject | undefined> =>
    atHand(oid) ??
    lookUp(
      oid,
      depth,
      (object) => checked(oid, object),
      async ({ pack, offset }) => checkedLarge(oid, await pack.reader.read(offset, depth)),
    );

  const infoOf = ({ type, content }: GitObject): ObjectInfo => ({ type, sizeBytes: content.length });

  const infoFrom = async (oid: Oid, depth: number): Promise<ObjectInfo | undefined> => {
    const object = atHand(oid);
    if (object !== undefined) return infoOf(object);
    return lookUp(oid, depth, infoOf, ({ pack, offset }) => pack.reader.info(offset, depth));
  };

  /** Sort ids by the pack that holds them and read each pack in its own order. What fails is left out. */
  const readFromPacks = async <T>(
    packs: readonly OpenPack[],
    oids: Iterable<Oid>,
    answer: Map<Oid, T>,
    read: (
      reader: PackReader,
      offsets: readonly number[],
      onValue: (offset: number, value: T) => void,
    ) => Promise<void>,
    accept: (oid: Oid, value: T) => T,
  ): Promise<void> => {
    const byPack = new Map<OpenPack, Map<number, Oid>>();
    const slice = createTimeSlice();
    for (const oid of oids) {
      const [place] = placesIn(packs, oid);
      if (place !== undefined) {
        const offsets = byPack.get(place.pack) ?? new Map<number, Oid>();
        offsets.set(place.offset, oid);
        byPack.set(place.pack, offsets);
      }
      if (slice.isOver()) await slice.next();
    }
    for (const [pack, offsets] of byPack) {
      await read(pack.reader, [...offsets.keys()], (offset, value) => {
        const oid = offsets.get(offset) as Oid;
        answer.set(oid, accept(oid, value));
      });
    }
  };

  const collect = async <T>(
    oids: Iterable<Oid>,
    steps: {
      readonly fromMemory: (object: GitObject) => T;
      readonly fromPacks: (
        packs: readonly OpenPack[],
        wanted: ReadonlySet<Oid>,
        answer: Map<Oid, T>,
      ) => Promise<void>;
      readonly single: (oid: Oid) => Promise<T | undefined>;
      readonly acceptHot: (oid: Oid, object: GitObject) => GitObject;
    },
  ): Promise<Map<Oid, T>> => {
    const answer = new Map<Oid, T>();
    const missing = new Set<Oid>();
    for (const oid of oids) {
      const object = atHand(oid);
      if (object === undefined) missing.add(oid);
      else answer.set(oid, steps.fromMemory(object));
    }
    const settle = (): void => {
      for (const oid of missing) if (answer.has(oid)) missing.delete(oid);
    };
    if (opened !== undefined && missing.size > 0) {
      await steps.fromPacks(opened, missing, answer);
      settle();
    }
    if (missing.size > 0) {
      const slice = createTimeSlice();
      for (const [oid, object] of await storage.hotObjects([...missing])) {
        answer.set(oid, steps.fromMemory(steps.acceptHot(oid, object)));
        if (slice.isOver()) await slice.next();
      }
      settle();
    }
    if (missing.size > 0) {
      const packs = await listPacks();
      await steps.fromPacks(packs, missing, answer);
      settle();
      // What is in a pack and still could not be read is damaged there: another copy may be good, or this throws.
      for (const oid of missing) {
        if (placesIn(packs, oid).length === 0) continue;
        const value = await steps.single(oid);
        if (value !== undefined) answer.set(oid, value);
      }
    }
    return answer;
  };

  const find = (oid: Oid): Promise<GitObject | undefined> => findFrom(oid, 0);

  const get = async (oid: Oid, type?: GitObjectType): Promise<GitObject> => {
    const object = await find(oid);
    if (object === undefined) throw corruptObject(`object ${oid} is missing`);
    if (type !== undefined && object.type !== type) {
      throw corruptObject(`object ${oid} is a ${object.type}, not a ${type}`);
    }
    return object;
  };

  /** Inflate and hash a whole entry piece by piece; the last piece is held back until the hash is known to fit. */
  async function* streamEntry(oid: Oid, pack: OpenPack, entry: WholeEntry): AsyncGenerator<Uint8Array> {
    async function* deflated(): AsyncGenerator<Buffer> {
      for (let at = entry.dataStart; at < entry.end; at += STREAM_READ_BYTES) {
        yield await readRange(pack.ref.packKey, at, Math.min(STREAM_READ_BYTES, entry.end - at));
      }
    }
    const inflated = createInflate({ chunkSize: STREAM_READ_BYTES });
    // Whatever fails in the source is thrown where `inflated` is read.
    pipeline(deflated, inflated, () => undefined);
    const sha1 = createHash('sha1').update(objectHeader(entry.type, entry.sizeBytes));
    let sizeBytes = 0;
    let held: Buffer | undefined;
    try {
      for await (const piece of inflated as AsyncIterable<Buffer>) {
        sizeBytes += piece.length;
        if (sizeBytes > entry.sizeBytes) break;
        sha1.update(piece);
        if (held !== undefined) yield held;
        held = piece;
      }
    } catch (error) {
      // Other failures are the store's own, and are not to be taken for damage.
      if (!isZlibError(error)) throw error;
      throw corruptObject(`object ${oid} cannot be inflated`, error);
    }
    if (sizeBytes !== entry.sizeBytes || sha1.digest('hex') !== oid) throw notItsId(oid);
    if (held !== undefined) yield held;
  }

  return {
    find,
    get,
    findMany: (oids) =>
      collect<GitObject>(oids, {
        fromMemory: (object) => object,
        acceptHot: checked,
        single: find,
        fromPacks: (packs, wanted, answer) =>
          readFromPacks(
            packs,
            wanted,
            answer,
            (reader, offsets, onValue) => reader.readMany(offsets, onValue, () => undefined),
            checked,
          ),
      }),
    infoMany: (oids) =>
      collect<ObjectInfo>(oids, {
        fromMemory: infoOf,
        acceptHot: (_oid, object) => object,
        single: (oid) => infoFrom(oid, 0),
        fromPacks: (packs, wanted, answer) =>
          readFromPacks(
            packs,
            wanted,
            answer,
            (reader, offsets, onValue) => reader.infoMany(offsets, onValue, () => undefined),
            (_oid, value) => value,
          ),
      }),
    async open(oid) {
      const object = atHand(oid);
      if (object !== undefined) return bodyOf(object);
      return lookUp(
        oid,
        0,
        (hot) => bodyOf(checked(oid, hot)),
        async ({ pack, offset }): Promise<ObjectBody> => {
          const entry = await pack.reader.wholeEntry(offset);
          if (entry === undefined || entry.sizeBytes <= STREAM_BYTES) {
            return bodyOf(await checkedLarge(oid, await pack.reader.read(offset)));
          }
          return { type: entry.type, sizeBytes: entry.sizeBytes, bytes: streamEntry(oid, pack, entry) };
        },
      );
    },
    async has(oids) {
      const present = new Set<Oid>();
      const missing = new Set<Oid>();
      const sort = (oid: Oid, isPresent: boolean): void => {
        (isPresent ? present : missing).add(oid);
        if (isPresent) missing.delete(oid);
      };
      for (const oid of oids) {
        sort(oid, atHand(oid) !== undefined || (opened ?? []).some(({ index }) => index.find(oid) >= 0));
      }
      if (missing.size > 0) {
        for (const oid of (await storage.hotObjects([...missing])).keys()) sort(oid, true);
      }
      if (missing.size > 0) {
        const packs = await listPacks();
        for (const oid of missing) sort(oid, placesIn(packs, oid).length > 0);
      }
      return present;
    },
    packs: listPacks,
    async findByPrefix(hexPrefix, limit) {
      if (!HEX_PREFIX.test(hexPrefix)) return [];
      const found = new Set<Oid>(await storage.hotOidsByPrefix(hexPrefix, limit));
      for (const { index } of await listPacks()) {
        const { start, end } = index.prefixRange(hexPrefix);
        for (let position = start; position < Math.min(end, start + limit); position += 1) {
          found.add(index.oidAt(position));
        }
      }
      for (const oid of overlay?.keys() ?? []) if (oid.startsWith(hexPrefix)) found.add(oid);
      return [...found].sort().slice(0, limit);
    },
    commit: async (oid) => parseCommit((await get(oid, 'commit')).content),
    rootTree: async (commit) => treeOfCommit((await get(commit, 'commit')).content),
    tree: async (oid) => (await get(oid, 'tree')).content,
  };
}

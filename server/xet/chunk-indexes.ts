import { corruptObject } from '../domain/errors.ts';
import type { XetHash } from '../domain/ids.ts';
import { xorbChunksKey } from '../objects/keys.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import { MAX_XORB_CHUNKS, chunkIndexBytes, parseChunkIndex } from './chunk-index.ts';
import type { ChunkIndex } from './chunk-index.ts';

/** Chunk indexes of stored xorbs, the last used ones kept in memory. */
export interface ChunkIndexes {
  /** `undefined` when there is no such object; throws `CorruptObject` when it is damaged. */
  find(xorb: XetHash): Promise<ChunkIndex | undefined>;
  /** For xorbs that a row promises: throws `CorruptObject` when there is no such object, too. */
  get(xorb: XetHash): Promise<ChunkIndex>;
}

/** @param cacheChunks how many chunks' entries to keep; one takes 40 bytes, a full xorb of 64 MiB has about 1,000 */
export const createChunkIndexes = (parts: {
  readonly objects: Pick<ObjectStore, 'get'>;
  readonly cacheChunks: number;
}): ChunkIndexes => {
  const { objects, cacheChunks } = parts;
  /** Oldest use first. */
  const cache = new Map<XetHash, ChunkIndex>();
  const loading = new Map<XetHash, Promise<ChunkIndex | undefined>>();
  let cached = 0;

  const keep = (xorb: XetHash, index: ChunkIndex): void => {
    cache.set(xorb, index);
    cached += index.count;
    for (const [oldest, dropped] of cache) {
      if (cached <= cacheChunks) break;
      cache.delete(oldest);
      cached -= dropped.count;
    }
  };

  const load = async (xorb: XetHash): Promise<ChunkIndex | undefined> => {
    const body = await objects.get(xorbChunksKey(xorb));
    if (!body) return undefined;
    if (body.sizeBytes > chunkIndexBytes(MAX_XORB_CHUNKS)) throw corruptObject(xorbChunksKey(xorb));
    const parts: Uint8Array[] = [];
    for await (const part of body.bytes) parts.push(part);
    const index = parseChunkIndex(Buffer.concat(parts));
    keep(xorb, index);
    return index;
  };

  const find = async (xorb: XetHash): Promise<ChunkIndex | undefined> => {
    const known = cache.get(xorb);
    if (known) {
      cache.delete(xorb);
      cache.set(xorb, known);
      return known;
    }
    const underway = loading.get(xorb);
    if (underway) return underway;
    const started = load(xorb).finally(() => loading.delete(xorb));
    loading.set(xorb, started);
    return started;
  };

  return {
    find,
    get: async (xorb) => {
      const index = await find(xorb);
      if (!index) throw corruptObject(xorbChunksKey(xorb));
      return index;
    },
  };
};

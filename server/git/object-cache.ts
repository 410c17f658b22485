import type { GitObject } from './object-storage.ts';
import type { PackIndex } from './pack-index.ts';

/** What an entry costs besides its bytes: key, map slot, wrapper objects. */
const ENTRY_OVERHEAD_BYTES = 256;
/** One entry may take at most this part of the cache, so that one huge tree does not push out everything else. */
const LARGEST_PART = 2;
/** Larger blobs are served once and not again soon; trees and commits are what is read over and over. */
const MAX_BLOB_BYTES = 64 * 1024;

/**
 * Inflated trees, commits, tags and small blobs, and pack indexes, of all repositories together, within one bound of
 * bytes; what was used longest ago goes first. `scope` is the public id of a repository: objects belong to one
 * repository, and a hit must never cross that line. What is in here is immutable, so nothing is ever invalidated.
 */
export interface ObjectCache {
  /** `id` is an object id, or a place in a pack for a delta base. */
  object(scope: string, id: string): GitObject | undefined;
  keepObject(scope: string, id: string, object: GitObject): void;
  /** The index of a pack; concurrent callers share one load. */
  index(scope: string, packId: string, load: () => Promise<PackIndex>): Promise<PackIndex>;
  readonly sizeBytes: number;
}

export function createObjectCache({ maxBytes }: { readonly maxBytes: number }): ObjectCache {
  // A Map iterates in order of insertion, and a hit inserts anew: the first key is the one used longest ago.
  const entries = new Map<string, { readonly value: GitObject | PackIndex; readonly sizeBytes: number }>();
  const loading = new Map<string, Promise<PackIndex>>();
  let sizeBytes = 0;

  const touch = (key: string): GitObject | PackIndex | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    entries.delete(key);
    entries.set(key, entry);
    return entry.value;
  };

  const keep = (key: string, value: GitObject | PackIndex, valueBytes: number): void => {
    const bytes = valueBytes + ENTRY_OVERHEAD_BYTES;
    if (bytes * LARGEST_PART > maxBytes || entries.has(key)) return;
    entries.set(key, { value, sizeBytes: bytes });
    sizeBytes += bytes;
    for (const [oldest, entry] of entries) {
      if (sizeBytes <= maxBytes) break;
      entries.delete(oldest);
      sizeBytes -= entry.sizeBytes;
    }
  };

  return {
    get sizeBytes() {
      return sizeBytes;
    },
    object(scope, id) {
      return touch(`object ${scope} ${id}`) as GitObject | undefined;
    },
    keepObject(scope, id, object) {
      if (object.type === 'blob' && object.content.length > MAX_BLOB_BYTES) return;
      keep(`object ${scope} ${id}`, object, object.content.length);
    },
    async index(scope, packId, load) {
      const key = `index ${scope} ${packId}`;
      const known = touch(key);
      if (known !== undefined) return known as PackIndex;
      let pending = loading.get(key);
      if (pending === undefined) {
        pending = load().finally(() => loading.delete(key));
        loading.set(key, pending);
      }
      const index = await pending;
      keep(key, index, index.sizeBytes);
      return index;
    },
  };
}

import type { GitObject } from './object-storage.ts';
import type { PackIndex } from './pack-index.ts';

/** What an entry costs besides its bytes: key, map slot, wrapper objects. */
const ENTRY_OVERHEAD_BYTES = 512;
/** One entry may take at most this part of the cache, so that one huge tree does not push out everything else. */
const LARGEST_PART = 2;
/** Larger blobs are served once and not again soon; trees and commits are what is read over and over. */
const MAX_BLOB_BYTES = 64 * 1024;

/**
 * Inflated trees, commits, tags and small blobs, pack indexes and parts of packs, of all repositories together, within one bound of
 * bytes; what was used longest ago goes first. `scope` is the public id of a repository: objects belong to one
 * repository, and a hit must never cross that line. What is in here is immutable, so nothing is ever invalidated.
 */
export interface ObjectCache {
  /** `id` is an object id, or a place in a pack for a delta base. */
  object(scope: string, id: string): GitObject | undefined;
  keepObject(scope: string, id: string, object: GitObject): void;
  /** The index of a pack; concurrent callers share one load. */
  index(scope: string, packId: string, load: () => Promise<PackIndex>): Promise<PackIndex>;
  /** Bytes of a pack as they are stored, by the number of their block; concurrent callers share one load. */
  block(scope: string, packId: string, block: number, load: () => Promise<Buffer>): Promise<Buffer>;
  readonly sizeBytes: number;
}

/**
 * Small buffers share slabs of 64 KiB with whatever else Node made at that time: one that is kept would hold all of its
 * slab, many times what is counted for it.
 */
function onItsOwn(object: GitObject): GitObject {
  const { content } = object;
  if (content.buffer.byteLength === content.length) return object;
  const copy = Buffer.allocUnsafeSlow(content.length);
  content.copy(copy);
  return { ...object, content: copy };
}

type Kept = GitObject | PackIndex | Buffer;

export function createObjectCache({ maxBytes }: { readonly maxBytes: number }): ObjectCache {
  // A Map iterates in order of insertion, and a hit inserts anew: the first key is the one used longest ago.
  const entries = new Map<string, { readonly value: Kept; readonly sizeBytes: number }>();
  const loading = new Map<string, Promise<Kept>>();
  let sizeBytes = 0;

  const touch = (key: string): Kept | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    entries.delete(key);
    entries.set(key, entry);
    return entry.value;
  };

  const keep = (key: string, value: Kept, valueBytes: number): void => {
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

  async function loadOnce<Value extends Kept>(
    key: string,
    load: () => Promise<Value>,
    bytesOf: (value: Value) => number,
  ): Promise<Value> {
    const known = touch(key);
    if (known !== undefined) return known as Value;
    let pending = loading.get(key) as Promise<Value> | undefined;
    if (pending === undefined) {
      pending = load().finally(() => loading.delete(key));
      loading.set(key, pending);
    }
    const value = await pending;
    keep(key, value, bytesOf(value));
    return value;
  }

  return {
    get sizeBytes() {
      return sizeBytes;
    },
    object(scope, id) {
      return touch(`object ${scope} ${id}`) as GitObject | undefined;
    },
    keepObject(scope, id, object) {
      if (object.type === 'blob' && object.content.length > MAX_BLOB_BYTES) return;
      keep(`object ${scope} ${id}`, onItsOwn(object), object.content.length);
    },
    index: (scope, packId, load) => loadOnce(`index ${scope} ${packId}`, load, (index) => index.sizeBytes),
    block: (scope, packId, block, load) =>
      loadOnce(`block ${scope} ${packId} ${block}`, load, (bytes) => bytes.length),
  };
}

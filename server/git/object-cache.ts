import { createSlabs } from '../platform/slabs.ts';
import type { GitObject } from './object-storage.ts';
import type { PackIndex } from './pack-index.ts';

/** What an entry costs besides its bytes: key, map slot, wrapper objects. */
const ENTRY_OVERHEAD_BYTES = 512;
/** One entry may take at most this part of the cache, so that one huge tree does not push out everything else. */
const LARGEST_PART = 2;
/** Larger blobs are served once and not again soon; trees and commits are what is read over and over. */
const MAX_BLOB_BYTES = 64 * 1024;

/**
 * Inflated trees, commits, tags and small blobs, pack indexes and parts of packs, of all repositories together, within
 * one bound of bytes; what was not used for longest goes first. `scope` is the public id of a repository: objects belong
 * to one repository, and a hit must never cross that line. What is in here is immutable, so nothing is ever invalidated.
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

/** The bound falls into so many segments; the oldest goes whole. */
const SEGMENTS = 16;
/**
 * Contents up to this lie together in slabs. Of most objects there are a few hundred bytes, and buffers of their own
 * would cost as much again.
 */
const MAX_SLAB_CONTENT_BYTES = 16 * 1024;

type Kept = GitObject | PackIndex | Buffer;

/** What was kept, or used again, at about the same time. */
interface Segment {
  readonly number: number;
  readonly keys: string[];
  sizeBytes: number;
  readonly allocate: (length: number) => Buffer;
}

interface Entry {
  readonly value: Kept;
  readonly sizeBytes: number;
  readonly segment: Segment;
}

/** A small buffer of Node's shares its memory with whatever else was made at that time, and would hold all of it. */
function onItsOwn(content: Buffer): Buffer {
  if (content.buffer.byteLength === content.length) return content;
  const copy = Buffer.allocUnsafeSlow(content.length);
  content.copy(copy);
  return copy;
}

function copyInto({ allocate }: Segment, { type, content }: GitObject): GitObject {
  const place = allocate(content.length);
  content.copy(place);
  return { type, content: place };
}

const isInSlab = (value: Kept): value is GitObject =>
  'content' in value && value.content.length <= MAX_SLAB_CONTENT_BYTES;

export function createObjectCache({ maxBytes }: { readonly maxBytes: number }): ObjectCache {
  const entries = new Map<string, Entry>();
  const loading = new Map<string, Promise<Kept>>();
  const segments: Segment[] = [];
  let sizeBytes = 0;

  function newestSegment(): Segment {
    const newest = segments.at(-1);
    if (newest !== undefined && newest.sizeBytes * SEGMENTS < maxBytes) return newest;
    // All that was in them has moved.
    while (segments[0]?.sizeBytes === 0) segments.shift();
    const number = (newest?.number ?? 0) + 1;
    const segment = { number, keys: [], sizeBytes: 0, allocate: createSlabs() };
    segments.push(segment);
    return segment;
  }

  function drop(segment: Segment): void {
    sizeBytes -= segment.sizeBytes;
    for (const key of segment.keys) if (entries.get(key)?.segment === segment) entries.delete(key);
  }

  function put(key: string, value: Kept, bytes: number): Kept {
    const segment = newestSegment();
    const kept = isInSlab(value) ? copyInto(segment, value) : value;
    entries.set(key, { value: kept, sizeBytes: bytes, segment });
    segment.keys.push(key);
    segment.sizeBytes += bytes;
    sizeBytes += bytes;
    while (sizeBytes > maxBytes) drop(segments.shift() as Segment);
    return kept;
  }

  /** What is used again moves to the newest segment once its own is among the older half. */
  const touch = (key: string): Kept | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    const { value, segment } = entry;
    const age = (segments.at(-1)?.number ?? 0) - segment.number;
    if (age * 2 < segments.length) return value;
    // Its place in a slab is only free with the whole slab.
    if (!isInSlab(value)) {
      segment.sizeBytes -= entry.sizeBytes;
      sizeBytes -= entry.sizeBytes;
    }
    return put(key, value, entry.sizeBytes);
  };

  const keep = (key: string, value: Kept, valueBytes: number): void => {
    const bytes = valueBytes + ENTRY_OVERHEAD_BYTES;
    if (bytes * LARGEST_PART > maxBytes || entries.has(key)) return;
    put(key, value, bytes);
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
      const { type, content } = object;
      if (type === 'blob' && content.length > MAX_BLOB_BYTES) return;
      const value = isInSlab(object) ? object : { type, content: onItsOwn(content) };
      keep(`object ${scope} ${id}`, value, content.length);
    },
    index: (scope, packId, load) => loadOnce(`index ${scope} ${packId}`, load, (index) => index.sizeBytes),
    block: (scope, packId, block, load) =>
      loadOnce(`block ${scope} ${packId} ${block}`, load, (bytes) => bytes.length),
  };
}

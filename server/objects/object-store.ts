/** Bytes of an object, or a range of it. The consumer must read it to the end or call `return()` on it. */
export type ByteSource = AsyncIterable<Uint8Array>;

/** Half-open range of bytes: `start` inclusive, `end` exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch; when the object became visible, as far as the backend knows. */
  readonly modifiedAt: number;
}

export interface ObjectBody {
  /** How many bytes follow: those of the range, not of the whole object. */
  readonly sizeBytes: number;
  /** The bytes asked for; fewer only if the object itself is shorter than the range. */
  readonly bytes: ByteSource;
}

/**
 * Immutable bytes by key. Keys come from `keys.ts` alone. Every backend passes
 * `test/conformance/object-store.suite.ts`.
 */
export interface ObjectStore {
  /** What this backend is, for logs and `doctor`: `local`, `memory` or `s3`. */
  readonly name: string;

  /**
   * Store an object. All or nothing: if `source` throws, or fewer or more than `sizeBytes` bytes arrive, the
   * call rejects and nothing is visible or left behind. When it resolves, the bytes are durable and visible.
   * A put of a key that exists replaces it with the same bytes (keys name their content) and is not an error. With
   * `reuse` the source uses its arrays again: each is of use only until the one after the next is asked for.
   */
  put(
    key: string,
    source: ByteSource | Uint8Array,
    options?: { readonly sizeBytes?: number; readonly reuse?: boolean },
  ): Promise<StoredObject>;

  /**
   * Stream an object or a range of it; `undefined` if absent. Throws `BadRange` when start >= size. Its chunks belong to
   * the caller; with `reuse` each only until the chunk after the next is asked for, which spares much memory.
   */
  get(
    key: string,
    range?: ByteRange,
    options?: { readonly reuse?: boolean },
  ): Promise<ObjectBody | undefined>;

  /**
   * Read one small range into memory. Throws `CorruptObject` when the object is absent or shorter than the
   * range: callers use it for objects that a row promises. The bytes come at the start of `into` where that is given.
   */
  read(key: string, range: ByteRange, into?: Buffer): Promise<Buffer>;

  head(key: string): Promise<StoredObject | undefined>;

  /** Remove an object. Deleting what is absent is fine. */
  delete(key: string): Promise<void>;

  /**
   * Remove an object that became visible before `moment` (milliseconds since the epoch), and leave one that is put
   * anew at the same time; answers whether it was removed. For collectors: between their look at who claims a key
   * and its removal somebody may have put it again. Puts of other processes are not known here.
   */
  deleteOlder(key: string, moment: number): Promise<boolean>;

  /**
   * Free what puts that a crash cut off still hold in the backend, when they began before `moment`; answers how many.
   * A backend that frees it when it is opened has none.
   */
  abortOlder(moment: number): Promise<number>;

  /** All objects whose key starts with `prefix`, in byte order of their keys. */
  list(prefix: string): AsyncIterable<StoredObject>;

  /** Release handles and connections. The store is not usable afterwards. */
  close(): Promise<void>;
}

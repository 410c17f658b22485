import { HubError, isHubError } from '../domain/errors.ts';
import type { ByteRange, ByteSource, ObjectBody, ObjectStore, StoredObject } from './object-store.ts';
import { createPutGate } from './put-gate.ts';

/**
 * What a backend implements. It may trust its arguments: keys are legal, ranges are ordered, a source throws
 * when its size is wrong. `guardStore` makes an `ObjectStore` of it, which is the only form that leaves this room.
 */
export interface ObjectBackend extends Omit<ObjectStore, 'put' | 'deleteOlder' | 'abortOlder'> {
  /** All or nothing, durable when it resolves. If `source` throws, nothing is visible or left behind. */
  write(key: string, source: ByteSource | Uint8Array, sizeBytes: number | undefined): Promise<StoredObject>;
  /** The same for a source that uses its arrays again. Where it is absent, `write` gets copies of them. */
  writeReused?(key: string, source: ByteSource): Promise<StoredObject>;
  /** Absent where nothing of an unfinished write can outlive its process. `isPutting` tells what is still wanted. */
  abortOlder?(moment: number, isPutting: (key: string) => boolean): Promise<number>;
}

export interface GuardOptions {
  /** Whether the caller holds a write transaction open. A store is slow; a transaction must not wait for it. */
  readonly insideTransaction: () => boolean;
}

const MAX_KEY_BYTES = 512;
const ALPHABET = /^[a-z0-9\-_./]*$/;

/**
 * The rules that hold for every backend: legal keys and ranges, the promised size, no call inside a database
 * transaction, and no error but HubError. What a source throws is passed on as it is.
 */
export function guardStore(backend: ObjectBackend, { insideTransaction }: GuardOptions): ObjectStore {
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    if (insideTransaction()) {
      throw new HubError('Internal', 'The object store was used inside a database transaction.');
    }
    try {
      return await work();
    } catch (error) {
      throw storageError(error);
    }
  };

  const gate = createPutGate();

  return {
    name: backend.name,

    async put(key, source, { sizeBytes, reuse = false } = {}) {
      if (source instanceof Uint8Array) {
        checkKey(key);
        checkSize(source.byteLength, sizeBytes);
        return gate.put(key, () => guarded(() => backend.write(key, source, source.byteLength)));
      }
      const watched = watchSource(source, sizeBytes);
      try {
        checkKey(key);
        return await gate.put(key, () =>
          guarded(() => {
            if (!reuse) return backend.write(key, watched.bytes, sizeBytes);
            if (backend.writeReused) return backend.writeReused(key, watched.bytes);
            return backend.write(key, copied(watched.bytes), sizeBytes);
          }),
        );
      } catch (error) {
        await watched.leave();
        const failure = watched.failure();
        throw failure === undefined ? error : failure.error;
      }
    },

    async get(key, range, options) {
      checkKey(key);
      if (range) checkRange(range, { mayBeEmpty: false });
      const body = await guarded(() => backend.get(key, range, options));
      return body && guardBody(body);
    },

    async read(key, range, into) {
      checkKey(key);
      checkRange(range, { mayBeEmpty: true });
      const bytes = await guarded(() => backend.read(key, range, into));
      if (!into || bytes.buffer === into.buffer) return bytes;
      // The backend has no use for the memory of others.
      bytes.copy(into);
      return into.subarray(0, bytes.byteLength);
    },

    async head(key) {
      checkKey(key);
      return guarded(() => backend.head(key));
    },

    async delete(key) {
      checkKey(key);
      return guarded(() => backend.delete(key));
    },

    async deleteOlder(key, moment) {
      checkKey(key);
      const isRemoved = await gate.remove(key, () =>
        guarded(async () => {
          const object = await backend.head(key);
          if (!object || object.modifiedAt >= moment) return false;
          await backend.delete(key);
          return true;
        }),
      );
      return isRemoved ?? false;
    },

    abortOlder: (moment) => guarded(async () => (await backend.abortOlder?.(moment, gate.isPutting)) ?? 0),

    async *list(prefix) {
      checkPrefix(prefix);
      const objects = backend.list(prefix)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await guarded(() => objects.next());
          if (next.done) return;
          yield next.value;
        }
      } finally {
        await objects.return?.();
      }
    },

    async close() {
      await backend.close();
    },
  };
}

/** Fail unless `key` is one that every backend can hold: see the alphabet above, no empty or dot segments. */
function checkKey(key: string): void {
  const legal =
    key.length <= MAX_KEY_BYTES &&
    ALPHABET.test(key) &&
    key.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  if (!legal) throw illegalKey(key);
}

/** A prefix is the beginning of a legal key: its last segment may be empty or unfinished. */
function checkPrefix(prefix: string): void {
  const end = prefix.lastIndexOf('/');
  if (end >= 0) checkKey(prefix.slice(0, end));
  if (prefix.length > MAX_KEY_BYTES || !ALPHABET.test(prefix)) throw illegalKey(prefix);
}

const illegalKey = (key: string): HubError =>
  new HubError('InvalidRequest', 'Illegal object key.', { details: { key: key.slice(0, MAX_KEY_BYTES) } });

function checkRange({ start, end }: ByteRange, { mayBeEmpty }: { readonly mayBeEmpty: boolean }): void {
  const ordered = mayBeEmpty ? start <= end : start < end;
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && ordered) return;
  throw new HubError('BadRange', 'The range is empty or inverted.', { details: { start, end } });
}

function checkSize(actual: number, expected: number | undefined): void {
  if (expected === undefined || actual === expected) return;
  throw new HubError('InvalidSize', `Expected ${expected} bytes, got ${actual}.`, {
    details: { expected, actual },
  });
}

interface WatchedSource {
  readonly bytes: ByteSource;
  /** What the source threw, if it did. */
  failure(): { readonly error: unknown } | undefined;
  /** Release the source, which nobody may have begun to read. */
  leave(): Promise<void>;
}

/**
 * Count the bytes of a source and remember what it threw. The end of a source that is too short is an error
 * of the source, so a backend never completes a write of the wrong size.
 */
function watchSource(source: ByteSource, sizeBytes: number | undefined): WatchedSource {
  const iterator = source[Symbol.asyncIterator]();
  let failure: { readonly error: unknown } | undefined;
  let begun = false;

  async function* watch(): AsyncGenerator<Uint8Array> {
    begun = true;
    let seen = 0;
    try {
      for await (const chunk of { [Symbol.asyncIterator]: () => iterator }) {
        seen += chunk.byteLength;
        if (sizeBytes !== undefined && seen > sizeBytes) checkSize(seen, sizeBytes);
        // Stored streams end at an empty chunk in some libraries; none carries one.
        if (chunk.byteLength > 0) yield chunk;
      }
      checkSize(seen, sizeBytes);
    } catch (error) {
      failure = { error };
      throw error;
    }
  }

  return {
    bytes: watch(),
    failure: () => failure,
    async leave() {
      if (!begun) await iterator.return?.();
    },
  };
}

async function* copied(source: ByteSource): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield Buffer.from(chunk);
}

function guardBody({ sizeBytes, bytes }: ObjectBody): ObjectBody {
  const iterator = bytes[Symbol.asyncIterator]();
  const done = { done: true, value: undefined } as const;
  let left = false;
  // Written out, not a generator: return() of a generator that was never started skips its finally.
  const guarded: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]: () => guarded,
    async next() {
      if (left) return done;
      try {
        return await iterator.next();
      } catch (error) {
        left = true;
        throw storageError(error);
      }
    },
    async return() {
      left = true;
      await iterator.return?.();
      return done;
    },
  };
  return { sizeBytes, bytes: guarded };
}

function storageError(error: unknown): HubError {
  if (isHubError(error)) return error;
  return new HubError('Unavailable', 'The object store failed. Try again later.', { cause: error });
}

/** The backend has no room left. */
export const storageFull = (cause: unknown): HubError =>
  new HubError('InsufficientStorage', 'The hub has no storage space left.', { cause });

/** A range that starts at or behind the end of its object. */
export const rangeBehindEnd = (sizeBytes: number): HubError =>
  new HubError('BadRange', 'The range starts behind the end of the object.', {
    details: { sizeBytes },
  });

import type { Sha256 } from '../domain/ids.ts';
import { freeBytes } from '../platform/free-bytes.ts';
import type { WorkerPool } from './pool.ts';

/** What a stream turned out to be. */
export interface Digest {
  readonly sha256: Sha256;
  readonly sizeBytes: number;
}

/** Bytes on their way, hashed in a worker while they pass. */
export interface HashedStream extends Disposable {
  /**
   * The bytes, once, gathered to pieces of `PIECE_BYTES`. Each is of use until the one after the next is asked for, and
   * the last two until this is disposed of. Throws what the stream throws.
   */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Of all bytes, when the last piece was taken and the next was asked for. */
  digest(): Digest;
}

/** A write of this size costs as much for each byte as a larger one. */
const PIECE_BYTES = 512 * 1024;
/** Two at the consumer, one being hashed and one being filled. */
const PIECES = 4;

/**
 * Memory of streams that are over, for those to come: what is shared with threads does not weigh with the garbage
 * collector, so it would let much of it lie about.
 */
const spareMemory: SharedArrayBuffer[] = [];
const MAX_SPARE = 4;

/**
 * Hash a stream in a worker while it passes. Each byte is copied once, to memory that threads share. `isOwned` says
 * that its arrays are nobody else's: theirs is freed as soon as it was copied, and they are empty.
 */
export const hashStream = (
  pool: WorkerPool,
  stream: AsyncIterable<Uint8Array>,
  { isOwned }: { readonly isOwned: boolean },
): HashedStream => {
  const memory = spareMemory.pop() ?? new SharedArrayBuffer(PIECES * PIECE_BYTES);
  let result: Digest | undefined;
  let isReleased = false;

  async function* pieces(): AsyncGenerator<Uint8Array> {
    const session = await pool.open('sha256');
    try {
      /** For each piece of memory, when it is hashed. */
      const hashed: Promise<unknown>[] = [];
      let count = 0;
      let filled = 0;
      const next = (): Uint8Array => {
        const piece = new Uint8Array(memory, (count % PIECES) * PIECE_BYTES, filled);
        const hashing = session.push(piece);
        // Its failure is thrown by whoever waits for it; until then it must not count as unhandled.
        hashing.catch(() => undefined);
        hashed[count % PIECES] = hashing;
        count += 1;
        filled = 0;
        return piece;
      };
      for await (const chunk of stream) {
        for (let from = 0; from < chunk.byteLength;) {
          if (filled === 0) await hashed[count % PIECES];
          const length = Math.min(chunk.byteLength - from, PIECE_BYTES - filled);
          const target = new Uint8Array(memory, (count % PIECES) * PIECE_BYTES + filled, length);
          target.set(chunk.subarray(from, from + length));
          from += length;
          filled += length;
          if (filled === PIECE_BYTES) yield next();
        }
        if (isOwned) freeBytes(chunk);
      }
      if (filled > 0) yield next();
      await Promise.all(hashed);
      result = await session.close();
    } finally {
      session.abort();
    }
  }

  return {
    pieces: pieces(),
    digest() {
      if (!result) throw new Error('the stream was not read to its end');
      return result;
    },
    [Symbol.dispose]() {
      if (isReleased) return;
      isReleased = true;
      if (spareMemory.length < MAX_SPARE) spareMemory.push(memory);
    },
  };
};

/** SHA-256 and length of a stream, hashed in a worker while it is read. Rejects with the stream's own failure. */
export const digestStream = async (pool: WorkerPool, stream: AsyncIterable<Uint8Array>): Promise<Digest> => {
  using hashed = hashStream(pool, stream, { isOwned: false });
  const pieces = hashed.pieces[Symbol.asyncIterator]();
  while (!(await pieces.next()).done);
  return hashed.digest();
};

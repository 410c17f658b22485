import fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { corruptObject } from '../domain/errors.ts';
import { createSlabs } from '../platform/slabs.ts';
import { createSlots } from '../platform/slots.ts';
import { isAbsent } from './local-errors.ts';
import type { ByteRange, ByteSource } from './object-store.ts';

/** An open file that stays open until `release`, even if it is deleted meanwhile. */
export interface LeasedFile {
  readonly sizeBytes: number;
  /** `length` bytes in a new buffer, or at the start of `into`; fewer only at the end of the file. */
  read(position: number, length: number, into?: Buffer): Promise<Buffer>;
  release(): Promise<void>;
}

export interface OpenFiles {
  /** `undefined` if there is no such file. */
  lease(path: string): Promise<LeasedFile | undefined>;
  /** The file at `path` was replaced or removed. */
  forget(path: string): Promise<void>;
  close(): Promise<void>;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  leases: number;
  /** No longer in the table: closed when the last lease ends. */
  dropped: boolean;
}

/**
 * Read handles of the `capacity` files used last. Objects are immutable, so size and handle stay right; a pack
 * is read thousands of times, and opening it costs as much as three small reads.
 */
export function createOpenFiles(capacity: number): OpenFiles {
  // A Map keeps insertion order; whatever is used moves to the end, so the first is the least recently used.
  const files = new Map<string, Promise<OpenFile | undefined>>();

  async function drop(path: string): Promise<void> {
    const opening = files.get(path);
    files.delete(path);
    // Whoever opened it hears why that failed; here it only means that there is nothing to close.
    const file = await opening?.catch(() => undefined);
    if (!file) return;
    file.dropped = true;
    if (file.leases === 0) await file.handle.close();
  }

  async function open(path: string): Promise<OpenFile | undefined> {
    const known = files.get(path);
    const opening = known ?? openFile(path);
    if (known) files.delete(path);
    files.set(path, opening);
    try {
      const file = await opening;
      if (!file && files.get(path) === opening) files.delete(path);
      return file;
    } catch (error) {
      if (files.get(path) === opening) files.delete(path);
      throw error;
    }
  }

  async function trim(): Promise<void> {
    for (const path of files.keys()) {
      if (files.size <= capacity) return;
      await drop(path);
    }
  }

  return {
    async lease(path) {
      let file = await open(path);
      // Dropped while we waited for it: it may be closed, so open it anew.
      while (file?.dropped) file = await open(path);
      if (!file) return undefined;
      const leased = file;
      leased.leases++;
      await trim();
      return {
        sizeBytes: leased.sizeBytes,
        read: (position, length, into) => readFully(leased.handle, position, length, into),
        async release() {
          leased.leases--;
          if (leased.dropped && leased.leases === 0) await leased.handle.close();
        },
      };
    },
    forget: drop,
    async close() {
      for (const path of [...files.keys()]) await drop(path);
    },
  };
}

async function openFile(path: string): Promise<OpenFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await fs.open(path, 'r');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  try {
    const stat = await handle.stat();
    if (stat.isFile()) return { handle, sizeBytes: stat.size, leases: 0, dropped: false };
  } catch (error) {
    await handle.close();
    throw error;
  }
  await handle.close();
  return undefined;
}

async function readFully(
  handle: FileHandle,
  position: number,
  length: number,
  into: Buffer = Buffer.allocUnsafe(length),
): Promise<Buffer> {
  const buffer = into.subarray(0, length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Bytes that all streams of one store may hold together, roughly: the more streams, the smaller their chunks. */
const STREAM_BUDGET_BYTES = 64 * 1024 * 1024;
/** Of a stream that reuses its buffers: one that is being read into, and one on its way through a socket. */
const BUFFERS_PER_STREAM = 2;
/** Also the first chunk of every stream, before it is known how many begin together. */
const MIN_CHUNK_BYTES = 32 * 1024;
/** From here on a read and a write cost as much for each byte as `sendfile` does. */
const MAX_CHUNK_BYTES = 1024 * 1024;
/** Of a stream whose chunks belong to the consumer: larger ones cost more to make than they spare. */
const MAX_OWN_CHUNK_BYTES = 128 * 1024;
/**
 * Reads of streams under way at a time, twice what the thread pool does at once. What has been read is sent in one turn
 * of the event loop, so a thousand reads that end together would hold it up.
 */
const READS_AT_ONCE = 8;

export interface FileStreams {
  /**
   * Stream a range of a leased file; releases the lease at the end or on return. `reuse` is that of `ObjectStore.get`:
   * with it a chunk is read when it is asked for, so that two buffers do, and without it one chunk ahead.
   */
  stream(file: LeasedFile, range: ByteRange, reuse: boolean): ByteSource;
}

export function createFileStreams(): FileStreams {
  let open = 0;
  const readSlots = createSlots(READS_AT_ONCE);
  // Those of a thousand readers are small, and are begun and ended together.
  const allocate = createSlabs();

  const shareBytes = (): number => {
    const share = Math.log2(STREAM_BUDGET_BYTES / (open * BUFFERS_PER_STREAM));
    // In steps, so that buffers stay of use while others come and go.
    return Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, 2 ** Math.floor(share)));
  };

  return {
    stream(file, { start, end }, reuse) {
      let position = start;
      let chunkBytes = MIN_CHUNK_BYTES / 2;
      const buffers: Buffer[] = [];
      let reads = 0;
      let ahead: Promise<Buffer> | undefined;
      let finished = false;
      open++;

      async function finish(): Promise<void> {
        if (finished) return;
        finished = true;
        open--;
        // Nobody wants these bytes any more, nor hears of their failure; the handle must outlive the read.
        await ahead?.catch(() => undefined);
        await file.release();
      }

      function bufferFor(length: number): Buffer {
        if (!reuse) return Buffer.allocUnsafe(length);
        const index = reads++ % BUFFERS_PER_STREAM;
        const known = buffers[index];
        // One from before the others came is more than the share is now.
        if (known && known.length >= length && known.length <= 2 * chunkBytes) return known;
        return (buffers[index] = allocate(length));
      }

      function readNext(): Promise<Buffer> | undefined {
        if (position >= end) return undefined;
        chunkBytes = Math.min(chunkBytes * 2, reuse ? MAX_CHUNK_BYTES : MAX_OWN_CHUNK_BYTES, shareBytes());
        const length = Math.min(chunkBytes, end - position);
        const from = position;
        position += length;
        const reading = readSlots.run(async () => {
          const chunk = await file.read(from, length, bufferFor(length));
          if (chunk.length < length) throw corruptObject('it is shorter than it was when it was opened');
          return chunk;
        });
        // Thrown to the consumer by `await ahead`; until then it must not count as unhandled.
        reading.catch(() => undefined);
        return reading;
      }

      const bytes: AsyncIterableIterator<Uint8Array> = {
        [Symbol.asyncIterator]: () => bytes,
        async next() {
          if (finished) return { done: true, value: undefined };
          try {
            ahead ??= readNext();
            const chunk = await ahead;
            ahead = reuse ? undefined : readNext();
            if (position >= end && !ahead) await finish();
            return chunk ? { done: false, value: chunk } : { done: true, value: undefined };
          } catch (error) {
            await finish();
            throw error;
          }
        },
        async return() {
          await finish();
          return { done: true, value: undefined };
        },
      };
      return bytes;
    },
  };
}

import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HubError } from '../domain/errors.ts';

const READ_BYTES = 1024 * 1024;

/** A temporary file that a worker thread can open too, by its path. */
export interface ScratchFile {
  readonly path: string;
  /** What was appended here; a thread may have written more behind it. */
  readonly sizeBytes: number;
  /** Add bytes at the end. Rejects with `InsufficientStorage` when the disk is full. */
  append(bytes: Uint8Array): Promise<void>;
  /** Exactly `length` bytes from `offset`. Throws `RangeError` beyond the end. */
  read(offset: number, length: number): Promise<Buffer>;
  /** The first `sizeBytes` bytes, in order. */
  bytes(sizeBytes: number): AsyncIterable<Buffer>;
  /** Close and remove the file. */
  dispose(): Promise<void>;
}

/** @param folder One that is swept at start: a crash may leave the file (0600) behind. */
export async function createScratchFile(folder: string): Promise<ScratchFile> {
  const path = join(folder, `scratch-${randomUUID()}`);
  const handle = await open(path, 'wx+', 0o600);
  let sizeBytes = 0;
  let isDisposed = false;

  const read = async (offset: number, length: number): Promise<Buffer> => {
    const target = Buffer.allocUnsafe(length);
    for (let at = 0; at < length;) {
      const { bytesRead } = await handle.read(target, at, length - at, offset + at);
      if (bytesRead === 0) throw new RangeError('a temporary file is shorter than it was written');
      at += bytesRead;
    }
    return target;
  };

  return {
    path,
    get sizeBytes() {
      return sizeBytes;
    },
    async append(bytes) {
      try {
        for (let at = 0; at < bytes.length;) {
          const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, sizeBytes);
          at += bytesWritten;
          sizeBytes += bytesWritten;
        }
      } catch (error) {
        throw toHubError(error);
      }
    },
    read,
    async *bytes(end) {
      for (let offset = 0; offset < end; offset += READ_BYTES) {
        yield await read(offset, Math.min(READ_BYTES, end - offset));
      }
    },
    async dispose() {
      if (isDisposed) return;
      isDisposed = true;
      await handle.close();
      await rm(path, { force: true });
    },
  };
}

/** A file that is read and written at any place, by a thread that may wait for the disk. */
export interface RandomAccessFile {
  /** Fill as much of `target` as there is from `offset` on. Answers how many bytes that was. */
  read(target: Uint8Array, offset: number): number;
  /** Throws `InsufficientStorage` when the disk is full. */
  write(bytes: Uint8Array, offset: number): void;
  close(): void;
}

/** Open a file that exists. For worker threads: every call holds the thread until the disk has answered. */
export function openRandomAccess(path: string): RandomAccessFile {
  const descriptor = openSync(path, 'r+');
  let isOpen = true;
  return {
    read(target, offset) {
      let filled = 0;
      while (filled < target.length) {
        const count = readSync(descriptor, target, filled, target.length - filled, offset + filled);
        if (count === 0) break;
        filled += count;
      }
      return filled;
    },
    write(bytes, offset) {
      try {
        for (let at = 0; at < bytes.length;) {
          at += writeSync(descriptor, bytes, at, bytes.length - at, offset + at);
        }
      } catch (error) {
        throw toHubError(error);
      }
    },
    close() {
      if (isOpen) closeSync(descriptor);
      isOpen = false;
    },
  };
}

const toHubError = (error: unknown): unknown => {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new HubError('InsufficientStorage', 'The disk of the hub is full.', { cause: error })
    : error;
};

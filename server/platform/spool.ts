import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { HubError } from '../domain/errors.ts';

const PAGE_BYTES = 256 * 1024;
const READ_BYTES = 1024 * 1024;

/** Bytes set aside while something larger is made of them: in memory at first, in a temporary file when they grow. */
export interface Spool {
  readonly sizeBytes: number;
  /**
   * Add bytes at the end; they are copied, so the caller may use its buffer again. Calls take effect in the order they
   * are made. Rejects with `InsufficientStorage` when the disk is full; the spool can only be disposed of then.
   */
  append(bytes: Uint8Array): Promise<void>;
  /** Exactly `length` bytes from `offset`. Throws `RangeError` beyond the end. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Everything appended so far, in order. */
  bytes(): AsyncIterable<Buffer>;
  /** Free the memory and remove the file. Call it once nothing reads from the spool any more. */
  dispose(): Promise<void>;
}

const toHubError = (error: unknown): unknown => {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new HubError('InsufficientStorage', 'The disk of the hub is full.', { cause: error })
    : error;
};

/**
 * @param folder Where the temporary file is made (0600) once more than `memoryBytes` have come. A crash may leave it
 *   behind: the folder must be one that is swept at start.
 */
export function createSpool({
  folder,
  memoryBytes,
}: {
  readonly folder: string;
  readonly memoryBytes: number;
}): Spool {
  let sizeBytes = 0;
  /** The whole content while it is in memory; the part not yet in the file afterwards. */
  let pages: Buffer[] = [];
  let pagesStart = 0;
  let file: { readonly handle: FileHandle; readonly path: string } | undefined;
  let writing: Promise<void> = Promise.resolve();
  let isDisposed = false;

  const copyIn = (bytes: Uint8Array): void => {
    let at = 0;
    while (at < bytes.length) {
      const filled = (sizeBytes - pagesStart) % PAGE_BYTES;
      if (filled === 0) pages.push(Buffer.allocUnsafeSlow(PAGE_BYTES));
      const length = Math.min(PAGE_BYTES - filled, bytes.length - at);
      (pages.at(-1) as Buffer).set(bytes.subarray(at, at + length), filled);
      at += length;
      sizeBytes += length;
    }
  };

  const openFile = async (): Promise<FileHandle> => {
    if (file === undefined) {
      const path = join(folder, `spool-${randomUUID()}`);
      file = { handle: await open(path, 'wx+', 0o600), path };
    }
    return file.handle;
  };

  /** Move full pages to the file; the last, partly filled one stays. */
  const flush = async (): Promise<void> => {
    const handle = await openFile();
    while (sizeBytes - pagesStart >= PAGE_BYTES) {
      const page = pages[0] as Buffer;
      for (let at = 0; at < PAGE_BYTES;) {
        const { bytesWritten } = await handle.write(page, at, PAGE_BYTES - at, pagesStart + at);
        at += bytesWritten;
      }
      pages.shift();
      pagesStart += PAGE_BYTES;
    }
  };

  const isOverMemory = (): boolean =>
    sizeBytes > memoryBytes && (file === undefined || sizeBytes - pagesStart >= 4 * PAGE_BYTES);

  const readPages = (target: Buffer, offset: number): void => {
    for (let at = 0; at < target.length;) {
      const inPages = offset + at - pagesStart;
      const page = pages[Math.floor(inPages / PAGE_BYTES)] as Buffer;
      at += page.copy(target, at, inPages % PAGE_BYTES);
    }
  };

  const read = async (offset: number, length: number): Promise<Buffer> => {
    if (offset < 0 || length < 0 || offset + length > sizeBytes) {
      throw new RangeError(`spool has ${sizeBytes} bytes, asked for ${length} from ${offset}`);
    }
    await writing;
    const target = Buffer.allocUnsafe(length);
    const inFile = Math.max(0, Math.min(length, pagesStart - offset));
    readPages(target.subarray(inFile), offset + inFile);
    for (let at = 0; at < inFile;) {
      if (file === undefined) throw new RangeError('spool is disposed of');
      const { bytesRead } = await file.handle.read(target, at, inFile - at, offset + at);
      if (bytesRead === 0) throw new RangeError('spool file is shorter than it was written');
      at += bytesRead;
    }
    return target;
  };

  return {
    get sizeBytes() {
      return sizeBytes;
    },
    append(bytes) {
      if (isDisposed) return Promise.reject(new RangeError('spool is disposed of'));
      copyIn(bytes);
      if (isOverMemory()) {
        writing = writing.then(flush).catch((error: unknown) => {
          throw toHubError(error);
        });
      }
      return writing;
    },
    read,
    async *bytes() {
      const end = sizeBytes;
      for (let offset = 0; offset < end; offset += READ_BYTES) {
        yield await read(offset, Math.min(READ_BYTES, end - offset));
      }
    },
    async dispose() {
      if (isDisposed) return;
      isDisposed = true;
      // A failed write was reported to whoever appended.
      await writing.catch(() => undefined);
      pages = [];
      sizeBytes = 0;
      pagesStart = 0;
      if (file === undefined) return;
      await file.handle.close();
      await rm(file.path, { force: true });
      file = undefined;
    },
  };
}

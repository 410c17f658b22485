import fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { ByteSource } from './object-store.ts';

const WRITE_BYTES = 1024 * 1024;
/** `writev` takes at most 1,024 buffers (IOV_MAX of Linux and macOS). */
const WRITE_CHUNKS = 1024;
/** Takes a disk some tens of milliseconds. */
const SYNC_BYTES = 32 * 1024 * 1024;

export interface WrittenFile {
  readonly sizeBytes: number;
  readonly modifiedAt: number;
}

export interface FileWriter {
  /**
   * Write a source to a new file and sync it. Small chunks are gathered to writes of about 1 MiB, and one write runs
   * while the next is gathered; with `reuse` each chunk is a write, over before the chunk after the next is asked for.
   * When anything fails, the file is gone and the error is thrown on.
   */
  write(
    path: string,
    source: ByteSource | Uint8Array,
    options?: { readonly reuse?: boolean },
  ): Promise<WrittenFile>;
}

export function createFileWriter(): FileWriter {
  const ahead = createSyncAhead();
  return {
    async write(path, source, { reuse = false } = {}) {
      const file = await fs.open(path, 'wx', 0o600);
      try {
        if (source instanceof Uint8Array) await writeAll(file, [source]);
        else await writeSource(file, source, reuse ? 1 : WRITE_BYTES, ahead.of(file));
        await file.sync();
        const { size, mtimeMs } = await file.stat();
        await file.close();
        return { sizeBytes: size, modifiedAt: Math.floor(mtimeMs) };
      } catch (error) {
        await file.close();
        await fs.rm(path, { force: true });
        throw error;
      }
    },
  };
}

/** `writeBytes`: how much is gathered before it is written. */
async function writeSource(
  file: FileHandle,
  source: ByteSource,
  writeBytes: number,
  ahead: SyncOfFile,
): Promise<void> {
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let writing: Promise<void> = Promise.resolve();

  const flush = async (): Promise<void> => {
    const chunks = gathered;
    const bytes = gatheredBytes;
    gathered = [];
    gatheredBytes = 0;
    await writing;
    writing = writeAll(file, chunks).then(() => ahead.written(bytes));
    // The failure is thrown by the next `await writing`; until then it must not count as unhandled.
    writing.catch(() => undefined);
  };

  try {
    for await (const chunk of source) {
      gathered.push(chunk);
      gatheredBytes += chunk.byteLength;
      if (gatheredBytes >= writeBytes || gathered.length >= WRITE_CHUNKS) await flush();
    }
    await flush();
  } finally {
    // The file is closed next, so nothing of it may still be under way.
    try {
      await writing;
    } finally {
      await ahead.end();
    }
  }
}

interface SyncOfFile {
  /** So many bytes more are written. */
  written(bytes: number): void;
  /** Wait for what is under way. Throws what failed, for the system tells of a failed sync only once. */
  end(): Promise<void>;
}

/**
 * Syncs of files that are still being written: the system would leave hundreds of megabytes lying until the sync at the
 * end, for which the client waits. One at a time: each keeps a thread of Node's busy.
 */
function createSyncAhead(): { of(file: FileHandle): SyncOfFile } {
  let isBusy = false;
  return {
    of(file) {
      let unsyncedBytes = 0;
      let syncing: Promise<void> = Promise.resolve();
      return {
        written(bytes) {
          unsyncedBytes += bytes;
          if (isBusy || unsyncedBytes < SYNC_BYTES) return;
          isBusy = true;
          unsyncedBytes = 0;
          const before = syncing;
          syncing = file
            .datasync()
            .finally(() => (isBusy = false))
            .then(() => before);
          // Thrown by `end`; until then it must not count as unhandled.
          syncing.catch(() => undefined);
        },
        end: () => syncing,
      };
    },
  };
}

/** Write every byte at the file's position, however few the system takes at a time. */
async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let rest = [...chunks];
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest);
    rest = dropBytes(rest, bytesWritten);
  }
}

function dropBytes(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let dropped = count;
  let index = 0;
  for (; index < chunks.length; index++) {
    const length = chunks[index]?.byteLength ?? 0;
    if (length > dropped) break;
    dropped -= length;
  }
  const [first, ...others] = chunks.slice(index);
  return first ? [first.subarray(dropped), ...others] : [];
}

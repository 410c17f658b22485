import fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { ByteSource } from './object-store.ts';

const WRITE_BYTES = 1024 * 1024;
/** `writev` takes at most 1,024 buffers (IOV_MAX of Linux and macOS). */
const WRITE_CHUNKS = 1024;

export interface WrittenFile {
  readonly sizeBytes: number;
  readonly modifiedAt: number;
}

/**
 * Write a source to a new file and sync it. Small chunks are gathered to writes of about 1 MiB, and one write
 * runs while the next is gathered. When anything fails, the file is gone and the error is thrown on.
 */
export async function writeNewFile(path: string, source: ByteSource | Uint8Array): Promise<WrittenFile> {
  const file = await fs.open(path, 'wx', 0o600);
  try {
    if (source instanceof Uint8Array) await writeAll(file, [source]);
    else await writeSource(file, source);
    await file.sync();
    const { size, mtimeMs } = await file.stat();
    await file.close();
    return { sizeBytes: size, modifiedAt: Math.floor(mtimeMs) };
  } catch (error) {
    await file.close();
    await fs.rm(path, { force: true });
    throw error;
  }
}

async function writeSource(file: FileHandle, source: ByteSource): Promise<void> {
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let writing: Promise<void> = Promise.resolve();

  const flush = async (): Promise<void> => {
    const chunks = gathered;
    gathered = [];
    gatheredBytes = 0;
    await writing;
    writing = writeAll(file, chunks);
    // The failure is thrown by the next `await writing`; until then it must not count as unhandled.
    writing.catch(() => undefined);
  };

  try {
    for await (const chunk of source) {
      gathered.push(chunk);
      gatheredBytes += chunk.byteLength;
      if (gatheredBytes >= WRITE_BYTES || gathered.length >= WRITE_CHUNKS) await flush();
    }
    await flush();
  } finally {
    // The file is closed next, so no write may still be under way.
    await writing;
  }
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

import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { dirname, join } from 'node:path';
import { corruptObject, HubError } from '../domain/errors.ts';
import { failPoint } from '../platform/fail-points.ts';
import { guardStore, rangeBehindEnd, storageFull } from './guard.ts';
import type { GuardOptions, ObjectBackend } from './guard.ts';
import { hasCode, isAbsent, isDiskFull } from './local-errors.ts';
import { createDurableFolders } from './local-folders.ts';
import { createFileStreams, createOpenFiles } from './local-reader.ts';
import { createFileWriter, type WrittenFile } from './local-writer.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';

/** Handles kept open for reading; the usual limit of a process is 1,024 and more. */
const OPEN_FILES = 256;
/** Files looked at together while listing: enough to keep the thread pool busy. */
const LIST_BATCH = 32;
/** A folder may be pruned between making it and renaming into it; each try loses only to another delete. */
const PLACE_ATTEMPTS = 20;

/** Names our temporary files apart from those of an earlier process with the same id (always 1 in a container). */
const instance = randomUUID();

/** Where a store in `folder` writes what is not complete yet. */
export const localStagingFolder = (folder: string): string => join(folder, 'staging');

/**
 * An object store in a folder: `objects/<key>` are the objects, `staging/` holds what is being written. The folder
 * belongs to one process at a time and to no other program.
 *
 * @throws HubError InsufficientStorage when the disk is full, Unavailable for every other failure of the disk.
 */
export async function openLocalStore(
  options: { readonly folder: string } & GuardOptions,
): Promise<ObjectStore> {
  const { folder, insideTransaction } = options;
  const objects = join(folder, 'objects');
  const staging = localStagingFolder(folder);
  await fs.mkdir(folder, { recursive: true });
  const layout = createDurableFolders(folder);
  await layout.ensure(objects);
  await layout.ensure(staging);
  await removeStaleFiles(staging);

  const folders = createDurableFolders(objects);
  const openFiles = createOpenFiles(OPEN_FILES);
  const streams = createFileStreams();
  const writer = createFileWriter();
  const pathOf = (key: string): string => join(objects, key);
  let failedSync: unknown;

  /** Move a finished file to its key; it is visible and durable afterwards. */
  async function place(staged: string, path: string): Promise<void> {
    const parent = dirname(path);
    for (let attempt = 1; ; attempt++) {
      await folders.ensure(parent);
      try {
        await fs.rename(staged, path);
        break;
      } catch (error) {
        if (!hasCode(error, 'ENOENT') || attempt === PLACE_ATTEMPTS) throw error;
      }
    }
    await openFiles.forget(path);
    // The folder may have been pruned and made again since, so its own entry is made sure of once more.
    await folders.ensure(parent);
    await folders.sync(parent);
  }

  async function write(
    key: string,
    writeFile: (path: string) => Promise<WrittenFile>,
  ): Promise<StoredObject> {
    if (failedSync !== undefined) throw syncFailed(failedSync);
    const staged = join(staging, `${process.pid}.${instance}.${randomUUID()}`);
    try {
      const written = await writeFile(staged);
      try {
        await failPoint('object-written');
        await place(staged, pathOf(key));
      } catch (error) {
        await fs.rm(staged, { force: true });
        throw error;
      }
      await failPoint('object-placed');
      return { key, ...written };
    } catch (error) {
      if (isDiskFull(error)) throw storageFull(error);
      if (isFailedSync(error)) failedSync = error;
      throw error;
    }
  }

  const backend: ObjectBackend = {
    name: 'local',

    write: (key, source) => write(key, (path) => writer.write(path, source)),
    writeReused: (key, source) => write(key, (path) => writer.write(path, source, { reuse: true })),

    async get(key, range, { reuse = false } = {}) {
      const file = await openFiles.lease(pathOf(key));
      if (!file) return undefined;
      if (range && range.start >= file.sizeBytes) {
        await file.release();
        throw rangeBehindEnd(file.sizeBytes);
      }
      const start = range?.start ?? 0;
      const end = Math.min(range?.end ?? file.sizeBytes, file.sizeBytes);
      return { sizeBytes: end - start, bytes: streams.stream(file, { start, end }, reuse) };
    },

    async read(key, { start, end }, into) {
      const file = await openFiles.lease(pathOf(key));
      if (!file) throw corruptObject(key);
      try {
        const bytes = end > file.sizeBytes ? undefined : await file.read(start, end - start, into);
        if (bytes?.length !== end - start) throw corruptObject(key);
        return bytes;
      } finally {
        await file.release();
      }
    },

    head: (key) => describeFile(key, pathOf(key)),

    async delete(key) {
      const path = pathOf(key);
      try {
        await fs.unlink(path);
      } catch (error) {
        if (isAbsent(error)) return;
        throw error;
      }
      await openFiles.forget(path);
      await folders.prune(dirname(path));
    },

    list: (prefix) => listFolder(objects, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix),

    async close() {
      await openFiles.close();
      await folders.close();
      await layout.close();
    },
  };

  return guardStore(backend, { insideTransaction });
}

/**
 * After a failed sync the system may have dropped the bytes and call the next sync a success, so nothing may be
 * acknowledged until somebody has looked at the disk.
 */
const syncFailed = (cause: unknown): HubError =>
  new HubError('Unavailable', 'The disk failed to store data. Check the disk, then restart the hub.', {
    cause,
  });

const isFailedSync = (error: unknown): boolean =>
  error instanceof Error &&
  'syscall' in error &&
  (error.syscall === 'fsync' || error.syscall === 'fdatasync');

async function describeFile(key: string, path: string): Promise<StoredObject | undefined> {
  try {
    const stat = await fs.stat(path);
    if (!stat.isFile()) return undefined;
    return { key, sizeBytes: stat.size, modifiedAt: Math.floor(stat.mtimeMs) };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Objects under the key folder `folder` (empty, or ending in `/`) that start with `prefix`, in byte order. */
async function* listFolder(objects: string, folder: string, prefix: string): AsyncGenerator<StoredObject> {
  // A folder sorts as the common beginning of its keys, which ends in a slash: `a-b` < `a/c` < `a0`.
  const names = (await readFolder(join(objects, folder)))
    .map((entry) => folder + entry.name + (entry.isDirectory() ? '/' : ''))
    .filter((name) => name.startsWith(prefix))
    .sort();
  let index = 0;
  while (index < names.length) {
    const name = names[index] ?? '';
    if (name.endsWith('/')) {
      yield* listFolder(objects, name, prefix);
      index++;
      continue;
    }
    const batch: string[] = [];
    for (; index < names.length && batch.length < LIST_BATCH; index++) {
      const key = names[index] ?? '';
      if (key.endsWith('/')) break;
      batch.push(key);
    }
    const found = await Promise.all(batch.map((key) => describeFile(key, join(objects, key))));
    for (const object of found) if (object) yield object;
  }
}

async function readFolder(path: string): Promise<readonly Dirent[]> {
  try {
    return await fs.readdir(path, { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

/** Remove what processes that are gone have left half written. */
async function removeStaleFiles(staging: string): Promise<void> {
  for (const entry of await readFolder(staging)) {
    const [pid, owner] = entry.name.split('.');
    if (owner === instance || (Number(pid) !== process.pid && isRunning(Number(pid)))) continue;
    await fs.rm(join(staging, entry.name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

import fs from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from './local-errors.ts';

/** Folders below one root whose entries are known to have reached the disk. */
export interface DurableFolders {
  /** Make `folder` and its parents up to the root, each entry synced into its parent. */
  ensure(folder: string): Promise<void>;
  /** Sync the entries of `folder`; nothing to do when it is gone. */
  sync(folder: string): Promise<void>;
  /** Remove `folder` and its parents up to the root as far as they are empty. */
  prune(folder: string): Promise<void>;
  /** Let go of what is kept open. */
  close(): Promise<void>;
}

/** Folders kept open: as many as large objects and xorbs together are spread over. */
const OPEN_FOLDERS = 512;

/** `root` must exist. Nobody else may make or remove folders below it. */
export function createDurableFolders(root: string): DurableFolders {
  // A folder is in here exactly if it exists and its entry in its parent is synced. Making and removing are
  // queued behind each other: otherwise an object could be acknowledged in a folder that a power cut forgets.
  const durable = new Set([root]);
  let queue: Promise<void> = Promise.resolve();
  const handles = createFolderHandles(OPEN_FOLDERS);

  function inTurn(work: () => Promise<void>): Promise<void> {
    const turn = queue.then(work);
    // Whoever asked hears of the failure; the next in the queue does not.
    queue = turn.catch(() => undefined);
    return turn;
  }

  async function make(folder: string): Promise<void> {
    if (durable.has(folder)) return;
    const parent = dirname(folder);
    await make(parent);
    try {
      await fs.mkdir(folder);
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    await syncFolder(parent);
    durable.add(folder);
  }

  async function removeEmpty(folder: string): Promise<void> {
    if (folder === root) return;
    try {
      await fs.rmdir(folder);
    } catch (error) {
      if (hasCode(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR')) return;
      throw error;
    }
    durable.delete(folder);
    await handles.forget(folder);
    await removeEmpty(dirname(folder));
  }

  return {
    async ensure(folder) {
      if (!durable.has(folder)) await inTurn(() => make(folder));
    },
    async sync(folder) {
      try {
        await handles.sync(folder);
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
      }
    },
    prune: (folder) => inTurn(() => removeEmpty(folder)),
    close: handles.close,
  };
}

interface OpenFolder {
  readonly handle: Promise<FileHandle>;
  users: number;
}

/** Handles of the folders synced last: opening and closing one costs more than the sync. */
function createFolderHandles(capacity: number) {
  // Whatever is used moves to the end of the Map, so the first is the least recently used.
  const opened = new Map<string, OpenFolder>();

  async function close({ handle }: OpenFolder): Promise<void> {
    // Whoever opened it heard why that failed; here it only means that there is nothing to close.
    await (await handle.catch(() => undefined))?.close();
  }

  /** Drop a folder from the table; the last to use it closes it. */
  async function forget(folder: string): Promise<void> {
    const known = opened.get(folder);
    opened.delete(folder);
    if (known?.users === 0) await close(known);
  }

  return {
    async sync(folder: string): Promise<void> {
      if (process.platform === 'win32') return;
      const entry = opened.get(folder) ?? { handle: fs.open(folder, 'r'), users: 0 };
      opened.delete(folder);
      opened.set(folder, entry);
      entry.users++;
      try {
        await (await entry.handle).sync();
      } catch (error) {
        if (opened.get(folder) === entry) opened.delete(folder);
        throw error;
      } finally {
        entry.users--;
        if (entry.users === 0 && opened.get(folder) !== entry) await close(entry);
      }
      const [oldest] = opened.keys();
      if (opened.size > capacity && oldest !== undefined) await forget(oldest);
    },
    forget,
    async close(): Promise<void> {
      for (const folder of [...opened.keys()]) await forget(folder);
    },
  };
}

/** Make the entries of a folder durable. Windows has no such call: its file systems journal their metadata. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await fs.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

import fs from 'node:fs/promises';
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
}

/** `root` must exist. Nobody else may make or remove folders below it. */
export function createDurableFolders(root: string): DurableFolders {
  // A folder is in here exactly if it exists and its entry in its parent is synced. Making and removing are
  // queued behind each other: otherwise an object could be acknowledged in a folder that a power cut forgets.
  const durable = new Set([root]);
  let queue: Promise<void> = Promise.resolve();

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
    await removeEmpty(dirname(folder));
  }

  return {
    async ensure(folder) {
      if (!durable.has(folder)) await inTurn(() => make(folder));
    },
    async sync(folder) {
      try {
        await syncFolder(folder);
      } catch (error) {
        if (!hasCode(error, 'ENOENT')) throw error;
      }
    },
    prune: (folder) => inTurn(() => removeEmpty(folder)),
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

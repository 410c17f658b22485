import { Worker } from 'node:worker_threads';
import type { SqliteConnection, SqliteFile } from './sqlite.ts';

/** Pages of the log, of 4 KiB, that wait to be moved: more are not worth waiting for, as each move syncs the database. */
const PENDING_PAGES = 1_000;
/** From this length on writers wait until all of the log is moved, for only then does it begin anew. */
const MOST_PAGES = 2_000;
/** Without work for this long the thread ends. */
const IDLE_MS = 10_000;
/** All that the thread holds is one statement. */
const YOUNG_MB = 2;

/**
 * Moves the log of a database into its file in a thread: to write and sync a few megabytes of pages takes longer than
 * all else that a commit does, and would hold up the event loop. Should the thread fail, SQLite does it in a commit,
 * as it does by itself.
 */
export interface Checkpoints {
  /** To be told of each commit. Where it answers a promise, the next transaction is to wait for that. */
  noteCommit(): Promise<void> | undefined;
  /** Wait for what is under way, and let go of the file. */
  close(): Promise<void>;
}

export function createCheckpoints({
  file,
  connection,
  entry = new URL('./checkpoint-thread.ts', import.meta.url),
}: {
  readonly file: SqliteFile;
  /** The one that writes. */
  readonly connection: SqliteConnection;
  /** Of the thread; tests name their own. */
  readonly entry?: URL;
}): Checkpoints {
  const logState = connection.prepare('pragma wal_checkpoint(noop)');
  let thread: Thread | undefined;
  /** While writers go on. */
  let moving: Promise<void> | undefined;
  let idle: NodeJS.Timeout | undefined;
  const ending = new Set<Promise<void>>();
  let isGivenUp = false;

  async function move(): Promise<void> {
    clearTimeout(idle);
    try {
      thread ??= startThread(file, entry);
      await thread.move();
    } catch {
      // The disk is full, say. All is in the log still.
      isGivenUp = true;
      connection.pragma(`wal_autocheckpoint = ${PENDING_PAGES}`);
    }
    clearTimeout(idle);
    idle = setTimeout(endThread, IDLE_MS).unref();
  }

  function endThread(): void {
    const ended = thread?.end();
    thread = undefined;
    if (!ended) return;
    ending.add(ended);
    void ended.finally(() => ending.delete(ended));
  }

  return {
    noteCommit() {
      if (isGivenUp) return undefined;
      const { log, checkpointed } = logState.get() as { readonly log: number; readonly checkpointed: number };
      if (log >= MOST_PAGES && checkpointed < log) return move();
      if (log - checkpointed >= PENDING_PAGES) moving ??= move().finally(() => (moving = undefined));
      return undefined;
    },
    async close() {
      isGivenUp = true;
      await moving;
      clearTimeout(idle);
      endThread();
      await Promise.all(ending);
    },
  };
}

interface Thread {
  /** Move what no reader stands in the way of. Rejects when that fails, or the thread has ended. */
  move(): Promise<void>;
  end(): Promise<void>;
}

function startThread(file: SqliteFile, entry: URL): Thread {
  const worker = new Worker(entry, {
    workerData: file,
    env: {},
    name: 'atoll-checkpoints',
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  });
  /** Answers come in the order of the questions. */
  const asked: { resolve(): void; reject(reason: unknown): void }[] = [];
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    for (const { reject } of asked.splice(0)) reject(failure);
  };
  const exit = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      fail(new Error('The thread has ended.'));
      resolve();
    });
  });
  worker.on('error', fail);
  worker.on('message', () => {
    asked.shift()?.resolve();
    if (asked.length === 0) worker.unref();
  });

  return {
    move: () =>
      new Promise((resolve, reject) => {
        if (failure) {
          reject(failure);
          return;
        }
        asked.push({ resolve, reject });
        worker.ref();
        worker.postMessage('move');
      }),
    async end() {
      if (failure) return exit;
      worker.ref();
      worker.postMessage('end');
      await exit;
    },
  };
}

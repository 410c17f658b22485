import type { Log } from '../platform/log.ts';

export interface LastSeen<Key> {
  /** Remember that this was used now. Never waits. */
  note(key: Key, at: number): void;
  /** Write what is remembered. Called by a timer, and at stop. */
  flush(): Promise<void>;
}

export interface LastSeenOptions<Key> {
  /** How long uses are gathered before they are written. */
  readonly delayMs: number;
  readonly log: Log;
  readonly write: (uses: ReadonlyMap<Key, number>) => Promise<void>;
}

/**
 * Times of last use, gathered in memory and written together later: a request that only reads must not wait for
 * a write. What a crash loses is a time that is a little old.
 */
export function createLastSeen<Key>({ delayMs, log, write }: LastSeenOptions<Key>): LastSeen<Key> {
  let gathered = new Map<Key, number>();
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    if (gathered.size === 0) return;
    const uses = gathered;
    gathered = new Map();
    try {
      await write(uses);
    } catch (error) {
      log.warn('The times of last use could not be written.', { err: error });
    }
  }

  return {
    flush,
    note(key, at) {
      gathered.set(key, at);
      timer ??= setTimeout(() => void flush(), delayMs).unref();
    },
  };
}

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
  let earlier = Promise.resolve();

  /** Also waits for a write that the timer began, so that nothing is under way when the database closes. */
  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const uses = gathered;
    gathered = new Map();
    if (uses.size > 0) earlier = earlier.then(() => writeNow(uses));
    return earlier;
  }

  async function writeNow(uses: ReadonlyMap<Key, number>): Promise<void> {
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

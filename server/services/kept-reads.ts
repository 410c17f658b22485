import type { Database } from '../db/stores.ts';

/** Answers of the database, kept until anything in it changes. */
export interface KeptReads {
  /**
   * What was loaded under this key since the last change, or load it now. The answer must follow from the key and the
   * database alone, not from the time. An answer of undefined is not kept: what is absent can be asked for without end.
   */
  read<Value>(key: string, load: () => Promise<Value>): Value | Promise<Value>;
}

/**
 * Most requests only read, and ask the same few things first: whose token this is, which repository, which ref. Any
 * committed write empties the whole of it, so nobody has to say what a change makes untrue.
 */
export function createKeptReads(parts: {
  readonly db: Pick<Database, 'version'>;
  readonly maxEntries: number;
}): KeptReads {
  const { db, maxEntries } = parts;
  const kept = new Map<string, unknown>();
  let keptVersion: number | undefined;

  async function load<Value>(key: string, version: number, ask: () => Promise<Value>): Promise<Value> {
    const value = await ask();
    if (value === undefined || db.version() !== version) return value;
    if (keptVersion !== version || kept.size >= maxEntries) kept.clear();
    keptVersion = version;
    kept.set(key, value);
    return value;
  }

  return {
    read<Value>(key: string, ask: () => Promise<Value>): Value | Promise<Value> {
      const version = db.version();
      if (version === undefined) return ask();
      const known = keptVersion === version ? (kept.get(key) as Value | undefined) : undefined;
      return known ?? load(key, version, ask);
    },
  };
}

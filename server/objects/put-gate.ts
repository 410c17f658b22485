/** Keeps the puts of a key and its removal apart, within this process. */
export interface PutGate {
  /** Puts go on beside each other; one that comes while the key is being removed waits for that. */
  put<Result>(key: string, work: () => Promise<Result>): Promise<Result>;
  /** Answers `undefined`, doing nothing, while the key is being put or removed. */
  remove<Result>(key: string, work: () => Promise<Result>): Promise<Result | undefined>;
  isPutting(key: string): boolean;
}

export function createPutGate(): PutGate {
  const puts = new Map<string, number>();
  const removals = new Map<string, Promise<unknown>>();

  return {
    isPutting: (key) => puts.has(key),

    async put(key, work) {
      while (removals.has(key)) await removals.get(key);
      puts.set(key, (puts.get(key) ?? 0) + 1);
      try {
        return await work();
      } finally {
        const others = (puts.get(key) ?? 1) - 1;
        if (others > 0) puts.set(key, others);
        else puts.delete(key);
      }
    },

    async remove(key, work) {
      if (puts.has(key) || removals.has(key)) return undefined;
      const removal = work();
      // Whoever waits wants to know that it is over, not how it went.
      removals.set(
        key,
        removal.catch(() => undefined),
      );
      try {
        return await removal;
      } finally {
        removals.delete(key);
      }
    },
  };
}

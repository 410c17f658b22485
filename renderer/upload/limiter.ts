/** Runs at most `most` tasks at once; the others wait in the order they came. */
export function makeLimiter(most: number) {
  let free = most;
  const waiting: (() => void)[] = [];
  return async <T>(task: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await task();
    } finally {
      // The place goes straight to the next in line, so nobody who comes in between can take it.
      const next = waiting.shift();
      if (next) next();
      else free += 1;
    }
  };
}

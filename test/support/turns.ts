import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * The longest turn of the event loop of this process while some work goes on, in milliseconds of processor time of the
 * main thread, so that a busy machine does not count. Collecting garbage counts, as it holds others up all the same.
 */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isOver = false;
  const watching = (async () => {
    let before = process.threadCpuUsage();
    while (!isOver) {
      await nextTurn();
      const { user, system } = process.threadCpuUsage(before);
      longest = Math.max(longest, (user + system) / 1000);
      before = process.threadCpuUsage();
    }
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await watching;
  }
  return longest;
}

/** Milliseconds of processor time that this thread spends on some work, so that a busy machine does not count. */
export async function processorMs(work: () => unknown): Promise<number> {
  const before = process.threadCpuUsage();
  await work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Seconds that some work takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = NaN, high = NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}

/** Median of repeated work, in seconds. */
export async function medianSeconds(
  times: number,
  work: (round: number) => Promise<unknown>,
): Promise<number> {
  const seconds: number[] = [];
  for (let round = 0; round < times; round++) seconds.push(await secondsOf(() => work(round)));
  return median(seconds);
}

/** How a cost grows with a size: the slope of the straight line through both logarithms; 1 is linear. */
export function exponentOf(points: readonly { readonly size: number; readonly cost: number }[]): number {
  const logs = points.map(({ size, cost }) => [Math.log(size), Math.log(cost)] as const);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(logs.map(([x]) => x)), mean(logs.map(([, y]) => y))];
  const over = logs.reduce((sum, [x, y]) => sum + (x - middleX) * (y - middleY), 0);
  const under = logs.reduce((sum, [x]) => sum + (x - middleX) ** 2, 0);
  return over / under;
}

/** Resident memory of a process in MiB: now, and the most it ever had. Linux only; NaN elsewhere. */
export function memoryOf(pid: number): { readonly now: number; readonly most: number } {
  if (process.platform !== 'linux') return { now: NaN, most: NaN };
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  return { now: field('VmRSS'), most: field('VmHWM') };
}

/** The most memory of a process while some work goes on, in MiB. */
export async function peakDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  let peak = 0;
  const isOver = new AbortController();
  const watching = (async () => {
    while (!isOver.signal.aborted) {
      peak = Math.max(peak, memoryOf(pid).now);
      await sleep(50);
    }
  })();
  await work();
  isOver.abort();
  await watching;
  return peak;
}

/** Run jobs in order of their numbers, some at a time. */
export async function inParallel(
  count: number,
  atOnce: number,
  job: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) await job(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

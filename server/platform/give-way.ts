import { performance, type EventLoopUtilization } from 'node:perf_hooks';
import type { Clock } from './clock.ts';
import type { RightOfWay } from './right-of-way.ts';

/** A shorter time says little about how busy the event loop is. */
const LOOK_EVERY_MS = 20;
/** Part of the time that the event loop had work, above which others have the right of way. */
const BUSY = 0.5;
/** Pause for each millisecond of work, so that the work still gets done while others never stop. */
const PAUSE_FACTOR = 3;

/**
 * For long work that nobody waits for and that others do for the most part, such as threads: call it between two
 * pieces. It gives way, and besides pauses as long as the event loop, which is busy with what somebody waits for, leaves
 * less than half of its time.
 */
export function createGiveWay(
  rightOfWay: Pick<RightOfWay, 'giveWay'>,
  clock: Pick<Clock, 'sleep'>,
  utilizationSince: (
    before?: EventLoopUtilization,
  ) => EventLoopUtilization = performance.eventLoopUtilization,
): () => Promise<void> {
  let before = utilizationSince();
  return async () => {
    await rightOfWay.giveWay();
    const { utilization, idle, active } = utilizationSince(before);
    const elapsedMs = idle + active;
    if (elapsedMs < LOOK_EVERY_MS) return;
    if (utilization > BUSY) await clock.sleep(Math.min(elapsedMs, LOOK_EVERY_MS * 2) * PAUSE_FACTOR);
    before = utilizationSince();
  };
}

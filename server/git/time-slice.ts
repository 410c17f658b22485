/** How long a loop may run before other requests get their turn. */
const SLICE_MS = 8;

/** A budget of event-loop time for one piece of work. */
export interface TimeSlice {
  /** True when the work has held the event loop for its slice: call `next` soon. */
  isOver(): boolean;
  /** Let pending I/O and timers run, then start a new slice. */
  next(): Promise<void>;
}

/**
 * Long loops over trees, packs and indexes ask this every few thousand steps, so that one big commit cannot stall
 * the answers to everybody else. `setImmediate` rather than a microtask: only it lets I/O through.
 */
export function createTimeSlice(sliceMs = SLICE_MS): TimeSlice {
  let endsAt = performance.now() + sliceMs;
  return {
    isOver: () => performance.now() >= endsAt,
    async next() {
      await new Promise<void>((resolve) => setImmediate(resolve));
      endsAt = performance.now() + sliceMs;
    },
  };
}

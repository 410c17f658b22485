/** How long the pieces of work of one turn may hold the event loop before others get theirs. */
const SLICE_MS = 8;

/** A budget of event-loop time for one piece of work. */
export interface TimeSlice {
  /** True when this turn of the event loop was held for a slice, by this piece of work or by others: call `next` soon. */
  isOver(): boolean;
  /** Let pending I/O and timers run, wait in line behind other pieces of work, then start a new slice. */
  next(): Promise<void>;
}

/** Since when pieces of work hold the event loop; undefined while none of them has run in this turn. */
let turnBegan: number | undefined;
const waiting: (() => void)[] = [];

function beginTurn(): number {
  // Rather than a microtask: only this lets I/O through.
  setImmediate(endTurn);
  return (turnBegan = performance.now());
}

/** One at a time: a hundred pieces that all went on in the same turn would each take a slice of it. */
function endTurn(): void {
  turnBegan = undefined;
  const next = waiting.shift();
  if (!next) return;
  beginTurn();
  next();
}

/**
 * Long loops over trees, packs and indexes ask this every few thousand steps, so that one big commit cannot stall the
 * answers to everybody else. All slices of a thread share its turns, because steps that are joined by settled promises, and
 * requests that came together, add up in one turn.
 */
export const createTimeSlice = (sliceMs = SLICE_MS): TimeSlice => ({
  isOver: () => performance.now() - (turnBegan ?? beginTurn()) >= sliceMs,
  next: () =>
    new Promise((resolve) => {
      if (turnBegan === undefined) beginTurn();
      waiting.push(resolve);
    }),
});

import { createTimeSlice, type TimeSlice } from '../platform/time-slice.ts';

/** Lines as numbers: equal lines have equal numbers, in every text of one comparison. */
export type NumberedLines = Int32Array;

/** Lines `aStart..aStart+aCount` of one text became lines `bStart..bStart+bCount` of the other. Counted from 0. */
export interface LineChange {
  readonly aStart: number;
  readonly aCount: number;
  readonly bStart: number;
  readonly bCount: number;
}

/** Lines that occur more often than this in a stretch do not align it; git has the same bound. */
const MAX_OCCURRENCES = 64;
/** Steps between two looks at the clock. */
const STEP = 2048;
/** Some steps are followed by a collection of the garbage they made. */
const SLICE_MS = 5;

/** Thrown when two texts take more steps to compare than the caller allows. */
export class TooCostly extends Error {
  constructor() {
    super('the texts take too long to compare');
  }
}

/** How many more steps may be made, shared by the comparisons of one merge. */
export interface StepBudget {
  left: number;
}

/** Counts steps against the budget and lets others have the event loop. */
interface Pace {
  readonly budget: StepBudget;
  readonly slice: TimeSlice;
  sinceLook: number;
}

/** Count steps that were made. True when others should have their turn. */
function isTurnOver(pace: Pace, steps: number): boolean {
  pace.budget.left -= steps;
  if (pace.budget.left < 0) throw new TooCostly();
  return isTimeUp(pace, steps);
}

/** The same for steps that grow with the texts and no faster, which the budget need not bound. */
function isTimeUp(pace: Pace, steps: number): boolean {
  pace.sinceLook += steps;
  if (pace.sinceLook < STEP) return false;
  pace.sinceLook = 0;
  return pace.slice.isOver();
}

/** One text of a comparison, with a mark on each line that the other does not share. */
interface Side {
  readonly lines: NumberedLines;
  readonly marks: Uint8Array;
}

/** A stretch of both texts: from `a` and `b` up to, not including, `aEnd` and `bEnd`. */
interface Stretch {
  readonly a: number;
  readonly aEnd: number;
  readonly b: number;
  readonly bEnd: number;
}

/**
 * What changed from `a` to `b`, by the histogram method, as git's merges use it: the longest run of shared lines around
 * the rarest one is kept, and what lies before and behind it is compared in the same way. Where every shared line is
 * frequent, the shortest edit is looked for instead (Myers). Changes that can slide are laid as git lays them, so that
 * merges meet in the same places. Throws `TooCostly`.
 */
export async function diffLines(
  a: NumberedLines,
  b: NumberedLines,
  budget: StepBudget,
): Promise<readonly LineChange[]> {
  const left: Side = { lines: a, marks: new Uint8Array(a.length) };
  const right: Side = { lines: b, marks: new Uint8Array(b.length) };
  const pace: Pace = { budget, slice: createTimeSlice(SLICE_MS), sinceLook: 0 };
  const stack: Stretch[] = [{ a: 0, aEnd: a.length, b: 0, bEnd: b.length }];
  for (let stretch = stack.pop(); stretch !== undefined; stretch = stack.pop()) {
    if (isTurnOver(pace, 1)) await pace.slice.next();
    const { a: aFrom, aEnd, b: bFrom, bEnd } = stretch;
    if (aFrom === aEnd || bFrom === bEnd) {
      markAll(left, right, stretch);
      continue;
    }
    const common = await findAnchor(left.lines, right.lines, stretch, pace);
    if (common === 'nothing') markAll(left, right, stretch);
    else if (common === 'frequent') await markShortest(left, right, stretch, pace);
    else {
      stack.push(
        { a: common.aEnd, aEnd, b: common.bEnd, bEnd },
        { a: aFrom, aEnd: common.a, b: bFrom, bEnd: common.b },
      );
    }
  }
  await compact(left, right, pace);
  await compact(right, left, pace);
  return changesOf(left, right, pace);
}

function markAll(left: Side, right: Side, { a, aEnd, b, bEnd }: Stretch): void {
  left.marks.fill(1, a, aEnd);
  right.marks.fill(1, b, bEnd);
}

/** The places of a line in the first text, and the next place of the same line for each. */
interface Occurrences {
  readonly first: ReadonlyMap<number, number>;
  readonly counts: ReadonlyMap<number, number>;
  /** By place in the stretch; -1 at the last. */
  readonly next: Int32Array;
}

async function occurrencesOf(
  lines: NumberedLines,
  from: number,
  to: number,
  pace: Pace,
): Promise<Occurrences> {
  const first = new Map<number, number>();
  const counts = new Map<number, number>();
  const next = new Int32Array(to - from);
  for (let at = to - 1; at >= from; at -= 1) {
    const line = lines[at] as number;
    next[at - from] = first.get(line) ?? -1;
    first.set(line, at);
    counts.set(line, (counts.get(line) ?? 0) + 1);
    if (isTurnOver(pace, 1)) await pace.slice.next();
  }
  return { first, counts, next };
}

/** The run of shared lines to hold on to; why there is none otherwise. */
async function findAnchor(
  a: NumberedLines,
  b: NumberedLines,
  stretch: Stretch,
  pace: Pace,
): Promise<Stretch | 'nothing' | 'frequent'> {
  const places = await occurrencesOf(a, stretch.a, stretch.aEnd, pace);
  let best: Stretch | undefined;
  let rarity = MAX_OCCURRENCES + 1;
  let hasShared = false;
  for (let at = stretch.b; at < stretch.bEnd;) {
    let following = at + 1;
    const count = places.counts.get(b[at] as number);
    if (count !== undefined) hasShared = true;
    let place = count === undefined || count > rarity ? -1 : (places.first.get(b[at] as number) as number);
    while (place >= 0) {
      const run = extend(a, b, stretch, places.counts, place, at);
      if (isTurnOver(pace, run.aEnd - run.a)) await pace.slice.next();
      following = Math.max(following, run.bEnd);
      const isLonger = best === undefined || best.aEnd - best.a < run.aEnd - run.a;
      // The first run of all counts as one line long whether it is or not: only rarity decides about it.
      if (
        (best !== undefined && isLonger) ||
        run.rarity < rarity ||
        (best === undefined && run.aEnd - run.a > 1)
      ) {
        best = run;
        rarity = run.rarity;
      }
      // What lies inside the run is in it already.
      do place = places.next[place - stretch.a] as number;
      while (place >= 0 && place < run.aEnd);
    }
    at = following;
    if (isTurnOver(pace, 1)) await pace.slice.next();
  }
  if (best === undefined) return hasShared ? 'frequent' : 'nothing';
  return rarity > MAX_OCCURRENCES ? 'frequent' : best;
}

/** The longest run of shared lines around two equal ones, and how rare its rarest line is. */
function extend(
  a: NumberedLines,
  b: NumberedLines,
  stretch: Stretch,
  counts: ReadonlyMap<number, number>,
  aPlace: number,
  bPlace: number,
): Stretch & { readonly rarity: number } {
  let rarity = counts.get(a[aPlace] as number) as number;
  let [aFrom, bFrom, aEnd, bEnd] = [aPlace, bPlace, aPlace + 1, bPlace + 1];
  while (aFrom > stretch.a && bFrom > stretch.b && a[aFrom - 1] === b[bFrom - 1]) {
    aFrom -= 1;
    bFrom -= 1;
    if (rarity > 1) rarity = Math.min(rarity, counts.get(a[aFrom] as number) as number);
  }
  while (aEnd < stretch.aEnd && bEnd < stretch.bEnd && a[aEnd] === b[bEnd]) {
    if (rarity > 1) rarity = Math.min(rarity, counts.get(a[aEnd] as number) as number);
    aEnd += 1;
    bEnd += 1;
  }
  return { a: aFrom, aEnd, b: bFrom, bEnd, rarity };
}

/** Places of lines that both texts of a stretch have, with those lines side by side. */
interface Shared {
  readonly places: Int32Array;
  readonly lines: Int32Array;
}

async function distinctLines(side: Side, from: number, to: number, pace: Pace): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for (let at = from; at < to; at += 1) {
    found.add(side.lines[at] as number);
    if (isTimeUp(pace, 1)) await pace.slice.next();
  }
  return found;
}

async function sharedLines(
  side: Side,
  from: number,
  to: number,
  others: ReadonlySet<number>,
  pace: Pace,
): Promise<Shared> {
  const places: number[] = [];
  for (let at = from; at < to; at += 1) {
    if (others.has(side.lines[at] as number)) places.push(at);
    else side.marks[at] = 1;
    if (isTimeUp(pace, 1)) await pace.slice.next();
  }
  return {
    places: Int32Array.from(places),
    lines: Int32Array.from(places, (place) => side.lines[place] as number),
  };
}

/** Mark by the shortest edit: lines that only one text has go first, then Myers in linear space on the rest. */
async function markShortest(left: Side, right: Side, stretch: Stretch, pace: Pace): Promise<void> {
  let { a, aEnd, b, bEnd } = stretch;
  while (a < aEnd && b < bEnd && left.lines[a] === right.lines[b]) {
    a += 1;
    b += 1;
  }
  while (a < aEnd && b < bEnd && left.lines[aEnd - 1] === right.lines[bEnd - 1]) {
    aEnd -= 1;
    bEnd -= 1;
  }
  const one = await sharedLines(left, a, aEnd, await distinctLines(right, b, bEnd, pace), pace);
  const two = await sharedLines(right, b, bEnd, await distinctLines(left, a, aEnd, pace), pace);
  const size = one.lines.length + two.lines.length + 3;
  const forward = new Int32Array(2 * size);
  const backward = new Int32Array(2 * size);
  const stack: Stretch[] = [{ a: 0, aEnd: one.lines.length, b: 0, bEnd: two.lines.length }];
  for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
    let { a: x, aEnd: xEnd, b: y, bEnd: yEnd } = part;
    while (x < xEnd && y < yEnd && one.lines[x] === two.lines[y]) {
      x += 1;
      y += 1;
    }
    while (x < xEnd && y < yEnd && one.lines[xEnd - 1] === two.lines[yEnd - 1]) {
      xEnd -= 1;
      yEnd -= 1;
    }
    if (x === xEnd || y === yEnd) {
      for (; x < xEnd; x += 1) left.marks[one.places[x] as number] = 1;
      for (; y < yEnd; y += 1) right.marks[two.places[y] as number] = 1;
      continue;
    }
    const rest = { a: x, aEnd: xEnd, b: y, bEnd: yEnd };
    const [xSplit, ySplit] = await splitShortest(
      one.lines,
      two.lines,
      rest,
      { forward, backward, size },
      pace,
    );
    stack.push({ a: xSplit, aEnd: xEnd, b: ySplit, bEnd: yEnd }, { a: x, aEnd: xSplit, b: y, bEnd: ySplit });
  }
}

/** Furthest places on each diagonal, reached from either end; diagonal 0 is at `size`. */
interface Diagonals {
  readonly forward: Int32Array;
  readonly backward: Int32Array;
  readonly size: number;
}

/** Past so many differences the best place so far is taken for the middle, or big texts would take forever. */
const MAX_DIFFERENCES = 2048;

/** A place on the shortest edit of a stretch, about in its middle. Neither text is empty, and their ends differ. */
async function splitShortest(
  a: NumberedLines,
  b: NumberedLines,
  { a: aFrom, aEnd, b: bFrom, bEnd }: Stretch,
  { forward, backward, size }: Diagonals,
  pace: Pace,
): Promise<readonly [number, number]> {
  const lowest = aFrom - bEnd;
  const highest = aEnd - bFrom;
  const start = aFrom - bFrom;
  const end = aEnd - bEnd;
  const isOdd = ((start - end) & 1) !== 0;
  const origin = size - start;
  const at = (diagonal: number): number => (((diagonal + origin) % (2 * size)) + 2 * size) % (2 * size);
  let [fLow, fHigh, bLow, bHigh] = [start, start, end, end];
  forward[at(start)] = aFrom;
  backward[at(end)] = aEnd;
  for (let cost = 1; ; cost += 1) {
    if (fLow > lowest) forward[at((fLow -= 1) - 1)] = -1;
    else fLow += 1;
    if (fHigh < highest) forward[at((fHigh += 1) + 1)] = -1;
    else fHigh -= 1;
    for (let diagonal = fHigh; diagonal >= fLow; diagonal -= 2) {
      const below = forward[at(diagonal - 1)] as number;
      const above = forward[at(diagonal + 1)] as number;
      let x = below >= above ? below + 1 : above;
      const from = x;
      while (x < aEnd && x - diagonal < bEnd && a[x] === b[x - diagonal]) x += 1;
      forward[at(diagonal)] = x;
      if (isOdd && bLow <= diagonal && diagonal <= bHigh && (backward[at(diagonal)] as number) <= x) {
        return [x, x - diagonal];
      }
      if (isTurnOver(pace, 1 + x - from)) await pace.slice.next();
    }
    if (bLow > lowest) backward[at((bLow -= 1) - 1)] = 0x7fffffff;
    else bLow += 1;
    if (bHigh < highest) backward[at((bHigh += 1) + 1)] = 0x7fffffff;
    else bHigh -= 1;
    for (let diagonal = bHigh; diagonal >= bLow; diagonal -= 2) {
      const below = backward[at(diagonal - 1)] as number;
      const above = backward[at(diagonal + 1)] as number;
      let x = below < above ? below : above - 1;
      const from = x;
      while (x > aFrom && x - diagonal > bFrom && a[x - 1] === b[x - diagonal - 1]) x -= 1;
      backward[at(diagonal)] = x;
      if (!isOdd && fLow <= diagonal && diagonal <= fHigh && x <= (forward[at(diagonal)] as number)) {
        return [x, x - diagonal];
      }
      if (isTurnOver(pace, 1 + from - x)) await pace.slice.next();
    }
    if (cost >= MAX_DIFFERENCES) {
      let best: readonly [number, number] = [aFrom, bFrom];
      for (let diagonal = fHigh; diagonal >= fLow; diagonal -= 2) {
        const x = Math.min(forward[at(diagonal)] as number, aEnd);
        const y = Math.min(x - diagonal, bEnd);
        if (y >= bFrom && y + diagonal + y > best[0] + best[1]) best = [y + diagonal, y];
      }
      return best;
    }
  }
}

/** A run of marked lines, perhaps empty; between two runs lies one line that is not marked. */
class MarkedRun {
  readonly side: Side;
  start = 0;
  end = 0;

  constructor(side: Side) {
    this.side = side;
    while (side.marks[this.end]) this.end += 1;
  }

  get isEmpty(): boolean {
    return this.start === this.end;
  }

  next(): boolean {
    if (this.end === this.side.lines.length) return false;
    this.start = this.end + 1;
    this.end = this.start;
    while (this.side.marks[this.end]) this.end += 1;
    return true;
  }

  previous(): void {
    this.end = this.start - 1;
    this.start = this.end;
    while (this.side.marks[this.start - 1]) this.start -= 1;
  }

  /** Move the run down by one line where the text stays the same; runs that touch become one. */
  slideDown(): boolean {
    const { lines, marks } = this.side;
    if (this.end >= lines.length || lines[this.start] !== lines[this.end]) return false;
    marks[this.start] = 0;
    marks[this.end] = 1;
    this.start += 1;
    this.end += 1;
    while (marks[this.end]) this.end += 1;
    return true;
  }

  slideUp(): boolean {
    const { lines, marks } = this.side;
    if (this.start === 0 || lines[this.start - 1] !== lines[this.end - 1]) return false;
    this.start -= 1;
    this.end -= 1;
    marks[this.start] = 1;
    marks[this.end] = 0;
    while (marks[this.start - 1]) this.start -= 1;
    return true;
  }
}

/**
 * Lay changes that can slide where git lays them: beside a change of the other text if there is one within reach, else
 * as far down as they go.
 */
async function compact(side: Side, other: Side, pace: Pace): Promise<void> {
  const run = new MarkedRun(side);
  const beside = new MarkedRun(other);
  let before = 0;
  do {
    if (isTimeUp(pace, 1 + Math.abs(run.end - before))) await pace.slice.next();
    before = run.end;
    if (run.isEmpty) continue;
    let size: number;
    let highestEnd: number;
    let hasNeighbor: boolean;
    do {
      size = run.end - run.start;
      while (run.slideUp()) beside.previous();
      highestEnd = run.end;
      hasNeighbor = !beside.isEmpty;
      while (run.slideDown()) {
        beside.next();
        if (!beside.isEmpty) hasNeighbor = true;
      }
    } while (size !== run.end - run.start);
    if (run.end === highestEnd || !hasNeighbor) continue;
    while (beside.isEmpty && run.slideUp()) beside.previous();
  } while (run.next() && (beside.next() || true));
}

async function changesOf(left: Side, right: Side, pace: Pace): Promise<readonly LineChange[]> {
  const changes: LineChange[] = [];
  let [a, b] = [0, 0];
  while (a < left.lines.length || b < right.lines.length) {
    const [aStart, bStart] = [a, b];
    while (left.marks[a]) a += 1;
    while (right.marks[b]) b += 1;
    if (a > aStart || b > bStart) changes.push({ aStart, aCount: a - aStart, bStart, bCount: b - bStart });
    if (isTimeUp(pace, 1 + a - aStart + b - bStart)) await pace.slice.next();
    a += 1;
    b += 1;
  }
  return changes;
}

import { createTimeSlice } from '../platform/time-slice.ts';
import { diffLines, type LineChange, type StepBudget } from './line-diff.ts';
import { cutLines, type LinedText } from './text-lines.ts';

/** What to do where both sides changed the same lines: keep one side, or both between markers. */
export type LineFavor = 'ours' | 'theirs' | 'marked';

export interface MergedLines {
  readonly content: Buffer;
  /** How many places both sides changed in different ways; none of them is left over with `ours` and `theirs`. */
  readonly conflicts: number;
}

/** A stretch that is not as it was. Starts and counts are of lines: in the base, in ours and in theirs. */
interface Region {
  kind: 'ours' | 'theirs' | 'conflict' | 'same';
  ours: number;
  oursCount: number;
  theirs: number;
  theirsCount: number;
}

/** Conflicts with no more lines than these between them are one to a reader, and to git. */
const JOINED_WITHIN = 3;
/** Regions between two looks at the clock. */
const STEP = 1024;
const SLICE_MS = 5;
const NEWLINE = 0x0a;

const linesOf = (text: LinedText, from: number, count: number): Buffer =>
  text.content.subarray(text.starts[from], text.starts[from + count]);

/**
 * Merge two texts that began as one, line by line, as git does: changes apart from each other are both made, the same
 * change is made once, and changes that touch are a conflict. Throws `TooCostly`.
 */
export async function mergeLines(
  texts: { readonly base: Buffer; readonly ours: Buffer; readonly theirs: Buffer },
  favor: LineFavor,
  budget: StepBudget,
): Promise<MergedLines> {
  const numbers = new Map<string, number>();
  const base = await cutLines(texts.base, numbers);
  const ours = await cutLines(texts.ours, numbers);
  const theirs = await cutLines(texts.theirs, numbers);
  const ourChanges = await diffLines(base.lines, ours.lines, budget);
  const theirChanges = await diffLines(base.lines, theirs.lines, budget);
  if (ourChanges.length === 0) return { content: texts.theirs, conflicts: 0 };
  if (theirChanges.length === 0) return { content: texts.ours, conflicts: 0 };
  const met = await meet(ourChanges, theirChanges, { ours, theirs });
  const regions = joinNear(await refine(met, { ours, theirs }, budget));
  const conflicts = regions.filter(({ kind }) => kind === 'conflict').length;
  return { content: await write(regions, { ours, theirs }, favor), conflicts };
}

/** Walk both lists of changes along the base, and note where they apply alone and where they meet. */
async function meet(
  ourChanges: readonly LineChange[],
  theirChanges: readonly LineChange[],
  texts: { readonly ours: LinedText; readonly theirs: LinedText },
): Promise<Region[]> {
  const regions: Region[] = [];
  const slice = createTimeSlice(SLICE_MS);
  let [i, j] = [0, 0];
  for (let step = 1; ; step += 1) {
    if (step % STEP === 0 && slice.isOver()) await slice.next();
    const one = ourChanges[i];
    const two = theirChanges[j];
    if (one === undefined && two === undefined) return regions;
    if (one !== undefined && (two === undefined || one.aStart + one.aCount < two.aStart)) {
      i += 1;
      const shift = two === undefined ? shiftBehind(theirChanges) : two.bStart - two.aStart;
      append(regions, {
        kind: 'ours',
        ours: one.bStart,
        oursCount: one.bCount,
        theirs: one.aStart + shift,
        theirsCount: one.aCount,
      });
      continue;
    }
    if (two !== undefined && (one === undefined || two.aStart + two.aCount < one.aStart)) {
      j += 1;
      const shift = one === undefined ? shiftBehind(ourChanges) : one.bStart - one.aStart;
      append(regions, {
        kind: 'theirs',
        ours: two.aStart + shift,
        oursCount: two.aCount,
        theirs: two.bStart,
        theirsCount: two.bCount,
      });
      continue;
    }
    if (one === undefined || two === undefined) return regions;
    if (!isSameChange(one, two, texts)) append(regions, spanOf(one, two));
    const oneEnd = one.aStart + one.aCount;
    const twoEnd = two.aStart + two.aCount;
    if (oneEnd >= twoEnd) j += 1;
    if (twoEnd >= oneEnd) i += 1;
  }
}

/** How far lines behind the last change have moved. */
function shiftBehind(changes: readonly LineChange[]): number {
  const last = changes.at(-1);
  return last === undefined ? 0 : last.bStart + last.bCount - last.aStart - last.aCount;
}

function isSameChange(
  one: LineChange,
  two: LineChange,
  { ours, theirs }: { readonly ours: LinedText; readonly theirs: LinedText },
): boolean {
  if (one.aStart !== two.aStart || one.aCount !== two.aCount || one.bCount !== two.bCount) return false;
  for (let i = 0; i < one.bCount; i += 1) {
    if (ours.lines[one.bStart + i] !== theirs.lines[two.bStart + i]) return false;
  }
  return true;
}

/** Both changes that meet, each side with the lines that only the other changed. */
function spanOf(one: LineChange, two: LineChange): Region {
  const start = Math.min(one.aStart, two.aStart);
  const end = Math.max(one.aStart + one.aCount, two.aStart + two.aCount);
  const stretched = (change: LineChange): { from: number; count: number } => {
    const before = change.aStart - start;
    const behind = end - change.aStart - change.aCount;
    return { from: change.bStart - before, count: before + change.bCount + behind };
  };
  const [ours, theirs] = [stretched(one), stretched(two)];
  return {
    kind: 'conflict',
    ours: ours.from,
    oursCount: ours.count,
    theirs: theirs.from,
    theirsCount: theirs.count,
  };
}

/** Regions that touch on either side become one, a conflict unless both are of one kind. */
function append(regions: Region[], region: Region): void {
  const last = regions.at(-1);
  const touches =
    last !== undefined &&
    (region.ours <= last.ours + last.oursCount || region.theirs <= last.theirs + last.theirsCount);
  if (!touches) {
    regions.push(region);
    return;
  }
  if (last.kind !== region.kind) last.kind = 'conflict';
  last.oursCount = region.ours + region.oursCount - last.ours;
  last.theirsCount = region.theirs + region.theirsCount - last.theirs;
}

/** Look closer at each conflict: what both sides changed alike is none. */
async function refine(
  regions: readonly Region[],
  { ours, theirs }: { readonly ours: LinedText; readonly theirs: LinedText },
  budget: StepBudget,
): Promise<readonly Region[]> {
  const refined: Region[] = [];
  // Each comparison has a slice of its own, and thousands of short ones follow each other.
  const slice = createTimeSlice(SLICE_MS);
  for (const region of regions) {
    if (slice.isOver()) await slice.next();
    if (region.kind !== 'conflict' || region.oursCount === 0 || region.theirsCount === 0) {
      refined.push(region);
      continue;
    }
    const differences = await diffLines(
      ours.lines.subarray(region.ours, region.ours + region.oursCount),
      theirs.lines.subarray(region.theirs, region.theirs + region.theirsCount),
      budget,
    );
    if (differences.length === 0) refined.push({ ...region, kind: 'same' });
    for (const { aStart, aCount, bStart, bCount } of differences) {
      refined.push({
        kind: 'conflict',
        ours: region.ours + aStart,
        oursCount: aCount,
        theirs: region.theirs + bStart,
        theirsCount: bCount,
      });
    }
  }
  return refined;
}

function joinNear(regions: readonly Region[]): readonly Region[] {
  const joined: Region[] = [];
  for (const region of regions) {
    const last = joined.at(-1);
    const isNear =
      last?.kind === 'conflict' &&
      region.kind === 'conflict' &&
      region.ours - last.ours - last.oursCount <= JOINED_WITHIN;
    if (!isNear) {
      joined.push({ ...region });
      continue;
    }
    last.oursCount = region.ours + region.oursCount - last.ours;
    last.theirsCount = region.theirs + region.theirsCount - last.theirs;
  }
  return joined;
}

const MARKERS = {
  start: Buffer.from('<<<<<<<<< Temporary merge branch 1\n'),
  middle: Buffer.from('=========\n'),
  end: Buffer.from('>>>>>>>>> Temporary merge branch 2\n'),
} as const;

/** Lines that are followed by a marker end, whether the text did or not. */
const closed = (lines: Buffer): readonly Buffer[] =>
  lines.length === 0 || lines.at(-1) === NEWLINE ? [lines] : [lines, Buffer.from('\n')];

async function write(
  regions: readonly Region[],
  { ours, theirs }: { readonly ours: LinedText; readonly theirs: LinedText },
  favor: LineFavor,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const slice = createTimeSlice(SLICE_MS);
  let written = 0;
  for (const [index, region] of regions.entries()) {
    if (index % STEP === 0 && slice.isOver()) await slice.next();
    // Where both sides are alike, ours is copied together with what lies around it.
    if (region.kind === 'same') continue;
    pieces.push(linesOf(ours, written, region.ours - written));
    const our = linesOf(ours, region.ours, region.oursCount);
    const their = linesOf(theirs, region.theirs, region.theirsCount);
    const kind = region.kind === 'conflict' ? favor : region.kind;
    if (kind === 'ours') pieces.push(our);
    else if (kind === 'theirs') pieces.push(their);
    else pieces.push(MARKERS.start, ...closed(our), MARKERS.middle, ...closed(their), MARKERS.end);
    written = region.ours + region.oursCount;
  }
  pieces.push(linesOf(ours, written, ours.lines.length - written));
  await slice.next();
  return Buffer.concat(pieces);
}

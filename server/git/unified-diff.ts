import { createTimeSlice } from '../platform/time-slice.ts';
import { diffLines, TooCostly, type LineChange } from './line-diff.ts';
import { cutLines, hasMoreLines, type LinedText } from './text-lines.ts';

/** How two texts differ, line by line. */
export interface TextDiff {
  readonly additions: number;
  readonly deletions: number;
  /** Hunks in unified form, in pieces. */
  hunks(): AsyncIterable<Buffer>;
}

/** Unchanged lines shown around a change. */
const CONTEXT = 3;
/** A second or so of comparing; what takes longer is shown as replaced, which is true of any two texts. */
const MAX_STEPS = 20_000_000;

/** Texts of more lines are not compared. */
const MAX_LINES = 100_000;

const NEWLINE = 0x0a;
/** Bytes that get their signs at once. */
const PIECE_BYTES = 64 * 1024;
const NO_NEWLINE = Buffer.from('\n\\ No newline at end of file\n');

/** Compare two texts within a bounded time and space; undefined when they have too many lines for that. */
export async function diffTexts(before: Buffer, after: Buffer): Promise<TextDiff | undefined> {
  if (hasMoreLines(before, MAX_LINES) || hasMoreLines(after, MAX_LINES)) return undefined;
  const numbers = new Map<string, number>();
  const a = await cutLines(before, numbers);
  const b = await cutLines(after, numbers);
  const changes = await changesBetween(a, b);
  return {
    additions: changes.reduce((sum, { bCount }) => sum + bCount, 0),
    deletions: changes.reduce((sum, { aCount }) => sum + aCount, 0),
    hunks: () => hunksOf(a, b, changes),
  };
}

async function changesBetween(a: LinedText, b: LinedText): Promise<readonly LineChange[]> {
  try {
    return await diffLines(a.lines, b.lines, { left: MAX_STEPS });
  } catch (error) {
    if (!(error instanceof TooCostly)) throw error;
  }
  // All between the shared beginning and the shared end.
  let start = 0;
  let [aEnd, bEnd] = [a.lines.length, b.lines.length];
  while (start < aEnd && start < bEnd && a.lines[start] === b.lines[start]) start += 1;
  while (aEnd > start && bEnd > start && a.lines[aEnd - 1] === b.lines[bEnd - 1]) {
    aEnd -= 1;
    bEnd -= 1;
  }
  return [{ aStart: start, aCount: aEnd - start, bStart: start, bCount: bEnd - start }];
}

/** Changes with so few lines between them that their context meets share a hunk. */
function* grouped(changes: readonly LineChange[]): Generator<readonly LineChange[]> {
  let group: LineChange[] = [];
  for (const change of changes) {
    const last = group.at(-1);
    if (last && change.aStart - (last.aStart + last.aCount) > 2 * CONTEXT) {
      yield group;
      group = [];
    }
    group.push(change);
  }
  if (group.length > 0) yield group;
}

/** Where a hunk is: an empty range is named by the line before it. */
const rangeOf = (start: number, count: number): string =>
  count === 1 ? String(start + 1) : `${count === 0 ? start : start + 1},${count}`;

async function* hunksOf(a: LinedText, b: LinedText, changes: readonly LineChange[]): AsyncGenerator<Buffer> {
  for (const group of grouped(changes)) {
    const [first, last] = [group[0] as LineChange, group.at(-1) as LineChange];
    const before = Math.min(CONTEXT, first.aStart);
    const lastEnd = last.aStart + last.aCount;
    const behind = Math.min(CONTEXT, a.lines.length - lastEnd);
    const aStart = first.aStart - before;
    const bStart = first.bStart - before;
    const aCount = lastEnd + behind - aStart;
    const bCount = last.bStart + last.bCount + behind - bStart;
    yield Buffer.from(`@@ -${rangeOf(aStart, aCount)} +${rangeOf(bStart, bCount)} @@\n`);
    let at = aStart;
    for (const change of group) {
      yield* signedLines(' ', [linesOf(a, at, change.aStart)]);
      yield* signedLines('-', [linesOf(a, change.aStart, change.aStart + change.aCount)]);
      yield* signedLines('+', [linesOf(b, change.bStart, change.bStart + change.bCount)]);
      at = change.aStart + change.aCount;
    }
    yield* signedLines(' ', [linesOf(a, at, lastEnd + behind)]);
  }
}

const linesOf = ({ content, starts }: LinedText, from: number, to: number): Buffer =>
  content.subarray(starts[from], starts[to]);

/** Bytes that can be read again. */
type Source = () => AsyncIterable<Uint8Array>;

/**
 * One hunk that takes all lines of one text away and puts all of another in its place, for texts too long to hold. Each
 * is read twice: a hunk begins with how many lines it has.
 */
export async function* replacingHunk(before: Source, after: Source): AsyncGenerator<Buffer> {
  const [aCount, bCount] = [await countLines(before()), await countLines(after())];
  if (aCount + bCount === 0) return;
  yield Buffer.from(`@@ -${rangeOf(0, aCount)} +${rangeOf(0, bCount)} @@\n`);
  yield* signedLines('-', before());
  yield* signedLines('+', after());
}

async function countLines(bytes: AsyncIterable<Uint8Array>): Promise<number> {
  const slice = createTimeSlice();
  let count = 0;
  let isOpen = false;
  for await (const chunk of bytes) {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) count += 1;
    if (chunk.length > 0) isOpen = chunk[chunk.length - 1] !== NEWLINE;
    if (slice.isOver()) await slice.next();
  }
  return isOpen ? count + 1 : count;
}

const SIGNS = { ' ': 0x20, '-': 0x2d, '+': 0x2b } as const;

/** Lines with a sign before each, as they come; a last one without a line end is marked as git marks it. */
async function* signedLines(
  sign: keyof typeof SIGNS,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const slice = createTimeSlice();
  let isAtStart = true;
  for await (const chunk of bytes) {
    for (let from = 0; from < chunk.length; from += PIECE_BYTES) {
      const piece = chunk.subarray(from, from + PIECE_BYTES);
      const out = Buffer.allocUnsafe(2 * piece.length);
      let at = 0;
      for (const byte of piece) {
        if (isAtStart) out[at++] = SIGNS[sign];
        out[at++] = byte;
        isAtStart = byte === NEWLINE;
      }
      yield out.subarray(0, at);
      if (slice.isOver()) await slice.next();
    }
  }
  if (!isAtStart) yield NO_NEWLINE;
}

import { createTimeSlice } from '../platform/time-slice.ts';
import type { NumberedLines } from './line-diff.ts';

/** A text cut into lines. A line has its line end, so that the last line differs from itself without one. */
export interface LinedText {
  readonly content: Buffer;
  readonly lines: NumberedLines;
  /** Where each line begins, and behind them where the last one ends. */
  readonly starts: Int32Array;
}

const NEWLINE = 0x0a;
/** Work between two looks at the clock, in bytes; a line takes as long as so many bytes of it. */
const LOOP_STEP = 64 * 1024;
const LINE_WORK = 64;
/** Numbering lines makes much garbage, and its collection is a part of the turn as well. */
const SLICE_MS = 5;
/** As git decides it (`buffer_is_binary`). */
const BINARY_LOOK_BYTES = 8000;

/** Git's rule: content with a NUL in its first 8,000 bytes is no text. */
export const isBinary = (content: Buffer): boolean => content.subarray(0, BINARY_LOOK_BYTES).includes(0);

/** Cut a text into lines. `numbers` gives equal lines of several texts equal numbers. */
export async function cutLines(content: Buffer, numbers: Map<string, number>): Promise<LinedText> {
  const slice = createTimeSlice(SLICE_MS);
  let work = 0;
  const starts: number[] = [];
  const lines: number[] = [];
  for (let at = 0; at < content.length;) {
    const newline = content.indexOf(NEWLINE, at);
    const end = newline < 0 ? content.length : newline + 1;
    const line = content.toString('latin1', at, end);
    let number = numbers.get(line);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(line, number);
    }
    starts.push(at);
    lines.push(number);
    work += end - at + LINE_WORK;
    at = end;
    if (work < LOOP_STEP) continue;
    work = 0;
    if (slice.isOver()) await slice.next();
  }
  starts.push(content.length);
  return { content, lines: new Int32Array(lines), starts: new Int32Array(starts) };
}

export function hasMoreLines(content: Buffer, maxLines: number): boolean {
  let at = 0;
  for (let line = 0; line < maxLines && at < content.length; line += 1) {
    const newline = content.indexOf(NEWLINE, at);
    at = newline < 0 ? content.length : newline + 1;
  }
  return at < content.length;
}

import { randomBytes } from 'node:crypto';
import { decodeBase64, invalidBase64, paddingOf } from '../domain/base64.ts';
import { decodeContent, parseCommitLine, type CommitLine } from '../domain/commit-lines.ts';
import { findLongString, type StringRange } from '../domain/long-string.ts';
import { freeBytes } from '../platform/free-bytes.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { decodeLine } from './body-lines.ts';

/** A line of a commit; of a file, with the bytes themselves. */
export type ReadLine =
  | Exclude<CommitLine, { kind: 'file' }>
  | { readonly kind: 'file'; readonly path: string; readonly content: Buffer };

/** Stands for the content of a large file while the rest of its line is parsed. Nobody can send it, for nobody knows it. */
const PLACEHOLDER = randomBytes(16).toString('hex');
/** Whole groups of base64, in strings that V8 still keeps among its young objects. */
const PIECE_BYTES = 64 * 1024;

/**
 * Read one line. The base64 of a large file never becomes a string as a whole: strings of many megabytes make V8 collect
 * its whole heap every few lines. Throws the errors of `decodeLine`, `parseCommitLine` and `decodeContent`.
 */
export async function readCommitLine(bytes: Buffer, number: number): Promise<ReadLine> {
  const long = findLongString(bytes);
  if (long) {
    const line = parseCommitLine(decodeLine(withPlaceholder(bytes, long), number));
    if (line.kind === 'file' && line.encoding === 'base64' && line.content === PLACEHOLDER) {
      const content = await decodeInPieces(bytes.subarray(long.start, long.end));
      return { kind: 'file', path: line.path, content };
    }
  }
  // Each of these steps takes milliseconds for the largest file.
  const slice = createTimeSlice();
  const text = decodeLine(bytes, number);
  if (slice.isOver()) await slice.next();
  const line = parseCommitLine(text);
  if (line.kind !== 'file') return line;
  if (slice.isOver()) await slice.next();
  return { kind: 'file', path: line.path, content: decodeContent(line) };
}

const withPlaceholder = (bytes: Buffer, { start, end }: StringRange): Buffer =>
  Buffer.concat([bytes.subarray(0, start), Buffer.from(PLACEHOLDER), bytes.subarray(end)]);

/** As `decodeBase64`. */
async function decodeInPieces(text: Buffer): Promise<Buffer> {
  const slice = createTimeSlice();
  const padding = paddingOf(text.toString('latin1', text.byteLength - 2));
  const content = Buffer.allocUnsafeSlow(Math.ceil(text.byteLength / 4) * 3 - padding);
  let contentBytes = 0;
  for (let at = 0; at < text.byteLength; at += PIECE_BYTES) {
    if (slice.isOver()) await slice.next();
    const piece = decodeBase64(text.toString('latin1', at, at + PIECE_BYTES));
    // Padding ends the text, and nothing else.
    const isLast = at + PIECE_BYTES >= text.byteLength;
    if (!isLast && piece.byteLength < (PIECE_BYTES / 4) * 3) throw invalidBase64();
    content.set(piece, contentBytes);
    contentBytes += piece.byteLength;
    freeBytes(piece);
  }
  return content;
}

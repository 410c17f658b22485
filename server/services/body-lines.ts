import { HubError } from '../domain/errors.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { freeBytes } from '../platform/free-bytes.ts';
import { createTimeSlice } from '../platform/time-slice.ts';

/*
 * NDJSON as it arrives: one line in memory at a time.
 */

const NEWLINE = 0x0a;

/** A failure of one line, with its number. */
export const atLine = (error: HubError, number: number): HubError =>
  new HubError(error.code, `Line ${number}: ${error.message}`, {
    details: { ...error.details, line: number },
    cause: error.cause,
  });

/** The text of a line. Throws InvalidBody for what is no UTF-8, or starts with a byte order mark. */
export function decodeLine(bytes: Buffer, number: number): string {
  const text = bytes.toString('utf8');
  // Bytes that are not UTF-8 become U+FFFD, which then encodes to another length or other bytes.
  if (text.includes('\ufffd') && !Buffer.from(text).equals(bytes)) {
    throw new HubError('InvalidBody', 'the text is not valid UTF-8.');
  }
  if (number === 1 && text.startsWith('\ufeff')) {
    throw new HubError('InvalidBody', 'the body starts with a byte order mark.');
  }
  return text;
}

/**
 * Lines without their ends; blank lines are left out. Each is of use until the next is asked for, and others get their turn
 * in between. The arrays of `body` must be nobody else's: their memory is freed as they are read. Throws BodyTooLarge for a
 * line beyond the limit.
 */
export async function* splitLines(body: ByteSource, maxBytes: number): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const takeLine = (end: Uint8Array): Buffer => {
    const line = joinLine(held, end);
    for (const part of held) freeBytes(part);
    held = [];
    heldBytes = 0;
    return line;
  };
  // Many lines come in one piece, and to read them awaits nothing but what is there already.
  const slice = createTimeSlice();
  for await (const chunk of body) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      if (slice.isOver()) await slice.next();
      const line = takeLine(chunk.subarray(start, end));
      start = end + 1;
      if (line.byteLength > maxBytes) throw lineTooLong(maxBytes);
      if (line.byteLength > 0) yield line;
      freeBytes(line);
    }
    if (start < chunk.byteLength) {
      // The constructor copies, where a Buffer's own `slice` does not.
      held.push(start === 0 ? chunk : new Uint8Array(chunk.subarray(start)));
      heldBytes += chunk.byteLength - start;
      if (heldBytes > maxBytes) throw lineTooLong(maxBytes);
    }
    if (start > 0) freeBytes(chunk);
  }
  const last = takeLine(new Uint8Array());
  if (last.byteLength > 0) yield last;
}

function joinLine(held: readonly Uint8Array[], end: Uint8Array): Buffer {
  const line = Buffer.concat([...held, end]);
  const withoutReturn = line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
  return withoutReturn.every((byte) => byte === 0x20 || byte === 0x09) ? Buffer.alloc(0) : withoutReturn;
}

const lineTooLong = (maxBytes: number): HubError =>
  new HubError('BodyTooLarge', `A line may have ${maxBytes} bytes.`);

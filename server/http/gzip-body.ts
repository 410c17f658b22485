import { crc32, createInflateRaw } from 'node:zlib';
import { HubError } from '../domain/errors.ts';
import type { ByteSource } from '../objects/object-store.ts';
import { bodyTooLarge } from './body.ts';

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
/** Header with its optional fields: names and comments have no bound of their own. */
const MAX_HEADER_BYTES = 64 * 1024;

const FLAG = { headerCrc: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 };

const invalid = (problem: string, cause?: unknown): HubError =>
  new HubError('InvalidBody', `The gzip body ${problem}.`, { cause });

const cutShort = (cause?: unknown): HubError => invalid('ends too early', cause);

/**
 * The bytes of a body of one gzip member (RFC 1952), inflated as they come. Nothing may follow the member: what a
 * second one held would be seen by some readers and not by others. Throws InvalidBody, or BodyTooLarge as soon as
 * more than `maxBytes` came out.
 */
export async function* gunzipped(
  body: ByteSource,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = createChunks(body);
  try {
    await skipHeader(reader);
    yield* member(reader, maxBytes);
    if ((await reader.next()) !== undefined) throw invalid('has bytes after its end');
  } finally {
    await reader.close();
  }
}

interface Chunks {
  /** What is there, at least a byte; undefined at the end. */
  next(): Promise<Buffer | undefined>;
  putBack(bytes: Buffer): void;
  close(): Promise<void>;
}

function createChunks(source: ByteSource): Chunks {
  const pieces = source[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  let isWaiting = false;
  return {
    async next() {
      if (held.length > 0) {
        const bytes = held;
        held = Buffer.alloc(0);
        return bytes;
      }
      for (;;) {
        isWaiting = true;
        const next = await pieces.next();
        isWaiting = false;
        if (next.done) return undefined;
        const { buffer, byteOffset, byteLength } = next.value;
        if (byteLength > 0) return Buffer.from(buffer, byteOffset, byteLength);
      }
    },
    putBack(bytes) {
      held = bytes;
    },
    async close() {
      const closing = pieces.return?.();
      // Who refuses a body does not wait for the bytes that were asked for last.
      if (isWaiting) closing?.catch(() => undefined);
      else await closing;
    },
  };
}

async function skipHeader(reader: Chunks): Promise<void> {
  let bytes: Buffer = Buffer.alloc(0);
  for (;;) {
    const end = headerEnd(bytes);
    if (end !== undefined) {
      reader.putBack(bytes.subarray(end));
      return;
    }
    if (bytes.length > MAX_HEADER_BYTES) throw invalid('has a header that is too long');
    const more = await reader.next();
    if (more === undefined) throw cutShort();
    bytes = Buffer.concat([bytes, more]);
  }
}

/** Where the header ends; undefined when it has not come whole yet. */
function headerEnd(bytes: Buffer): number | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = bytes.readUInt8(3);
  if (bytes.readUInt16BE(0) !== 0x1f8b || bytes.readUInt8(2) !== 8 || (flags & FLAG.reserved) !== 0)
    throw invalid('is not gzip');
  let at = HEADER_BYTES;
  if (flags & FLAG.extra) {
    if (bytes.length < at + 2) return undefined;
    at += 2 + bytes.readUInt16LE(at);
  }
  for (const text of [FLAG.name, FLAG.comment]) {
    if (!(flags & text)) continue;
    const end = bytes.indexOf(0, at);
    if (end < 0) return undefined;
    at = end + 1;
  }
  if (flags & FLAG.headerCrc) at += 2;
  return at <= bytes.length ? at : undefined;
}

/** Inflate up to the end of the deflate stream, and compare with the checksum and length behind it. */
async function* member(reader: Chunks, maxBytes: number): AsyncGenerator<Buffer, void, undefined> {
  const inflate = createInflateRaw();
  let feeding: Buffer = Buffer.alloc(0);
  let consumedBefore = 0;
  // One piece at a time, so that it is known which bytes stand behind the end.
  const feed = async (): Promise<void> => {
    for (;;) {
      const bytes = await reader.next();
      if (bytes === undefined) {
        inflate.end();
        return;
      }
      feeding = bytes;
      consumedBefore = inflate.bytesWritten;
      const failure = await new Promise((resolve) => inflate.write(bytes, resolve));
      const isEnd = inflate.bytesWritten - consumedBefore < bytes.length;
      if (failure || isEnd) return;
    }
  };
  feed().catch((error: unknown) => inflate.destroy(error as Error));

  let sizeBytes = 0;
  let checksum = 0;
  try {
    for await (const piece of inflate as AsyncIterable<Buffer>) {
      sizeBytes += piece.length;
      if (sizeBytes > maxBytes) throw bodyTooLarge(maxBytes);
      checksum = crc32(piece, checksum);
      yield piece;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR') throw cutShort(error);
    if (String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw invalid('is damaged', error);
    throw error;
  }
  let trailer = feeding.subarray(inflate.bytesWritten - consumedBefore);
  while (trailer.length < TRAILER_BYTES) {
    const more = await reader.next();
    if (more === undefined) throw cutShort();
    trailer = Buffer.concat([trailer, more]);
  }
  if (trailer.readUInt32LE(0) !== checksum || trailer.readUInt32LE(4) !== sizeBytes % 2 ** 32)
    throw invalid('is damaged');
  reader.putBack(trailer.subarray(TRAILER_BYTES));
}

import { createHash } from 'node:crypto';
import { crc32, createInflate, inflateSync } from 'node:zlib';
import { HubError, isHubError } from '../domain/errors.ts';
import type { RandomAccessFile } from '../platform/scratch-file.ts';
import { parseEntryHeader, type PackEntryHeader } from './pack-entry.ts';
import { CHECKSUM_BYTES, PACK_HEADER_BYTES } from './pack-index.ts';

/** The pack is read through this much memory. */
const WINDOW_BYTES = 1024 * 1024;
/** With less than this at hand, more is read before an entry is begun. */
const LOW_BYTES = 64 * 1024;
/** Contents up to here are inflated at once, larger ones in pieces. */
const AT_ONCE_BYTES = 1024 * 1024;
const PIECE_BYTES = 256 * 1024;
/** Shortest zlib stream: header, one empty block, checksum. Behind the last one there is always the trailer. */
const MIN_STREAM_BYTES = 8;
const MIN_ENTRY_BYTES = 1 + MIN_STREAM_BYTES + CHECKSUM_BYTES;
const MIN_REF_DELTA_BYTES = 1 + 20 + MIN_STREAM_BYTES + CHECKSUM_BYTES;
const REF_DELTA = 7;

/** What is wrong with a pack as a whole, in a sentence for whoever sent it. */
export const badPack = (problem: string, cause?: unknown): HubError =>
  new HubError('InvalidObject', `The pack ${problem}.`, { cause });

/** How much of the file is there: a pack is read while it arrives. */
export interface Growth {
  readonly sizeBytes: number;
  /** Nothing will follow. */
  readonly isEnd: boolean;
}

/** One entry as it was found. */
export interface ScannedEntry {
  readonly header: PackEntryHeader;
  readonly offset: number;
  readonly crc32: number;
}

/** What to do with an entry; asked once its header is known and before anything is inflated. */
export interface EntrySink {
  /** Gets the content in pieces, each valid until it returns. Absent: the content is wanted whole. */
  readonly onPiece?: (piece: Buffer) => void;
  /** Called when the entry is complete, with the content where it was wanted whole. */
  readonly onEnd: (entry: ScannedEntry, content: Buffer | undefined) => void;
}

/** Reads through a file that still grows. What was consumed is hashed when it leaves the window. */
class Window {
  readonly #file: RandomAccessFile;
  readonly #more: () => Promise<Growth>;
  readonly #sha1 = createHash('sha1');
  #growth: Growth = { sizeBytes: 0, isEnd: false };
  /** Place in the file of the first byte of the window. */
  #start = 0;
  #hashed = 0;
  readonly bytes = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  at = 0;
  length = 0;

  constructor(file: RandomAccessFile, more: () => Promise<Growth>) {
    this.#file = file;
    this.#more = more;
  }

  get offset(): number {
    return this.#start + this.at;
  }

  get held(): number {
    return this.length - this.at;
  }

  /** Bring what is in the file into the window; false when that is nothing. */
  fill(): boolean {
    this.#sha1.update(this.bytes.subarray(this.#hashed, this.at));
    this.bytes.copyWithin(0, this.at, this.length);
    this.#start += this.at;
    this.length -= this.at;
    this.at = 0;
    this.#hashed = 0;
    const known = this.#growth.sizeBytes - this.#start;
    const end = Math.min(known, WINDOW_BYTES);
    if (end <= this.length) return false;
    const read = this.#file.read(this.bytes.subarray(this.length, end), this.#start + this.length);
    this.length += read;
    return read > 0;
  }

  /** The same, and wait for the file to grow when there is nothing. False at its end. */
  async fillOrWait(): Promise<boolean> {
    for (;;) {
      if (this.fill()) return true;
      if (this.#growth.isEnd) return false;
      this.#growth = await this.#more();
    }
  }

  async hold(byteCount: number): Promise<boolean> {
    while (this.held < byteCount) if (!(await this.fillOrWait())) return false;
    return true;
  }

  /** SHA-1 of everything that was consumed. */
  digest(): Buffer {
    this.#sha1.update(this.bytes.subarray(this.#hashed, this.at));
    this.#hashed = this.at;
    return this.#sha1.copy().digest();
  }
}

const cutOff = (): HubError => badPack('is cut off');

/**
 * Read a pack through once, while it arrives: header, entries with their true ends, trailer. Memory is bounded by one
 * window and what `onEntry` asks to have whole. Answers how long the pack is; whatever follows it is not looked at.
 * Throws InvalidObject with a sentence for anything that is not a pack.
 *
 * @param more Called when everything so far is used up; answers how much there is now.
 * @param pause Called between entries: the place to let others have the thread.
 */
export async function scanPack(needs: {
  readonly file: RandomAccessFile;
  readonly more: () => Promise<Growth>;
  readonly pause: (done: number, total: number) => Promise<void> | undefined;
  readonly onEntry: (header: PackEntryHeader, offset: number) => EntrySink;
}): Promise<number> {
  const window = new Window(needs.file, needs.more);
  if (!(await window.hold(PACK_HEADER_BYTES))) throw cutOff();
  if (window.bytes.toString('latin1', 0, 4) !== 'PACK') throw badPack('does not begin as a pack does');
  const version = window.bytes.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw badPack(`is of version ${version}, which is not known here`);
  const total = window.bytes.readUInt32BE(8);
  window.at = PACK_HEADER_BYTES;

  for (let done = 0; done < total; done += 1) {
    if (window.held < LOW_BYTES) window.fill();
    if (window.held < MIN_ENTRY_BYTES && !(await window.hold(MIN_ENTRY_BYTES))) throw cutOff();
    const isRefDelta = (((window.bytes[window.at] as number) >> 4) & 7) === REF_DELTA;
    if (isRefDelta && !(await window.hold(MIN_REF_DELTA_BYTES))) throw cutOff();
    // Nothing is waited for that is there already: a pack has more entries than a thread has turns.
    const scanned = scanEntry(window, needs.onEntry);
    if (scanned) await scanned;
    const paused = needs.pause(done + 1, total);
    if (paused) await paused;
  }

  const digest = window.digest();
  if (!(await window.hold(CHECKSUM_BYTES))) throw cutOff();
  const trailer = window.bytes.subarray(window.at, window.at + CHECKSUM_BYTES);
  if (!digest.equals(trailer))
    throw badPack('does not have the checksum it ends with, or not as many objects as it says');
  return window.offset + CHECKSUM_BYTES;
}

function readHeader(window: Window): PackEntryHeader {
  try {
    return parseEntryHeader(window.bytes.subarray(window.at, window.length));
  } catch (error) {
    if (!isHubError(error, 'CorruptObject')) throw error;
    throw badPack(`has something that is no object at byte ${window.offset}`, error);
  }
}

/** Read one entry. Answers a promise only when it is not at hand as a whole. */
function scanEntry(
  window: Window,
  onEntry: (header: PackEntryHeader, offset: number) => EntrySink,
): Promise<void> | undefined {
  const { offset } = window;
  const header = readHeader(window);
  const sink = onEntry(header, offset);
  const dataAt = window.at + header.dataStart;
  if (header.sizeBytes <= AT_ONCE_BYTES) {
    const found = inflateAtOnce(window.bytes.subarray(dataAt, window.length), header.sizeBytes, offset);
    if (found) {
      const end = dataAt + found.consumed;
      const crc = crc32(window.bytes.subarray(window.at, end));
      window.at = end;
      sink.onPiece?.(found.content);
      sink.onEnd({ header, offset, crc32: crc }, sink.onPiece ? undefined : found.content);
      return undefined;
    }
  }
  return scanLargeEntry(window, header, sink);
}

async function scanLargeEntry(
  window: Window,
  header: PackEntryHeader,
  { onPiece, onEnd }: EntrySink,
): Promise<void> {
  const { offset } = window;
  const whole = onPiece ? undefined : Buffer.allocUnsafeSlow(header.sizeBytes);
  let filled = 0;
  const crc = await inflateInPieces(window, header, (piece) => {
    if (whole) filled += piece.copy(whole, filled);
    else onPiece?.(piece);
  });
  onEnd({ header, offset, crc32: crc }, whole);
}

const cannotInflate = (offset: number, cause: unknown): HubError =>
  badPack(`has an object that cannot be inflated at byte ${offset}`, cause);

const wrongSize = (offset: number): HubError =>
  badPack(`has an object at byte ${offset} that is not as long as it says`);

/** Content of a zlib stream and how long the stream is; undefined when `bytes` ends before it does. */
function inflateAtOnce(
  bytes: Buffer,
  sizeBytes: number,
  offset: number,
): { readonly content: Buffer; readonly consumed: number } | undefined {
  try {
    // One byte more than needed: zlib would otherwise start a second chunk to see that nothing follows.
    const options = {
      info: true,
      chunkSize: Math.max(64, sizeBytes + 1),
      maxOutputLength: Math.max(1, sizeBytes),
    };
    // With `info`, the engine that inflated comes along (Node, "zlib options"); the types leave that out.
    const { buffer, engine } = inflateSync(bytes, options) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    if (buffer.length !== sizeBytes) throw wrongSize(offset);
    return { content: buffer, consumed: engine.bytesWritten };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'Z_BUF_ERROR') return undefined;
    if (code === 'ERR_BUFFER_TOO_LARGE') throw wrongSize(offset);
    if (code?.startsWith('Z_')) throw cannotInflate(offset, error);
    throw error;
  }
}

/** Inflate the entry that begins at the window's place, however long it is. Answers its CRC32. */
async function inflateInPieces(
  window: Window,
  { dataStart, sizeBytes }: PackEntryHeader,
  onPiece: (piece: Buffer) => void,
): Promise<number> {
  const { offset } = window;
  let crc = crc32(window.bytes.subarray(window.at, window.at + dataStart));
  window.at += dataStart;
  const inflate = createInflate({ chunkSize: PIECE_BYTES });
  let inflated = 0;
  let failure: unknown;
  const isOver = new Promise<void>((resolve) => {
    inflate.once('end', resolve);
    inflate.once('error', (error) => {
      failure ??= error;
      resolve();
    });
  });
  inflate.on('data', (piece: Buffer) => {
    inflated += piece.length;
    if (inflated > sizeBytes) inflate.destroy((failure = wrongSize(offset)));
    else if (failure === undefined) onPiece(piece);
  });
  try {
    for (;;) {
      if (window.held === 0 && !(await window.fillOrWait())) throw cutOff();
      const given = window.bytes.subarray(window.at, window.length);
      const before = inflate.bytesWritten;
      const isTaken = new Promise<void>((resolve) => void inflate.write(given, () => resolve()));
      await Promise.race([isTaken, isOver]);
      if (failure !== undefined) break;
      const consumed = inflate.bytesWritten - before;
      crc = crc32(given.subarray(0, consumed), crc);
      window.at += consumed;
      // Only at its end does a stream leave input behind; one that ends with the window shows it with the next.
      if (consumed < given.length) break;
    }
    await isOver;
  } finally {
    inflate.destroy();
  }
  if (failure !== undefined) throw isHubError(failure) ? failure : cannotInflate(offset, failure);
  if (inflated !== sizeBytes) throw wrongSize(offset);
  return crc;
}

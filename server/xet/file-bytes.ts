import { corruptObject, isHubError } from '../domain/errors.ts';
import type { XetHash } from '../domain/ids.ts';
import type { ByteRange, ByteSource } from '../objects/object-store.ts';
import { bytesToInflate, inflateBlock, joinBlock } from './chunk-block.ts';
import type { ChunkIndex } from './chunk-index.ts';
import { rawBytesOf } from './chunk-index.ts';
import { clampRange, sliceTerms } from './reconstruction.ts';
import type { GetChunkIndex, XetFile } from './reconstruction.ts';

/** Streams the bytes of files that are stored in Xet form. */
export interface XetFileReader {
  /**
   * The bytes of the file, or of a half-open range of it whose end is clamped, in order. Throws `BadRange` on the
   * first read when the range starts at or behind the end, `CorruptObject` when stored bytes are missing or do not
   * inflate. Each array is of use only until the one after the next is asked for: its memory is used again. Chunk
   * hashes were proved at upload and are not checked again.
   */
  read(file: XetFile, range?: ByteRange): ByteSource;
}

export interface XetFileReaderParts {
  readonly getChunkIndex: GetChunkIndex;
  /** A range of a stored xorb, at the start of `into`. Throws `CorruptObject` when it is not there. */
  readonly readXorb: (xorb: XetHash, range: ByteRange, into: Buffer) => Promise<Uint8Array>;
  /** Inflates a block off this thread, as `inflateBlock` does; without it everything is inflated here. */
  readonly inflateElsewhere?: (records: Uint8Array, rawBytes: number) => Promise<Uint8Array>;
  /** What all reads under way may hold together, roughly: with many of them each reads in smaller blocks. */
  readonly memoryBytes: number;
}

/** A first block this small makes the first byte quick; the next ones double up to the full size. */
const FIRST_BLOCK_BYTES = 128 * 1024;
const MIN_BLOCK_BYTES = 128 * 1024;
const MAX_BLOCK_BYTES = 1024 * 1024;
/** Blocks read ahead of the consumer: two keep two threads busy. */
const MAX_AHEAD = 2;
/** Per read: blocks ahead, the one at the consumer, and the stored form of those being inflated. */
const BLOCKS_HELD = 5;
/** About half a millisecond of work; below that the way to another thread is not worth it. */
const INFLATE_HERE_BYTES = 128 * 1024;

interface Block {
  readonly xorb: XetHash;
  readonly stored: ByteRange;
  readonly rawBytes: number;
  /** Which of the raw bytes are wanted. */
  readonly wanted: ByteRange;
}

/** Bytes of a block, and the buffer they lie in; without one they are in an array of their own. */
interface Loaded {
  readonly bytes: Uint8Array;
  readonly buffer: Buffer | undefined;
}

interface Buffers {
  take(length: number): Buffer;
  give(buffer: Buffer): void;
}

/** Buffers of one read, used again and again. Blocks grow and shrink, so one may be too small by then, or far too large. */
const createBuffers = (): Buffers => {
  const free: Buffer[] = [];
  return {
    take(length) {
      const known = free.pop();
      const isOfUse = known && known.length >= length && known.length <= 4 * length;
      return isOfUse ? known : Buffer.allocUnsafeSlow(length);
    },
    give: (buffer) => void free.push(buffer),
  };
};

/** Cut the wanted bytes into blocks of whole chunks; `blockBytes` is asked before each. */
async function* planBlocks(
  file: XetFile,
  range: ByteRange,
  getChunkIndex: GetChunkIndex,
  blockBytes: () => number,
): AsyncGenerator<Block> {
  const lastChunkOfBlock = (index: ChunkIndex, start: number, end: number): number => {
    const limit = blockBytes();
    let stop = start + 1;
    while (stop < end && rawBytesOf(index, start, stop + 1) <= limit) stop += 1;
    return stop;
  };
  for await (const { term, index, bytes } of sliceTerms(file, range, getChunkIndex)) {
    for (let start = term.chunkStart; start < term.chunkEnd;) {
      const end = lastChunkOfBlock(index, start, term.chunkEnd);
      const before = rawBytesOf(index, term.chunkStart, start);
      const rawBytes = rawBytesOf(index, start, end);
      yield {
        xorb: term.xorb,
        stored: { start: index.storedOffsets[start] ?? 0, end: index.storedOffsets[end] ?? 0 },
        rawBytes,
        wanted: { start: Math.max(bytes.start - before, 0), end: Math.min(bytes.end - before, rawBytes) },
      };
      start = end;
    }
  }
}

/** Make a reader. It holds nothing that must be released. */
export const createXetFileReader = (parts: XetFileReaderParts): XetFileReader => {
  const { getChunkIndex, readXorb, inflateElsewhere, memoryBytes } = parts;
  let reads = 0;

  const fullBlockBytes = (): number =>
    Math.min(Math.max(memoryBytes / (Math.max(reads, 1) * BLOCKS_HELD), MIN_BLOCK_BYTES), MAX_BLOCK_BYTES);

  const load = async (block: Block, buffers: Buffers): Promise<Loaded> => {
    const { stored, rawBytes, wanted } = block;
    const buffer = buffers.take(stored.end - stored.start);
    const records = await readXorb(block.xorb, stored, buffer);
    try {
      const compressedBytes = bytesToInflate(records);
      if (compressedBytes === 0) {
        return { bytes: joinBlock(records, rawBytes).subarray(wanted.start, wanted.end), buffer };
      }
      const raw =
        compressedBytes > INFLATE_HERE_BYTES && inflateElsewhere
          ? await inflateElsewhere(records, rawBytes)
          : inflateBlock(records, rawBytes);
      buffers.give(buffer);
      return { bytes: raw.subarray(wanted.start, wanted.end), buffer: undefined };
    } catch (error) {
      if (isHubError(error, 'InvalidObject')) throw corruptObject(`xorb ${block.xorb}`, error);
      throw error;
    }
  };

  async function* read(file: XetFile, range?: ByteRange): AsyncGenerator<Uint8Array> {
    const wanted = clampRange(file.sizeBytes, range);
    let missingBytes = wanted.end - wanted.start;
    let ramp = FIRST_BLOCK_BYTES / 2;
    const blockBytes = (): number => Math.min((ramp *= 2), fullBlockBytes());
    const plan = planBlocks(file, wanted, getChunkIndex, blockBytes);
    const ahead: Promise<Loaded>[] = [];
    const buffers = createBuffers();
    let previous: Buffer | undefined;
    reads += 1;
    try {
      for (;;) {
        const allowed = fullBlockBytes() > MIN_BLOCK_BYTES ? MAX_AHEAD : 1;
        while (ahead.length <= allowed) {
          const next = await plan.next();
          if (next.done) break;
          const loading = load(next.value, buffers);
          // Its failure is reported when its turn comes; until then it must not count as unhandled.
          loading.catch(() => undefined);
          ahead.push(loading);
        }
        const first = ahead.shift();
        if (!first) break;
        const { bytes, buffer } = await first;
        missingBytes -= bytes.length;
        yield bytes;
        // Asked for the next: the consumer is done with the one before these.
        if (previous) buffers.give(previous);
        previous = buffer;
      }
      if (missingBytes !== 0) throw corruptObject('the terms of a Xet file do not add up to its size');
    } finally {
      reads -= 1;
      await plan.return(undefined);
    }
  }
  return { read };
};

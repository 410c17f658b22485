import type { XetHash } from '../domain/ids.ts';
import { createTimeSlice } from '../platform/time-slice.ts';
import { MAX_XORB_CHUNKS } from './chunk-index.ts';
import { CHUNK_HEADER_BYTES } from './chunk-record.ts';
import { HASH_BYTES, loadXetHashing, xetHashText, type HashTree } from './hash.ts';
import type { XetTerm } from './shard.ts';

/** All chunks of a file in order: raw hashes back to back, and lengths. */
export interface FileChunks {
  readonly hashes: Uint8Array;
  readonly lengths: Uint32Array;
}

/** Where a chunk lies that is held already. */
export interface HeldChunk {
  readonly xorb: XetHash;
  readonly number: number;
}

export interface XorbPlan {
  readonly fileHash: XetHash;
  readonly terms: readonly XetTerm[];
  /** Xorbs to be made of the new chunks, each in file order; lengths with the headers of the chunks. */
  readonly xorbs: readonly {
    readonly hash: XetHash;
    readonly chunkCount: number;
    readonly sizeBytes: number;
  }[];
  /** 1 for each chunk of the file whose bytes go into the next place of those xorbs. */
  readonly isNew: Uint8Array;
  readonly newBytes: number;
}

/** Bounds what is in memory while one is put together; clients fill them up to 64 MiB. */
const XORB_BYTES = 16 * 1024 * 1024;
/** Chunks between two looks at the time: about two milliseconds. */
const CHUNKS_PER_LOOK = 512;

/** A chunk's hash as the key of a map. */
export const chunkName = (hashes: Uint8Array, chunk: number): string =>
  Buffer.from(hashes.buffer, hashes.byteOffset + chunk * HASH_BYTES, HASH_BYTES).toString('latin1');

/**
 * How a file is kept in Xet form when some of its chunks are held: which new xorbs it takes, and its terms over all of
 * them. Hashes and lengths are enough to know.
 */
export async function planXorbs(
  { hashes, lengths }: FileChunks,
  held: ReadonlyMap<string, HeldChunk>,
): Promise<XorbPlan> {
  const hashing = await loadXetHashing();
  const isNew = new Uint8Array(lengths.length);
  const xorbs: { tree: HashTree; chunkCount: number; sizeBytes: number }[] = [];
  /** New chunks by name: the index of their xorb, and their number in it. */
  const added = new Map<string, { readonly xorb: number; readonly number: number }>();
  const runs: { xorb: XetHash | number; start: number; end: number; bytes: number }[] = [];
  const fileTree = hashing.tree();
  let newBytes = 0;

  const add = (hash: Uint8Array, length: number): { readonly xorb: number; readonly number: number } => {
    let last = xorbs.at(-1);
    const sizeBytes = length + CHUNK_HEADER_BYTES;
    if (!last || last.sizeBytes + sizeBytes > XORB_BYTES || last.chunkCount === MAX_XORB_CHUNKS) {
      last = { tree: hashing.tree(), chunkCount: 0, sizeBytes: 0 };
      xorbs.push(last);
    }
    last.tree.add(hash, length);
    last.chunkCount += 1;
    last.sizeBytes += sizeBytes;
    newBytes += length;
    return { xorb: xorbs.length - 1, number: last.chunkCount - 1 };
  };

  const slice = createTimeSlice();
  for (const [chunk, length] of lengths.entries()) {
    const hash = hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES);
    fileTree.add(hash, length);
    const name = chunkName(hashes, chunk);
    let place = held.get(name) ?? added.get(name);
    if (!place) {
      place = add(hash, length);
      added.set(name, { xorb: place.xorb as number, number: place.number });
      isNew[chunk] = 1;
    }
    const run = runs.at(-1);
    if (run?.xorb === place.xorb && run.end === place.number) {
      run.end += 1;
      run.bytes += length;
    } else runs.push({ xorb: place.xorb, start: place.number, end: place.number + 1, bytes: length });
    if (chunk % CHUNKS_PER_LOOK === 0 && slice.isOver()) await slice.next();
  }

  const made = xorbs.map(({ tree, chunkCount, sizeBytes }) => ({
    hash: xetHashText(tree.root()),
    chunkCount,
    sizeBytes,
  }));
  return {
    fileHash: xetHashText(hashing.file(fileTree.root())),
    terms: runs.map(({ xorb, start, end, bytes }) => ({
      xorb: typeof xorb === 'number' ? (made[xorb]?.hash as XetHash) : xorb,
      chunkStart: start,
      chunkEnd: end,
      unpackedBytes: bytes,
    })),
    xorbs: made,
    isNew,
    newBytes,
  };
}

import { HubError } from '../domain/errors.ts';
import type { XetHash } from '../domain/ids.ts';
import type { ByteRange } from '../objects/object-store.ts';
import type { ChunkIndex } from './chunk-index.ts';
import { rawBytesOf } from './chunk-index.ts';
import type { XetTerm } from './shard.ts';

/** A file as it is stored: its size and its terms in order. */
export interface XetFile {
  readonly sizeBytes: number;
  readonly terms: readonly XetTerm[];
}

/** A run of chunks of a xorb and the bytes where they are stored; both half-open. */
export interface XorbFetch {
  readonly chunks: { readonly start: number; readonly end: number };
  readonly bytes: ByteRange;
}

/** What a client needs to rebuild a file or a range of it. */
export interface Reconstruction {
  /** Bytes to drop from the start of the first term. */
  readonly offsetIntoFirstRange: number;
  /** Terms cut down to the chunks the range touches. */
  readonly terms: readonly XetTerm[];
  /** Per xorb what to fetch, ascending; runs that touch or overlap are one. */
  readonly fetches: ReadonlyMap<XetHash, readonly XorbFetch[]>;
}

/** Gives the chunk index of a xorb that a stored file names; throws `CorruptObject` when there is none. */
export type GetChunkIndex = (xorb: XetHash) => Promise<ChunkIndex>;

/** Drop the chunks at both ends of a term that lie outside of `[from, to)`, counted in raw bytes of the term. */
const trimTerm = (term: XetTerm, index: ChunkIndex, from: number, to: number): XetTerm => {
  const base = index.rawOffsets[term.chunkStart] ?? 0;
  let { chunkStart, chunkEnd } = term;
  while (chunkStart + 1 < chunkEnd && (index.rawOffsets[chunkStart + 1] ?? 0) - base <= from) chunkStart += 1;
  while (chunkEnd - 1 > chunkStart && (index.rawOffsets[chunkEnd - 1] ?? 0) - base >= to) chunkEnd -= 1;
  return { xorb: term.xorb, chunkStart, chunkEnd, unpackedBytes: rawBytesOf(index, chunkStart, chunkEnd) };
};

/** Half-open range within the file: the end is clamped, a start at or behind the end is `BadRange`. */
export const clampRange = (sizeBytes: number, range: ByteRange | undefined): ByteRange => {
  if (!range) return { start: 0, end: sizeBytes };
  const isEmptyFile = sizeBytes === 0 && range.start === 0;
  if ((range.start >= sizeBytes && !isEmptyFile) || range.end < range.start) {
    throw new HubError('BadRange', `The range starts behind the end of the file.`, {
      details: { sizeBytes },
    });
  }
  return { start: range.start, end: Math.min(range.end, sizeBytes) };
};

/** One place where a range meets the terms of a file. */
export interface TermSlice {
  /** The term, cut down to the chunks the range touches. */
  readonly term: XetTerm;
  readonly index: ChunkIndex;
  /** The wanted bytes, counted from the start of the cut-down term. */
  readonly bytes: ByteRange;
}

/** Walk the terms that a range of the file touches, in order. Indexes are asked for as the walk reaches them. */
export async function* sliceTerms(
  file: XetFile,
  range: ByteRange,
  getChunkIndex: GetChunkIndex,
): AsyncGenerator<TermSlice> {
  let termStart = 0;
  for (const term of file.terms) {
    if (termStart >= range.end) return;
    const termEnd = termStart + term.unpackedBytes;
    if (termEnd > range.start) {
      const index = await getChunkIndex(term.xorb);
      const from = Math.max(range.start - termStart, 0);
      const to = Math.min(range.end, termEnd) - termStart;
      const cut = trimTerm(term, index, from, to);
      const dropped = rawBytesOf(index, term.chunkStart, cut.chunkStart);
      yield { term: cut, index, bytes: { start: from - dropped, end: to - dropped } };
    }
    termStart = termEnd;
  }
}

const mergeRuns = (runs: readonly XorbFetch[]): readonly XorbFetch[] => {
  const merged: XorbFetch[] = [];
  for (const run of runs.toSorted((left, right) => left.chunks.start - right.chunks.start)) {
    const last = merged.at(-1);
    if (!last || run.chunks.start > last.chunks.end) {
      merged.push(run);
    } else if (run.chunks.end > last.chunks.end) {
      merged[merged.length - 1] = {
        chunks: { start: last.chunks.start, end: run.chunks.end },
        bytes: { start: last.bytes.start, end: run.bytes.end },
      };
    }
  }
  return merged;
};

/**
 * Answer how to rebuild a file, or the bytes of a range of it. Throws `BadRange` when the range starts at or behind
 * the end. Source: "Query reconstruction" of the Xet API, and the reference server of xet-core.
 */
export const reconstruct = async (
  file: XetFile,
  range: ByteRange | undefined,
  getChunkIndex: GetChunkIndex,
): Promise<Reconstruction> => {
  const wanted = clampRange(file.sizeBytes, range);
  const terms: XetTerm[] = [];
  const runs = new Map<XetHash, XorbFetch[]>();
  let offsetIntoFirstRange = 0;
  for await (const { term, index, bytes } of sliceTerms(file, wanted, getChunkIndex)) {
    if (terms.length === 0) offsetIntoFirstRange = bytes.start;
    terms.push(term);
    const run: XorbFetch = {
      chunks: { start: term.chunkStart, end: term.chunkEnd },
      bytes: {
        start: index.storedOffsets[term.chunkStart] ?? 0,
        end: index.storedOffsets[term.chunkEnd] ?? 0,
      },
    };
    const known = runs.get(term.xorb);
    if (known) known.push(run);
    else runs.set(term.xorb, [run]);
  }
  const fetches = new Map([...runs].map(([xorb, list]) => [xorb, mergeRuns(list)] as const));
  return { offsetIntoFirstRange, terms, fetches };
};

/** Makes the URL under which the bytes `[start, end]` of a xorb, end inclusive, can be read without a token. */
export type XorbUrl = (xorb: XetHash, byteStart: number, byteEndInclusive: number) => string;

interface WireRange {
  readonly start: number;
  readonly end: number;
}

interface WireTerm {
  readonly hash: XetHash;
  readonly unpacked_length: number;
  readonly range: WireRange;
}

/** Body of `GET /v1/reconstructions/{file}`. Chunk ranges are half-open, byte ranges include their end. */
export interface ReconstructionV1 {
  readonly offset_into_first_range: number;
  readonly terms: readonly WireTerm[];
  readonly fetch_info: Readonly<
    Record<
      string,
      readonly { readonly range: WireRange; readonly url: string; readonly url_range: WireRange }[]
    >
  >;
}

/** Body of `GET /v2/reconstructions/{file}`. Every URL carries a single range: clients need no multipart answers. */
export interface ReconstructionV2 {
  readonly offset_into_first_range: number;
  readonly terms: readonly WireTerm[];
  readonly xorbs: Readonly<
    Record<
      string,
      readonly {
        readonly url: string;
        readonly ranges: readonly { readonly chunks: WireRange; readonly bytes: WireRange }[];
      }[]
    >
  >;
}

const wireTerms = (terms: readonly XetTerm[]): readonly WireTerm[] =>
  terms.map((term) => ({
    hash: term.xorb,
    unpacked_length: term.unpackedBytes,
    range: { start: term.chunkStart, end: term.chunkEnd },
  }));

const mapFetches = <Entry>(
  reconstruction: Reconstruction,
  url: XorbUrl,
  entry: (url: string, chunks: WireRange, bytes: WireRange) => Entry,
): Record<string, readonly Entry[]> =>
  Object.fromEntries(
    [...reconstruction.fetches].map(([xorb, fetches]) => [
      xorb,
      fetches.map(({ chunks, bytes }) => {
        const last = bytes.end - 1;
        return entry(url(xorb, bytes.start, last), chunks, { start: bytes.start, end: last });
      }),
    ]),
  );

export const reconstructionV1 = (reconstruction: Reconstruction, xorbUrl: XorbUrl): ReconstructionV1 => ({
  offset_into_first_range: reconstruction.offsetIntoFirstRange,
  terms: wireTerms(reconstruction.terms),
  fetch_info: mapFetches(reconstruction, xorbUrl, (url, range, bytes) => ({ range, url, url_range: bytes })),
});

export const reconstructionV2 = (reconstruction: Reconstruction, xorbUrl: XorbUrl): ReconstructionV2 => ({
  offset_into_first_range: reconstruction.offsetIntoFirstRange,
  terms: wireTerms(reconstruction.terms),
  xorbs: mapFetches(reconstruction, xorbUrl, (url, chunks, bytes) => ({ url, ranges: [{ chunks, bytes }] })),
});

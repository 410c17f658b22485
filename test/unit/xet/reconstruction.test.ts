import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { XetHash } from '../../../server/domain/ids.ts';
import type { ByteRange } from '../../../server/objects/object-store.ts';
import type { ChunkIndex } from '../../../server/xet/chunk-index.ts';
import { rawBytesOf } from '../../../server/xet/chunk-index.ts';
import { reconstruct, reconstructionV1, reconstructionV2 } from '../../../server/xet/reconstruction.ts';
import type { Reconstruction, XetFile, XorbUrl } from '../../../server/xet/reconstruction.ts';

/** A xorb whose chunks have these raw lengths and are stored in twice as many bytes. */
const indexOf = (lengths: readonly number[]): ChunkIndex => {
  const rawOffsets = [0];
  for (const length of lengths) rawOffsets.push((rawOffsets.at(-1) ?? 0) + length);
  return {
    count: lengths.length,
    hashes: new Uint8Array(32 * lengths.length),
    rawOffsets: Uint32Array.from(rawOffsets),
    storedOffsets: Uint32Array.from(rawOffsets, (offset) => 2 * offset),
  };
};

const A = 'aa'.repeat(32) as XetHash;
const B = 'bb'.repeat(32) as XetHash;
const indexes = new Map([
  [A, indexOf([10, 20, 30, 40, 50])],
  [B, indexOf([5, 5, 5])],
]);
const getChunkIndex = async (xorb: XetHash): Promise<ChunkIndex> => {
  const index = indexes.get(xorb);
  if (!index) throw new Error(`no index of ${xorb}`);
  return index;
};
type Run = readonly [xorb: XetHash, chunkStart: number, chunkEnd: number];
const fileOf = (...terms: readonly Run[]): XetFile => {
  const full = terms.map(([xorb, chunkStart, chunkEnd]) => {
    const index = indexes.get(xorb) ?? indexOf([]);
    return { xorb, chunkStart, chunkEnd, unpackedBytes: rawBytesOf(index, chunkStart, chunkEnd) };
  });
  return { terms: full, sizeBytes: full.reduce((total, term) => total + term.unpackedBytes, 0) };
};
const url: XorbUrl = (xorb, start, end) => `http://hub/${xorb.slice(0, 2)}/${start}-${end}`;

/** 90 bytes of A, 10 of B, 30 of A. */
const file = fileOf([A, 1, 4], [B, 0, 2], [A, 0, 2]);

describe('reconstruct', () => {
  it('answers the whole file in the form of v1', async () => {
    expect(reconstructionV1(await reconstruct(file, undefined, getChunkIndex), url)).toEqual({
      offset_into_first_range: 0,
      terms: [
        { hash: A, unpacked_length: 90, range: { start: 1, end: 4 } },
        { hash: B, unpacked_length: 10, range: { start: 0, end: 2 } },
        { hash: A, unpacked_length: 30, range: { start: 0, end: 2 } },
      ],
      fetch_info: {
        [A]: [{ range: { start: 0, end: 4 }, url: 'http://hub/aa/0-199', url_range: { start: 0, end: 199 } }],
        [B]: [{ range: { start: 0, end: 2 }, url: 'http://hub/bb/0-19', url_range: { start: 0, end: 19 } }],
      },
    });
  });

  it('answers the same in the form of v2, one range per URL', async () => {
    const apart = fileOf([A, 4, 5], [A, 0, 1], [A, 2, 3]);
    expect(reconstructionV2(await reconstruct(apart, undefined, getChunkIndex), url)).toEqual({
      offset_into_first_range: 0,
      terms: [
        { hash: A, unpacked_length: 50, range: { start: 4, end: 5 } },
        { hash: A, unpacked_length: 10, range: { start: 0, end: 1 } },
        { hash: A, unpacked_length: 30, range: { start: 2, end: 3 } },
      ],
      xorbs: {
        [A]: [
          {
            url: 'http://hub/aa/0-19',
            ranges: [{ chunks: { start: 0, end: 1 }, bytes: { start: 0, end: 19 } }],
          },
          {
            url: 'http://hub/aa/60-119',
            ranges: [{ chunks: { start: 2, end: 3 }, bytes: { start: 60, end: 119 } }],
          },
          {
            url: 'http://hub/aa/200-299',
            ranges: [{ chunks: { start: 4, end: 5 }, bytes: { start: 200, end: 299 } }],
          },
        ],
      },
    });
  });

  it('merges runs of chunks that touch, overlap or contain each other', async () => {
    const runs = async (...terms: readonly Run[]) =>
      (await reconstruct(fileOf(...terms), undefined, getChunkIndex)).fetches
        .get(A)
        ?.map((fetch) => fetch.chunks);
    expect(await runs([A, 2, 3], [A, 1, 2])).toEqual([{ start: 1, end: 3 }]);
    expect(await runs([A, 0, 3], [A, 2, 5])).toEqual([{ start: 0, end: 5 }]);
    expect(await runs([A, 0, 5], [A, 1, 2], [A, 0, 1])).toEqual([{ start: 0, end: 5 }]);
    expect(await runs([A, 0, 1], [A, 0, 1])).toEqual([{ start: 0, end: 1 }]);
    expect(await runs([A, 0, 1], [A, 2, 3])).toEqual([
      { start: 0, end: 1 },
      { start: 2, end: 3 },
    ]);
  });

  it('cuts terms down to the chunks that a range touches', async () => {
    const { offsetIntoFirstRange, terms } = await reconstruct(file, { start: 25, end: 96 }, getChunkIndex);
    expect(offsetIntoFirstRange).toBe(5);
    expect(terms).toEqual([
      { xorb: A, chunkStart: 2, chunkEnd: 4, unpackedBytes: 70 },
      { xorb: B, chunkStart: 0, chunkEnd: 2, unpackedBytes: 10 },
    ]);
    const one = await reconstruct(file, { start: 20, end: 50 }, getChunkIndex);
    expect(one.offsetIntoFirstRange).toBe(0);
    expect(one.terms).toEqual([{ xorb: A, chunkStart: 2, chunkEnd: 3, unpackedBytes: 30 }]);
    const last = await reconstruct(file, { start: 129, end: 130 }, getChunkIndex);
    expect(last.offsetIntoFirstRange).toBe(19);
    expect(last.terms).toEqual([{ xorb: A, chunkStart: 1, chunkEnd: 2, unpackedBytes: 20 }]);
  });

  it('clamps an end behind the file', async () => {
    const whole = await reconstruct(file, undefined, getChunkIndex);
    expect(await reconstruct(file, { start: 0, end: 1e15 }, getChunkIndex)).toEqual(whole);
  });

  it('refuses a start at or behind the end with BadRange and the size', async () => {
    for (const start of [130, 131, 1e12]) {
      await expect(reconstruct(file, { start, end: start + 1 }, getChunkIndex)).rejects.toMatchObject({
        code: 'BadRange',
        details: { sizeBytes: 130 },
      });
    }
  });

  it('answers an empty file with nothing, and a range from 0 of it too', async () => {
    const empty: Reconstruction = { offsetIntoFirstRange: 0, terms: [], fetches: new Map() };
    expect(await reconstruct(fileOf(), undefined, getChunkIndex)).toEqual(empty);
    expect(await reconstruct(fileOf(), { start: 0, end: 10 }, getChunkIndex)).toEqual(empty);
    await expect(reconstruct(fileOf(), { start: 1, end: 2 }, getChunkIndex)).rejects.toMatchObject({
      code: 'BadRange',
    });
    expect(reconstructionV1(empty, url)).toEqual({ offset_into_first_range: 0, terms: [], fetch_info: {} });
    expect(reconstructionV2(empty, url)).toEqual({ offset_into_first_range: 0, terms: [], xorbs: {} });
  });

  it('covers exactly the bytes asked for, with nothing to spare at either end, for any file and range', async () => {
    const term = fc.oneof(
      fc
        .tuple(fc.constant(A), fc.nat(4), fc.nat(4))
        .map(([xorb, one, two]) => [xorb, Math.min(one, two), Math.max(one, two) + 1] as const),
      fc
        .tuple(fc.constant(B), fc.nat(2), fc.nat(2))
        .map(([xorb, one, two]) => [xorb, Math.min(one, two), Math.max(one, two) + 1] as const),
    );
    const label = (xorb: XetHash, from: number, to: number): string[] =>
      Array.from({ length: to - from }, (_, index) => `${xorb.slice(0, 1)}${from + index}`);
    const bytesOf = (parts: XetFile['terms']): string[] =>
      parts.flatMap((part) => {
        const { rawOffsets } = indexes.get(part.xorb) ?? indexOf([]);
        return label(part.xorb, rawOffsets[part.chunkStart] ?? 0, rawOffsets[part.chunkEnd] ?? 0);
      });
    await fc.assert(
      fc.asyncProperty(
        fc.array(term, { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.nat(),
        async (list, from, length) => {
          const any = fileOf(...list);
          const start = from % any.sizeBytes;
          const range: ByteRange = { start, end: start + 1 + (length % (any.sizeBytes - start + 20)) };
          const answer = await reconstruct(any, range, getChunkIndex);
          const wanted = bytesOf(any.terms).slice(range.start, range.end);
          expect(bytesOf(answer.terms).slice(answer.offsetIntoFirstRange).slice(0, wanted.length)).toEqual(
            wanted,
          );
          const [head] = answer.terms;
          const tail = answer.terms.at(-1);
          if (!head || !tail) throw new Error('a term expected');
          const firstChunk = rawBytesOf(await getChunkIndex(head.xorb), head.chunkStart, head.chunkStart + 1);
          expect(answer.offsetIntoFirstRange).toBeLessThan(firstChunk);
          const given = answer.terms.reduce((total, part) => total + part.unpackedBytes, 0);
          const lastChunk = rawBytesOf(await getChunkIndex(tail.xorb), tail.chunkEnd - 1, tail.chunkEnd);
          expect(given - answer.offsetIntoFirstRange - wanted.length).toBeLessThan(lastChunk);
          for (const part of answer.terms) {
            const fetches = answer.fetches.get(part.xorb) ?? [];
            const containing = fetches.filter(
              ({ chunks }) => chunks.start <= part.chunkStart && part.chunkEnd <= chunks.end,
            );
            expect(containing).toHaveLength(1);
          }
        },
      ),
    );
  });
});

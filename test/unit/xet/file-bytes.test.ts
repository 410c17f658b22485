import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HubError } from '../../../server/domain/errors.ts';
import type { XetHash } from '../../../server/domain/ids.ts';
import { inflateBlock } from '../../../server/xet/chunk-block.ts';
import type { ChunkIndex } from '../../../server/xet/chunk-index.ts';
import { createXetFileReader } from '../../../server/xet/file-bytes.ts';
import type { XetFileReaderParts } from '../../../server/xet/file-bytes.ts';
import type { XetFile } from '../../../server/xet/reconstruction.ts';
import { buildFile, buildXorb, sample } from './builders.ts';
import type { BuiltXorb } from './builders.ts';

const mixed = await buildXorb(
  Array.from({ length: 60 }, (_, seed) => ({
    raw: sample(seed, 1000 + seed * 500),
    scheme: (seed % 3) as 0 | 1 | 2,
  })),
);
const raw = await buildXorb(
  Array.from({ length: 40 }, (_, seed) => ({ raw: sample(seed, 65_536), scheme: 0 })),
);
const packed = await buildXorb(
  Array.from({ length: 40 }, (_, seed) => ({ raw: sample(seed + 100, 65_536), scheme: 1 })),
);
const xorbs = new Map([mixed, raw, packed].map((xorb) => [xorb.hash, xorb]));

const xorbOf = (hash: XetHash): BuiltXorb => {
  const xorb = xorbs.get(hash);
  if (!xorb) throw new HubError('CorruptObject', `no xorb ${hash}`);
  return xorb;
};

const copied = (bytes: Uint8Array, into: Buffer): Buffer => {
  into.set(bytes);
  return into.subarray(0, bytes.length);
};
const parts: XetFileReaderParts = {
  getChunkIndex: async (hash): Promise<ChunkIndex> => xorbOf(hash).index,
  readXorb: async (hash, range, into) => copied(xorbOf(hash).bytes.subarray(range.start, range.end), into),
  memoryBytes: 64 * 1024 * 1024,
};
const reader = createXetFileReader(parts);

type Ranges = Parameters<typeof buildFile>[0];
const fileOf = async (ranges: Ranges): Promise<XetFile & { readonly content: Buffer }> => {
  const { terms } = await buildFile(ranges, undefined);
  const content = Buffer.concat(
    ranges.map(({ xorb, start, end }) =>
      xorb.raw.subarray(xorb.index.rawOffsets[start], xorb.index.rawOffsets[end]),
    ),
  );
  return { terms, sizeBytes: content.length, content };
};
const everything = await fileOf([
  { xorb: mixed, start: 3, end: 60 },
  { xorb: raw, start: 0, end: 40 },
  { xorb: mixed, start: 0, end: 1 },
  { xorb: packed, start: 2, end: 39 },
  { xorb: raw, start: 7, end: 8 },
]);

const collect = async (source: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> => {
  const list: Uint8Array[] = [];
  for await (const bytes of source) list.push(Uint8Array.from(bytes));
  return list;
};

describe('createXetFileReader', () => {
  it('gives the bytes of a file from terms of every kind', async () => {
    const bytes = Buffer.concat(await collect(reader.read(everything)));
    expect(bytes.equals(everything.content)).toBe(true);
  });

  it('leaves an array alone until the one after the next is asked for, and then uses its memory again', async () => {
    const file = await fileOf([{ xorb: raw, start: 0, end: 40 }]);
    const seen = new Set<ArrayBufferLike>();
    let [count, at, held]: [number, number, Uint8Array] = [0, 0, new Uint8Array()];
    for await (const bytes of createXetFileReader({ ...parts, memoryBytes: 0 }).read(file)) {
      expect(file.content.subarray(at - held.length, at).equals(held)).toBe(true);
      expect(file.content.subarray(at, at + bytes.length).equals(bytes)).toBe(true);
      at += bytes.length;
      held = bytes;
      seen.add(bytes.buffer);
      count += 1;
    }
    expect(at).toBe(file.sizeBytes);
    expect(seen.size).toBeLessThan(count / 2);
  });

  it('says CorruptObject of raw chunks that are damaged', async () => {
    const file = await fileOf([{ xorb: raw, start: 0, end: 40 }]);
    const damaged = createXetFileReader({
      ...parts,
      readXorb: async (hash, range, into) => {
        const bytes = await parts.readXorb(hash, range, into);
        bytes[1] = 17;
        return bytes;
      },
    });
    await expect(collect(damaged.read(file))).rejects.toMatchObject({ code: 'CorruptObject' });
  });

  it('gives any range of it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(everything.sizeBytes - 1), fc.nat(500_000), async (start, length) => {
        const bytes = Buffer.concat(
          await collect(reader.read(everything, { start, end: start + length + 1 })),
        );
        expect(bytes.equals(everything.content.subarray(start, start + length + 1))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('gives nothing for an empty file', async () => {
    expect(await collect(reader.read({ sizeBytes: 0, terms: [] }))).toEqual([]);
  });

  it('refuses a start behind the end with BadRange', async () => {
    const start = everything.sizeBytes;
    await expect(collect(reader.read(everything, { start, end: start + 1 }))).rejects.toMatchObject({
      code: 'BadRange',
    });
  });

  it('starts with a small block and goes on in large ones', async () => {
    const file = await fileOf([{ xorb: raw, start: 0, end: 40 }]);
    const sizes = (await collect(reader.read(file))).map((bytes) => bytes.length);
    expect(sizes[0]).toBe(128 * 1024);
    expect(Math.max(...sizes)).toBe(1024 * 1024);
    expect(sizes.slice(1, -1).every((size) => size >= 256 * 1024)).toBe(true);
  });

  it('reads in small blocks when memory is short', async () => {
    const sizes = (await collect(createXetFileReader({ ...parts, memoryBytes: 0 }).read(everything))).map(
      (bytes) => bytes.length,
    );
    expect(Math.max(...sizes)).toBeLessThanOrEqual(128 * 1024);
  });

  it('never holds more than a few blocks ahead of a slow consumer', async () => {
    let stored = 0;
    const counting = createXetFileReader({
      ...parts,
      readXorb: async (hash, range, into) => {
        stored += range.end - range.start;
        return parts.readXorb(hash, range, into);
      },
    });
    let taken = 0;
    for await (const bytes of counting.read(await fileOf([{ xorb: raw, start: 0, end: 40 }]))) {
      taken += bytes.length;
      expect(stored - taken).toBeLessThan(3.1 * 1024 * 1024);
    }
  });

  it('leaves what is much to inflate to the other thread, and copies the rest itself', async () => {
    const handed: number[] = [];
    const elsewhere = createXetFileReader({
      ...parts,
      inflateElsewhere: async (records, rawBytes) => {
        handed.push(rawBytes);
        return inflateBlock(records, rawBytes);
      },
    });
    await collect(elsewhere.read(await fileOf([{ xorb: raw, start: 0, end: 40 }])));
    expect(handed).toEqual([]);
    const file = await fileOf([{ xorb: packed, start: 0, end: 40 }]);
    const bytes = Buffer.concat(await collect(elsewhere.read(file)));
    expect(bytes.equals(file.content)).toBe(true);
    expect(handed.length).toBeGreaterThan(2);
  });

  it('stops reading when the consumer goes away', async () => {
    let reads = 0;
    const counting = createXetFileReader({
      ...parts,
      readXorb: async (hash, range, into) => {
        reads += 1;
        return parts.readXorb(hash, range, into);
      },
    });
    for await (const bytes of counting.read(everything)) {
      expect(bytes.length).toBeGreaterThan(0);
      break;
    }
    const atBreak = reads;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(reads).toBe(atBreak);
  });

  it('says CorruptObject when stored bytes do not inflate, are cut off or are gone', async () => {
    const file = await fileOf([{ xorb: packed, start: 0, end: 40 }]);
    const damages: readonly XetFileReaderParts['readXorb'][] = [
      async (hash, range) =>
        Buffer.from(xorbOf(hash).bytes.subarray(range.start, range.end)).fill(0xff, 30, 900),
      async (hash, range, into) => copied(xorbOf(hash).bytes.subarray(range.start, range.end - 1), into),
      async (hash, range, into) => copied(xorbOf(hash).bytes.subarray(range.start + 1, range.end), into),
      async () => Buffer.alloc(0),
      async (hash) => Promise.reject(new HubError('CorruptObject', `no xorb ${hash}`)),
    ];
    for (const readXorb of damages) {
      const damaged = createXetFileReader({ ...parts, readXorb });
      await expect(collect(damaged.read(file))).rejects.toMatchObject({ code: 'CorruptObject' });
    }
  });

  it('says CorruptObject when the terms do not add up to the size of the file', async () => {
    const { terms, sizeBytes } = everything;
    await expect(collect(reader.read({ terms, sizeBytes: sizeBytes + 1 }))).rejects.toMatchObject({
      code: 'CorruptObject',
    });
  });

  it('reports a failure in its turn: what comes before it is given first', async () => {
    let reads = 0;
    const failing = createXetFileReader({
      ...parts,
      readXorb: async (hash, range, into) => {
        reads += 1;
        if (reads === 3) throw new Error('disk is gone');
        return parts.readXorb(hash, range, into);
      },
    });
    const given: number[] = [];
    const reading = (async () => {
      for await (const bytes of failing.read(everything)) given.push(bytes.length);
    })();
    await expect(reading).rejects.toThrow('disk is gone');
    expect(given).toHaveLength(2);
  });
});

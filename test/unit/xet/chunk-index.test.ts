import { describe, expect, it } from 'vitest';
import { isHubError } from '../../../server/domain/errors.ts';
import type { XetHash } from '../../../server/domain/ids.ts';
import { parseChunkIndex, rawBytesOf, writeChunkIndex } from '../../../server/xet/chunk-index.ts';
import { createChunkIndexes } from '../../../server/xet/chunk-indexes.ts';
import { buildXorb, sample } from './builders.ts';

const built = await buildXorb(
  [10, 2000, 131_072, 1].map((length, seed) => ({ raw: sample(seed, length), scheme: 1 })),
);
const stored = writeChunkIndex(built.index);

const isDamaged = (bytes: Uint8Array): boolean => {
  try {
    parseChunkIndex(bytes);
    return false;
  } catch (error) {
    return isHubError(error, 'CorruptObject');
  }
};

const edited = (edit: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.from(stored);
  edit(bytes);
  return bytes;
};

describe('chunk index', () => {
  it('is read back as it was written', () => {
    expect(parseChunkIndex(stored)).toEqual(built.index);
    expect(stored.length).toBe(12 + 4 * 40);
    expect(rawBytesOf(built.index, 1, 3)).toBe(2000 + 131_072);
  });

  it('is refused when cut off or followed by anything', () => {
    for (let length = 0; length < stored.length; length += 1)
      expect(isDamaged(stored.subarray(0, length))).toBe(true);
    expect(isDamaged(Buffer.concat([stored, Buffer.alloc(1)]))).toBe(true);
  });

  it.each<[string, (bytes: Buffer) => void]>([
    ['another magic', (bytes) => bytes.write('XXXX')],
    ['another version', (bytes) => bytes.writeUInt16LE(2, 4)],
    ['a reserved bit', (bytes) => bytes.writeUInt16LE(1, 6)],
    ['no chunks', (bytes) => bytes.writeUInt32LE(0, 8)],
    ['too many chunks', (bytes) => bytes.writeUInt32LE(8193, 8)],
    ['a stored offset that steps back', (bytes) => bytes.writeUInt32LE(1, 12 + 40 + 32)],
    ['a raw offset that stands still', (bytes) => bytes.writeUInt32LE(10, 12 + 40 + 36)],
    ['a chunk above 128 KiB', (bytes) => bytes.writeUInt32LE(10 + 131_073, 12 + 40 + 36)],
  ])('is refused with %s', (_, edit) => {
    expect(isDamaged(edited(edit))).toBe(true);
  });
});

describe('createChunkIndexes', () => {
  const key = `xorbs/${built.hash.slice(0, 2)}/${built.hash}.chunks`;
  const open = (cacheChunks: number, contents: ReadonlyMap<string, Uint8Array>) => {
    const reads: string[] = [];
    async function* bytesOf(content: Uint8Array): AsyncGenerator<Uint8Array> {
      yield content.subarray(0, 5);
      yield content.subarray(5);
    }
    const indexes = createChunkIndexes({
      cacheChunks,
      objects: {
        get: async (asked) => {
          reads.push(asked);
          const content = contents.get(asked);
          return content && { sizeBytes: content.length, bytes: bytesOf(content) };
        },
      },
    });
    return { indexes, reads };
  };

  it('reads an index once, for askers at the same time and later ones', async () => {
    const { indexes, reads } = open(100, new Map([[key, stored]]));
    const [first, second] = await Promise.all([indexes.get(built.hash), indexes.find(built.hash)]);
    expect(first).toEqual(built.index);
    expect(second).toBe(first);
    expect(await indexes.get(built.hash)).toBe(first);
    expect(reads).toEqual([key]);
  });

  it('drops the index used longest ago when it holds too many chunks', async () => {
    const other = 'ab'.repeat(32) as XetHash;
    const third = 'cd'.repeat(32) as XetHash;
    const { indexes, reads } = open(
      8,
      new Map([
        [key, stored],
        [`xorbs/ab/${other}.chunks`, stored],
        [`xorbs/cd/${third}.chunks`, stored],
      ]),
    );
    await indexes.get(built.hash);
    await indexes.get(other);
    await indexes.get(built.hash);
    await indexes.get(third);
    await indexes.get(built.hash);
    expect(reads).toHaveLength(3);
    await indexes.get(other);
    expect(reads).toHaveLength(4);
  });

  it('says undefined or CorruptObject for one that is not there, and asks again next time', async () => {
    const { indexes, reads } = open(8, new Map());
    expect(await indexes.find(built.hash)).toBeUndefined();
    await expect(indexes.get(built.hash)).rejects.toMatchObject({ code: 'CorruptObject' });
    expect(reads).toHaveLength(2);
  });

  it('says CorruptObject for one that is damaged or far too long', async () => {
    for (const content of [stored.subarray(1), Buffer.alloc(400_000)]) {
      const { indexes } = open(8, new Map([[key, content]]));
      await expect(indexes.find(built.hash)).rejects.toMatchObject({ code: 'CorruptObject' });
    }
  });
});

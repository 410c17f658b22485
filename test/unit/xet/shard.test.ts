import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHubError } from '../../../server/domain/errors.ts';
import type { Sha256 } from '../../../server/domain/ids.ts';
import { xetHashText } from '../../../server/xet/hash.ts';
import { MAX_SHARD_BYTES, parseShard } from '../../../server/xet/shard.ts';
import {
  BOOKEND,
  buildFile,
  buildShard,
  buildXorb,
  fileBlock,
  sample,
  shardHeader,
  xorbBlock,
} from './builders.ts';
import type { BuiltFile } from './builders.ts';

const SHA256 = '00112233445566778899aabbccddeeff0123456789abcdef0f1e2d3c4b5a6978' as Sha256;
const xorb = await buildXorb([1, 2, 3].map((seed) => ({ raw: sample(seed, 100 * seed), scheme: 0 })));
const file = await buildFile(
  [
    { xorb, start: 1, end: 3 },
    { xorb, start: 0, end: 1 },
  ],
  SHA256,
);
const shard = buildShard([file], [xorb]);

/** Everything a shard says, in the form it was built from. */
const read = (bytes: Uint8Array): readonly BuiltFile[] =>
  [...parseShard(bytes)].map((parsed) => {
    const numbers = Array.from({ length: parsed.termCount }, (_, number) => number);
    return {
      hash: parsed.hash,
      terms: numbers.map(parsed.term),
      rangeHashes: numbers.flatMap((number) => {
        const hash = parsed.rangeHash(number);
        return hash ? [xetHashText(hash)] : [];
      }),
      sha256: parsed.sha256,
    };
  });

const problemOf = (bytes: Uint8Array): string => {
  try {
    read(bytes);
    return 'accepted';
  } catch (error) {
    if (isHubError(error, 'InvalidObject')) return error.message;
    throw error;
  }
};

const edited = (edit: (bytes: Buffer) => void): Buffer => {
  const bytes = Buffer.from(shard);
  edit(bytes);
  return bytes;
};

describe('parseShard', () => {
  it('reads files with their terms, hashes and SHA-256', () => {
    expect(read(shard)).toEqual([file]);
    const [parsed] = parseShard(shard);
    expect(parsed).toMatchObject({ termCount: 2, chunkCount: 3, sizeBytes: 600 });
  });

  it('reads the same with a footer, and with lookup tables in front of it', () => {
    const withFooter = buildShard([file], [xorb], { footer: true });
    expect(read(withFooter)).toEqual([file]);
    const withTables = Buffer.concat([
      withFooter.subarray(0, -200),
      Buffer.alloc(36),
      withFooter.subarray(-200),
    ]);
    expect(read(withTables)).toEqual([file]);
  });

  it('reads one that lies anywhere in a larger buffer', () => {
    const padded = Buffer.concat([Buffer.alloc(3), shard, Buffer.alloc(7)]);
    expect(read(padded.subarray(3, 3 + shard.length))).toEqual([file]);
  });

  it('leaves out what a file does not declare', () => {
    const bare = { ...file, rangeHashes: [], sha256: undefined };
    expect(read(buildShard([bare], []))).toEqual([bare]);
  });

  it('reads a shard without files or xorbs, and a file without terms', () => {
    expect(read(buildShard([], []))).toEqual([]);
    const empty = { ...file, terms: [], rangeHashes: [] };
    expect(read(buildShard([empty], []))).toEqual([empty]);
  });

  it.each<[string, Uint8Array, string]>([
    ['nothing', Buffer.alloc(0), 'shorter than its header'],
    ['another tag', edited((bytes) => bytes.fill(0, 20, 21)), 'tag of a shard'],
    ['another version', edited((bytes) => bytes.writeUInt8(3, 32)), 'unknown version 3'],
    ['an odd footer size', edited((bytes) => bytes.writeUInt8(100, 40)), 'footer of 100 bytes'],
    ['a footer that is not there', edited((bytes) => bytes.writeUInt8(200, 40)), 'damaged footer'],
    ['a footer longer than itself', Buffer.concat([shardHeader(2, 200)]), 'damaged footer'],
    ['unknown flags', edited((bytes) => bytes.writeUInt32LE(0xe0000000, 80)), 'unknown flags'],
    [
      'a lying number of terms',
      edited((bytes) => bytes.writeUInt32LE(0xffffffff, 84)),
      'cut off in the terms',
    ],
    [
      'no bookend behind the files',
      Buffer.concat([shardHeader(2, 0), fileBlock(file)]),
      'cut off in its file section',
    ],
    [
      'no xorb section',
      Buffer.concat([shardHeader(2, 0), fileBlock(file), BOOKEND]),
      'cut off in its xorb section',
    ],
    ['an empty xorb', edited((bytes) => bytes.writeUInt32LE(0, shard.length - 48 - 144 - 12)), '0 chunks'],
    [
      'a lying number of chunks',
      edited((bytes) => bytes.writeUInt32LE(5, shard.length - 48 - 144 - 12)),
      'cut off in the chunks',
    ],
    [
      'too many chunks',
      edited((bytes) => bytes.writeUInt32LE(8193, shard.length - 48 - 144 - 12)),
      '8193 chunks',
    ],
    ['a tail', Buffer.concat([shard, Buffer.alloc(48)]), 'followed by other bytes'],
    ['a second xorb section', Buffer.concat([shard, xorbBlock(xorb), BOOKEND]), 'followed by other bytes'],
    ['too many bytes', new Uint8Array(MAX_SHARD_BYTES + 1), 'more than the'],
  ])('refuses %s', (_, bytes, problem) => {
    expect(problemOf(bytes)).toContain(problem);
  });

  it('refuses every truncation', () => {
    for (let length = 0; length < shard.length; length += 1) {
      expect(problemOf(shard.subarray(0, length))).not.toBe('accepted');
    }
  });

  it('never does anything but accept or refuse, whatever the bytes', () => {
    const edits = fc.array(fc.record({ at: fc.nat(shard.length - 1), value: fc.nat(255) }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(edits, (list) => {
        problemOf(edited((bytes) => list.forEach(({ at, value }) => bytes.writeUInt8(value, at))));
      }),
      { numRuns: 2000 },
    );
  });
});

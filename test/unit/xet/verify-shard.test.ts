import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Sha256, XetHash } from '../../../server/domain/ids.ts';
import { EMPTY_HASH } from '../../../server/xet/hash.ts';
import { verifyShard } from '../../../server/xet/verify-shard.ts';
import type { VerifiedFile } from '../../../server/xet/verify-shard.ts';
import { buildFile, buildShard, buildXorb, sample } from './builders.ts';
import type { BuiltFile } from './builders.ts';

const SHA256 = createHash('sha256').update('declared, not yet proved').digest('hex') as Sha256;
const SHA256_OF_NOTHING = createHash('sha256').digest('hex');
const first = await buildXorb([1, 2, 3, 4, 5].map((seed) => ({ raw: sample(seed, 500 * seed), scheme: 1 })));
const second = await buildXorb([6, 7].map((seed) => ({ raw: sample(seed, 900), scheme: 0 })));
const stored = new Map([first, second].map((xorb) => [xorb.hash, xorb.index]));
const ranges = [
  { xorb: first, start: 1, end: 4 },
  { xorb: second, start: 0, end: 2 },
  { xorb: first, start: 0, end: 2 },
  { xorb: first, start: 4, end: 5 },
];
const honest = await buildFile(ranges, SHA256);
const sizeBytes = 500 * (2 + 3 + 4) + 1800 + 500 * (1 + 2) + 2500;

const verify = (
  files: readonly BuiltFile[],
  limits: { readonly maxFileBytes?: number; readonly maxTotalBytes?: number } = {},
): Promise<readonly VerifiedFile[]> =>
  verifyShard({
    shard: buildShard(files, [first, second]),
    findChunkIndex: async (xorb) => stored.get(xorb),
    maxFileBytes: 1e9,
    maxTotalBytes: 1e9,
    ...limits,
  });

const refused = (file: BuiltFile, problem: string, limits = {}): Promise<void> =>
  expect(verify([file], limits)).rejects.toMatchObject({
    code: 'InvalidObject',
    message: expect.stringContaining(problem) as string,
  });

const changeTerm = (number: number, change: Partial<BuiltFile['terms'][number]>): BuiltFile => ({
  ...honest,
  terms: honest.terms.map((term, position) => (position === number ? { ...term, ...change } : term)),
});
const withRangeHash = (file: BuiltFile, number: number, hash: XetHash): BuiltFile => ({
  ...file,
  rangeHashes: file.rangeHashes.map((given, position) => (position === number ? hash : given)),
});

describe('verifyShard', () => {
  it('gives every file of an honest shard with its size and terms', async () => {
    const whole = await buildFile([{ xorb: second, start: 0, end: 2 }], SHA256);
    const verified = await verify([honest, whole]);
    expect(verified).toMatchObject([
      { hash: honest.hash, declaredSha256: SHA256, sizeBytes, terms: honest.terms },
      { hash: whole.hash, declaredSha256: SHA256, sizeBytes: 1800, terms: whole.terms },
    ]);
    const [firstTerm] = honest.terms;
    const firstXorb = ranges.find(({ xorb }) => xorb.hash === firstTerm?.xorb)?.xorb;
    expect(verified[0]?.firstChunk).toEqual(firstXorb?.chunkHashes[firstTerm?.chunkStart ?? 0]);
    expect(verified[1]?.firstChunk).toEqual(second.chunkHashes[0]);
  });

  it('gives the same hash to the same chunks, however they are cut into terms', async () => {
    const split = await buildFile(
      ranges.flatMap(({ xorb, start, end }) =>
        Array.from({ length: end - start }, (_, index) => ({
          xorb,
          start: start + index,
          end: start + index + 1,
        })),
      ),
      SHA256,
    );
    const [verified] = await verify([split]);
    expect(verified?.hash).toBe(honest.hash);
    expect(verified?.terms).toHaveLength(8);
  });

  it('gives a file once although the shard has it twice, but not with two different SHA-256', async () => {
    expect(await verify([honest, honest])).toHaveLength(1);
    const other = { ...honest, sha256: SHA256_OF_NOTHING as Sha256 };
    await expect(verify([honest, other])).rejects.toMatchObject({
      code: 'InvalidObject',
      message: expect.stringContaining('two different SHA-256') as string,
    });
  });

  it('takes an empty file, whether its SHA-256 is right or the zeros of hf_xet', async () => {
    for (const sha256 of [SHA256_OF_NOTHING, EMPTY_HASH]) {
      const empty: BuiltFile = { hash: EMPTY_HASH, terms: [], rangeHashes: [], sha256: sha256 as Sha256 };
      expect(await verify([empty])).toEqual([
        { hash: EMPTY_HASH, declaredSha256: SHA256_OF_NOTHING, sizeBytes: 0, terms: [] },
      ]);
    }
  });

  it('refuses a file hash that its chunks do not have', async () => {
    await refused({ ...honest, hash: second.hash }, `is made of chunks that hash to ${honest.hash}`);
    await refused(
      { hash: honest.hash, terms: [], rangeHashes: [], sha256: SHA256 },
      'is made of chunks that hash to',
    );
    const reordered = {
      ...honest,
      terms: honest.terms.toReversed(),
      rangeHashes: honest.rangeHashes.toReversed(),
    };
    await refused(reordered, 'is made of chunks that hash to');
  });

  it('refuses a term of a xorb that is not stored', async () => {
    const absent = 'ab'.repeat(32) as XetHash;
    await refused(changeTerm(2, { xorb: absent }), `needs xorb ${absent}, which was not uploaded`);
  });

  it('refuses chunk ranges that are empty, inverted or outside of the xorb', async () => {
    await refused(changeTerm(0, { chunkStart: 4, chunkEnd: 4 }), 'empty chunk range in term 0');
    await refused(changeTerm(0, { chunkStart: 5, chunkEnd: 1 }), 'empty chunk range in term 0');
    await refused(changeTerm(3, { chunkEnd: 6 }), 'chunks 4 to 6 of xorb');
    await refused(changeTerm(3, { chunkStart: 0xfffffffe, chunkEnd: 0xffffffff }), 'which has 5');
  });

  it('refuses a size that the chunks of a term do not have', async () => {
    await refused(
      changeTerm(1, { unpackedBytes: 1799 }),
      'gives term 1 1799 bytes, but its chunks have 1800',
    );
  });

  it('refuses a missing or wrong verification hash: naming a xorb is not having it', async () => {
    await refused({ ...honest, rangeHashes: [] }, 'lacks its verification hashes');
    await refused(
      withRangeHash(honest, 2, honest.rangeHashes[0] as XetHash),
      'wrong verification hash in term 2',
    );
    await refused(withRangeHash(honest, 3, EMPTY_HASH), 'wrong verification hash in term 3');
  });

  it('refuses a file without SHA-256', async () => {
    await refused({ ...honest, sha256: undefined }, 'lacks its SHA-256');
  });

  it('refuses files above the limits, each and together', async () => {
    await verify([honest], { maxFileBytes: sizeBytes, maxTotalBytes: sizeBytes });
    await refused(honest, `has ${sizeBytes} bytes, more than the ${sizeBytes - 1} allowed`, {
      maxFileBytes: sizeBytes - 1,
    });
    await expect(verify([honest, honest], { maxTotalBytes: 2 * sizeBytes - 1 })).rejects.toThrow(
      'allowed together',
    );
  });

  it('refuses a file that names tiny chunks over and over', async () => {
    const tiny = await buildXorb(Array.from({ length: 8192 }, () => ({ raw: Buffer.from('a'), scheme: 0 })));
    const file = await buildFile([{ xorb: tiny, start: 0, end: 8192 }], SHA256);
    const repeated = {
      ...file,
      terms: Array.from(
        { length: 200 },
        () => file.terms[0] ?? { xorb: tiny.hash, chunkStart: 0, chunkEnd: 0, unpackedBytes: 0 },
      ),
      rangeHashes: Array.from({ length: 200 }, () => file.rangeHashes[0] as XetHash),
    };
    await refused(repeated, 'too many chunks for its size');
  });

  it('lets other work have its turn while it hashes', async () => {
    const many = await buildXorb(
      Array.from({ length: 4096 }, (_, seed) => ({ raw: Buffer.from(`${seed}`), scheme: 0 })),
    );
    const file = await buildFile([{ xorb: many, start: 0, end: 4096 }], SHA256);
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 0);
    await verifyShard({
      shard: buildShard(
        Array.from({ length: 20 }, () => file),
        [many],
      ),
      findChunkIndex: async () => many.index,
      maxFileBytes: 1e9,
      maxTotalBytes: 1e9,
    });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it('refuses a malformed shard', async () => {
    const verification = verifyShard({
      shard: Buffer.from('no shard'),
      findChunkIndex: async () => undefined,
      maxFileBytes: 1,
      maxTotalBytes: 1,
    });
    await expect(verification).rejects.toMatchObject({ code: 'InvalidObject' });
  });

  it('passes on the failure of a lookup', async () => {
    const verification = verifyShard({
      shard: buildShard([honest], []),
      findChunkIndex: async () => Promise.reject(new Error('storage is gone')),
      maxFileBytes: 1e9,
      maxTotalBytes: 1e9,
    });
    await expect(verification).rejects.toThrow('storage is gone');
  });
});

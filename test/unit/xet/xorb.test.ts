import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHubError } from '../../../server/domain/errors.ts';
import type { XetHash } from '../../../server/domain/ids.ts';
import { MAX_XORB_CHUNKS } from '../../../server/xet/chunk-index.ts';
import { MAX_CHUNK_RAW_BYTES } from '../../../server/xet/chunk-record.ts';
import { EMPTY_HASH, loadXetHashing, xetHashText } from '../../../server/xet/hash.ts';
import { MAX_XORB_CONTENT_BYTES, MAX_XORB_UPLOAD_BYTES, verifyXorb } from '../../../server/xet/xorb.ts';
import { buildXorb, record, sample } from './builders.ts';
import type { Scheme } from './builders.ts';

const schemes: readonly Scheme[] = [0, 1, 2];
const FOOTER = Buffer.concat([Buffer.from('XETBLOB\x01', 'latin1'), sample(1, 400)]);

const problemOf = async (bytes: Uint8Array, expected: XetHash = EMPTY_HASH): Promise<string> => {
  try {
    await verifyXorb(bytes, expected);
  } catch (error) {
    if (isHubError(error, 'InvalidObject')) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('verifyXorb', () => {
  it('accepts chunks of every scheme and says where each lies', async () => {
    const xorb = await buildXorb([
      ...schemes.map((scheme) => ({ raw: sample(scheme, 20_000), scheme })),
      { raw: Buffer.from('x'), scheme: 0 },
      { raw: Buffer.alloc(MAX_CHUNK_RAW_BYTES), scheme: 1 },
    ]);
    const verified = await verifyXorb(xorb.bytes, xorb.hash);
    expect(verified).toEqual({
      contentBytes: xorb.bytes.length,
      rawBytes: xorb.raw.length,
      index: xorb.index,
    });
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 4097, 4098, 4099])('undoes byte grouping of %i bytes', async (length) => {
    const xorb = await buildXorb([{ raw: sample(length, length), scheme: 2 }]);
    expect((await verifyXorb(xorb.bytes, xorb.hash)).rawBytes).toBe(length);
  });

  it('accepts what any list of chunks makes', async () => {
    const chunk = fc.record({
      raw: fc.uint8Array({ minLength: 1, maxLength: 600 }),
      scheme: fc.constantFrom(...schemes),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { minLength: 1, maxLength: 30 }), async (chunks) => {
        const xorb = await buildXorb(chunks);
        expect((await verifyXorb(xorb.bytes, xorb.hash)).index).toEqual(xorb.index);
      }),
    );
  });

  it('tells a trailing footer from the content', async () => {
    const xorb = await buildXorb([{ raw: sample(1, 5000), scheme: 1 }]);
    const verified = await verifyXorb(Buffer.concat([xorb.bytes, FOOTER]), xorb.hash);
    expect(verified.contentBytes).toBe(xorb.bytes.length);
  });

  it('accepts 64 MiB of raw bytes that do not compress, although the headers come on top', async () => {
    const raw = Buffer.alloc(MAX_CHUNK_RAW_BYTES, 7);
    const xorb = await buildXorb(Array.from({ length: 512 }, () => ({ raw, scheme: 0 })));
    expect(xorb.bytes.length).toBe(64 * 1024 * 1024 + 512 * 8);
    expect((await verifyXorb(xorb.bytes, xorb.hash)).rawBytes).toBe(64 * 1024 * 1024);
  });

  it('refuses a wrong name and says the right one', async () => {
    const xorb = await buildXorb([{ raw: sample(1, 100), scheme: 0 }]);
    expect(await problemOf(xorb.bytes)).toBe(
      `The xorb is named ${EMPTY_HASH} but its chunks hash to ${xorb.hash}.`,
    );
  });

  it('refuses chunks that were swapped, dropped or added', async () => {
    const chunks = [1, 2, 3, 4].map((seed) => ({ raw: sample(seed, 300), scheme: 0 as const }));
    const { hash } = await buildXorb(chunks);
    const [first, second, third, fourth] = chunks;
    if (!first || !second || !third || !fourth) throw new Error('four chunks expected');
    for (const forged of [
      [second, first, third, fourth],
      [first, second, third],
      [...chunks, fourth],
    ]) {
      expect(await problemOf((await buildXorb(forged)).bytes, hash)).toContain('is named');
    }
  });

  it('refuses more than 8,192 chunks and accepts exactly that many', async () => {
    const one = { raw: Buffer.from('a'), scheme: 0 as const };
    const full = await buildXorb(Array.from({ length: MAX_XORB_CHUNKS }, () => one));
    expect((await verifyXorb(full.bytes, full.hash)).index.count).toBe(8192);
    const over = await buildXorb(Array.from({ length: MAX_XORB_CHUNKS + 1 }, () => one));
    expect(await problemOf(over.bytes, over.hash)).toBe('The xorb has more than 8192 chunks.');
  });

  const raw = sample(5, 1000);
  it.each<[string, Uint8Array, string]>([
    ['no bytes', Buffer.alloc(0), 'The xorb has no chunks.'],
    ['a footer alone', FOOTER, 'The xorb has no chunks.'],
    ['an unknown version', record(raw, 0, { version: 1 }), 'has the unknown version 1'],
    ['an unknown scheme', record(raw, 0, { scheme: 3 }), 'uses the unknown compression scheme 3'],
    ['an empty chunk', record(Buffer.alloc(0), 0), 'is empty'],
    ['a chunk above 128 KiB', record(raw, 1, { rawBytes: MAX_CHUNK_RAW_BYTES + 1 }), 'has 131073 raw bytes'],
    ['a stored length above the end', record(raw, 0, { storedBytes: 1001, rawBytes: 1001 }), 'is cut off'],
    ['a stored length below the raw one', record(raw, 0, { storedBytes: 999 }), 'stored raw with 999 bytes'],
    ['a raw length above the true one', record(raw, 1, { rawBytes: 1001 }), 'inflates to fewer'],
    ['a raw length below the true one', record(raw, 1, { rawBytes: 999 }), 'inflates to more'],
    ['a bomb', record(Buffer.alloc(4_000_000), 1, { rawBytes: 131_072 }), 'inflates to more'],
    ['a bomb in byte groups', record(Buffer.alloc(200_000), 2, { rawBytes: 131_072 }), 'inflates to more'],
    ['rubbish as LZ4', record(raw, 0, { scheme: 1 }), 'magic number'],
    ['a tail of some bytes', Buffer.concat([record(raw, 0), Buffer.alloc(5)]), 'chunk (number 1)'],
  ])('refuses %s', async (_, bytes, problem) => {
    expect(await problemOf(bytes)).toContain(problem);
  });

  it('refuses what is larger than any xorb, in all and in chunks', async () => {
    expect(await problemOf(new Uint8Array(MAX_XORB_UPLOAD_BYTES + 1))).toContain('more than the');
    const chunk = record(Buffer.alloc(MAX_CHUNK_RAW_BYTES), 0);
    const count = Math.ceil((MAX_XORB_CONTENT_BYTES + 1) / chunk.length);
    const bytes = Buffer.concat(Array.from({ length: count }, () => chunk));
    expect(bytes.length).toBeLessThan(MAX_XORB_UPLOAD_BYTES);
    expect(await problemOf(bytes)).toContain('bytes of chunks, more than the');
    const small = await buildXorb([{ raw, scheme: 0 }]);
    expect(
      await problemOf(Buffer.concat([small.bytes, FOOTER, Buffer.alloc(400_000)]), small.hash),
    ).toContain('footer');
  });

  it('refuses every truncation', async () => {
    const xorb = await buildXorb([
      { raw: sample(1, 90), scheme: 0 },
      { raw: sample(2, 300), scheme: 1 },
    ]);
    for (let length = 0; length < xorb.bytes.length; length += 1) {
      expect(await problemOf(xorb.bytes.subarray(0, length), xorb.hash)).not.toBe('accepted');
    }
  });

  it('refuses every flipped bit that changes what is stored', async () => {
    const hashing = await loadXetHashing();
    const chunk = sample(9, 200);
    const bytes = record(chunk, 0);
    const hash = xetHashText(hashing.chunk(chunk));
    expect(await problemOf(bytes, hash)).toBe('accepted');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await problemOf(flipped, hash)).not.toBe('accepted');
    }
  });

  it('never does anything but accept or refuse, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        expect(await problemOf(bytes)).not.toBe('accepted');
      }),
      { numRuns: 500 },
    );
  });
});

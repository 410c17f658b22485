import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHubError } from '../../../server/domain/errors.ts';
import type { Oid } from '../../../server/domain/ids.ts';
import { hashObject } from '../../../server/git/objects.ts';
import { parsePackIndex, writePackIndex } from '../../../server/git/pack-index.ts';

const oidOf = (n: number): Oid => hashObject('blob', Buffer.from(String(n)));
const checksum = createHash('sha1').update('pack').digest();

function rowsOf(offsets: readonly number[]) {
  return {
    oids: Buffer.concat(offsets.map((_, i) => Buffer.from(oidOf(i), 'hex'))),
    crc32s: Uint32Array.from(offsets, (_, i) => (i * 2_654_435_761) % 2 ** 32),
    offsets: Float64Array.from(offsets),
  };
}

/** Put the right checksum behind changed bytes, as an attacker would. */
function resealed(index: Buffer): Buffer {
  createHash('sha1')
    .update(index.subarray(0, -20))
    .digest()
    .copy(index, index.length - 20);
  return index;
}

describe('a pack index', () => {
  it('finds what was written, offsets above 2 and 4 GiB included', async () => {
    const offsets = [12, 2 ** 31 - 1, 2 ** 31, 2 ** 32 + 5, 100, 2 ** 40, 500];
    const index = await parsePackIndex(await writePackIndex(rowsOf(offsets), checksum));
    expect(index.objectCount).toBe(offsets.length);
    expect(index.packChecksum).toEqual(checksum);
    for (const [i, offset] of offsets.entries()) {
      const position = index.find(oidOf(i));
      expect(index.oidAt(position)).toBe(oidOf(i));
      expect(index.offsetAt(position)).toBe(offset);
      expect(index.crc32At(position)).toBe((i * 2_654_435_761) % 2 ** 32);
    }
    expect(index.find(oidOf(99))).toBe(-1);
    expect(index.entryEnd(12, 2 ** 41)).toBe(100);
    expect(index.entryEnd(2 ** 32 + 5, 2 ** 41)).toBe(2 ** 40);
    expect(index.entryEnd(2 ** 40, 2 ** 41)).toBe(2 ** 41 - 20);
    expect(index.entryEnd(13, 2 ** 41)).toBeUndefined();
  });

  it('may be empty', async () => {
    const index = await parsePackIndex(await writePackIndex(rowsOf([]), checksum));
    expect(index.objectCount).toBe(0);
    expect(index.find(oidOf(1))).toBe(-1);
    expect(index.prefixRange('0')).toEqual({ start: 0, end: 0 });
  });

  it('agrees with a plain map on ids and prefixes of any length', async () => {
    const count = 3000;
    const index = await parsePackIndex(
      await writePackIndex(
        rowsOf(Array.from({ length: count }, (_, i) => 12 + ((i * 7919) % count) * 40)),
        checksum,
      ),
    );
    const sorted = Array.from({ length: count }, (_, i) => oidOf(i)).sort();
    fc.assert(
      fc.property(fc.nat(count * 2), fc.integer({ min: 1, max: 40 }), (n, digits) => {
        const oid = oidOf(n);
        expect(index.find(oid)).toBe(sorted.indexOf(oid));
        const prefix = oid.slice(0, digits);
        const { start, end } = index.prefixRange(prefix);
        const found = Array.from({ length: end - start }, (_, i) => index.oidAt(start + i));
        expect(found).toEqual(sorted.filter((other) => other.startsWith(prefix)));
      }),
      { numRuns: 300 },
    );
    for (const [i, oid] of sorted.entries()) expect(index.oidAt(i)).toBe(oid);
  });

  it('with any bit flipped or its end cut off is corrupt', async () => {
    const bytes = await writePackIndex(rowsOf([12, 2 ** 33, 50]), checksum);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
        const hostile = Buffer.from(bytes);
        hostile[bit >> 3] = (hostile[bit >> 3] as number) ^ (1 << (bit & 7));
        await expect(parsePackIndex(hostile)).rejects.toMatchObject({ code: 'CorruptObject' });
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
        await expect(parsePackIndex(bytes.subarray(0, length))).rejects.toMatchObject({
          code: 'CorruptObject',
        });
      }),
    );
  });

  it('forged with a right checksum is corrupt or harmless', async () => {
    const bytes = await writePackIndex(rowsOf([12, 2 ** 33, 50, 90]), checksum);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 21), fc.nat(255), async (at, byte) => {
        const hostile = Buffer.from(bytes);
        hostile[at] = byte;
        try {
          const index = await parsePackIndex(resealed(hostile));
          for (let i = 0; i < 4; i += 1) index.find(oidOf(i));
          index.prefixRange('ab');
        } catch (error) {
          expect(isHubError(error, 'CorruptObject'), String(error)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

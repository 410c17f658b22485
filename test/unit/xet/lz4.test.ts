import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHubError } from '../../../server/domain/errors.ts';
import { decodeLz4Frame } from '../../../server/xet/lz4.ts';
import { compress, sample } from './builders.ts';

const decode = (frame: Uint8Array, length: number): Uint8Array => {
  const target = new Uint8Array(length);
  decodeLz4Frame(frame, target);
  return target;
};

/** Either the frame decodes, or it is refused as `InvalidObject`; nothing else may happen. */
const outcome = (frame: Uint8Array, length: number): 'decoded' | 'refused' => {
  try {
    decode(frame, length);
    return 'decoded';
  } catch (error) {
    expect(isHubError(error, 'InvalidObject')).toBe(true);
    return 'refused';
  }
};

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const MAGIC = u32(0x184d2204);
const HEADER = Buffer.concat([MAGIC, Buffer.of(0x40, 0x40, 0)]);
const END = u32(0);
/** A frame around hand-made blocks: version 1, linked blocks of at most 64 KiB, no checksums. */
const frame = (...blocks: readonly Uint8Array[]): Buffer =>
  Buffer.concat([HEADER, ...blocks.flatMap((block) => [u32(block.length), block]), END]);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

describe('decodeLz4Frame', () => {
  it('gives back what another encoder compressed', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 5000 }),
        fc.integer({ min: 1, max: 20 }),
        (bytes, times) => {
          const raw = Buffer.concat(Array.from({ length: times }, () => bytes));
          expect(Buffer.compare(decode(compress(raw), raw.length), raw)).toBe(0);
        },
      ),
    );
  });

  it.each([1, 12, 13, 64, 65_535, 65_536, 131_072])(
    'gives back %i bytes that compress a little',
    (length) => {
      const raw = sample(length, length);
      expect(Buffer.compare(decode(compress(raw), length), raw)).toBe(0);
    },
  );

  it('follows matches that overlap what they produce, for every period', () => {
    for (let period = 1; period <= 70; period += 1) {
      const literals = Buffer.from(sample(period, period));
      const token = Buffer.concat([
        Buffer.of((Math.min(literals.length, 15) << 4) | 15),
        literals.length >= 15 ? Buffer.of(literals.length - 15) : Buffer.alloc(0),
      ]);
      const match = Buffer.of(period & 0xff, period >>> 8, 100);
      const last = Buffer.of(0x50, 1, 2, 3, 4, 5);
      const expected = Array.from({ length: period + 119 }, (_, index) => literals[index % period] ?? 0);
      const bytes = decode(frame(Buffer.concat([token, literals, match, last])), period + 124);
      expect([...bytes]).toEqual([...expected, 1, 2, 3, 4, 5]);
    }
  });

  it('reads raw blocks, several blocks, and matches into the block before', () => {
    const raw = Buffer.concat([
      HEADER,
      u32(0x80000004),
      Buffer.from('abcd'),
      u32(7),
      Buffer.of(0x00, 4, 0, 0x30),
      Buffer.from('xyz'),
      END,
    ]);
    expect(text(decode(raw, 11))).toBe('abcdabcdxyz');
  });

  it('refuses a match into the block before when blocks are independent', () => {
    const header = Buffer.concat([MAGIC, Buffer.of(0x60, 0x40, 0)]);
    const raw = Buffer.concat([
      header,
      u32(0x80000004),
      Buffer.from('abcd'),
      u32(7),
      Buffer.of(0x00, 4, 0, 0x30),
      Buffer.from('xyz'),
      END,
    ]);
    expect(() => decode(raw, 11)).toThrow('refers to bytes before its start');
  });

  it('skips checksums and takes a content size that is right', () => {
    const header = Buffer.concat([MAGIC, Buffer.of(0x5c, 0x40), u32(3), u32(0), Buffer.of(0)]);
    const body = [u32(0x80000003), Buffer.from('abc'), u32(0xdeadbeef), END, u32(0xdeadbeef)];
    expect(text(decode(Buffer.concat([header, ...body]), 3))).toBe('abc');
    const lying = Buffer.concat([MAGIC, Buffer.of(0x5c, 0x40), u32(4), u32(0), Buffer.of(0), ...body]);
    expect(() => decode(lying, 3)).toThrow('announces another size');
  });

  it.each<[string, Uint8Array, string]>([
    ['nothing', Buffer.alloc(0), 'is cut off'],
    ['another magic number', Buffer.concat([u32(0x184d2a50), HEADER.subarray(4), END]), 'magic'],
    ['another version', Buffer.concat([MAGIC, Buffer.of(0x80, 0x40, 0), END]), 'version'],
    ['a dictionary', Buffer.concat([MAGIC, Buffer.of(0x41, 0x40, 0), END]), 'dictionary'],
    ['an unknown block size', Buffer.concat([MAGIC, Buffer.of(0x40, 0x30, 0), END]), 'block size'],
    ['no end mark', HEADER, 'is cut off'],
    ['a block that is cut off', Buffer.concat([HEADER, u32(9), Buffer.of(0x10)]), 'is cut off'],
    [
      'a block above the limit',
      Buffer.concat([HEADER, u32(65_537), Buffer.alloc(70_000)]),
      'above its own limit',
    ],
    ['a block of nothing but a match', frame(Buffer.of(0x10, 65, 1, 0)), 'ends in a match'],
    ['a match before the start', frame(Buffer.of(0x10, 65, 2, 0, 0x10, 66)), 'before its start'],
    ['a match at distance zero', frame(Buffer.of(0x10, 65, 0, 0, 0x10, 66)), 'before its start'],
    ['half an offset', frame(Buffer.of(0x10, 65, 1)), 'cut off in an offset'],
    ['an endless literal length', frame(Buffer.alloc(60_000, 0xff)), 'cut off in a length'],
    [
      'an endless match length',
      frame(Buffer.concat([Buffer.of(0x1f, 65, 1, 0), Buffer.alloc(9, 0xff)])),
      'cut off',
    ],
    ['more literals than there are', frame(Buffer.of(0x50, 1, 2)), 'fewer bytes'],
    [
      'more bytes than wanted',
      frame(Buffer.concat([Buffer.of(0x1f, 65, 1, 0), Buffer.alloc(99, 0xff), Buffer.of(0, 0x10, 9)])),
      'inflates to more',
    ],
    [
      'more raw bytes than wanted',
      Buffer.concat([HEADER, u32(0x80000000 + 50), Buffer.alloc(50), END]),
      'inflates to more',
    ],
    ['fewer bytes than wanted', frame(Buffer.of(0x10, 65)), 'inflates to fewer'],
    [
      'something behind its end',
      Buffer.concat([frame(Buffer.concat([Buffer.of(0xf0, 25), Buffer.alloc(40)])), Buffer.of(0)]),
      'followed by',
    ],
    [
      'a content checksum that is cut off',
      Buffer.concat([MAGIC, Buffer.of(0x44, 0x40, 0), u32(0x80000028), Buffer.alloc(40), END]),
      'is cut off',
    ],
  ])('refuses %s', (_, bytes, problem) => {
    expect(() => decode(bytes, 40)).toThrow(problem);
    expect(outcome(bytes, 40)).toBe('refused');
  });

  it('refuses every truncation of a frame', () => {
    const raw = sample(7, 3000);
    const whole = compress(raw);
    for (let length = 0; length < whole.length; length += 1) {
      expect(outcome(whole.subarray(0, length), raw.length)).toBe('refused');
    }
  });

  it('survives any bytes, and writes nothing outside of its target', () => {
    const whole = compress(sample(3, 2000));
    const mutated = fc
      .array(fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) }), { minLength: 1, maxLength: 6 })
      .map((edits) => {
        const bytes = Uint8Array.from(whole);
        for (const { at, value } of edits) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(
        fc.oneof(
          mutated,
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.concat([HEADER, bytes])),
        ),
        (bytes) => {
          const memory = new Uint8Array(2200).fill(0xaa);
          try {
            decodeLz4Frame(bytes, memory.subarray(100, 2100));
          } catch (error) {
            expect(isHubError(error, 'InvalidObject')).toBe(true);
          }
          expect(memory.subarray(0, 100).every((byte) => byte === 0xaa)).toBe(true);
          expect(memory.subarray(2100).every((byte) => byte === 0xaa)).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

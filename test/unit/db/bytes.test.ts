import { expect, test } from 'vitest';
import { toXetHash, xetHashBytes } from '../../../server/db/bytes.ts';
import type { XetHash } from '../../../server/domain/ids.ts';

test('a Xet hash is stored as its raw bytes, each group of eight turned around', () => {
  const printed = '0706050403020100' + '0f0e0d0c0b0a0908' + '1716151413121110' + '1f1e1d1c1b1a1918';
  const raw = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
  expect(xetHashBytes(printed as XetHash)).toEqual(raw);
  expect(toXetHash(raw)).toBe(printed);
  expect(raw[0]).toBe(0);
});

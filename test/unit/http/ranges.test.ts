import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRange } from '../../../server/http/files.ts';
import { isHubError } from '../../../server/domain/errors.ts';
import { refusalOf } from '../domain/expect-refusal.ts';

test.each([
  ['bytes=0-0', { start: 0, end: 1 }],
  ['bytes=0-9', { start: 0, end: 10 }],
  ['bytes=0-', { start: 0, end: 10 }],
  ['bytes=9-', { start: 9, end: 10 }],
  ['bytes=2-100', { start: 2, end: 10 }],
  ['bytes=2-99999999999999999999', { start: 2, end: 10 }],
  ['bytes=-1', { start: 9, end: 10 }],
  ['bytes=-10', { start: 0, end: 10 }],
  ['bytes=-11', { start: 0, end: 10 }],
  [' bytes=3-4 ', { start: 3, end: 5 }],
])('%j of ten bytes', (text, range) => {
  expect(parseRange(text, 10)).toEqual(range);
});

test.each([
  'bytes=abc',
  'bytes=',
  'bytes=-',
  'bytes=5-2',
  'bytes=--5',
  'items=0-1',
  'bytes 0-1',
  '0-1',
  'bytes=0x1-2',
  'bytes=1.5-2',
])('%j is no range, and the whole file is meant', (text) => {
  expect(parseRange(text, 10)).toBeUndefined();
});

test.each(['bytes=0-1,4-5', `bytes=${Array.from({ length: 1000 }, () => '0-9').join(',')}`])(
  'of several ranges none is heeded',
  (text) => {
    expect(parseRange(text, 10)).toBeUndefined();
  },
);

test.each([
  ['bytes=10-', 10],
  ['bytes=10-20', 10],
  ['bytes=99999999999999999999-', 10],
  ['bytes=-0', 10],
  ['bytes=0-', 0],
  ['bytes=0-0', 0],
  ['bytes=-1', 0],
])('%j of %i bytes has none of them', (text, sizeBytes) => {
  expect(refusalOf(() => parseRange(text, sizeBytes))).toBe('BadRange');
  try {
    parseRange(text, sizeBytes);
  } catch (error) {
    expect(isHubError(error) && error.details).toEqual({ sizeBytes });
  }
});

test('a range is never empty and never leaves the file', () => {
  const number = fc.oneof(fc.constant(''), fc.nat(30).map(String));
  fc.assert(
    fc.property(number, number, fc.nat(20), (from, to, sizeBytes) => {
      let range: ReturnType<typeof parseRange>;
      try {
        range = parseRange(`bytes=${from}-${to}`, sizeBytes);
      } catch (error) {
        expect(isHubError(error, 'BadRange')).toBe(true);
        return;
      }
      if (!range) return;
      expect(range.start).toBeGreaterThanOrEqual(0);
      expect(range.start).toBeLessThan(range.end);
      expect(range.end).toBeLessThanOrEqual(sizeBytes);
      if (from !== '') expect(range.start).toBe(Number(from));
    }),
  );
});

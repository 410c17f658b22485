import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase64 } from '../../../server/domain/base64.ts';
import { refusalOf } from './expect-refusal.ts';

describe('base64', () => {
  test('of any bytes is read back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test.each([
    '*',
    'YQ',
    'YQ=',
    'YQ===',
    'Y Q=',
    ' YQ=',
    'YQ==\n',
    'YQ==YQ==',
    'YQ==YWJj',
    '=',
    '====',
    'A===',
    'YQ=a',
  ])('%j is refused', (text) => {
    expect(refusalOf(() => decodeBase64(text))).toBe('InvalidContent');
  });

  test('in the alphabet of URLs is refused', () => {
    for (const text of ['-_-_', '_w==', '+/-_'])
      expect(refusalOf(() => decodeBase64(text))).toBe('InvalidContent');
  });

  test('is taken exactly when encoding again gives the same text', () => {
    const unit = fc.constantFrom(
      'A',
      'Q',
      'g',
      'z',
      '0',
      '+',
      '/',
      '=',
      '-',
      ' ',
      '\u0141',
      '\u3042',
      '\ud83e',
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
        const isCanonical = Buffer.from(text, 'base64').toString('base64') === text;
        if (isCanonical) expect(decodeBase64(text).toString('base64')).toBe(text);
        else expect(refusalOf(() => decodeBase64(text))).toBe('InvalidContent');
      }),
      { numRuns: 3000 },
    );
  });
});

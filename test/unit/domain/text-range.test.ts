import { expect, test } from 'vitest';
import { afterPrefix } from '../../../server/domain/text-range.ts';

test('the end of a prefix is the next text by code points', () => {
  expect(afterPrefix('refs/heads/')).toBe('refs/heads0');
  expect(afterPrefix('a\u{ff}')).toBe('a\u{100}');
  expect(afterPrefix('a😀')).toBe('a😁');
});

test('the end of a prefix is never half a character', () => {
  expect(afterPrefix('\u{d7ff}')).toBe('\u{e000}');
  expect(afterPrefix('a\u{10ffff}')).toBe('b');
});

test('nothing comes after every text', () => {
  expect(afterPrefix('')).toBeUndefined();
  expect(afterPrefix('\u{10ffff}\u{10ffff}')).toBeUndefined();
});

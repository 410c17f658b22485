import { describe, expect, test } from 'vitest';
import {
  endsOfHash,
  formatAge,
  formatBytes,
  formatCount,
  formatTimeLeft,
} from '../../../renderer/formats.ts';

describe('sizes', () => {
  test.each([
    [0, '0 B'],
    [912, '912 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [14_249, '14.2 kB'],
    [99_949, '99.9 kB'],
    [99_951, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [291_000_000_000, '291 GB'],
    [1_640_000_000_000, '1.64 TB'],
    [9_996_000_000_000, '10.0 TB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes).replaceAll('\u00a0', ' ')).toBe(text);
  });

  test('counts have narrow spaces between thousands', () => {
    expect(formatCount(1_284_000)).toBe('1\u202f284\u202f000');
    expect(formatCount(999)).toBe('999');
  });
});

describe('times', () => {
  const now = new Date(2026, 10, 25, 14, 2);
  const before = (minutes: number): string =>
    formatAge(new Date(now.getTime() - minutes * 60_000), now).replaceAll('\u00a0', ' ');

  test('an age is as short as a column wants it', () => {
    expect(before(0.5)).toBe('now');
    expect(before(8)).toBe('8 min');
    expect(before(5 * 60)).toBe('5 h');
    expect(before(15 * 60)).toBe('yesterday');
    expect(before(3 * 24 * 60)).toBe('3 d');
    expect(before(70 * 24 * 60)).toBe('2 mo');
    expect(before(800 * 24 * 60)).toBe('2 y');
  });

  test('a clock that runs ahead is no negative age', () => {
    expect(before(-30)).toBe('now');
  });

  test('time left is rounded as people say it', () => {
    expect(formatTimeLeft(3)).toBe('about 5 s left');
    expect(formatTimeLeft(170)).toBe('about 3 min left');
    expect(formatTimeLeft(7000)).toBe('about 2 h left');
  });
});

test('a hash shows both of its ends', () => {
  expect(endsOfHash('9ac4aaaa10fe')).toBe('9ac4…10fe');
});

import { expect, test } from 'vitest';
import { plainJson } from '../../../server/domain/plain-json.ts';

const BOUNDS = { maxDepth: 4, maxCharacters: 1_000 };
const plain = (value: unknown) => plainJson(value, BOUNDS);

test('a copy is what JSON can say', () => {
  expect(plain({ a: [1, 'x', true, null, undefined, NaN, Infinity, 5n], b: new Date(0) })).toEqual({
    a: [1, 'x', true, null, null, null, null, 5],
    b: '1970-01-01T00:00:00.000Z',
  });
  expect(plain(new Map<unknown, unknown>([[1, new Set(['x'])]]))).toEqual({ 1: ['x'] });
  expect(plain(new Date(NaN))).toBeNull();
});

test('no member is named __proto__', () => {
  const copy = plain(JSON.parse('{"__proto__":{"polluted":true},"a":1}')) as object;
  expect(Object.keys(copy)).toEqual(['a']);
  expect('polluted' in copy).toBe(false);
});

test('what is deep, long or without end is noticed before it is copied', () => {
  expect(plain([[[[[]]]]])).toBeUndefined();
  expect(plain('x'.repeat(2_000))).toBeUndefined();
  const endless: unknown[] = [];
  endless.push(endless);
  expect(plain(endless)).toBeUndefined();
  const shared = 'y'.repeat(100);
  expect(plain(Array.from({ length: 100 }, () => shared))).toBeUndefined();
});

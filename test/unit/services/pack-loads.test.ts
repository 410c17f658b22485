import { expect, test } from 'vitest';
import { createPackLoads } from '../../../server/services/pack-loads.ts';

const REFUSED = expect.objectContaining({ code: 'TooManyRequests' }) as Error;

test('the largest pack gives way, whoever brings the object that is too much', () => {
  const loads = createPackLoads(100);
  const gone: string[] = [];
  const [small, large, late] = ['small', 'large', 'late'].map((name) =>
    loads.open(() => gone.push(name)),
  ) as [ReturnType<typeof loads.open>, ReturnType<typeof loads.open>, ReturnType<typeof loads.open>];
  small.grow(10);
  large.grow(60);
  late.grow(30);
  expect(gone).toEqual([]);
  late.grow(31);
  expect(gone).toEqual(['large']);
  expect(() => large.check()).toThrow(REFUSED);
  expect(() => large.grow(1)).toThrow(REFUSED);
  small.check();
  late.grow(90);
  expect(() => late.grow(91)).toThrow(REFUSED);
  expect(gone).toEqual(['large', 'late']);
  small.grow(100);
});

test('room comes back with the end of a pack, and one alone may fill it', () => {
  const loads = createPackLoads(100);
  {
    using first = loads.open(() => expect.unreachable());
    first.grow(99);
  }
  using second = loads.open(() => expect.unreachable());
  second.grow(150);
  second.check();
});

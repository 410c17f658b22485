import { expect, test } from 'vitest';
import { createObjectCache, type ObjectCache } from '../../../server/git/object-cache.ts';

const SCOPE = 'repo';
const tree = (content: Buffer) => ({ type: 'tree', content }) as const;
/** With what is counted beside them, a hundred of these make 151 KB. */
const fill = (cache: ObjectCache, from: number, count: number): void => {
  for (let i = from; i < from + count; i++)
    cache.keepObject(SCOPE, `${i}`, tree(Buffer.alloc(1000, `${i} `)));
};
const has = (cache: ObjectCache, i: number): boolean =>
  cache.object(SCOPE, `${i}`)?.content.equals(Buffer.alloc(1000, `${i} `)) ?? false;

test('an object that is kept holds nothing of the memory that it came in', () => {
  const cache = createObjectCache({ maxBytes: 1024 * 1024 });
  const shared = Buffer.alloc(64 * 1024, 'x');
  cache.keepObject(SCOPE, 'small', tree(shared.subarray(100, 200)));
  cache.keepObject(SCOPE, 'large', tree(shared.subarray(0, 40_000)));
  shared.fill('y');
  expect(cache.object(SCOPE, 'small')).toEqual(tree(Buffer.alloc(100, 'x')));
  const large = cache.object(SCOPE, 'large');
  expect(large).toEqual(tree(Buffer.alloc(40_000, 'x')));
  expect(large?.content.buffer.byteLength).toBe(40_000);
  // What has memory of its own already is not copied.
  const own = Buffer.allocUnsafeSlow(50_000);
  cache.keepObject(SCOPE, 'own', tree(own));
  expect(cache.object(SCOPE, 'own')?.content).toBe(own);
});

test('the bound holds, and what was not used for longest goes first', () => {
  const maxBytes = 1024 * 1024;
  const cache = createObjectCache({ maxBytes });
  fill(cache, 0, 500);
  for (let round = 1; round <= 40; round++) {
    for (let i = 0; i < 20; i++) expect(has(cache, i)).toBe(true);
    fill(cache, round * 500, 100);
    expect(cache.sizeBytes).toBeLessThanOrEqual(maxBytes);
  }
  expect(has(cache, 100)).toBe(false);
  expect(has(cache, 20_099)).toBe(true);
});

test('a small cache keeps what is in use, and nothing goes for what is too large to be kept', () => {
  const cache = createObjectCache({ maxBytes: 10_000 });
  const object = tree(Buffer.alloc(1000));
  for (let i = 0; i < 20; i += 1) {
    cache.keepObject(SCOPE, `oid${i}`, object);
    expect(cache.object(SCOPE, 'oid0')).toEqual(object);
    expect(cache.sizeBytes).toBeLessThanOrEqual(10_000);
  }
  expect(cache.object(SCOPE, 'oid1')).toBeUndefined();
  expect(cache.object(SCOPE, 'oid19')).toEqual(object);
  cache.keepObject(SCOPE, 'huge', tree(Buffer.alloc(9000)));
  expect(cache.object(SCOPE, 'huge')).toBeUndefined();
  expect(cache.object(SCOPE, 'oid19')).toEqual(object);
});

test('what is large is kept, used again and pushed out within the bound too', async () => {
  const maxBytes = 1024 * 1024;
  const cache = createObjectCache({ maxBytes });
  let loads = 0;
  const block = (number: number): Promise<Buffer> =>
    cache.block(SCOPE, 'pack', number, () => {
      loads += 1;
      return Promise.resolve(Buffer.alloc(100_000, `${number}`));
    });
  for (let number = 1; number <= 30; number++) {
    expect((await block(0)).equals(Buffer.alloc(100_000, '0'))).toBe(true);
    await block(number);
    expect(cache.sizeBytes).toBeLessThanOrEqual(maxBytes);
  }
  // The one that was in use all the time was loaded once.
  expect(loads).toBe(31);
  // More than half of the bound is not kept.
  cache.keepObject(SCOPE, 'huge', tree(Buffer.alloc(600_000)));
  expect(cache.object(SCOPE, 'huge')).toBeUndefined();
});

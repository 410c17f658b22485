import { expect, test } from 'vitest';
import { createObjectCache } from '../../../server/git/object-cache.ts';

test('an object that is kept holds no more memory than is counted for it', () => {
  const cache = createObjectCache({ maxBytes: 1024 * 1024 });
  const shared = Buffer.alloc(64 * 1024, 'x');
  cache.keepObject('repo', 'small', { type: 'tree', content: shared.subarray(100, 200) });
  const kept = cache.object('repo', 'small');
  expect(kept).toEqual({ type: 'tree', content: Buffer.alloc(100, 'x') });
  expect(kept?.content.buffer.byteLength).toBe(100);
  // What has memory of its own already is not copied.
  const own = Buffer.allocUnsafeSlow(50_000);
  cache.keepObject('repo', 'own', { type: 'tree', content: own });
  expect(cache.object('repo', 'own')?.content).toBe(own);
});

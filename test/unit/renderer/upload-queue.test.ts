import { describe, expect, test } from 'vitest';
import { makeLimiter } from '../../../renderer/upload/limiter.ts';
import { treeRows } from '../../../renderer/upload/queue-tree.ts';
import { countUp, makeUploadFile, type UploadFile } from '../../../renderer/upload/queue.ts';

const aFile = (path: string, size: number, facts: Partial<UploadFile> = {}): UploadFile =>
  Object.assign(makeUploadFile({ path, file: new File([new Uint8Array(size)], 'name') }), facts);

describe('the tree of the queue', () => {
  const files = [aFile('b/two.txt', 2), aFile('a.txt', 1), aFile('b/c/three.txt', 3, { state: 'sent' })];
  const shape = (isOpen: (folder: string) => boolean) =>
    treeRows(files, isOpen).map(({ name, depth, bytes, settled, count }) => [
      name,
      depth,
      bytes,
      settled,
      count,
    ]);

  test('keeps folders, before files, with what is under them', () => {
    expect(shape(() => true)).toEqual([
      ['b/', 0, 5, 1, 2],
      ['c/', 1, 3, 1, 1],
      ['three.txt', 2, 3, 1, 1],
      ['two.txt', 1, 2, 0, 1],
      ['a.txt', 0, 1, 0, 1],
    ]);
  });

  test('has no rows for what lies in a closed folder', () => {
    expect(shape(() => false).map(([name]) => name)).toEqual(['b/', 'a.txt']);
  });
});

test('counting never says more than is known', () => {
  const totals = countUp([
    aFile('sending', 100, { mode: 'lfs', state: 'sending', done: 40 }),
    aFile('sent', 50, { mode: 'lfs', state: 'sent' }),
    aFile('held', 30, { mode: 'lfs', state: 'sent', alreadyHeld: true }),
    aFile('same', 20, { mode: 'lfs', state: 'same', replaces: true }),
    aFile('small', 10, { mode: 'regular', state: 'sent', replaces: true }),
    aFile('waiting', 5),
    aFile('failed', 4, { state: 'failed', failedAt: 'reading' }),
  ]);
  expect(totals).toMatchObject({
    files: 7,
    bytes: 219,
    read: 5,
    toSend: 150,
    toSendFiles: 2,
    sentBytes: 90,
    proved: 1,
    same: 2,
    sameBytes: 50,
    replaced: 1,
    failed: 1,
  });
});

test('a limiter lets no more in than it has places, and hands each place on', async () => {
  const limit = makeLimiter(2);
  let inside = 0;
  let most = 0;
  const done = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      limit(async () => {
        inside += 1;
        most = Math.max(most, inside);
        await new Promise((resolve) => setTimeout(resolve, index % 3));
        inside -= 1;
        if (index === 4) throw new Error('one fails');
        return index;
      }).catch(() => -1),
    ),
  );
  expect(most).toBe(2);
  expect(done).toEqual(Array.from({ length: 20 }, (_, index) => (index === 4 ? -1 : index)));
});

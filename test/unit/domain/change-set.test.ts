import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  foldOperations,
  parseDeletedFolder,
  type ChangeOperation,
} from '../../../server/domain/change-set.ts';
import type { Oid } from '../../../server/domain/ids.ts';
import { processorMs } from '../../support/turns.ts';
import { refusalOf } from './expect-refusal.ts';

const oid = (digit: number): Oid => String(digit).repeat(40) as Oid;
const file = (path: string, digit = 1): ChangeOperation => ({
  kind: 'file',
  path,
  oid: oid(digit),
  sizeBytes: 1,
});

test('the last addition of a path counts, and every deletion', () => {
  const changes = foldOperations([
    file('a', 1),
    { kind: 'delete-file', path: 'a' },
    file('a', 2),
    { kind: 'delete-folder', path: 'd' },
    file('d/x', 3),
    { kind: 'copy', path: 'd/x', from: 'a', fromRevision: undefined },
    { kind: 'delete-file', path: 'a' },
  ]);
  expect(changes.deletions).toEqual([
    { path: 'a', kind: 'either' },
    { path: 'd', kind: 'folder' },
  ]);
  expect([...changes.additions.values()]).toEqual([
    file('a', 2),
    { kind: 'copy', path: 'd/x', from: 'a', fromRevision: undefined },
  ]);
});

test.each([[['a', 'a/b']], [['a/b', 'a']], [['a/b/c/d', 'a/b']], [['x/y', 'a', 'x/z', 'x']]])(
  '%j cannot be files side by side',
  (paths) => {
    expect(refusalOf(() => foldOperations(paths.map((path) => file(path))))).toBe('PathCollision');
  },
);

test.each([[['a', 'ab', 'a-b/c', 'ab.c']], [['a/b', 'a/c', 'a/d/e']], [['a', 'b/a', 'b/c/a']]])(
  '%j can be files side by side',
  (paths) => {
    expect([...foldOperations(paths.map((path) => file(path))).additions.keys()]).toEqual(paths);
  },
);

test('collisions are found in whatever order the files come', () => {
  const path = fc
    .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('/'));
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 8 }), (paths) => {
      const collides = paths.some((one) => paths.some((other) => other.startsWith(`${one}/`)));
      const fold = () => foldOperations(paths.map((one) => file(one)));
      if (collides) expect(refusalOf(fold)).toBe('PathCollision');
      else expect(fold().additions.size).toBe(paths.length);
    }),
  );
});

test('many files in deep folders are folded quickly', async () => {
  const deep = Array.from({ length: 100 }, (_, index) => `d${index}`).join('/');
  const operations = Array.from({ length: 20_000 }, (_, index) => file(`${deep}/${index}`));
  const spent = await processorMs(() => expect(foldOperations(operations).additions.size).toBe(20_000));
  expect(spent).toBeLessThan(1000);
});

test('a deleted folder may have a slash at its end, but is never the root', () => {
  expect(parseDeletedFolder('a/b/')).toBe('a/b');
  expect(parseDeletedFolder('a/b')).toBe('a/b');
  for (const path of ['', '/', '.', './', '..', 'a//', '../a/']) {
    expect(
      refusalOf(() => parseDeletedFolder(path)),
      path,
    ).toBe('InvalidPath');
  }
  for (const path of [undefined, null, 1])
    expect(refusalOf(() => parseDeletedFolder(path))).toBe('InvalidBody');
});

import { expect, test } from 'vitest';
import { compileGlob } from '../../../server/domain/glob.ts';
import { processorMs } from '../../support/turns.ts';

const matching = (pattern: string, paths: readonly string[]): readonly string[] =>
  paths.filter(compileGlob(pattern));

test.each([
  ['a', ['a', 'b', 'a/a'], ['a']],
  ['*', ['', 'a', 'a/b'], ['', 'a']],
  ['a*c', ['ac', 'abc', 'a/c', 'abcd'], ['ac', 'abc']],
  ['*.bin', ['.bin', 'a.bin', 'd/a.bin'], ['.bin', 'a.bin']],
  ['?', ['a', '', 'ab', 'é', '/'], ['a']],
  ['??', ['é', 'ab'], ['é', 'ab']],
  ['a/**', ['a', 'a/b', 'a/b/c'], ['a/b', 'a/b/c']],
  ['**/a', ['a', 'b/a', 'b/c/a', 'ba'], ['a', 'b/a', 'b/c/a']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b', 'a/xb'], ['a/b', 'a/x/b', 'a/x/y/b']],
  ['a**b', ['ab', 'axb', 'a/b'], ['ab', 'axb']],
  ['[a-c]x', ['ax', 'bx', 'dx', '-x'], ['ax', 'bx']],
  ['[!a]x', ['ax', 'bx', '/x'], ['bx']],
  ['[]x]', [']', 'x', 'y'], [']', 'x']],
  ['[[:digit:]a]', ['1', 'a', 'b', ':'], ['1', 'a']],
  ['[a/b]', ['a', '/', 'b', '[a/b]'], ['a', 'b']],
  ['[a', ['[a', 'a'], []],
  ['\\*', ['*', 'a'], ['*']],
  ['a\\', ['a', 'a\\'], []],
])('%s', (pattern, paths, expected) => {
  expect(matching(pattern, paths)).toEqual(expected);
});

test('patterns that would take exponential time elsewhere take time in proportion to pattern and path', async () => {
  const hostile = [
    ['*a'.repeat(200) + 'b', 'a'.repeat(4000)],
    [`${'**/'.repeat(60)}b`, 'a/'.repeat(250) + 'a'],
    [`${'**/*a/'.repeat(40)}b`, 'aa/'.repeat(250) + 'a'],
    [`${'[a-z]*'.repeat(60)}!`, 'q'.repeat(4000)],
    [`${'a*/'.repeat(80)}**/b`, 'ab/'.repeat(250)],
  ] as const;
  const spent = await processorMs(() => {
    for (const [pattern, path] of hostile) expect(compileGlob(pattern)(path)).toBe(false);
  });
  expect(spent).toBeLessThan(1000);
});

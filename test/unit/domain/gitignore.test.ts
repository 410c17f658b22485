import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { parseIgnoreRules } from '../../../server/domain/gitignore.ts';
import { hasNativeGit } from '../git/native-git.ts';
import { openNativeRules, somePath, somePattern, type NativeRules } from './native-rules.ts';

const ignoredAmong = (text: string, paths: readonly string[]): readonly string[] => {
  const isIgnored = parseIgnoreRules(text);
  return paths.filter((path) => isIgnored(path));
};

test.each([
  ['nothing', '', ['a', 'b/c'], []],
  ['a comment', '# a\n', ['a', '# a'], []],
  ['a name anywhere', 'a', ['a', 'b/a', 'a/b', 'ab'], ['a', 'b/a', 'a/b']],
  ['an anchored name', '/a', ['a', 'b/a'], ['a']],
  ['a folder', 'a/', ['a', 'a/b', 'c/a/b'], ['a/b', 'c/a/b']],
  ['a suffix', '*.log', ['x.log', 'd/x.log', 'x.logs'], ['x.log', 'd/x.log']],
  ['an exception', '*.log\n!keep.log', ['x.log', 'keep.log'], ['x.log']],
  ['an exception below an ignored folder', 'd/\n!d/keep', ['d/keep'], ['d/keep']],
  ['any folders', 'a/**/z', ['a/z', 'a/b/z', 'a/b/c/z', 'z'], ['a/z', 'a/b/z', 'a/b/c/z']],
  ['everything in a folder', 'a/**', ['a', 'a/b', 'a/b/c'], ['a/b', 'a/b/c']],
  ['line ends of Windows', 'a\r\nb\r\n', ['a', 'b', 'c'], ['a', 'b']],
  ['a byte order mark', '\ufeffa', ['a'], ['a']],
  ['spaces at the end', 'a  \nb\\ ', ['a', 'b', 'b '], ['a', 'b ']],
])('reads %s', (_, text, paths, ignored) => {
  expect(ignoredAmong(text, paths)).toEqual(ignored);
});

describe.runIf(hasNativeGit)('compared with git check-ignore', () => {
  let opened: NativeRules | undefined;
  const native = () => (opened ??= openNativeRules());
  afterAll(() => opened?.[Symbol.dispose]());

  test('leaves out the same paths', () => {
    const texts = fc.array(somePattern, { minLength: 1, maxLength: 5 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(texts, fc.uniqueArray(somePath, { minLength: 40, maxLength: 60 }), (text, paths) => {
        expect(new Set(ignoredAmong(text, paths))).toEqual(native().ignoredAmong(text, paths));
      }),
      { numRuns: 150 },
    );
  });
});

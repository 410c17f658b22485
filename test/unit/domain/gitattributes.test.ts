import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { defaultGitattributes, lfsRuleFor, parseLfsRules } from '../../../server/domain/gitattributes.ts';
import { hasNativeGit } from '../git/native-git.ts';
import { openNativeRules, somePath, somePattern, type NativeRules } from './native-rules.ts';

const largeAmong = (text: string, paths: readonly string[]): readonly string[] => {
  const rules = parseLfsRules(text);
  return paths.filter((path) => rules.isLfs(path));
};

const LFS = 'filter=lfs diff=lfs merge=lfs -text';

test.each([
  ['a suffix', `*.bin ${LFS}`, ['a.bin', 'd/a.bin', 'a.bin.txt'], ['a.bin', 'd/a.bin']],
  ['a path with folders', `d/*.bin ${LFS}`, ['a.bin', 'd/a.bin', 'c/d/a.bin'], ['d/a.bin']],
  ['the last match', `*.bin ${LFS}\nsmall.bin -filter`, ['a.bin', 'small.bin'], ['a.bin']],
  ['another filter', `*.bin filter=other`, ['a.bin'], []],
  [
    'the last word of a line',
    `*.bin filter=lfs !filter\n*.pt !filter filter=lfs`,
    ['a.bin', 'a.pt'],
    ['a.pt'],
  ],
  ['a quoted pattern', `"a b.bin" ${LFS}`, ['a b.bin', 'a'], ['a b.bin']],
  ['octal escapes', `"caf\\303\\251" ${LFS}`, ['café'], ['café']],
  ['a macro', `[attr]big ${LFS}\n*.bin big\n*.pt -big`, ['a.bin', 'a.pt'], ['a.bin']],
  ['a line with a bad word', `*.bin filter=lfs +x`, ['a.bin'], []],
  ['comments and blank lines', `\n# *.bin ${LFS}\n   \n`, ['a.bin'], []],
  ['line ends of Windows', `*.bin ${LFS}\r\n*.pt ${LFS}\r\n`, ['a.bin', 'a.pt'], ['a.bin', 'a.pt']],
  ['a byte order mark', `\ufeff*.bin ${LFS}`, ['a.bin'], ['a.bin']],
  ['a line that is too long', `*.bin ${LFS} ${'x'.repeat(2048)}`, ['a.bin'], []],
  [
    'folders in between',
    `saved_model/**/* ${LFS}`,
    ['saved_model/a', 'saved_model/a/b', 'x/saved_model/a'],
    ['saved_model/a', 'saved_model/a/b'],
  ],
])('reads %s', (_, text, paths, large) => {
  expect(largeAmong(text, paths)).toEqual(large);
});

test('new repositories keep the formats of their kind in git-lfs', () => {
  const model = parseLfsRules(defaultGitattributes('model'));
  const dataset = parseLfsRules(defaultGitattributes('dataset'));
  for (const path of [
    'model.safetensors',
    'a/b.parquet',
    'x.tar.gz',
    'events.out.tfevents.1',
    'saved_model/x/y',
  ]) {
    expect([path, model.isLfs(path), dataset.isLfs(path)]).toEqual([path, true, true]);
  }
  for (const path of ['a.png', 'a.wav', 'a.lz4', 'a.mp4']) {
    expect([path, model.isLfs(path), dataset.isLfs(path)]).toEqual([path, false, true]);
  }
  for (const path of ['README.md', 'config.json', 'tokenizer.txt']) {
    expect([path, model.isLfs(path), dataset.isLfs(path)]).toEqual([path, false, false]);
  }
  expect(defaultGitattributes('space')).toBe(defaultGitattributes('model'));
  expect(defaultGitattributes('kernel')).toBe(defaultGitattributes('model'));
});

test('a line made for a path names that path and no other', () => {
  const awkward = [
    '*.bin',
    '[a]',
    '!x/y',
    '#x',
    '#x/y',
    '"q"',
    'a b',
    'a\\b',
    '[attr]x',
    '[attr]x/y',
    '?',
    'é/日本',
  ];
  for (const path of awkward)
    expect(largeAmong(lfsRuleFor(path), [...awkward, `d/${path}`]), path).toEqual([path]);
});

describe.runIf(hasNativeGit)('compared with git check-attr', () => {
  let opened: NativeRules | undefined;
  const native = () => (opened ??= openNativeRules());
  afterAll(() => opened?.[Symbol.dispose]());

  const words = fc.oneof(
    { weight: 4, arbitrary: fc.constant(LFS) },
    fc.constantFrom(
      '-filter',
      '!filter',
      'filter',
      'filter=x',
      'filter=lfs -filter',
      'big',
      '-big',
      '!big',
      'text',
      '',
    ),
  );
  const line = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(somePattern, words).map(([pattern, given]) => `${pattern} ${given}`) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(somePattern, words)
        .map(([pattern, given]) => `${JSON.stringify(pattern)} ${given}`),
    },
    fc.constantFrom('[attr]big filter=lfs', '[attr]big -filter', '[attr]big other', '* bad+word filter=lfs'),
  );

  test('keeps the same paths in git-lfs', () => {
    const texts = fc.array(line, { minLength: 1, maxLength: 6 }).map((lines) => lines.join('\n'));
    fc.assert(
      fc.property(texts, fc.uniqueArray(somePath, { minLength: 40, maxLength: 60 }), (text, paths) => {
        expect(new Set(largeAmong(text, paths))).toEqual(native().largeAmong(text, paths));
      }),
      { numRuns: 150 },
    );
  });

  test('a line made for any path names it, and no other', () => {
    fc.assert(
      fc.property(fc.uniqueArray(somePath, { minLength: 20, maxLength: 40 }), (paths) => {
        const [chosen = ''] = paths;
        expect(native().largeAmong(lfsRuleFor(chosen), paths)).toEqual(new Set([chosen]));
      }),
      { numRuns: 60 },
    );
  });
});

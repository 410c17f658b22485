import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isReadableRef,
  isServedRef,
  parseNewGitRef,
  parseNewRefName,
  refNamesOf,
} from '../../../server/domain/revision.ts';
import { hasNativeGit } from '../git/native-git.ts';
import { refusalOf } from './expect-refusal.ts';

test.each([
  'main',
  'a/b',
  'v1.0',
  'café',
  '日本',
  'feature/x-1_y',
  'abcdef',
  'a@b',
  '@a',
  'a{b',
  'refs',
  'a.lockx',
  'fetch',
])('%s can name a branch', (name) => {
  expect(parseNewRefName(name)).toBe(name);
});

test.each([
  [
    'what git refuses',
    [
      'a..b',
      'a.lock',
      'a.lock/b',
      'a b',
      'a~1',
      'a^',
      'a:b',
      'a?',
      'a*',
      'a[',
      'a\\b',
      '/a',
      'a/',
      'a//b',
      '.a',
      'a/.b',
      'a.',
      'a@{b',
      '',
    ],
  ],
  ['control characters', ['a\u007f', 'a\n', 'a\r', 'a\t', 'a\0', 'a\u001b', 'a\u0085']],
  ['what reads as an option', ['-x', '--upload-pack=x', '--exec=x']],
  ['what reads as a commit id', ['0'.repeat(40), 'a'.repeat(64), 'deadbee', 'DEADBEEF', 'f'.repeat(39)]],
  ['what is too long', ['x'.repeat(256), `${'abcdefg/'.repeat(128)}x`]],
  ['half a character', ['\ud800']],
])('%s names no branch', (_, names) => {
  for (const name of names)
    expect(
      refusalOf(() => parseNewRefName(name)),
      name,
    ).toBe('InvalidRevision');
});

test('names with a meaning of their own are kept back', () => {
  for (const name of ['HEAD', 'head', '@', 'FETCH_HEAD', 'refs/heads/x', 'Refs/x', 'None']) {
    expect(
      refusalOf(() => parseNewRefName(name)),
      name,
    ).toBe('ReservedName');
  }
  for (const name of [1, null, undefined, {}])
    expect(refusalOf(() => parseNewRefName(name))).toBe('InvalidBody');
});

test('a revision may be a branch before it is a tag, and a full ref only where refs can be read', () => {
  expect(refNamesOf('v1')).toEqual(['refs/heads/v1', 'refs/tags/v1']);
  expect(refNamesOf('refs/pr/12')).toEqual(['refs/pr/12']);
  for (const name of [
    'refs/internal/x',
    'refs/pr/0',
    'refs/pr/x',
    'refs/pr/1/head',
    'refs/heads/',
    'refs/x',
  ]) {
    expect(refNamesOf(name), name).toEqual([]);
  }
  expect(isReadableRef('refs/convert/parquet')).toBe(true);
});

test('refs for git alone stand in a space of their own, and are shown by git alone', () => {
  for (const name of ['refs/notes/commits', 'refs/remotes/origin/HEAD', `refs/replace/${'a'.repeat(40)}`]) {
    expect(parseNewGitRef(name)).toBe(name);
    expect([isServedRef(name), isReadableRef(name)]).toEqual([true, false]);
  }
  for (const name of ['refs/heads/x', 'refs/Tags/x', 'refs/PR/1', 'refs/internal/x', 'refs/convert/x'])
    expect(
      refusalOf(() => parseNewGitRef(name)),
      name,
    ).toBe('ReservedName');
  for (const name of [
    ...['refs/x', 'refs/', 'refs/x/', 'refs//x', 'x/y', 'HEAD', 'refs/-x/y', 'refs/x/-y', 'refs/x/.y'],
    ...[
      'refs/.x/y',
      'refs/x/y.lock',
      'refs/x/a..b',
      'refs/x/a b',
      'refs/x/a\nb',
      `refs/x/${'y'.repeat(256)}`,
    ],
  ])
    expect(
      refusalOf(() => parseNewGitRef(name)),
      name,
    ).toBe('InvalidRevision');
  expect(isServedRef('refs/internal/x')).toBe(false);
});

describe.runIf(hasNativeGit)('compared with git check-ref-format', () => {
  test('whatever is taken, git takes', () => {
    const unit = fc.constantFrom(
      'a',
      'b',
      '.',
      '/',
      '-',
      '@',
      '{',
      '~',
      ' ',
      'é',
      'lock',
      '.lock',
      '\\',
      '*',
      '0',
    );
    fc.assert(
      fc.property(fc.string({ unit, minLength: 1, maxLength: 8 }), (text) => {
        let name: string;
        try {
          name = parseNewRefName(text);
        } catch {
          return;
        }
        expect(spawnSync('git', ['check-ref-format', '--branch', name]).status, name).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

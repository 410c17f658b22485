import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  couldBeName,
  foldName,
  parseNamespaceName,
  parsePath,
  parseRepoName,
  parseWritablePath,
  RESERVED_NAMESPACES,
  shown,
} from '../../../server/domain/names.ts';
import { refusalOf } from './expect-refusal.ts';

const NUL = '\0';

describe('names of users, organizations and repositories', () => {
  test.each([
    'a',
    'A',
    '0',
    '_',
    '_a_',
    'alice',
    'bert-base-uncased',
    'a.b',
    'a_b-c.d',
    'Meta-Llama-3.1-8B',
    'x'.repeat(96),
    'gitlab',
    'a.gitx',
    'console',
    'com10',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ])('%s is taken', (name) => {
    expect(parseNamespaceName(name)).toBe(name);
    expect(parseRepoName(name)).toBe(name);
    expect(couldBeName(name)).toBe(true);
  });

  test.each([
    ['nothing', ['', ' ']],
    ['dots alone', ['.', '..', '...']],
    ['paths', ['../x', '..%2fx', 'x/../../y', 'a/b', 'a/b/c', '/a', 'a/']],
    ['a sign at an end', ['-a', 'a-', '.a', 'a.']],
    ['doubled signs', ['a--b', 'a..b']],
    ['too many characters', ['x'.repeat(97), 'x'.repeat(10_000_000)]],
    ['the ending of git', ['a.git', 'a.GIT', 'a.git.git']],
    ['letters that look like others', ['а', 'ａ', '\u212a', 'ı', 'é']],
    ['characters nobody sees', ['a\u200db', 'a\u202eb', 'a\u00adb', 'a\ufeff']],
    ['blanks and control characters', ['a b', 'a\tb', 'a\rb', 'a\nb', `a${NUL}b`, 'a\u007fb', 'a\n']],
    ['punctuation', ['a\\b', 'a:b', 'a?b', 'a#b', 'a%2fb', 'a@b', 'a$b', 'a+b', '~a', 'a,b']],
    ['pictures', ['🦀', 'a🦀']],
  ])('%s is refused', (_, names) => {
    for (const name of names) {
      expect(
        refusalOf(() => parseNamespaceName(name)),
        name,
      ).toBe('InvalidName');
      expect(
        refusalOf(() => parseRepoName(name)),
        name,
      ).toBe('InvalidName');
    }
  });

  test('what Windows gives to devices is refused, with any ending', () => {
    for (const name of ['con', 'CON', 'aux', 'prn', 'nul.txt', 'com1', 'Lpt9.tar.gz']) {
      expect(
        refusalOf(() => parseRepoName(name)),
        name,
      ).toBe('ReservedName');
      expect(
        refusalOf(() => parseNamespaceName(name)),
        name,
      ).toBe('ReservedName');
    }
  });

  test('what is not text is refused', () => {
    for (const name of [1, null, undefined, ['a'], { $ne: 1 }, true]) {
      expect(refusalOf(() => parseRepoName(name))).toBe('InvalidBody');
    }
  });

  test('first parts of addresses name no user and no organization, but may name a repository', () => {
    const reserved =
      `api admin resolve settings login models datasets spaces kernels new oauth org organizations papers posts assets
       collections connect docs healthz join logout metrics readyz setup signup tasks tokens uploads v1 v2 welcome xet
       buckets`.split(/\s+/);
    for (const name of [...reserved, 'API', 'Settings']) {
      expect(
        refusalOf(() => parseNamespaceName(name)),
        name,
      ).toBe('ReservedName');
      expect(parseRepoName(name)).toBe(name);
    }
    expect([...RESERVED_NAMESPACES].filter((name) => name !== foldName(name))).toEqual([]);
  });

  test('only ASCII letters are folded', () => {
    expect(foldName('ABCxyz-É\u212aİ')).toBe('abcxyz-É\u212aİ');
  });

  test('whatever is taken is one part of a path, of a URL and of a file name everywhere', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (text) => {
        let name: string;
        try {
          name = parseNamespaceName(text);
        } catch {
          return;
        }
        expect(encodeURIComponent(name)).toBe(name);
        expect(parseWritablePath(name)).toBe(name);
      }),
    );
  });
});

describe('paths that may be written', () => {
  test.each([
    'README.md',
    'a/b/c',
    '日本語/データ.parquet',
    'a b.txt',
    'a+b#c?.txt',
    'a%20b',
    '%',
    "it's (1) & [2] {3} = ~4!,;@^`$.txt",
    '.hidden',
    '.gitattributes',
    '.github/workflows/x.yml',
    'x.git/y',
    'git/x',
    'a/..b/c',
    '...a',
    ' leading',
    'console.log',
    'auxiliary',
    'x'.repeat(255),
    'é'.repeat(127),
    Array.from({ length: 255 }, () => 'd').join('/'),
  ])('%s is taken', (path) => {
    expect(parseWritablePath(path)).toBe(path);
    expect(parsePath(path)).toBe(path);
  });

  test.each([
    ['a way up', ['../x', 'a/../../x', 'a/../b', './x', 'a/./b', '.', '..', 'a/..']],
    ['an absolute path', ['/x', '/']],
    ['an empty part', ['', 'a//b', 'a/']],
    ['the folder of git', ['.git/config', '.GIT/config', 'a/.git/x', '.git', 'git~1/x', 'GIT~1']],
    ['what Windows takes for it', ['.git./x', '.git /x', '.git::$INDEX_ALLOCATION/x', '.git . /x']],
    [
      'what macOS takes for it',
      ['.g\u200cit/x', '.git\ufeff/x', '\u200e.git/x', '.gi\u206at', '.\u200dgit/hooks/x'],
    ],
    ['backslashes', ['a\\b', 'a\\..\\b', '.git\\config', '\\\\srv\\share', 'C:\\x']],
    [
      'control characters',
      [`a${NUL}b`, 'a\nb', 'a\rb', 'a\u001bb', 'a\u007fb', 'a\u0085b', 'a\u009fb', '\t'],
    ],
    ['half a character', ['\ud800', 'a/\udc00b']],
    ['another text direction', ['a\u202eb', 'a\u2066b', '\u200fa', 'a\u061cb']],
    ['too long a part', ['x'.repeat(256), 'é'.repeat(128)]],
    ['too long a path', [`${'abcdefgh/'.repeat(455)}ab`]],
    ['too many folders', [Array.from({ length: 256 }, () => 'd').join('/')]],
  ])('%s is refused, and cannot be looked up either', (_, paths) => {
    for (const path of paths) {
      expect(
        refusalOf(() => parseWritablePath(path)),
        path,
      ).toBe('InvalidPath');
      expect(
        refusalOf(() => parsePath(path)),
        path,
      ).toBe('InvalidPath');
    }
  });

  test.each([
    ['a colon', 'InvalidPath', ['C:x', 'a:b', 'a/b:stream']],
    [
      'a dot or blank at the end of a part',
      'InvalidPath',
      ['a.', 'a ', 'a./b', 'a /b', 'a\u00a0', 'a\u3000/b'],
    ],
    [
      'a device',
      'ReservedName',
      ['con', 'nul.txt', 'aux.safetensors', 'COM1.bin', 'a/lpt9/b', 'com¹', 'CONIN$', 'nul .x'],
    ],
    ['the folder of the clients', 'InvalidPath', ['.cache', '.cache/x', '.cache/huggingface/y']],
  ] as const)('%s is refused, but what git brought can be looked up and deleted', (_, code, paths) => {
    for (const path of paths) {
      expect(
        refusalOf(() => parseWritablePath(path)),
        path,
      ).toBe(code);
      expect(parsePath(path)).toBe(path);
    }
  });

  test('what is not text is refused', () => {
    for (const path of [1, null, undefined, ['a'], {}]) {
      expect(refusalOf(() => parseWritablePath(path))).toBe('InvalidBody');
    }
  });

  test('whatever is taken stays inside a folder it is joined to', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('.', '/', '\\', ' ', 'a', ':', 'g', 'i', 't', '\u200c') }),
        (text) => {
          let path: string;
          try {
            path = parsePath(text);
          } catch {
            return;
          }
          expect(
            new URL(`/base/${path.split('/').map(encodeURIComponent).join('/')}`, 'http://h').pathname,
          ).toMatch(/^\/base\/./);
          expect(path.split('/').filter((part) => part === '' || /^\.{1,2}$/.test(part))).toEqual([]);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

test('text in a sentence is printable, short, and closes no quote', () => {
  expect(shown('a"b\n\u202eé')).toBe("a'b???");
  expect(shown('x'.repeat(500))).toHaveLength(200);
});

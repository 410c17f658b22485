import { expect } from 'vitest';
import { fileLine, ndjson, type CommitLine } from '../support/scenario.ts';
import { ask, each, jsonText, one, row, type Row, type Send } from './cases.ts';

const API = '/api/models/owner/m1';
const NDJSON = { 'content-type': 'application/x-ndjson' };
export const commit = (...lines: readonly CommitLine[]): Send =>
  ask('POST', `${API}/commit/main`, { headers: NDJSON, body: ndjson(lines) });
const freshCommit =
  (...lines: readonly CommitLine[]): Send =>
  async (world) => {
    const repo = await world.fresh();
    return repo.postCommit(ndjson(lines));
  };
const write = (path: unknown): Send => commit(['file', { path, content: 'YQ==', encoding: 'base64' }]);
const removeFolder = (path: unknown): Send => commit(['deletedFolder', { path }]);
const removeFile = (path: unknown): Send => commit(['deletedFile', { path }]);
const announce = (path: unknown): Send =>
  ask('POST', `${API}/preupload/main`, { body: { files: [{ path, size: 1, sample: 'YQ==' }] } });
/** In a commit, and in what is announced before it. */
const written = (expected: string, paths: readonly string[]) => [
  ...each(expected, paths, write),
  ...each(expected.replace('400 InvalidPath', '422 InvalidPath'), paths, announce).map((entry) => ({
    ...entry,
    name: `announced ${entry.name}`,
  })),
];

const pathsInfo = (paths: unknown): Send =>
  ask('POST', `${API}/paths-info/main`, { body: { paths, expand: false } });

/** Written, listed, and read back by its name. */
const roundTrip =
  (path: string): Send =>
  async (world) => {
    const repo = await world.fresh();
    await repo.commit([fileLine(path, path)]);
    expect(await repo.paths()).toContain(path);
    const encoded = path.split('/').map(encodeURIComponent);
    const info = await repo.api('POST', 'paths-info/main', { body: { paths: [path] } });
    expect(info.json<{ path: string }[]>().map((entry) => entry.path)).toEqual([path]);
    expect((await repo.resolve('main', encoded.join('%2F'))).text).toBe(path);
    const answer = await repo.resolve('main', encoded.join('/'));
    expect(answer.text).toBe(path);
    return answer;
  };

const modules = (text: string): Send => commit(fileLine('.gitmodules', text));
const submodule = (name: string, path: string, url: string): string =>
  `[submodule "${name}"]\n\tpath = ${path}\n\turl = ${url}\n`;

const surrogate = (): string =>
  `{"key":"header","value":{"summary":"s"}}\n{"key":"file","value":{"path":"a\\ud800b","content":"YQ==","encoding":"base64"}}\n`;

const HFS_IGNORED = ['\u200c', '\u200d', '\u200e', '\u202a', '\u206a', '\ufeff'];
const LEVELS = Array.from({ length: 300 }, () => 'a').join('/');
const LONG_PATH = `${Array.from({ length: 20 }, () => 'a'.repeat(204)).join('/')}b`;

/** Section 3.5. */
export const PATHS: readonly Row[] = [
  row(
    'B-085',
    'dots',
    written('400 InvalidPath', ['../x', 'a/../../x', 'a/../b', './x', 'a/./b', '..', '.']),
  ),
  row('B-086', 'an absolute path', written('400 InvalidPath', ['/x'])),
  row('B-087', 'empty parts', written('400 InvalidPath', ['', '/', 'a//b', 'a/'])),
  row(
    'B-088',
    'git’s own folder',
    written('400 InvalidPath', ['.git/config', '.GIT/config', 'a/.git/x', '.git']),
  ),
  row(
    'B-089',
    'git’s own folder as Windows reads it',
    written('400 InvalidPath', ['.git./x', '.git /x', 'git~1/x', '.git::$INDEX_ALLOCATION/x', 'GIT~1']),
  ),
  row(
    'B-090',
    'git’s own folder as macOS reads it',
    written(
      '400 InvalidPath',
      HFS_IGNORED.flatMap((sign) => [`.g${sign}it/x`, `${sign}.git/x`]),
    ),
  ),
  row('B-091', 'the clients’ own folder', written('400 InvalidPath', ['.cache/x', '.cache'])),
  row(
    'B-092',
    'backslashes',
    written('400 InvalidPath', ['a\\b', 'a\\..\\b', '.git\\config', '\\\\srv\\share']),
  ),
  row('B-093', 'colons', written('400 InvalidPath', ['C:\\x', 'C:x', 'a:b'])),
  row(
    'B-094',
    'devices of Windows',
    written('400 ReservedName', ['con', 'nul.txt', 'aux.safetensors', 'COM1.bin', 'a/prn', 'CONIN$']),
  ),
  row(
    'B-095',
    'ends that Windows drops',
    written('400 InvalidPath', ['a.', 'a ', 'a./b', 'a /b', 'a\u00a0']),
  ),
  row(
    'B-096',
    'control characters',
    written('400 InvalidPath', ['a\0b', 'a\nb', 'a\rb', 'a\x1bb', 'a\x7fb', 'a\x85b']),
  ),
  row('B-097', 'text that is no Unicode', [
    one(
      '400 InvalidPath',
      'a lone surrogate',
      ask('POST', `${API}/commit/main`, { headers: NDJSON, body: Buffer.from(surrogate()) }),
    ),
    one(
      '422 InvalidPath',
      'announced',
      ask('POST', `${API}/preupload/main`, jsonText('{"files":[{"path":"a\\ud800","size":1}]}')),
    ),
    one('400 InvalidPath', 'in an address', ask('GET', '/owner/m1/resolve/main/%ff%fe')),
  ]),
  row('B-098', 'one name in two Unicode forms', [
    one(
      '409 PathCollision',
      'in one commit',
      freshCommit(fileLine('\u00e9', '1'), fileLine('e\u0301', '2')),
      { isKept: true },
    ),
  ]),
  row('B-099', 'one name in two cases', [
    one('409 PathCollision', 'beside what is there', commit(fileLine('readme.md', '1'))),
    one('409 PathCollision', 'in one commit', commit(fileLine('New', '1'), fileLine('new', '2'))),
    one('409 PathCollision', 'of folders', commit(fileLine('Folder/y', '1'))),
  ]),
  row(
    'B-100',
    'long paths',
    written('400 InvalidPath', ['a'.repeat(256), '\u00e9'.repeat(128), LONG_PATH, LEVELS]),
  ),
  row('B-101', 'a file and a folder of one name', [
    one('400 PathCollision', 'in one commit', commit(fileLine('one', '1'), fileLine('one/two', '2'))),
    one('400 PathCollision', 'below a file', commit(fileLine('plain.txt/x', '1'))),
    one('400 PathCollision', 'over a folder', commit(fileLine('folder', '1'))),
  ]),
  row('B-102', 'one path twice', [
    one(
      '200',
      'the last wins',
      async (world) => {
        const repo = await world.fresh();
        await repo.commit([fileLine('a', '1'), fileLine('a', '2')]);
        return repo.resolve('main', 'a');
      },
      { isKept: true, check: ({ text }) => expect(text).toBe('2') },
    ),
    one(
      '200',
      'deletions come first',
      async (world) => {
        const repo = await world.fresh();
        await repo.commit([fileLine('d/a', '1')]);
        await repo.commit([
          fileLine('d/a', '3'),
          ['deletedFile', { path: 'd/a' }],
          ['deletedFolder', { path: 'd/' }],
        ]);
        return repo.resolve('main', 'd/a');
      },
      { isKept: true, check: ({ text }) => expect(text).toBe('3') },
    ),
  ]),
  row('B-103', 'deleting everything by accident', [
    ...each('400 InvalidPath', ['', '/', '.', './', '..', '//'], removeFolder),
    ...each('400 InvalidPath', ['', '/', '.'], removeFile),
    ...each('400 InvalidBody', [null, 1, []], removeFolder),
  ]),
  row('B-104', 'deleting what is not there', [
    ...each('404 EntryNotFound', ['missing', 'folder/missing', 'plain.txt/x'], removeFile),
    ...each('404 EntryNotFound', ['missing/', 'folder/missing/', 'plain.txt/'], removeFolder),
  ]),
  row('B-105', 'writing through a link', [
    // Links come with pushes; test/unit/git/tree-editor.test.ts has them. Here what both are: no folder.
    one('400 PathCollision', 'through a file', commit(fileLine('plain.txt/x/y', '1'))),
    one('400 PathCollision', 'through a large file', commit(fileLine('held.bin/x', '1'))),
  ]),
  row('B-106', 'files that git itself reads', [
    one(
      '400 InvalidContent',
      'a line of 3 KB in .gitattributes',
      commit(fileLine('.gitattributes', `${'a'.repeat(3_000)} -text\n`)),
    ),
    one(
      '400 InvalidContent',
      'a line of 3 KB deeper',
      commit(fileLine('folder/.gitattributes', `${'a'.repeat(3_000)} -text\n`)),
    ),
    one(
      '400 InvalidContent',
      '.gitattributes of 5 MB',
      commit(fileLine('.gitattributes', Buffer.alloc(5_000_000, '*.bin -text\n'))),
    ),
    ...each(
      '400 InvalidContent',
      [
        submodule('a', 'a', 'ext::sh -c touch% /tmp/x'),
        submodule('a', 'a', 'file:///etc'),
        submodule('a', 'a', '-u./payload'),
        submodule('a', 'a', '"-u./payload"'),
        submodule('a', '-a', 'https://example.org/a'),
        submodule('../a', 'a', 'https://example.org/a'),
        submodule('a/../../b', 'a', 'https://example.org/a'),
        '[submodule "..\\\\a"]\n\tpath = a\n\turl = https://example.org/a\n',
        '[submodule.a]\nurl=ext::x\n',
        '[SubModule "a"]\nURL=\\\next::x\n',
      ],
      modules,
    ),
    one(
      '400 InvalidContent',
      'an update that runs something',
      modules('[submodule "a"]\n\tpath = a\n\turl = https://example.org/a\n\tupdate = !sh\n'),
    ),
    one(
      '200',
      'submodules as they should be',
      freshCommit(
        fileLine(
          '.gitmodules',
          `# ours\n${submodule('lib/a', 'lib/a', 'https://example.org/a.git')}${submodule('b', 'b', '../b.git')}`,
        ),
      ),
      { isKept: true },
    ),
  ]),
  row('B-107', 'text that runs backwards', written('400 InvalidPath', ['a\u202eb', 'a\u2066b', 'a\u200fb'])),
  row(
    'B-108',
    'names that are good',
    each(
      '200',
      [
        '\u65e5\u672c\u8a9e/\u30c7\u30fc\u30bf.parquet.txt',
        'a b.txt',
        'a+b#c?.txt',
        'a%2Fb.txt',
        'a&b=c;d.txt',
        'x'.repeat(255),
        '.hidden',
        '..hidden',
        'git',
        '.gitx/config',
        'it\'s "here"',
        '$(x)`y`|z',
      ],
      roundTrip,
      { isKept: true },
    ),
  ),
  row('B-109', 'asking for many paths, or none', [
    one('413 TooManyItems', '100,001 paths', pathsInfo(Array.from({ length: 100_001 }, () => 'a'))),
    ...each('400 InvalidBody', [[1], [null], [['a']], { a: 1 }, 1, [{}]], pathsInfo),
    ...each('400 InvalidPath', [['../x'], ['a\0b'], ['a//b']], pathsInfo),
  ]),
  row('B-110', 'a file as a folder and the reverse', [
    one('404 EntryNotFound', 'tree of a file', ask('GET', `${API}/tree/main/plain.txt`)),
    one('404 EntryNotFound', 'tree below a file', ask('GET', `${API}/tree/main/plain.txt/x`)),
    one('404 EntryNotFound', 'resolve of a folder', ask('GET', '/owner/m1/resolve/main/folder')),
    one(
      '404 EntryNotFound',
      'resolve of a folder with a slash',
      ask('GET', '/owner/m1/resolve/main/folder/'),
    ),
    one('404 EntryNotFound', 'resolve of nothing', ask('GET', '/owner/m1/resolve/main/')),
    one('404 EntryNotFound', 'resolve below a file', ask('GET', '/owner/m1/resolve/main/plain.txt/x')),
  ]),
];

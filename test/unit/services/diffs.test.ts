import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import type { Repo } from '../../../server/domain/repo.ts';
import { openHubServices, type HubServices } from '../../support/hub-services.ts';
import {
  openNativeRepo,
  type NativeFile,
  type NativeFiles,
  type NativeRepo,
} from '../../support/native-repo.ts';
import { hasNativeGit } from '../git/native-git.ts';

/* Patches and lists of changed files, compared with native git on the same commits. */

type File = NativeFile;
type Files = NativeFiles;

let hub: HubServices;
let native: NativeRepo;
let repo: Repo;
beforeAll(async () => {
  hub = await openHubServices();
  native = openNativeRepo();
  repo = await hub.createRepo('diffs');
});
afterAll(async () => {
  native[Symbol.dispose]();
  await hub[Symbol.asyncDispose]();
});

const git = (args: readonly string[], input?: Buffer | string): string => native.git(args, input);
const commitFiles = (files: Files, parent: string | undefined): string => native.commit(files, parent);
const bringIn = (): Promise<void> => native.bringIn(hub, repo);

async function patchOf(from: string | undefined, to: string, path = ''): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const range = { from: from as Oid | undefined, to: to as Oid };
  for await (const piece of hub.services.diffs.patch(await hub.writer(repo), range, path)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The tree that comes out when native git applies a patch to a commit. */
function applied(patch: Buffer, to: string | undefined, flags: readonly string[] = []): string {
  git(['read-tree', ...(to === undefined ? ['--empty'] : [to])]);
  if (patch.length > 0) git(['apply', '--cached', '--whitespace=nowarn', ...flags, '-'], patch);
  return git(['write-tree']);
}
const treeOf = (commit: string): string => git(['rev-parse', `${commit}^{tree}`]);

const text = (content: string | Buffer, mode: File['mode'] = '100644'): File => ({
  mode,
  content: Buffer.from(content),
});
const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => `line ${from + n}\n`).join('');
const random = (size: number): Buffer => {
  let state = size + 1;
  return Buffer.from(
    Array.from({ length: size }, () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 24),
  );
};

const CASES: readonly (readonly [name: string, before: Record<string, File>, after: Record<string, File>])[] =
  [
    [
      'a line in the middle',
      { f: text(numbered(0, 50)) },
      { f: text(numbered(0, 20) + 'new\n' + numbered(20, 50)) },
    ],
    ['changes far apart', { f: text(numbered(0, 90)) }, { f: text(`x\n${numbered(1, 89)}y\n`) }],
    ['no newline before', { f: text('a\nb') }, { f: text('a\nb\n') }],
    ['no newline after', { f: text('a\nb\n') }, { f: text('a\nb') }],
    ['no newline either time', { f: text('a\nb') }, { f: text('c\nb') }],
    ['line ends of Windows', { f: text('a\r\nb\r\n') }, { f: text('a\nb\r\nc\r\n') }],
    [
      'a form feed, a lone return and Latin-1',
      { f: text(Buffer.from([0x0c, 0x0a, 0xe9, 0x0d, 0x0a])) },
      { f: text(Buffer.from([0xe9, 0x0a])) },
    ],
    ['an empty file comes', {}, { f: text('') }],
    ['an empty file goes', { f: text('') }, { g: text('x\n') }],
    ['a file becomes empty', { f: text('a\n') }, { f: text('') }],
    ['a mode alone', { f: text('a\n') }, { f: text('a\n', '100755') }],
    ['a mode and a line', { f: text('a\nb\nc\n') }, { f: text('a\nb\nd\n', '100755') }],
    ['bytes', { f: text(random(1000)) }, { f: text(random(1001)) }],
    ['many bytes', { f: text(random(300_000)) }, {}],
    ['bytes become text', { f: text(Buffer.from([0, 1, 2])) }, { f: text('words\n') }],
    ['a link comes', {}, { l: text('f', '120000') }],
    ['a link moves its target', { l: text('f', '120000') }, { l: text('g', '120000') }],
    ['a file becomes a link', { f: text('a\n') }, { f: text('a\n', '120000') }],
    ['a link becomes a file', { f: text('a', '120000') }, { f: text('b\n') }],
    ['a file becomes a folder', { a: text('1\n') }, { 'a/b': text('2\n') }],
    ['a folder becomes a file', { 'a/b': text('1\n'), 'a/c': text('2\n') }, { a: text('3\n') }],
    ['a submodule comes', {}, { s: text('', '160000') }],
    ['a submodule goes', { s: text('', '160000') }, { t: text('t') }],
    [
      'names that need quotes',
      { 'a b': text('1\n'), 'tab\there': text('1\n'), 'é"q': text('1\n') },
      { 'a b': text('2\n'), 'tab\there': text('2\n'), 'é"q': text('2\n'), 'back\\slash': text('n\n') },
    ],
    ['a move', { 'old/name': text(numbered(0, 9)) }, { 'new/name': text(numbered(0, 9)) }],
    [
      'a move with a change',
      { 'old name': text(numbered(0, 40)) },
      { 'new é name': text(`first\n${numbered(1, 40)}`, '100755') },
    ],
    ['a swap', { a: text('1\n'), b: text('2\n') }, { a: text('2\n'), b: text('1\n') }],
  ];

describe.skipIf(!hasNativeGit)('a patch', () => {
  test.each(CASES)('of %s is applied by git, forwards and backwards', async (_name, before, after) => {
    const first = commitFiles(new Map([...Object.entries(before), ['keep', text('k\n')]]), undefined);
    const second = commitFiles(new Map([...Object.entries(after), ['keep', text('k\n')]]), first);
    await bringIn();
    const patch = await patchOf(first, second);
    expect(applied(patch, first)).toBe(treeOf(second));
    expect(applied(patch, second, ['-R'])).toBe(treeOf(first));
    expect(applied(await patchOf(undefined, second), undefined)).toBe(treeOf(second));
  });

  test('of one path holds that path alone', async () => {
    const first = commitFiles(
      new Map([
        ['a/x', text('1\n')],
        ['ab', text('1\n')],
      ]),
      undefined,
    );
    const second = commitFiles(
      new Map([
        ['a/x', text('2\n')],
        ['ab', text('2\n')],
      ]),
      first,
    );
    await bringIn();
    expect((await patchOf(first, second, 'a')).toString()).toContain('a/a/x');
    expect((await patchOf(first, second, 'a')).toString()).not.toContain('a/ab');
    expect((await patchOf(first, second, 'absent')).length).toBe(0);
  });

  test('of a text too long to compare takes all lines away and puts the new ones', async () => {
    const long = (word: string): Buffer =>
      Buffer.from(`${word} of a long text\n`.repeat(600_000).slice(0, -1));
    const first = commitFiles(new Map([['f', text(long('line'))]]), undefined);
    const second = commitFiles(new Map([['f', text(long('word'))]]), first);
    await bringIn();
    const patch = await patchOf(first, second);
    expect(patch.subarray(0, 400).toString()).toContain('@@ -1,600000 +1,600000 @@');
    expect(applied(patch, first)).toBe(treeOf(second));
  }, 30_000);

  const aContent = fc.oneof(
    fc
      .array(fc.constantFrom('a', 'b', 'c', 'd\r', '', 'é', ' a', '-', '+', '\\ No newline at end of file'), {
        maxLength: 30,
      })
      .chain((lines) => fc.boolean().map((ends) => Buffer.from(lines.join('\n') + (ends ? '\n' : '')))),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.constant(Buffer.alloc(0)),
  );
  const aFile = fc
    .tuple(
      fc.constantFrom('100644', '100644', '100755', '120000', '160000') as fc.Arbitrary<File['mode']>,
      aContent,
    )
    .map(([mode, content]): File => ({ mode, content: mode === '160000' ? Buffer.alloc(0) : content }));
  const aTree: fc.Arbitrary<Files> = fc
    .array(
      fc.tuple(fc.constantFrom('a', 'b', 'a/b', 'a/c', 'd/e', 'd/f/g', 'a b', 'é', 'd-', 'z"q'), aFile),
      { maxLength: 8 },
    )
    .map((files) => {
      const set = new Map<string, File>();
      for (const [path, file] of files) {
        const clashes = [...set.keys()].some(
          (one) => one.startsWith(`${path}/`) || path.startsWith(`${one}/`),
        );
        // Git takes no link without a target.
        if (!clashes && !(file.mode === '120000' && file.content.length === 0)) set.set(path, file);
      }
      return set;
    });

  test('between any two trees is applied by git, forwards and backwards', async () => {
    await fc.assert(
      fc.asyncProperty(aTree, aTree, async (before, after) => {
        const first = commitFiles(before, undefined);
        const second = commitFiles(after, first);
        await bringIn();
        const patch = await patchOf(first, second);
        expect(applied(patch, first)).toBe(treeOf(second));
        expect(applied(patch, second, ['-R'])).toBe(treeOf(first));
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});

describe.skipIf(!hasNativeGit)('a list of changed files', () => {
  async function listed(from: string | undefined, to: string, limit: number) {
    const granted = await hub.writer(repo);
    const range = { from: from as Oid | undefined, to: to as Oid };
    const files: string[] = [];
    for (let start: number | undefined = 0; start !== undefined;) {
      const page: Awaited<ReturnType<typeof hub.services.diffs.page>> = await hub.services.diffs.page(
        granted,
        range,
        { path: '', start, limit },
      );
      for (const { change } of page.files) {
        const letter = { added: 'A', removed: 'D', modified: 'M', renamed: 'R' }[change.kind];
        files.push(
          [letter, ...(change.kind === 'renamed' ? [change.previousPath] : []), change.path].join('\t'),
        );
      }
      start = page.next;
    }
    return files.sort();
  }

  test('has what git finds, moved files included, in pages of any size', async () => {
    const before = new Map<string, File>();
    const after = new Map<string, File>();
    for (let n = 0; n < 60; n += 1) {
      const own = text(numbered(n * 100, n * 100 + 30));
      before.set(`dir${n % 3}/f${n}`, own);
      if (n % 6 === 0) continue;
      const changed = text(`${numbered(n * 100, n * 100 + 28)}other ${n}\n`);
      if (n % 6 === 1) after.set(`dir${n % 3}/f${n}`, changed);
      else if (n % 6 === 2) after.set(`moved/f${n}`, own);
      else if (n % 6 === 3) after.set(`changed/g${n}`, changed);
      else after.set(`dir${n % 3}/f${n}`, own);
    }
    for (let n = 0; n < 10; n += 1) after.set(`new/n${n}`, text(random(500 + n)));
    const first = commitFiles(before, undefined);
    const second = commitFiles(after, first);
    await bringIn();
    const expected = git(['diff', '--name-status', '-M', first, second])
      .split('\n')
      .map((line) => line.replace(/^R\d+/, 'R'))
      .sort();
    for (const limit of [1, 7, 1000]) expect(await listed(first, second, limit)).toEqual(expected);
    expect(await listed(undefined, first, 50)).toEqual([...before.keys()].map((path) => `A\t${path}`).sort());
  });

  test('counts lines as git does', async () => {
    const first = commitFiles(
      new Map([
        ['f', text(numbered(0, 100))],
        ['g', text('a\nb')],
      ]),
      undefined,
    );
    const second = commitFiles(
      new Map([
        ['f', text(numbered(5, 60) + 'x\ny\n' + numbered(61, 100))],
        ['g', text('a\nb\n')],
      ]),
      first,
    );
    await bringIn();
    const { files } = await hub.services.diffs.page(
      await hub.writer(repo),
      { from: first as Oid, to: second as Oid },
      { path: '', start: 0, limit: 10 },
    );
    const counted = files.map(({ change, text: shown }) =>
      shown.kind === 'lines' ? `${shown.additions}\t${shown.deletions}\t${change.path}` : shown.kind,
    );
    expect(counted.join('\n')).toBe(git(['diff', '--numstat', first, second]));
  });
});

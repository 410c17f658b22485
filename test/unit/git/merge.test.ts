import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import { newObject } from '../../../server/git/objects.ts';
import { mergeTrees, type MergeFavor } from '../../../server/git/tree-merge.ts';
import type { MemoryGitStorage } from '../../support/memory-git-storage.ts';
import { hasNativeGit, useNativeGit, type NativeGit } from './native-git.ts';
import { openTrees, storeTree } from './trees.ts';

const SEED = Number(process.env['ATOLL_TEST_SEED'] ?? 20_261_127);
const CASES = Number(process.env['ATOLL_TEST_MERGES'] ?? 400);

/** A small text of few different lines, so that runs repeat and changes can slide. */
const aText = (letters: string, most: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(fc.constantFrom(...letters, '', '}', '\r'), { maxLength: most }),
      fc.constantFrom('\n', '\n', '\n', ''),
    )
    .map(([lines, end]) => (lines.length === 0 ? '' : lines.join('\n') + end));

interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: readonly string[];
}
const someEdits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.record({
    at: fc.nat(60),
    remove: fc.nat(4),
    insert: fc.array(fc.constantFrom(...'abcdxyz', '', '}'), { maxLength: 4 }),
  }),
  { maxLength: 3 },
);
function edited(text: string, edits: readonly Edit[]): string {
  const lines = text.split('\n');
  for (const { at, remove, insert } of edits) lines.splice(at % (lines.length + 1), remove, ...insert);
  return lines.join('\n');
}

type Files = Readonly<Record<string, { readonly mode: string; readonly text: string }>>;
interface Case {
  readonly base: Files;
  readonly ours: Files;
  readonly theirs: Files;
}

const aTextCase: fc.Arbitrary<Case> = fc
  .tuple(fc.oneof(aText('abcdefghijklmnopqrstuvwxyz', 60), aText('abc', 40)), someEdits, someEdits)
  .map(([text, one, two]) => {
    const file = (content: string): Files => ({ f: { mode: '100644', text: content } });
    return { base: file(text), ours: file(edited(text, one)), theirs: file(edited(text, two)) };
  });

const aFile = fc.record({
  mode: fc.constantFrom('100644', '100644', '100644', '100755', '120000'),
  text: fc.constantFrom(
    '1\n2\n3\n4\n5\n',
    '1\n2\n3\n4\nV\n',
    'X\n2\n3\n4\n5\n',
    'one\n',
    '',
    'bin\0ary',
    'bin\0other',
  ),
});
const PATHS = ['a', 'a/b', 'a/c', 'a/b/d', 'a-b', 'a.c', 'e/f/g', 'e/f', 'é', 'z'];
const someFiles: fc.Arbitrary<Files> = fc
  .array(fc.tuple(fc.constantFrom(...PATHS), aFile), { maxLength: 8 })
  .map((entries) => {
    const files: Record<string, { mode: string; text: string }> = {};
    for (const [path, file] of entries) {
      const clashes = Object.keys(files).some(
        (one) => one.startsWith(`${path}/`) || path.startsWith(`${one}/`),
      );
      // Contents of different paths are different, or git would take one for the other, renamed.
      const own = Array.from({ length: 6 }, (_, line) => `${path} ${line}\n`).join('');
      if (!clashes) files[path] = { ...file, text: own + file.text };
    }
    return files;
  });
/** Three trees that have much in common. */
const aTreeCase: fc.Arbitrary<Case> = fc
  .tuple(someFiles, someFiles, someFiles, fc.array(fc.nat(2), { minLength: 24, maxLength: 24 }))
  .map(([base, one, two, picks]) => {
    const mixed = (other: Files, from: number): Files => {
      const files: Record<string, { mode: string; text: string }> = {};
      for (const [index, path] of PATHS.entries()) {
        const file = picks[(from + index) % picks.length] === 0 ? other[path] : base[path];
        const clashes = Object.keys(files).some(
          (name) => path.startsWith(`${name}/`) || name.startsWith(`${path}/`),
        );
        if (file && !clashes) files[path] = file;
      }
      return files;
    };
    return { base, ours: mixed(one, 0), theirs: mixed(two, 11) };
  });

/** Three commits of each case, by `git fast-import`, as branches `b0`, `o0`, `t0` and so on. */
function importCases(git: NativeGit, cases: readonly Case[]): void {
  const lines: Buffer[] = [];
  const say = (text: string): void => void lines.push(Buffer.from(text));
  const commit = (ref: string, files: Files, from?: string): void => {
    say(`commit refs/heads/${ref}\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n`);
    if (from !== undefined) say(`from refs/heads/${from}\ndeleteall\n`);
    for (const [path, { mode, text }] of Object.entries(files)) {
      say(`M ${mode} inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`);
    }
    say('\n');
  };
  for (const [index, { base, ours, theirs }] of cases.entries()) {
    commit(`b${index}`, base);
    commit(`o${index}`, ours, `b${index}`);
    commit(`t${index}`, theirs, `b${index}`);
  }
  git.run(['fast-import', '--quiet', '--force'], { input: Buffer.concat(lines) });
}

/** What git's merges give: the tree where they are clean. */
function gitMerges(git: NativeGit, count: number): readonly (string | undefined)[] {
  const input = Array.from({ length: count }, (_, index) => `o${index} t${index}\n`).join('');
  const options = ['-c', 'merge.renames=false', '-c', 'merge.directoryRenames=false'];
  const output = git.text(
    [...options, 'merge-tree', '--write-tree', '--stdin', '--no-messages', '--name-only'],
    {
      input,
    },
  );
  // Each merge is `<clean>NUL<tree>NUL<conflicted names>...NUL`, an empty field at the end of each.
  const fields = output.split('\0');
  const answers: (string | undefined)[] = [];
  for (let at = 0; answers.length < count;) {
    const isClean = fields[at] === '1';
    answers.push(isClean ? fields[at + 1] : undefined);
    at += 2;
    while (at < fields.length && fields[at] !== '') at += 1;
    at += 1;
  }
  return answers;
}

function storeFiles(storage: MemoryGitStorage, files: Files): Oid {
  const set = new Map<string, { mode: string; oid: Oid }>();
  for (const [path, { mode, text }] of Object.entries(files)) {
    const blob = newObject('blob', Buffer.from(text));
    storage.addHot([blob]);
    set.set(path, { mode, oid: blob.oid });
  }
  return storeTree(storage, set);
}

async function ourMerge(one: Case, favor: MergeFavor = 'none') {
  const { storage, db } = openTrees();
  const trees = {
    base: storeFiles(storage, one.base),
    ours: storeFiles(storage, one.ours),
    theirs: storeFiles(storage, one.theirs),
  };
  return mergeTrees(db, trees, { favor });
}

describe.skipIf(!hasNativeGit)('a merge is what native git makes of it', () => {
  const git = useNativeGit();
  it.each([
    ['of texts', aTextCase],
    ['of trees', aTreeCase],
  ] as const)('%s', async (_, arbitrary) => {
    const cases = fc.sample(arbitrary as fc.Arbitrary<Case>, { numRuns: CASES, seed: SEED });
    importCases(git, cases);
    const expected = gitMerges(git, cases.length);
    let clean = 0;
    for (const [index, one] of cases.entries()) {
      const merged = await ourMerge(one);
      const found = merged.conflictCount === 0 ? merged.root : undefined;
      if (found !== undefined) clean += 1;
      expect([found, merged.conflicts], `seed ${SEED}, case ${index}: ${JSON.stringify(one)}`).toEqual([
        expected[index],
        merged.conflicts,
      ]);
    }
    // Both outcomes were really seen.
    expect(clean).toBeGreaterThan(cases.length / 10);
    expect(clean).toBeLessThan(cases.length);
  });
});

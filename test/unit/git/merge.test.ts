import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ancestorTree } from '../../../server/git/commit-merge.ts';
import { describe, expect, it } from 'vitest';
import type { Oid } from '../../../server/domain/ids.ts';
import { newObject, writeCommit } from '../../../server/git/objects.ts';
import { TooCostly } from '../../../server/git/line-diff.ts';
import { mergeLines } from '../../../server/git/line-merge.ts';
import { mergeBases } from '../../../server/git/merge-base.ts';
import { createObjectCache } from '../../../server/git/object-cache.ts';
import { createObjectDb } from '../../../server/git/object-db.ts';
import type { GitObject } from '../../../server/git/object-storage.ts';
import { diffTrees } from '../../../server/git/tree-diff.ts';
import { mergeTrees, type MergedTree, type MergeFavor } from '../../../server/git/tree-merge.ts';
import { createMemoryGitStorage, type MemoryGitStorage } from '../../support/memory-git-storage.ts';
import { hasNativeGit, useNativeGit, type NativeGit } from './native-git.ts';
import { storeTree } from './trees.ts';

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

/** A repository with room for what a merge makes. */
function openRepo() {
  const storage = createMemoryGitStorage();
  const overlay = new Map<Oid, GitObject>();
  const cache = createObjectCache({ maxBytes: 1024 * 1024 });
  return { storage, overlay, db: createObjectDb({ storage, cache, scope: 'repo', overlay }) };
}

async function ourMerge(one: Case, favor: MergeFavor = 'none'): Promise<MergedTree> {
  const { storage, overlay, db } = openRepo();
  const trees = {
    base: storeFiles(storage, one.base),
    ours: storeFiles(storage, one.ours),
    theirs: storeFiles(storage, one.theirs),
  };
  const merged = await mergeTrees(db, overlay, trees, favor);
  // What is to be stored is all there is besides what was stored already.
  storage.addHot(merged.objects);
  const stored = createObjectDb({ storage, cache: createObjectCache({ maxBytes: 1024 }), scope: 'repo' });
  for await (const { after } of diffTrees(stored, undefined, merged.root)) {
    expect((await stored.has([after?.oid as Oid])).size).toBe(1);
  }
  return merged;
}

const cleanRoot = ({ root, conflictCount }: MergedTree): Oid | undefined =>
  conflictCount === 0 ? root : undefined;

const sample = (arbitrary: fc.Arbitrary<Case>, numRuns = CASES): readonly Case[] =>
  fc.sample(arbitrary, { numRuns, seed: SEED });

/** One of each path's own contents, moved and changed at random. */
const aMoveCase: fc.Arbitrary<Case> = fc
  .tuple(
    fc.array(fc.constantFrom('a', 'b', 'c/d', 'c/e'), { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(fc.nat(2), fc.constantFrom('keep', 'move', 'edit', 'both', 'drop')), {
      minLength: 3,
      maxLength: 3,
    }),
    fc.array(fc.tuple(fc.nat(2), fc.constantFrom('keep', 'move', 'edit', 'both', 'drop')), {
      minLength: 3,
      maxLength: 3,
    }),
  )
  .map(([paths, one, two]) => {
    const all = [...new Set(paths)];
    const contentOf = (path: string): string =>
      Array.from({ length: 12 }, (_, line) => `${path} ${line}\n`).join('');
    const base: Files = Object.fromEntries(
      all.map((path) => [path, { mode: '100644', text: contentOf(path) }]),
    );
    const changed = (changes: typeof one, line: number): Files =>
      Object.fromEntries(
        all.flatMap((path, index): [string, Files[string]][] => {
          const [place = 0, change = 'keep'] = changes[index] ?? [];
          if (change === 'drop') return [];
          const text = contentOf(path);
          const edited = text.replace(`${path} ${line}\n`, `changed ${line}\n`);
          const name =
            change === 'move' || change === 'both'
              ? `${['x', 'y', 'z'][place]}/${path.replace('/', '-')}`
              : path;
          return [[name, { mode: '100644', text: change === 'edit' || change === 'both' ? edited : text }]];
        }),
      );
    return { base, ours: changed(one, 2), theirs: changed(two, 9) };
  });

describe.skipIf(!hasNativeGit)('a merge is what native git makes of it', () => {
  const git = useNativeGit();
  it.each([
    ['of texts', aTextCase],
    ['of trees', aTreeCase],
  ] as const)('%s', async (_, arbitrary) => {
    const cases = sample(arbitrary);
    importCases(git, cases);
    const expected = gitMerges(git, cases.length);
    const found: (Oid | undefined)[] = [];
    for (const one of cases) found.push(cleanRoot(await ourMerge(one)));
    for (const [index, one] of cases.entries()) {
      expect(found[index], `seed ${SEED}, case ${index}: ${JSON.stringify(one)}`).toBe(expected[index]);
    }
    // Both outcomes were really seen.
    const clean = found.filter((root) => root !== undefined).length;
    expect(clean).toBeGreaterThan(cases.length / 10);
    expect(clean).toBeLessThan(cases.length);
  });

  it('of files that were moved, wherever git has no objection', async () => {
    const cases = sample(aMoveCase);
    importCases(git, cases);
    const expected = gitMerges(git, cases.length);
    let followed = 0;
    for (const [index, one] of cases.entries()) {
      const root = cleanRoot(await ourMerge(one));
      expect(root, `seed ${SEED}, case ${index}: ${JSON.stringify(one)}`).toBe(expected[index]);
      if (root !== undefined) followed += 1;
    }
    expect(followed).toBeGreaterThan(cases.length / 10);
  });

  it.each(['ours', 'theirs'] as const)('with %s winning every conflict of text', async (favor) => {
    const cases = sample(aTextCase, Math.min(CASES, 60));
    importCases(git, cases);
    const worktree = mkdtempSync(join(tmpdir(), 'atoll-merge-'));
    try {
      git.run(['worktree', 'add', '--quiet', '--force', '--detach', worktree, 'o0']);
      for (const [index, one] of cases.entries()) {
        const run = (...args: readonly string[]): string => git.text(args, { cwd: worktree });
        run('checkout', '--quiet', '--force', '--detach', `o${index}`);
        run('merge', '--quiet', '--no-edit', '-X', favor, `t${index}`);
        const merged = await ourMerge(one, favor);
        expect(cleanRoot(merged), `seed ${SEED}, case ${index}: ${JSON.stringify(one)}`).toBe(
          run('rev-parse', 'HEAD^{tree}'),
        );
      }
    } finally {
      rmSync(worktree, { recursive: true, force: true });
      git.run(['worktree', 'prune']);
    }
  });

  it('after a criss-cross', async () => {
    const cases = fc.sample(fc.tuple(aText('abcdefgh', 30), someEdits, someEdits, someEdits, someEdits), {
      numRuns: CASES,
      seed: SEED,
    });
    const lines: string[] = [];
    const found: (Oid | undefined)[] = [];
    for (const [index, [text, one, two, three, four]] of cases.entries()) {
      const { storage, overlay, db } = openRepo();
      let time = 1_700_000_000;
      const commit = (
        ref: string,
        content: string,
        parents: readonly (readonly [string, Oid])[],
      ): readonly [string, Oid] => {
        time += 1;
        lines.push(`commit refs/heads/${ref}${index}\ncommitter A <a@b> ${time} +0000\ndata 1\nx`);
        const [first, ...others] = parents;
        if (first) lines.push(`from refs/heads/${first[0]}`);
        for (const [parent] of others) lines.push(`merge refs/heads/${parent}`);
        lines.push(`M 100644 inline f\ndata ${Buffer.byteLength(content)}\n${content}`, '');
        const signature = { name: 'A', email: 'a@b', time, zone: '+0000' };
        const tree = storeFiles(storage, { f: { mode: '100644', text: content } });
        const object = newObject(
          'commit',
          writeCommit({
            tree,
            parents: parents.map(([, oid]) => oid),
            author: signature,
            committer: signature,
            message: 'x',
          }),
        );
        storage.addHot([object]);
        return [`${ref}${index}`, object.oid];
      };
      const base = commit('b', text, []);
      const [ourText, theirText] = [edited(text, one), edited(text, two)];
      const [ours, theirs] = [commit('o1-', ourText, [base]), commit('t1-', theirText, [base])];
      const [, ourHead] = commit('o', edited(ourText, three), [ours, theirs]);
      const [, theirHead] = commit('t', edited(theirText, four), [theirs, ours]);
      const bases = await mergeBases(db, ourHead, theirHead);
      expect(bases).toEqual([theirs[1], ours[1]]);
      const trees = {
        base: await ancestorTree(db, overlay, bases),
        ours: await db.rootTree(ourHead),
        theirs: await db.rootTree(theirHead),
      };
      found.push(cleanRoot(await mergeTrees(db, overlay, trees, 'none')));
    }
    git.run(['fast-import', '--quiet', '--force'], { input: lines.map((line) => `${line}\n`).join('') });
    const expected = gitMerges(git, cases.length);
    for (const [index, one] of cases.entries()) {
      expect(found[index], `seed ${SEED}, case ${index}: ${JSON.stringify(one)}`).toBe(expected[index]);
    }
  });
});

describe('texts that repeat themselves', () => {
  const aLine = fc.constantFrom('a\n', 'b\n');
  it('are compared by the shortest edit, and long ones in bounded time', async () => {
    const [one, two] = fc.sample(fc.array(aLine, { minLength: 3000, maxLength: 3000 }), {
      numRuns: 2,
      seed: SEED,
    });
    const texts = {
      base: Buffer.from(''),
      ours: Buffer.from(one?.join('') ?? ''),
      theirs: Buffer.from(two?.join('') ?? ''),
    };
    const merged = await mergeLines(texts, 'theirs', { left: 100_000_000 });
    expect(merged.content.equals(texts.theirs)).toBe(true);
    await expect(mergeLines(texts, 'theirs', { left: 10_000 })).rejects.toThrow(TooCostly);
  });

  it('keep every line when one side only adds', async () => {
    const base = 'a\nb\n'.repeat(400);
    const ours = `${base.slice(0, 800)}new\n${base.slice(800)}`;
    const merged = await mergeLines(
      { base: Buffer.from(base), ours: Buffer.from(ours), theirs: Buffer.from(`${base}end\n`) },
      'marked',
      { left: 100_000_000 },
    );
    expect([merged.conflicts, merged.content.toString()]).toEqual([0, `${ours}end\n`]);
  });
});
